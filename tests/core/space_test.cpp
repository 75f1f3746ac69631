// Goal: points survive the way to the unit cube and back; a space that no point satisfies is refused with the reason.
// Method: random spaces of all kinds; random constraint sets that are feasible by construction (a point is known) or
// infeasible by construction (Farkas: a positive combination of them reads 0 ≤ −δ).
#include "core/space.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/feasible_point.h"
#include "core/random.h"
#include "tests/core/messages.h"

using namespace athanor;
using Catch::Matchers::Contains;
using Sense = LinearConstraint::Sense;

namespace {

Parameter range(const std::string& name, double low, double high, bool log = false) {
  return {name, Unit(), Continuous{low, high, log}};
}

Parameter random_parameter(RandomStream& random, std::size_t i) {
  Parameter p;
  p.name = "p" + std::to_string(i);
  const double scale = std::pow(10.0, random.uniform(-6, 6));
  switch (random.below(5)) {
    case 0: {
      const double low = random.uniform(-scale, scale);
      p.kind = Continuous{low, low + random.uniform(0.01, 2) * scale, false};
      break;
    }
    case 1: {
      const double low = random.uniform(0.01, 1) * scale;
      p.kind = Continuous{low, low * random.uniform(1.5, 1e6), true};
      break;
    }
    case 2: {
      const long low = static_cast<long>(random.below(2'000'000)) - 1'000'000;
      p.kind = Integer{low, low + static_cast<long>(random.below(random.below(2) == 0 ? 5 : 1'000'000'000))};
      break;
    }
    case 3: {
      std::set<double> values;
      for (std::uint64_t n = 1 + random.below(8); n > 0; --n) values.insert(random.uniform(-scale, scale));
      p.kind = Levels{{values.begin(), values.end()}};
      break;
    }
    default: {
      Choices choices;
      for (std::uint64_t n = 1 + random.below(30); n > 0; --n) choices.names.push_back("c" + std::to_string(n));
      p.kind = choices;
    }
  }
  return p;
}

double random_value(RandomStream& random, const Parameter& p) {
  if (const auto* levels = std::get_if<Levels>(&p.kind)) return levels->values[random.below(levels->values.size())];
  if (p.continuous()) return random.uniform(p.low(), p.high());
  return p.low() + static_cast<double>(random.below(p.cardinality()));
}

std::string refusal(std::vector<Parameter> parameters, std::vector<LinearConstraint> constraints = {},
                    std::optional<CandidatePool> pool = std::nullopt) {
  return message_of<InputError>([&] { Space(parameters, constraints, pool); });
}

}  // namespace

TEST_CASE("points of random spaces survive encoding and decoding", "[space]") {
  RandomStream random(41, "spaces");
  for (int round = 0; round < 300; ++round) {
    std::vector<Parameter> parameters;
    const std::size_t d = 1 + random.below(8);
    for (std::size_t i = 0; i < d; ++i) parameters.push_back(random_parameter(random, i));
    const Space space(parameters);
    for (int k = 0; k < 20; ++k) {
      Point point(d);
      for (std::size_t i = 0; i < d; ++i) point[i] = random_value(random, parameters[i]);
      const std::vector<double> unit = space.encode(point);
      const Point back = space.decode(unit);
      for (std::size_t i = 0; i < d; ++i) {
        CAPTURE(i, point[i], unit[i], back[i]);
        REQUIRE(unit[i] >= 0);
        REQUIRE(unit[i] <= 1);
        if (parameters[i].continuous()) {
          // A few roundings of numbers up to the larger end; the logarithm of up to 1e6 multiplies them by 14.
          const double largest = std::max(std::abs(parameters[i].low()), std::abs(parameters[i].high()));
          const bool log = std::get<Continuous>(parameters[i].kind).log;
          REQUIRE(std::abs(back[i] - point[i]) <= 1e-13 * (log ? std::abs(point[i]) : largest));
        } else {
          REQUIRE(back[i] == point[i]);
        }
        if (parameters[i].cardinality() == 1) REQUIRE(unit[i] == 0.5);
      }
    }
  }
}

TEST_CASE("any point of the unit cube decodes to a legal point, and the ends to the ends", "[space]") {
  RandomStream random(42, "decode");
  for (int round = 0; round < 200; ++round) {
    std::vector<Parameter> parameters;
    for (std::size_t i = 0; i < 5; ++i) parameters.push_back(random_parameter(random, i));
    const Space space(parameters);
    std::vector<double> unit(5);
    for (double& u : unit) u = random.uniform();
    const Point point = space.decode(unit);
    REQUIRE(space.feasible(point, 0));
    REQUIRE(space.why_infeasible(point, 0).empty());
    REQUIRE(space.decode(space.encode(point)).size() == 5);
    const Point lows = space.decode(std::vector<double>(5, 0.0)), highs = space.decode(std::vector<double>(5, 1.0));
    for (std::size_t i = 0; i < 5; ++i) {
      REQUIRE(lows[i] == parameters[i].low());
      REQUIRE(highs[i] == parameters[i].high());
    }
  }
}

TEST_CASE("the encoding is linear, logarithmic or by index as the header says", "[space]") {
  const Space space({range("x", 10, 30),
                     range("log", 1, 100, true),
                     {"n", Unit(), Integer{2, 10}},
                     {"level", Unit(), Levels{{1, 2, 5}}},
                     {"ligand", Unit(), Choices{{"A", "B", "C"}}}});
  const std::vector<double> unit = space.encode(Point{15, 10, 4, 2, 2});
  CHECK(unit[0] == 0.25);
  CHECK(unit[1] == Approx(0.5).epsilon(1e-15));
  CHECK(unit[2] == 0.25);
  CHECK(unit[3] == 0.25);
  CHECK(unit[4] == 1);
  const Point point = space.decode(std::vector<double>{0.25, 0.5, 0.3, 0.4, 0.6});
  CHECK(point[1] == Approx(10).epsilon(1e-15));
  CHECK(Point{point[0], point[2], point[3], point[4]} == Point{15, 4, 2, 1});
}

TEST_CASE("the nearest legal number by brute force", "[space]") {
  const Parameter levels{"l", Unit(), Levels{{-3, 0, 0.5, 7}}};
  const Parameter integer{"i", Unit(), Integer{-2, 3}};
  RandomStream random(43, "nearest");
  for (int k = 0; k < 500; ++k) {
    const double x = random.uniform(-10, 10);
    double best = -3;
    for (const double v : {0.0, 0.5, 7.0}) best = std::abs(v - x) < std::abs(best - x) ? v : best;
    REQUIRE(levels.nearest(x) == best);
    double whole = -2;
    for (int v = -1; v <= 3; ++v) whole = std::abs(v - x) < std::abs(whole - x) ? v : whole;
    REQUIRE(integer.nearest(x) == whole);
  }
}

TEST_CASE("points outside are told apart, in words", "[space]") {
  const std::vector<Parameter> parameters = {{"t", Unit::parse("degC"), Continuous{30, 110, false}},
                                             {"n", Unit(), Integer{1, 8}},
                                             {"p", Unit::parse("bar"), Levels{{1, 2, 5}}},
                                             {"ligand", Unit(), Choices{{"A", "B"}}}};
  const Space space(parameters, {parse_constraint("t + 10*n <= 120", parameters)});
  CHECK(space.feasible({50, 2, 5, 1}));
  CHECK(space.feasible({110 + 1e-9, 1, 5, 1}));
  CHECK_FALSE(space.feasible({111, 1, 5, 1}));
  CHECK_FALSE(space.feasible({std::nan(""), 1, 5, 1}));
  CHECK_FALSE(space.feasible({50, 2, 5}));
  CHECK_FALSE(space.feasible({100, 3, 5, 1}));
  CHECK(space.feasible({100, 2, 5, 1}));
  CHECK(space.why_infeasible({50, 2, 5, 1}).empty());
  CHECK_THAT(space.why_infeasible({111, 1, 5, 1}), Contains("t = 111 degC is outside 30 … 110 degC"));
  CHECK_THAT(space.why_infeasible({50, 2.5, 5, 1}), Contains("n = 2.5 is no whole number"));
  CHECK_THAT(space.why_infeasible({50, 2, 3, 1}), Contains("p = 3 bar is none of its levels; the nearest is 2 bar"));
  CHECK_THAT(space.why_infeasible({50, 2, 5, 2}), Contains("ligand = 2 is the index of none of its 2 choices"));
  CHECK_THAT(space.why_infeasible({100, 3, 5, 1}), Contains("“t + 10*n <= 120” is violated by 10"));
  CHECK_THAT(space.why_infeasible({1}), Contains("1 numbers"));
  CHECK(parameters[3].text(1) == "B");
  CHECK(parameters[0].text(80.5) == "80.5");
}

TEST_CASE("a violated constraint is measured by its terms at the point, however wide the ranges", "[space]") {
  const std::vector<Parameter> parameters = {range("x", 0, 100), range("l", 1e-3, 1e6, true), range("w", 1e-3, 1e6)};
  const Space space(parameters, {parse_constraint("x <= 40", parameters), parse_constraint("l <= 0.01", parameters),
                                 parse_constraint("w <= 0.02", parameters)});
  CHECK(space.why_implausible({40.39, 0.0101, 0.02}).empty());  // by less than 1 %
  CHECK_THAT(space.why_implausible({41, 0.01, 0.02}), Contains("“x <= 40” does not hold there"));
  CHECK_THAT(space.why_implausible({40, 1000, 0.02}), Contains("“l <= 0.01” does not hold there"));
  CHECK_THAT(space.why_implausible({40, 0.01, 1}), Contains("“w <= 0.02” does not hold there"));
  CHECK(space.feasible({40 * (1 + 1e-9), 0.01 * (1 + 1e-9), 0.02}));
  CHECK_FALSE(space.feasible({40 * (1 + 3e-9), 0.01, 0.02}));
  CHECK_FALSE(space.feasible({40, 0.01 * (1 + 3e-9), 0.02}));
  CHECK_FALSE(space.feasible({40, 0.01, 0.02 * (1 + 2e-7)}));  // the rounding of a range up to 1e6 is 1e-9
}

TEST_CASE("what was weighed out may be a little off, what is elsewhere is not plausible", "[space]") {
  const std::vector<Parameter> parameters = {range("a", 0, 1),
                                             range("b", 0, 1),
                                             range("l", 1e-6, 1, true),
                                             {"n", Unit(), Integer{1, 8}},
                                             {"p", Unit::parse("bar"), Levels{{1, 2, 5}}}};
  const Space space(parameters, {parse_constraint("a + b = 1", parameters)});
  CHECK(space.why_implausible({0.5, 0.5, 0.1, 4, 2}).empty());
  CHECK(space.why_implausible({0.5, 0.509, 0.1, 4, 2}).empty());
  CHECK(space.why_implausible({-9e-7, 1, 0.9999999e-6, 4 + 1e-9, 2}).empty());
  CHECK_THAT(space.why_implausible({0.5, 0.511, 0.1, 4, 2}), Contains("“a + b = 1” does not hold there"));
  CHECK_THAT(space.why_implausible({-2e-6, 1, 0.1, 4, 2}), Contains("“a” is -2e-06") && Contains("between 0 and 1"));
  CHECK_THAT(space.why_implausible({0.5, 0.5, 0.9e-6, 4, 2}), Contains("“l”"));
  CHECK_THAT(space.why_implausible({0.5, 0.5, 0.1, 4.1, 2}), Contains("an integer between 1 and 8"));
  CHECK_THAT(space.why_implausible({0.5, 0.5, 0.1, 4, 3}), Contains("one of the levels 1, 2, 5 bar"));
  CHECK_THAT(space.why_implausible({0.5, 0.5, std::nan(""), 4, 2}), Contains("“l” is not a finite number"));
  CHECK_THAT(space.why_implausible({1, 2}), Contains("2 numbers were given for 5 parameters"));
}

TEST_CASE("equalities that no whole numbers or levels can meet are refused", "[space]") {
  const std::vector<Parameter> parameters = {{"a", Unit(), Integer{0, 1000}},     {"b", Unit(), Integer{0, 1000}},
                                             {"c", Unit(), Integer{-3, 1000000}}, {"p", Unit(), Levels{{0.1, 0.4, 1}}},
                                             {"k", Unit(), Integer{5, 5}},        range("x", 0, 1000)};
  const auto refused = [&](const std::string& text) {
    return refusal(parameters, {parse_constraint(text, parameters)});
  };
  CHECK_THAT(refused("2*a + 2*b = 7"),
             Contains("constraint “2*a + 2*b = 7” holds nowhere") && Contains("a, b can take come 6 and 8"));
  CHECK_THAT(refused("6*a + 10*b - 15*c = 7.5"), Contains("come 7 and 8"));
  CHECK_THAT(refused("a/2 + b/3 = 1.25"), Contains("come 1.16666666667 and 1.33333333333"));
  CHECK_THAT(refused("0.3*a + 0.6*b = 1"), Contains("come 0.9 and 1.2"));
  CHECK_THAT(refused("10*p + 3*a = 12"), Contains("come 10 and 13"));  // p is 0.1 + 0.3 · 0, 1 or 3
  CHECK_THAT(refused("2*a + k = 12"), Contains("come 11 and 13"));
  for (const char* good : {"2*a + 2*b = 8", "2*a + 3*b = 7", "6*a + 10*b - 15*c = 7", "a/2 + b/3 = 1.5",
                           "0.1*a + 0.2*b = 0.7", "10*p + 3*a = 13", "2*a + k = 13", "2*a + 2*b + x = 7", "2*a <= 7",
                           "a + b + 0*x = 12", "3.14159265358979*a - 2.71828182845905*b = 0"}) {
    INFO(good);
    CHECK_NOTHROW(Space(parameters, {parse_constraint(good, parameters)}));
  }
}

TEST_CASE("counting points", "[space]") {
  const Space finite(
      {{"n", Unit(), Integer{1, 8}}, {"p", Unit(), Levels{{1, 2, 5}}}, {"l", Unit(), Choices{{"A", "B"}}}});
  CHECK(finite.finite());
  CHECK(finite.count(1000) == 48);
  CHECK(finite.count(10) == 10);
  const Space huge({{"n", Unit(), Integer{0, 999'999'999'999}},
                    {"m", Unit(), Integer{0, 999'999'999'999}},
                    {"k", Unit(), Integer{0, 999'999'999'999}}});
  CHECK(huge.count(1u << 20) == 1u << 20);
  const Space infinite({range("x", 0, 1)});
  CHECK_FALSE(infinite.finite());
  CHECK(infinite.count(77) == 77);
  const Space pooled({range("x", 0, 1)}, {}, CandidatePool{{0, 0.5, 1}, 3, "pool.csv"});
  CHECK(pooled.finite());
  CHECK(pooled.count(77) == 3);
}

TEST_CASE("impossible parameters are refused by name", "[space]") {
  CHECK_THAT(refusal({}), Contains("no parameters"));
  CHECK_THAT(refusal({range("x", 0, 1), range("x", 0, 2)}), Contains("two parameters are named “x”"));
  CHECK_THAT(refusal({range("x", 2, 1)}), Contains("“x”") && Contains("empty"));
  CHECK_THAT(refusal({range("x", 1, 1)}), Contains("empty") && Contains("levels: [1]"));
  CHECK_THAT(refusal({range("x", 0, 1, true)}), Contains("positive lower end"));
  CHECK_THAT(refusal({range("x", 0, INFINITY)}), Contains("finite"));
  CHECK_THAT(refusal({range("x", std::nan(""), 1)}), Contains("finite"));
  CHECK_THAT(refusal({range("x", 1e-200, 1e200, true)}), Contains("too wide to compute with") && Contains("ratio"));
  CHECK_THAT(refusal({{"n", Unit(), Integer{3, 2}}}), Contains("“n”") && Contains("empty"));
  CHECK_THAT(refusal({{"l", Unit(), Levels{{}}}}), Contains("no levels"));
  CHECK_THAT(refusal({{"l", Unit(), Levels{{1, 1}}}}), Contains("each once"));
  CHECK_THAT(refusal({{"x", Unit(), Continuous{0, 1}, 2}}), Contains("wider than its range"));
  CHECK_THAT(refusal({{"x", Unit(), Continuous{0, 1}, -1}}), Contains("positive"));
  CHECK_THAT(refusal({{"l", Unit(), Levels{{1, 2}}, 1}}), Contains("leave it out"));
  CHECK_THAT(refusal({{"c", Unit(), Choices{{"A", "B"}, {{0.5}}}}}), Contains("one row a choice"));
  CHECK_THAT(refusal({{"c", Unit(), Choices{{"A", "B"}, {{0.5}, {2}}}}}), Contains("from 0 to 1"));
  CHECK_THAT(refusal({{"c", Unit(), Choices{{}}}}), Contains("no choices"));
  CHECK_THAT(refusal({{"c", Unit(), Choices{{"A", "A"}}}}), Contains("“A” twice"));
  CHECK_THAT(refusal({{"c", Unit(), Choices{{"A"}}}}, {{{{0, 1.0}}, Sense::kAtMost, 1, "c <= 1"}}),
             Contains("“c” is a choice"));
}

TEST_CASE("constraints feasible by construction are admitted, those infeasible by Farkas refused", "[space]") {
  RandomStream random(44, "simplex");
  for (int round = 0; round < 300; ++round) {
    const std::size_t d = 1 + random.below(6), m = 1 + random.below(8);
    std::vector<Parameter> parameters;
    Point inside(d);
    for (std::size_t i = 0; i < d; ++i) {
      const double low = random.uniform(-100, 100);
      parameters.push_back(range("x" + std::to_string(i), low, low + std::pow(10.0, random.uniform(-2, 3))));
      inside[i] = random.uniform(low, parameters[i].high());
    }
    std::vector<LinearConstraint> constraints;
    std::vector<double> combined(d, 0.0);  // Σ multiplier · (row as ≤)
    double combined_bound = 0;
    for (std::size_t c = 0; c < m; ++c) {
      LinearConstraint constraint{{}, static_cast<Sense>(random.below(3)), 0, "c" + std::to_string(c)};
      double value = 0;
      for (std::size_t i = 0; i < d; ++i) {
        if (random.below(3) == 0) continue;
        const double coefficient = random.normal() * std::pow(10.0, random.uniform(-1, 1));
        constraint.terms.push_back({i, coefficient});
        value += coefficient * inside[i];
      }
      const double slack = random.below(3) == 0 ? 0 : random.uniform(0, 10);
      constraint.bound = constraint.sense == Sense::kAtMost    ? value + slack
                         : constraint.sense == Sense::kAtLeast ? value - slack
                                                               : value;
      const double sign = constraint.sense == Sense::kAtLeast ? -1 : 1;
      const double multiplier = random.uniform(0.1, 1);
      for (const auto& term : constraint.terms) combined[term.parameter] += multiplier * sign * term.coefficient;
      combined_bound += multiplier * sign * constraint.bound;
      constraints.push_back(constraint);
    }
    CAPTURE(round, d, m);
    REQUIRE(can_hold_together(parameters, constraints));

    // −Σ ≤ −bound − δ makes the combination read 0 ≤ −δ.
    LinearConstraint farkas{{}, Sense::kAtMost, 0, "farkas"};
    double scale = std::abs(combined_bound);
    for (std::size_t i = 0; i < d; ++i) {
      farkas.terms.push_back({i, -combined[i]});
      scale += std::abs(combined[i]) * std::max(std::abs(parameters[i].low()), std::abs(parameters[i].high()));
    }
    farkas.bound = -combined_bound - 1e-3 * std::max(1.0, scale);
    constraints.push_back(farkas);
    REQUIRE_FALSE(can_hold_together(parameters, constraints));

    // What is named as the conflict is one, and needs each of its members.
    const std::vector<std::size_t> conflict = smallest_conflict(parameters, constraints);
    std::vector<LinearConstraint> named;
    for (const std::size_t i : conflict) named.push_back(constraints[i]);
    REQUIRE_FALSE(can_hold_together(parameters, named));
    for (std::size_t i = 0; i < named.size(); ++i) {
      std::vector<LinearConstraint> without = named;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      REQUIRE(can_hold_together(parameters, without));
    }
  }
}

TEST_CASE("whole numbers and levels that miss an equality are noticed", "[space]") {
  const std::vector<Parameter> parameters = {
      {"n", Unit(), Integer{1, 8}}, {"l", Unit(), Levels{{1, 2, 5}}}, range("x", 0, 0.4)};
  CHECK_THAT(refusal(parameters, {parse_constraint("2*n = 3", parameters)}), Contains("2*n = 3"));
  CHECK_THAT(refusal(parameters, {parse_constraint("l + x = 3", parameters)}), Contains("l + x = 3"));
  CHECK_NOTHROW(Space(parameters, {parse_constraint("l + x = 2.3", parameters)}));
  CHECK_NOTHROW(Space(parameters, {parse_constraint("n + l + x = 13.25", parameters)}));
  CHECK_THAT(refusal(parameters, {parse_constraint("n + l + x = 13.5", parameters)}), Contains("13.5"));
}

TEST_CASE("the message names the constraints that conflict, and only those", "[space]") {
  const std::vector<Parameter> parameters = {range("a", 0, 1), range("b", 0, 1), range("c", 0, 1)};
  const auto constraints = [&](std::vector<const char*> texts) {
    std::vector<LinearConstraint> result;
    for (const char* text : texts) result.push_back(parse_constraint(text, parameters));
    return result;
  };
  const std::string message =
      refusal(parameters, constraints({"c <= 0.5", "a + b >= 1.5", "a + c >= 0.1", "a <= 0.2"}));
  CHECK_THAT(message, Contains("“a + b >= 1.5”") && Contains("“a <= 0.2”") && Contains("a 0 … 1"));
  CHECK_THAT(message, !Contains("c <= 0.5") && !Contains("a + c"));
  CHECK_THAT(refusal(parameters, constraints({"a + b >= 2.5"})),
             Contains("“a + b >= 2.5”") && Contains("relax the constraint"));
  CHECK_NOTHROW(Space(parameters, constraints({"a + b + c = 1", "a = 1"})));  // a single point is enough
  CHECK_NOTHROW(Space(parameters, constraints({"a + b >= 2"})));
}

TEST_CASE("a pool's rows are held against the space", "[space]") {
  const std::vector<Parameter> parameters = {range("x", 0, 1), {"n", Unit(), Integer{1, 3}}};
  const std::string message = refusal(parameters, {}, CandidatePool{{0.5, 1, 2, 2, 0.1, 2.5}, 3, "pool.csv"});
  CHECK_THAT(message, Contains("pool.csv: candidate 2: x = 2 is outside 0 … 1") && Contains("candidate 3: n = 2.5"));
  CHECK_THAT(refusal(parameters, {}, CandidatePool{{}, 0, "pool.csv"}), Contains("no candidates"));
  CHECK_THAT(
      refusal(parameters, {parse_constraint("x <= 0.5", parameters)}, CandidatePool{{0.7, 1, 0.8, 2}, 2, "pool.csv"}),
      Contains("none of the 2 candidates"));
}
