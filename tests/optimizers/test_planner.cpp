// Goal: the planner's answers are repeatable, good where that is known, and explained; what cannot be understood is
// refused. Method: small exact cases.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/models.h"
#include "optimizers/planner.h"
#include "spaces.h"

using namespace athanor;

using testing::line;
using testing::observe;

TEST_CASE("the same question has the same answer, bit for bit; another seed another one") {
  RandomStream random(7, "determinism");
  for (int repeat = 0; repeat < 5; ++repeat) {
    const Problem problem = testing::random_problem(random);
    if (problem.space.finite()) continue;
    PlanQuestion question;
    question.count = 3;
    question.seed = 11;
    const Region region(problem.space);
    for (int i = 0; i < 8; ++i) question.observations.push_back(observe(problem, region.sample(random).value()));
    const Plan first = plan(problem, question), second = plan(problem, question);
    REQUIRE(first.suggestions.size() == second.suggestions.size());
    for (std::size_t i = 0; i < first.suggestions.size(); ++i) {
      CHECK(first.suggestions[i].at == second.suggestions[i].at);
      CHECK(first.suggestions[i].forecast.of[0]->mean == second.suggestions[i].forecast.of[0]->mean);
      CHECK(first.suggestions[i].reason == second.suggestions[i].reason);
    }
    question.observations.clear();
    question.seed = 12;
    const Plan other = plan(problem, question);
    question.seed = 13;
    CHECK(plan(problem, question).suggestions[0].at != other.suggestions[0].at);
  }
}

TEST_CASE("a simple optimum is found, for every goal") {
  for (const auto goal : {Objective::Goal::kMaximize, Objective::Goal::kMinimize, Objective::Goal::kTarget}) {
    Problem problem = line();
    problem.objectives[0].goal = goal;
    problem.objectives[0].target = 3.5;  // (x − 0.7)² = 0.5 or so
    const double sign = goal == Objective::Goal::kMinimize ? -1 : 1;
    PlanQuestion question;
    double best = -1e300;
    while (question.observations.size() < 15) {
      question.seed = question.observations.size();
      const Point at = plan(problem, question).suggestions.at(0).at;
      const double y = sign * (4 - std::pow(at[0] - 0.7, 2));
      question.observations.push_back({"", at, {Measurement{y, std::nullopt}}, std::nullopt});
      best = std::max(best, problem.objectives[0].merit(y));
    }
    CHECK(best > (goal == Objective::Goal::kTarget ? -0.01 : 3.995));
  }
}

TEST_CASE("a finite space is visited to its end, each point once") {
  Problem problem = line();
  problem.space = Space({{"n", {}, Integer{1, 4}}, {"k", {}, Choices{{"a", "b", "c"}}}});
  PlanQuestion question;
  question.count = 5;
  std::set<Point> seen;
  for (const std::size_t expected : {3u, 5u, 4u, 0u}) {  // the design first, then by model, then what is left
    if (seen.empty()) question.count = 3;
    const Plan answer = plan(problem, question);
    CHECK(answer.suggestions.size() == expected);
    CHECK(answer.notes.empty() == (expected == question.count));
    for (const Suggestion& suggestion : answer.suggestions) {
      CHECK(seen.insert(suggestion.at).second);
      question.observations.push_back(observe(problem, suggestion.at));
    }
    question.count = 5;
  }
  CHECK(seen.size() == 12);
}

TEST_CASE("with a resolution the planner goes on beside its best point, until nothing is left") {
  // At most nine points of [−1, 3] are 0.5 apart, and four or more stand there before no other has a place.
  Problem problem = line();
  std::vector<Parameter> parameters = problem.space.parameters();
  parameters[0].resolution = 0.5;
  problem.space = Space(parameters);
  PlanQuestion question;
  double best = -1e300;
  for (;;) {
    question.seed = question.observations.size();
    const Plan answer = plan(problem, question);
    if (answer.suggestions.empty()) {
      CHECK_FALSE(answer.notes.empty());
      break;
    }
    const Point at = answer.suggestions[0].at;
    for (const Observation& o : question.observations) CHECK(std::abs(o.at[0] - at[0]) >= 0.5 * (1 - 1e-6));
    const double y = -std::pow(at[0] - 0.7, 2);
    best = std::max(best, y);
    question.observations.push_back({"", at, {Measurement{y, std::nullopt}}, std::nullopt});
    REQUIRE(question.observations.size() <= 9);
  }
  CHECK(question.observations.size() >= 4);  // fewer would leave a gap of more than twice the resolution
  CHECK(best > -0.25);
}

