// Goal: failures and outcome constraints are learned and kept away from. Method: small problems with a known answer.
#include <algorithm>
#include <catch2/catch.hpp>

#include "optimizers/planner.h"
#include "spaces.h"

using namespace athanor;
using testing::line;
using testing::observe;

namespace {

struct FailingRuns {
  int late = 0, failed = 0;  // experiments from the thirteenth on, and those of them that failed
  double worst = std::numeric_limits<double>::infinity();  // of the runs' best outcomes
};

/// Six runs of 25 experiments on the line, of which every one to the right of 1 fails.
template <class Outcome>
FailingRuns run_where_the_right_fails(const Outcome& outcome) {
  const Problem problem = line();
  FailingRuns out;
  for (std::uint64_t repeat = 0; repeat < 6; ++repeat) {
    PlanQuestion question;
    double best = -std::numeric_limits<double>::infinity();
    while (question.observations.size() < 25) {
      question.seed = 100 * repeat + question.observations.size();
      const Point at = plan(problem, question).suggestions.at(0).at;
      Observation o{"", at, {std::nullopt}, std::nullopt};
      if (at[0] > 1) {
        o.failed = "too hot";
      } else {
        o.measured[0] = Measurement{outcome(at[0]), std::nullopt};
        best = std::max(best, outcome(at[0]));
      }
      if (question.observations.size() >= 12) {
        ++out.late;
        out.failed += o.failed ? 1 : 0;
      }
      question.observations.push_back(o);
    }
    out.worst = std::min(out.worst, best);
  }
  return out;
}

}  // namespace

TEST_CASE("suggestions keep away from where experiments fail") {
  // Hills around 0.5. Without a model of failure about half of the late experiments would fail.
  const FailingRuns runs =
      run_where_the_right_fails([](double x) { return -std::pow(x - 0.5, 2) + 0.05 * std::sin(15 * x); });
  CAPTURE(runs.failed, runs.late);
  CHECK(runs.worst > 0.03);
  CHECK(runs.failed < 0.3 * runs.late);
}

TEST_CASE("where the best would fail, few experiments do") {
  // Everything gets better to the right, until it fails.
  const FailingRuns runs = run_where_the_right_fails([](double x) { return -std::pow(x - 2, 2); });
  CAPTURE(runs.failed, runs.late);
  CHECK(runs.worst > -std::pow(0.95 - 2, 2));
  CHECK(runs.failed < 0.5 * runs.late);
}

TEST_CASE("an outcome constraint is learned: the best feasible point is found beside a better infeasible one") {
  // y = x grows all the way; c = (x + 1)²/4 must stay below 1, so that x = 1 is the best allowed.
  Problem problem = line();
  problem.measured_too = {{"c", {}}};
  problem.outcome_constraints = {{1, true, 1, "c <= 1"}};
  PlanQuestion question;
  double best = -1;
  for (int i = 0; i < 15; ++i) {
    question.seed = static_cast<std::uint64_t>(i);
    const Plan answer = plan(problem, question);
    const double x = answer.suggestions[0].at[0], c = (x + 1) * (x + 1) / 4;
    if (c <= 1) best = std::max(best, x);
    if (i >= 3) CHECK(answer.suggestions[0].forecast.of.size() == 2);
    question.observations.push_back({"", {x}, {Measurement{x, {}}, Measurement{c, {}}}, {}});
  }
  CHECK(best > 0.97);
}

TEST_CASE("while nothing is feasible a batch looks in more than one place, and says so") {
  Problem problem = line();
  problem.measured_too = {{"c", {}}};
  problem.outcome_constraints = {{1, true, 1, "c <= 1"}};
  PlanQuestion question;
  question.count = 4;
  for (int i = 0; i < 6; ++i) {
    const double x = -1 + 0.8 * i;
    question.observations.push_back({"", {x}, {Measurement{x, {}}, Measurement{10 + std::sin(3 * x), {}}}, {}});
  }
  const Plan answer = plan(problem, question);
  REQUIRE(answer.suggestions.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(answer.suggestions[i].reason.find("looks for something feasible") == 0);
    for (std::size_t k = 0; k < i; ++k) {
      CHECK(std::abs(answer.suggestions[i].at[0] - answer.suggestions[k].at[0]) > 0.02);
    }
  }
}

TEST_CASE("once nothing improves any more, experiments go where the constraints are expected to hold") {
  // y = x grows all the way; c = (x + 1)²/4 must stay below 1. The best allowed is found in fifteen; what lies beyond
  // is better, and as certain not to be allowed as what lies below is not to be better.
  const bool counted = GENERATE(false, true);
  const std::size_t at_once = GENERATE(1u, 3u);
  Problem problem = line();
  if (counted) {
    Levels levels;
    for (int i = 0; i <= 300; ++i) levels.values.push_back(-1 + 0.01 * i);
    problem.space = Space({{"x", {}, levels}});
  }
  problem.measured_too = {{"c", {}}};
  problem.outcome_constraints = {{1, true, 1, "c <= 1"}};
  PlanQuestion question;
  question.count = at_once;
  std::size_t hopeless = 0, idle = 0;
  while (question.observations.size() < 36) {
    const std::size_t known = question.observations.size();
    question.seed = known;
    const Plan answer = plan(problem, question);
    for (const Suggestion& one : answer.suggestions) {
      const double x = one.at[0], c = (x + 1) * (x + 1) / 4;
      if (known >= 15 && *one.forecast.feasible < 1e-4) ++hopeless;
      if (one.reason == "explore: nothing is expected to improve") ++idle;
      question.observations.push_back({"", {x}, {Measurement{x, {}}, Measurement{c, {}}}, {}});
    }
  }
  CAPTURE(counted, at_once);
  CHECK(hopeless == 0);
  CHECK(idle > 3);
}
