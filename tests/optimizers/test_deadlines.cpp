// Goal: an answer that was cut short is whole, new and says so. Method: deadlines that have passed, or nearly.
#include <catch2/catch.hpp>

#include "optimizers/planner.h"
#include "optimizers/tried.h"
#include "spaces.h"

using namespace athanor;
using testing::line;
using testing::observe;

TEST_CASE("a batch whose time is up is whole and new all the same, and says what was not chosen with care") {
  // A deadline that no machine can keep for sixty choices; how well it is kept, bench_plan_speed tells.
  Problem problem = line();
  problem.objectives.push_back({"cost", {}, Objective::Goal::kMinimize, 0});
  PlanQuestion question;
  RandomStream random(3, "deadline");
  for (int i = 0; i < 30; ++i) {
    const double x = random.uniform(-1, 3);
    question.observations.push_back({"", {x}, {Measurement{std::sin(3 * x), {}}, Measurement{x * x, {}}}, {}});
  }
  question.count = 60;
  question.deadline_s = 1e-3;
  const Plan answer = plan(problem, question);
  REQUIRE(answer.suggestions.size() == 60);
  std::size_t careless = 0;
  Tried tried(problem.space);
  for (const Suggestion& s : answer.suggestions) {
    careless += s.reason == "no time was left to choose it with care";
    CHECK(s.forecast.of.size() == 2);
    CHECK_FALSE(tried.near(s.at));
    tried.add(s.at);
  }
  CHECK(careless > 50);
  REQUIRE(answer.notes.size() >= 1);
  CHECK(answer.notes.back().find("deadline") != std::string::npos);
}

TEST_CASE("a deadline that has nearly passed still gives an answer") {
  RandomStream random(9, "deadline");
  Problem problem = testing::random_problem(random);
  problem.space = Space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}});
  PlanQuestion question;
  for (int i = 0; i < 40; ++i) question.observations.push_back(observe(problem, {random.uniform(), random.uniform()}));
  question.deadline_s = 1e-9;
  question.count = 2;
  const Plan answer = plan(problem, question);
  CHECK(answer.suggestions.size() == 2);
  CHECK_FALSE(answer.notes.empty());
}