// Equalities between parameters that may all be zero: how far one is violated is measured by the ranges, not by numbers
// that happen to be tiny.
TEST_CASE("the planner takes back its own suggestions where equalities hold") {
  const std::vector<std::vector<std::string>> sets = {{"x0 + x1 + x2 + x3 = 1", "x2 = x3"},
                                                      {"x0 + x1 + x2 = 1.5", "x2 - 2*x3 = 0"}};
  for (const auto& texts : sets) {
    std::vector<Parameter> parameters;
    for (int i = 0; i < 4; ++i) parameters.push_back({"x" + std::to_string(i), {}, Continuous{0, 1}});
    std::vector<LinearConstraint> constraints;
    for (const std::string& text : texts) constraints.push_back(parse_constraint(text, parameters));
    Problem problem;
    problem.space = Space(parameters, constraints);
    problem.objectives = {{"y", {}, Objective::Goal::kMaximize, 0}};
    problem.planner.initial = 4;
    PlanQuestion question;
    while (question.observations.size() < 24) {
      question.seed = question.observations.size();
      question.count = 2;
      for (const Suggestion& suggestion : plan(problem, question).suggestions) {
        Observation o;
        o.at = suggestion.at;
        o.measured = {Measurement{o.at[0] - o.at[2], std::nullopt}};  // best where x2 and x3 are zero
        question.observations.push_back(o);
      }
    }
  }
}

TEST_CASE("observations outside a range are refused by the range's own scale") {
  Problem problem;
  problem.space = Space({{"l", {}, Continuous{1e-12, 1, true}}, {"n", {}, Integer{1, 1000000000}}});
  problem.objectives = {{"y", {}, Objective::Goal::kMaximize, 0}};
  const auto told = [&](double l, double n) {
    Observation o;
    o.at = {l, n};
    o.measured = {Measurement{1, std::nullopt}};
    check_observations(problem, {o});
  };
  CHECK_NOTHROW(told(1e-12, 7));
  CHECK_NOTHROW(told(0.9999999999e-12, 1000000000));
  CHECK_THROWS_AS(told(1e-13, 7), InputError);
  CHECK_THROWS_AS(told(0, 7), InputError);
  CHECK_THROWS_AS(told(-9e-10, 7), InputError);
  CHECK_THROWS_AS(told(0.5, 1.5), InputError);
  CHECK_THROWS_AS(told(0.5, 0), InputError);
}

TEST_CASE("constraints that leave little or no choice are met") {
  Problem point = line();
  point.space = Space({{"x", {}, Continuous{0, 1}}, {"y", {}, Continuous{0, 1}}},
                      {{{{0, 1.0}, {1, 1.0}}, LinearConstraint::Sense::kEqual, 1, "x + y = 1"},
                       {{{0, 1.0}, {1, -1.0}}, LinearConstraint::Sense::kEqual, 0, "x - y = 0"}});
  PlanQuestion question;
  question.count = 2;
  const Plan only = plan(point, question);
  REQUIRE(only.suggestions.size() == 1);
  CHECK(only.suggestions[0].at[0] == Approx(0.5));
  CHECK(only.notes.size() == 1);

  // Two equalities over one continuous parameter and two whole numbers.
  Problem few = line();
  few.space = Space({{"x", {}, Continuous{0, 60}}, {"n", {}, Integer{1, 50}}, {"m", {}, Integer{1, 50}}},
                    {{{{0, 1.0}, {1, 1.0}, {2, 1.0}}, LinearConstraint::Sense::kEqual, 60, "x + n + m = 60"},
                     {{{0, 1.0}, {1, -1.0}}, LinearConstraint::Sense::kEqual, 0, "x - n = 0"}});
  few.planner.initial = 3;
  question.count = 1;
  for (int i = 0; i < 8; ++i) {
    const Plan answer = plan(few, question);
    REQUIRE(answer.suggestions.size() == 1);
    const Point& at = answer.suggestions[0].at;
    CHECK(few.space.feasible(at));
    question.observations.push_back({"", at, {Measurement{-std::pow(at[1] - 11, 2), {}}}, {}});
  }
}

