// Goal: what is drawn, repaired or pulled is feasible, and mixtures are drawn uniformly. Method: random spaces; moments
// of the simplex.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "optimizers/design.h"
#include "optimizers/planner.h"
#include "optimizers/region.h"
#include "spaces.h"

using namespace athanor;

namespace {

Space mixture(std::size_t parts) {
  std::vector<Parameter> parameters;
  LinearConstraint sum;
  sum.sense = LinearConstraint::Sense::kEqual;
  sum.bound = 1;
  for (std::size_t i = 0; i < parts; ++i) {
    parameters.push_back({fmt::format("m{}", i), {}, Continuous{0, 1}});
    sum.terms.push_back({i, 1});
  }
  return Space(parameters, {sum});
}

}  // namespace

TEST_CASE("draws from random spaces are feasible, and so is what is repaired or pulled") {
  RandomStream random(1, "region");
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Space space = testing::random_space(random);
    const Region region(space);
    std::optional<Point> anchor;
    for (int i = 0; i < 10; ++i) {
      const auto point = region.sample(random);
      REQUIRE(point);
      INFO(space.why_infeasible(*point));
      CHECK(space.feasible(*point));
      Point goal = *point;
      for (std::size_t k = 0; k < space.size(); ++k) {
        if (space[k].continuous()) goal[k] = random.uniform(space[k].low(), space[k].high());
      }
      CHECK(space.feasible(region.pull(*point, goal)));
      Point repaired = goal;
      if (region.repair(repaired)) CHECK(space.feasible(repaired));
    }
  }
}

TEST_CASE("choices that do not go together are not drawn, and all others are") {
  RandomStream random(7, "never");
  const auto choices = [](const std::string& name) { return Parameter{name, {}, Choices{{"a", "b", "c"}, {}}}; };
  LinearConstraint never{{}, LinearConstraint::Sense::kAtMost, -1, "never"}, cool = never;
  never.when = {{0, {true, true, false}}, {1, {false, true, true}}};
  cool.terms = {{2, 1}};
  cool.bound = 0.01;
  cool.when = {{0, {false, false, true}}};
  const Space space({choices("s"), choices("b"), {"t", {}, Continuous{0, 1}}}, {never, cool});
  std::map<std::pair<double, double>, int> drawn;
  for (int i = 0; i < 500; ++i) {
    const Point at = Region(space).sample(random).value();
    CHECK(space.feasible(at));
    ++drawn[{at[0], at[1]}];
  }
  CHECK(drawn.size() == 5);  // of nine, four are forbidden
  for (const auto& [pair, times] : drawn) CHECK(times > 20);
  Point warm = {0, 0, 0.7};
  CHECK(space.feasible(warm));
  warm[0] = 2;
  CHECK(Region(space).repair(warm));
  CHECK(warm[2] == Approx(0.01));
}

TEST_CASE("where hardly any combination of choices is legal, a planner finds each of them and then says so") {
  // Eight choices of five, each pair of neighbours equal, and a temperature that depends on them: 5 of 390,625.
  std::vector<Parameter> parameters;
  std::vector<LinearConstraint> constraints;
  const auto only = [](std::size_t meant, bool yes) {
    std::vector<bool> out(5, !yes);
    out[meant] = yes;
    return out;
  };
  for (std::size_t i = 0; i < 8; ++i) {
    parameters.push_back({fmt::format("p{}", i), {}, Choices{{"a", "b", "c", "d", "e"}, {}}});
  }
  for (std::size_t i = 0; i + 1 < 8; ++i) {
    for (std::size_t c = 0; c < 5; ++c) {
      constraints.push_back(
          {{}, LinearConstraint::Sense::kAtMost, -1, "unequal", {{i, only(c, true)}, {i + 1, only(c, false)}}});
    }
  }
  Problem problem;
  problem.space = Space(parameters, constraints);
  problem.objectives.resize(1);
  problem.objectives[0].name = "y";
  problem.planner.initial = 2;
  PlanQuestion question;
  for (std::size_t i = 0; i < 6; ++i) {
    question.seed = i;
    const Plan answer = plan(problem, question);
    if (i == 5) {
      CHECK(answer.suggestions.empty());
      CHECK_FALSE(answer.notes.empty());
      break;
    }
    REQUIRE(answer.suggestions.size() == 1);
    const Point& at = answer.suggestions[0].at;
    REQUIRE(problem.space.feasible(at));
    question.observations.push_back({"", at, {Measurement{at[0], std::nullopt}}, std::nullopt, false});
  }
}

TEST_CASE("a mixture is drawn uniformly from the simplex") {
  // Each part of a uniform point of the simplex of k parts has mean 1/k and variance (k − 1)/(k² (k + 1)).
  RandomStream random(2, "simplex");
  const Space space = mixture(4);
  const Region region(space);
  Vector sum = Vector::Zero(4), squares = Vector::Zero(4);
  const int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    const auto point = region.sample(random);
    REQUIRE(point);
    const Vector x = Eigen::Map<const Vector>(point->data(), 4);
    sum += x;
    squares += x.cwiseAbs2();
  }
  const double variance = 3.0 / 80;
  // Four standard errors of a mean; the spread of a variance is about as large as the variance.
  CHECK(((sum / draws).array() - 0.25).abs().maxCoeff() < 4 * std::sqrt(variance / draws));
  CHECK(((squares / draws - (sum / draws).cwiseAbs2()).array() - variance).abs().maxCoeff() <
        4 * variance / std::sqrt(draws / 2.0));
}

