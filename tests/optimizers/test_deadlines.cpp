// Goal: an answer that was cut short is whole, new and says so. Method: deadlines that have passed, or nearly.
#include <catch2/catch.hpp>

#include "optimizers/planner.h"
#include "optimizers/tried.h"
#include "spaces.h"
#include "surrogates/exact_gp.h"

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

TEST_CASE("maxima of many columns are weighed against the clock, an evaluation at a time") {
  RandomStream random(4, "deadline");
  Matrix points(10, 50);
  Vector outcomes(10);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (double& x : points.row(i)) x = random.uniform();
    outcomes[i] = random.normal();
  }
  const Noise noise{Vector::Constant(10, std::numeric_limits<double>::quiet_NaN()), Vector::Ones(10)};
  const GpEvidence evidence(points, outcomes, noise, std::vector<Column>(50, Column::kNumeric), Kernel::kMatern52, {});
  int asked = 0;
  const auto third = [&] { return ++asked == 3; };
  CHECK_FALSE(evidence.log_mass(evidence.start(), third));
  CHECK(asked == 3);
  const auto never = [] { return false; };
  CHECK(*evidence.log_mass(evidence.start(), never) == *evidence.log_mass(evidence.start()));
}