TEST_CASE("two objectives: the suggestions spread along the trade-off") {
  // y0 = −x², y1 = −(x − 2)²: everything between 0 and 2 is Pareto-optimal, the rest is not.
  Problem problem = line();
  problem.objectives = {{"y0", {}, Objective::Goal::kMaximize, 0}, {"y1", {}, Objective::Goal::kMaximize, 0}};
  PlanQuestion question;
  std::size_t optimal = 0, left = 0, right = 0;
  while (question.observations.size() < 23) {
    question.seed = question.observations.size();
    const Suggestion suggestion = plan(problem, question).suggestions.at(0);
    const double x = suggestion.at[0];
    if (question.observations.size() >= 8) {
      CHECK(suggestion.forecast.of.size() == 2);
      optimal += x > -0.1 && x < 2.1 ? 1 : 0;
      left += x < 1 ? 1 : 0;
      right += x > 1 ? 1 : 0;
    }
    question.observations.push_back(
        {"", {x}, {Measurement{-x * x, std::nullopt}, Measurement{-(x - 2) * (x - 2), std::nullopt}}, std::nullopt});
  }
  CHECK(optimal >= 12);
  CHECK(left >= 3);
  CHECK(right >= 3);
}

TEST_CASE("what cannot be understood is refused by name") {
  const Problem problem = line();
  PlanQuestion question;
  question.observations = {observe(problem, {0.5})};
  SECTION("outside the range") {
    question.observations[0].at = {3.5};
  }
  SECTION("not a number") {
    question.observations[0].at = {std::nan("")};
  }
  SECTION("another width") {
    question.observations[0].at = {1, 2};
  }
  SECTION("an infinite outcome") {
    question.observations[0].measured[0]->value = HUGE_VAL;
  }
  SECTION("an outcome too large to compute with") {
    question.observations[0].measured[0]->value = -1e200;
  }
  SECTION("a deviation too large to compute with") {
    question.observations[0].measured[0]->sd = 1e101;
  }
  SECTION("a negative deviation") {
    question.observations[0].measured[0]->sd = -1;
  }
  SECTION("too many measurements") {
    question.observations[0].measured.resize(2);
  }
  SECTION("a pending point outside") {
    question.pending = {{-7}};
  }
  SECTION("a deadline in the past") {
    question.deadline_s = -1;
  }
  CHECK_THROWS_AS(plan(problem, question), InputError);
}

TEST_CASE("each suggested point gets its replicates, one point after the other, and what others tried gets none") {
  Problem problem = line();
  problem.planner.replicates = 3;
  PlanQuestion question;
  const auto told = [](const Point& at, bool suggested) {
    Observation o{"", at, {Measurement{at[0], {}}}, {}};
    o.suggested = suggested;
    return o;
  };
  question.observations = {told({0.5}, false)};
  std::map<Point, std::size_t> times;
  for (int i = 0; i < 10; ++i) {  // in batches of four, of which one stays under way
    question.count = 4 - question.pending.size();
    const Plan answer = plan(problem, question);
    REQUIRE(answer.suggestions.size() == question.count);
    for (const Suggestion& one : answer.suggestions) {
      const std::size_t number = ++times[one.at];
      CHECK((one.reason == fmt::format("replicate {} of 3", number)) == (number > 1));
      question.pending.push_back(one.at);
    }
    while (question.pending.size() > 1) {
      question.observations.push_back(told(question.pending.front(), true));
      question.pending.erase(question.pending.begin());
    }
  }
  CHECK(times.count({0.5}) == 0);
  CHECK(std::count_if(times.begin(), times.end(), [](const auto& one) { return one.second != 3; }) <= 1);
  CHECK(times.size() == 11);  // 31 experiments
  CHECK(describe(problem, question.observations)[0].noise_sd < 0.1);
}