TEST_CASE("a suggested mixture adds up, and what it does without is not in it at all") {
  RandomStream random(6, "tidy");
  Problem problem;
  problem.space = mixture(6);
  problem.objectives = {{"y", {}}};
  problem.planner.initial = 7;
  PlanQuestion question;
  const auto check = [](const Point& at) {
    double sum = 0;
    for (const double part : at) {
      sum += part;
      CHECK((part == 0 || part > 1e-9));
    }
    CHECK(std::abs(sum - 1) <= 2.3e-16);  // a step between neighbouring numbers
  };
  std::size_t without = 0;
  for (int i = 0; i < 20; ++i) {
    const Suggestion next = plan(problem, question).suggestions[0];
    check(next.at);
    without += static_cast<std::size_t>(std::count(next.at.begin(), next.at.end(), 0.0));
    question.observations.push_back({"", next.at, {Measurement{next.at[0] - next.at[1] * next.at[2], {}}}, {}});
  }
  CHECK(without > 10);
  for (int i = 0; i < 50; ++i) {
    Point point = Region(problem.space).sample(random).value();
    for (double& part : point) part *= 1 + 1e-11 * random.normal();
    Region(problem.space).tidy(point);
    check(point);
  }
}

TEST_CASE("pulling stops where a constraint begins, and goes all the way where none is met") {
  const Space space = mixture(3);
  const Region region(space);
  const Point anchor = {0.5, 0.25, 0.25};
  const Point all_the_way = region.pull(anchor, {0.2, 0.3, 0.5});
  CHECK(all_the_way[0] == Approx(0.2));
  CHECK(all_the_way[2] == Approx(0.5));
  const Point stopped = region.pull(anchor, {-1, 1, 1});
  CHECK(space.feasible(stopped));
  CHECK(stopped[0] == Approx(0).margin(1e-12));
}

TEST_CASE("integers under an equality are drawn") {
  std::vector<Parameter> parameters;
  LinearConstraint sum;
  sum.sense = LinearConstraint::Sense::kEqual;
  sum.bound = 10;
  for (int i = 0; i < 4; ++i) {
    parameters.push_back({fmt::format("n{}", i), {}, Integer{0, 8}});
    sum.terms.push_back({static_cast<std::size_t>(i), 1});
  }
  const Space space(parameters, {sum});
  const Region region(space);
  RandomStream random(3, "integers");
  for (int i = 0; i < 100; ++i) {
    const auto point = region.sample(random);
    REQUIRE(point);
    CHECK((*point)[0] + (*point)[1] + (*point)[2] + (*point)[3] == 10);
  }
}

TEST_CASE("a design fills the space: feasible, all different, away from what was taken") {
  RandomStream random(4, "design");
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Space space = testing::random_space(random);
    const Region region(space);
    std::vector<Point> taken;
    if (const auto first = region.sample(random)) taken.push_back(space.pool() ? pool_row(space, 0) : *first);
    Tried tried(space);
    for (const Point& point : taken) tried.add(point);
    const std::vector<Point> design = space_filling(region, taken, 6, random);
    for (const Point& point : design) {
      CHECK(space.feasible(point));
      CHECK_FALSE(tried.near(point));
      tried.add(point);
    }
    if (!space.finite()) CHECK(design.size() == 6);
  }
}

TEST_CASE("a design of a box is more even than chance, with and without points already there") {
  // The largest hole: the distance from the worst placed of many test points to its nearest design point.
  const Space space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}});
  const Region region(space);
  RandomStream random(5, "holes");
  const auto hole = [&](const std::vector<Point>& design) {
    double worst = 0;
    for (int i = 0; i < 40; ++i) {
      for (int k = 0; k < 40; ++k) {
        double nearest = 10;
        for (const Point& p : design) nearest = std::min(nearest, std::hypot(p[0] - i / 39.0, p[1] - k / 39.0));
        worst = std::max(worst, nearest);
      }
    }
    return worst;
  };
  double sobol = 0, continued = 0, chance = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    sobol += hole(space_filling(region, {}, 16, random));
    std::vector<Point> taken, uniform;
    for (int i = 0; i < 4; ++i) taken.push_back({0.5 * random.uniform(), 0.5 * random.uniform()});
    for (int i = 0; i < 16; ++i) uniform.push_back({random.uniform(), random.uniform()});
    std::vector<Point> more = space_filling(region, taken, 12, random);
    more.insert(more.end(), taken.begin(), taken.end());
    continued += hole(more);
    chance += hole(uniform);
  }
  CHECK(sobol < 0.85 * chance);
  CHECK(continued < 0.85 * chance);
}
