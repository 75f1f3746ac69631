// Goal: the best are those that hold every outcome constraint and that no other beats; while none holds, the nearest is
// named. Method: a handful of experiments whose order is known by hand.
#include "core/best.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace athanor;

namespace {

const auto kMaximize = Objective::Goal::kMaximize;

Problem problem_of(std::vector<Objective> objectives) {
  Problem problem;
  problem.objectives = std::move(objectives);
  return problem;
}

/// “y” to be maximised where “impurity” is at most 5 % and “y” at least 20.
Problem constrained() {
  Problem problem = problem_of({{"y", Unit(), kMaximize, 0}});
  problem.measured_too = {{"impurity", Unit::parse("%")}};
  problem.outcome_constraints = {{1, true, 5, "impurity <= 5 %"}, {0, false, 20, "y >= 20"}};
  return problem;
}

using Indices = std::vector<std::size_t>;

}  // namespace

TEST_CASE("the best follows the goal and leaves out what was not measured", "[best]") {
  const std::vector<Outcomes> experiments = {{3}, {}, {9}, {std::nullopt}, {5}, {std::nan("")}, {9}};
  Problem problem = problem_of({{"y", Unit(), kMaximize, 0}});
  CHECK(best_of(problem, experiments).front == Indices{2});  // the first of equals
  CHECK(best_of(problem, experiments).first == 2u);
  problem.objectives[0].goal = Objective::Goal::kMinimize;
  CHECK(best_of(problem, experiments).first == 0u);
  problem.objectives[0].goal = Objective::Goal::kTarget;
  problem.objectives[0].target = 5.5;
  CHECK(best_of(problem, experiments).first == 4u);
  CHECK(problem.objectives[0].merit(5) == -0.5);
  CHECK(best_of(problem, {}).front.empty());
  CHECK_FALSE(best_of(problem, {{}, {std::nullopt}}).first);
  CHECK_FALSE(best_of(problem, {{}, {std::nullopt}}).nearest);
}

TEST_CASE("of several objectives the best are those that no other beats", "[best]") {
  const Problem problem =
      problem_of({{"yield", Unit(), kMaximize, 0}, {"waste", Unit(), Objective::Goal::kMinimize, 0}});
  const Best best = best_of(problem, {{50, 1}, {60, 2}, {40, 1}, {60, 3}, {70, 5}, {50, 1}, {99, std::nullopt}});
  CHECK(best.front == Indices{0, 1, 4, 5});
  CHECK(best.first == 4u);
}

TEST_CASE("only what holds every outcome constraint is the best", "[best]") {
  const Problem problem = constrained();
  const std::vector<Outcomes> experiments = {{90, 7}, {50, 5}, {40, 1}, {10, 0}, {95, std::nullopt}};
  const Best best = best_of(problem, experiments);
  CHECK(best.front == Indices{1});
  CHECK_FALSE(best.nearest);
  CHECK(violations(problem, experiments[0]) == std::vector<std::string>{"impurity <= 5 %"});
  CHECK(violations(problem, experiments[1]).empty());
  CHECK(violations(problem, experiments[3]) == std::vector<std::string>{"y >= 20"});
  CHECK(violations(problem, experiments[4]).empty());  // not known to break it, and not known to hold it either
  CHECK(violations(problem, {10, 6}).size() == 2);
}

TEST_CASE("while none holds them, the nearest misses by the least share of what was seen", "[best]") {
  const Problem problem = constrained();
  // y varies by 80 and impurity by 4: missing 10 of y (1/8) is nearer than missing 1 % of impurity (1/4).
  const std::vector<Outcomes> experiments = {{90, 9}, {80, 6}, {10, 5}, {99, std::nullopt}};
  const Best best = best_of(problem, experiments);
  CHECK(best.front.empty());
  CHECK_FALSE(best.first);
  CHECK(best.nearest == 2u);
  CHECK(best_of(problem, {{90, 9}}).nearest == 0u);
  CHECK_FALSE(best_of(problem, {{90, std::nullopt}}).nearest);
}