TEST_CASE("predict and describe tell of the model, in the outcome's unit") {
  Problem problem = line();
  std::vector<Observation> observations;
  CHECK_THROWS_AS(predict(problem, observations, {{0.5}}), InputError);
  CHECK_THROWS_AS(describe(problem, observations), InputError);
  for (double x = -1; x <= 3; x += 0.5) {
    observations.push_back({"", {x}, {Measurement{100 + 10 * std::sin(x), std::nullopt}}, std::nullopt});
  }
  const auto predictions = predict(problem, observations, {{0.25}, {2.25}});
  CHECK(predictions[0].of[0]->mean == Approx(100 + 10 * std::sin(0.25)).margin(0.5));
  CHECK(predictions[1].of[0]->mean == Approx(100 + 10 * std::sin(2.25)).margin(0.5));
  CHECK(predictions[0].of[0]->sd < 1);
  const auto reports = describe(problem, observations);
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].measurand == "y");
  CHECK(reports[0].lengthscales[0].parameter == "x");
  REQUIRE(reports[0].left_out);
  CHECK(reports[0].left_out->rmse < 3);
}

TEST_CASE("outcomes and deviations of any size that is taken are computed with") {
  const Problem problem = line();
  for (const double size : {1e100, 1e50, 1e-50, 1e-99, 1e-120, 5e-324}) {
    for (const double sd : {0.0, 1e-308, 1.0, 1e100}) {
      PlanQuestion question;
      question.count = 2;
      for (int i = 0; i < 9; ++i) {
        const double x = -1 + 0.4 * i;
        question.observations.push_back({"", {x}, {Measurement{i % 2 == 0 ? size : -size, {}}}, {}});
        if (i % 3 == 0) question.observations.back().measured[0]->sd = sd;
      }
      const Plan answer = plan(problem, question);
      INFO(size << " ± " << sd);
      REQUIRE(answer.suggestions.size() == 2);
      for (const Suggestion& one : answer.suggestions) {
        CHECK(std::isfinite(one.forecast.of[0]->mean));
        CHECK(std::isfinite(one.forecast.of[0]->sd));
        CHECK(problem.space.feasible(one.at));
      }
    }
  }
}

TEST_CASE("replicates of one point tell their noise, not what other points give") {
  const Problem problem = line();
  const auto sd_at = [&](const std::vector<double>& outcomes, double x) {
    std::vector<Observation> observations;
    for (const double y : outcomes) observations.push_back({"", {0}, {Measurement{y, {}}}, {}});
    return predict(problem, observations, {{x}})[0].of[0]->sd;
  };
  CHECK(sd_at({50}, 2) > 20);
  CHECK(sd_at({50, 50.1}, 2) > 20);
  CHECK(sd_at({50, 50.1, 49.9}, 2) > 20);
  CHECK(sd_at({50, 50.1, 49.9}, 0) < sd_at({50, 50.1, 49.9}, 2) / 2);
  CHECK(sd_at({0.1, -0.1}, 2) > 0.05);
}

TEST_CASE("where nothing can improve any more a reason says so, and a note that a resolution leaves nothing") {
  Problem problem;
  problem.space = Space({{"x", {}, Continuous{0, 1}, 0.25}});
  problem.objectives = {{"y", {}, Objective::Goal::kMaximize, 0}};
  PlanQuestion question;
  question.count = 5;
  for (const double x : {0.0, 0.5, 1.0}) question.observations.push_back({"", {x}, {Measurement{x, 1e-6}}, {}});
  question.observations.push_back({"", {1.0}, {Measurement{1.0, 1e-6}}, {}});
  problem.planner.initial = 1;
  const Plan answer = plan(problem, question);
  CHECK(answer.suggestions.size() <= 2);
  REQUIRE_FALSE(answer.notes.empty());
  CHECK(answer.notes[0].find("exhausted") != std::string::npos);
  CHECK(answer.notes[0].find("within the resolution of what was tried") != std::string::npos);

  // A straight line, measured exactly, falls towards where there is something left to try.
  Problem falling = line();
  falling.space = Space({{"n", {}, Integer{0, 60}}});
  question.observations.clear();
  for (int n = 40; n <= 60; ++n) {
    question.observations.push_back({"", {double(n)}, {Measurement{double(n), 1e-6}}, {}});
  }
  question.count = 1;
  for (const Suggestion& one : plan(falling, question).suggestions) {
    CHECK(one.reason == "explore: nothing is expected to improve");
  }
}

