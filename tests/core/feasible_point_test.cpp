// Goal: a point is found wherever there is one, and nowhere else. Method: random discrete spaces against enumeration,
// spaces where hardly anything is legal, and conflicts that no relaxation shows.
#include "core/feasible_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

using namespace athanor;
using Sense = LinearConstraint::Sense;

namespace {

Parameter choice(const std::string& name, std::size_t count) {
  Choices choices;
  for (std::size_t c = 0; c < count; ++c) choices.names.push_back(fmt::format("{}{}", name, c));
  return {name, {}, choices};
}

LinearConstraint never(std::vector<LinearConstraint::Condition> when) {
  return {{}, Sense::kAtMost, -1, "never", std::move(when)};
}

/// Only `meant` of `count` choices.
std::vector<bool> only(std::size_t count, std::size_t meant) {
  std::vector<bool> out(count, false);
  out[meant] = true;
  return out;
}

bool holds(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
           const Point& point) {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const LinearConstraint& c) { return satisfies(c, parameters, point, 1e-9); });
}

/// Every point of a discrete space.
std::vector<Point> all_points(const std::vector<Parameter>& parameters) {
  std::vector<Point> out{{}};
  for (const Parameter& p : parameters) {
    std::vector<Point> longer;
    for (const Point& start : out) {
      for (std::size_t k = 0; k < p.cardinality(); ++k) {
        longer.push_back(start);
        const auto* levels = std::get_if<Levels>(&p.kind);
        longer.back().push_back(levels ? levels->values[k] : p.low() + static_cast<double>(k));
      }
    }
    out = std::move(longer);
  }
  return out;
}

}  // namespace

TEST_CASE("a point is found in a random discrete space if and only if one exists", "[space]") {
  RandomStream random(1, "discrete spaces");
  int empty = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Parameter> parameters = {choice("a", 2 + random.below(3)),
                                         choice("b", 2 + random.below(2)),
                                         {"n", {}, Integer{-2, static_cast<long>(random.below(25))}},
                                         {"l", {}, Levels{{0.5, 2, 7}}}};
    std::vector<LinearConstraint> constraints;
    for (std::size_t c = 0; c < 3 + random.below(5); ++c) {
      LinearConstraint one;
      if (random.below(3) > 0) {
        one.terms = {{2, static_cast<double>(random.below(7)) - 3}, {3, static_cast<double>(random.below(5)) - 2}};
        one.sense = random.below(4) == 0 ? Sense::kEqual : random.below(2) == 0 ? Sense::kAtMost : Sense::kAtLeast;
        one.bound = static_cast<double>(random.below(30)) - 10;
      } else {
        one = never({});
      }
      for (std::size_t k = 0; k < 2 && one.sense != Sense::kEqual; ++k) {
        if (random.below(2) == 0 && !one.terms.empty()) continue;
        LinearConstraint::Condition condition{k, {}};
        for (std::size_t v = 0; v < parameters[k].cardinality(); ++v) condition.meant.push_back(random.below(2) == 0);
        one.when.push_back(condition);
      }
      constraints.push_back(one);
    }
    const std::vector<Point> all = all_points(parameters);
    const bool exists =
        std::any_of(all.begin(), all.end(), [&](const Point& p) { return holds(parameters, constraints, p); });
    empty += exists ? 0 : 1;
    CAPTURE(round);
    RandomStream order(static_cast<std::uint64_t>(round), "order");
    for (RandomStream* r : {static_cast<RandomStream*>(nullptr), &order}) {
      const Sought sought = feasible_point(parameters, constraints, std::nullopt, r);
      REQUIRE(sought.exists == exists);
      REQUIRE(sought.point.has_value() == exists);
      if (exists) REQUIRE(holds(parameters, constraints, *sought.point));
    }
  }
  CHECK(empty > 50);
  CHECK(empty < 350);
}

TEST_CASE("five legal combinations of 5^12 are found, all of them", "[space]") {
  // Every pair of neighbouring choices must be equal: a0 b0 c0 … to a4 b4 c4 …
  std::vector<Parameter> parameters;
  std::vector<LinearConstraint> constraints;
  for (std::size_t i = 0; i < 12; ++i) parameters.push_back(choice(fmt::format("p{}_", i), 5));
  for (std::size_t i = 0; i + 1 < 12; ++i) {
    for (std::size_t c = 0; c < 5; ++c) {
      std::vector<bool> others = only(5, c);
      others.flip();
      constraints.push_back(never({{i, only(5, c)}, {i + 1, others}}));
    }
  }
  std::vector<int> seen(5, 0);
  RandomStream random(1, "rare");
  for (int i = 0; i < 100; ++i) {
    const Sought sought = feasible_point(parameters, constraints, std::nullopt, &random, 200);
    REQUIRE(sought.point);
    REQUIRE(holds(parameters, constraints, *sought.point));
    ++seen[static_cast<std::size_t>((*sought.point)[0])];
  }
  for (const int times : seen) CHECK(times > 5);
}

TEST_CASE("a conflict of whole numbers that their relaxation does not show is proven", "[space]") {
  std::vector<Parameter> parameters = {{"x", {}, Levels{{0, 2, 4, 6}}}, {"y", {}, Levels{{0, 2, 4, 6}}}};
  const std::vector<LinearConstraint> beside = {parse_constraint("x - y <= 1", parameters),
                                                parse_constraint("x - y >= 1", parameters)};
  CHECK_FALSE(can_hold_together(parameters, beside));
  parameters[1].kind = Levels{{0, 2, 3, 6}};
  CHECK(can_hold_together(parameters, beside));
}

TEST_CASE("a search that takes too long is given up, undecided", "[space]") {
  // 2·Σ x = 2·Σ y + 1 over millions of values each: no relaxation and no bound shows that parities differ.
  std::vector<Parameter> parameters = {{"x", {}, Integer{0, 1'000'000}}, {"y", {}, Integer{0, 1'000'000}}};
  const std::vector<LinearConstraint> parity = {parse_constraint("2*x - 2*y <= 1", parameters),
                                                parse_constraint("2*x - 2*y >= 1", parameters)};
  const Sought sought = feasible_point(parameters, parity, std::nullopt, nullptr, 500);
  CHECK_FALSE(sought.point);
  CHECK(sought.exists);
}