TEST_CASE("objectives measured one at a time still make a model of each") {
  Problem problem = line();
  problem.objectives.push_back({"cost", {}, Objective::Goal::kMinimize, 0});
  PlanQuestion question;
  for (int i = 0; i < 8; ++i) {
    const double x = -1 + 0.5 * i;
    Observation o{"", {x}, {std::nullopt, std::nullopt}, {}};
    o.measured[static_cast<std::size_t>(i % 2)] = Measurement{x * (i % 2 == 0 ? 1 : -1), {}};
    question.observations.push_back(o);
  }
  const Plan answer = plan(problem, question);
  REQUIRE(answer.suggestions[0].forecast.of.size() == 2);
  // Four measurements each, beyond which both are best.
  CHECK(answer.suggestions[0].forecast.of[0]->mean == Approx(answer.suggestions[0].at[0]).margin(1.5));
  CHECK(answer.suggestions[0].forecast.of[1]->mean == Approx(-answer.suggestions[0].at[0]).margin(1.5));
  CHECK(answer.suggestions[0].at[0] > 2);  // both are best at the right end
}

TEST_CASE("an outcome over orders of magnitude is modelled by a logarithm, and predicted in its own unit") {
  Problem problem = line();
  problem.objectives[0].goal = Objective::Goal::kMinimize;
  std::vector<Observation> observations;
  for (int i = 0; i < 14; ++i) {
    const double x = -1 + 4.0 * i / 13;
    observations.push_back({"", {x}, {Measurement{std::exp(4 * x), {}}}, {}});
  }
  CHECK(describe(problem, observations)[0].transform == "logarithm of the distance to the best");
  CHECK(predict(problem, observations, {{1.1}})[0].of[0]->mean == Approx(std::exp(4.4)).epsilon(0.15));
  problem.objectives[0].transform = Objective::Transform::kNone;
  CHECK(describe(problem, observations)[0].transform.empty());
}

TEST_CASE("what an equality hardly permits is found, by a design and by models") {
  // 51,882 of the 2^30 points, counted by dynamic programming.
  std::vector<Parameter> parameters;
  LinearConstraint sum;
  sum.text = "sum";
  sum.sense = LinearConstraint::Sense::kEqual;
  sum.bound = 34956;
  for (const double weight : {2653, 1236, 3235, 396, 594,  4390, 772, 2996, 4775, 476,  4157, 1759, 308,  705,  3553,
                              3426, 573,  1972, 744, 4515, 3478, 485, 4633, 1015, 1829, 4776, 507,  4728, 4797, 3250}) {
    sum.terms.push_back({parameters.size(), weight});
    parameters.push_back({fmt::format("x{}", parameters.size()), {}, Integer{0, 1}});
  }
  Problem problem;
  problem.space = Space(parameters, {sum});
  problem.objectives = {{"y", {}, Objective::Goal::kMaximize, 0}};
  PlanQuestion question;
  for (const std::size_t count : {4u, 2u}) {  // a design, and then by models
    question.count = count;
    const Plan answer = plan(problem, question);
    REQUIRE(answer.suggestions.size() == count);
    for (const Suggestion& one : answer.suggestions) {
      CHECK(problem.space.feasible(one.at));
      question.observations.push_back({"", one.at, {Measurement{one.at[0] + one.at[1], {}}}, {}});
    }
  }
}
