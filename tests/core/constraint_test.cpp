// Goal: a linear constraint means what its text says. Method: random expressions evaluated by a second, direct
// evaluation at random points; every kind of text that is none.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/random.h"
#include "core/space.h"
#include "tests/core/messages.h"

using namespace athanor;
using Catch::Matchers::Contains;
using Sense = LinearConstraint::Sense;

namespace {

Parameter number(const std::string& name, const std::string& unit = "") {
  return {name, Unit::parse(unit), Continuous{-10, 10, false}};
}

const std::vector<Parameter>& abc() {
  static const std::vector<Parameter> parameters = {number("a"), number("b"), number("c_1")};
  return parameters;
}

// Left side − bound of what was parsed, and of `text` it should be `expected` for all points.
double left_minus_bound(const LinearConstraint& constraint, const Point& point) {
  double sum = -constraint.bound;
  for (const auto& term : constraint.terms) sum += term.coefficient * point[term.parameter];
  return sum;
}

// A random expression as text, and its value at a point. Only products with numbers, so that it is linear.
struct Expression {
  std::string text;
  std::function<double(const Point&)> value;
};

Expression random_expression(RandomStream& random, int depth) {
  const std::string spaces(random.below(3), ' ');
  const auto literal = [&] {
    const double value = static_cast<double>(random.below(200)) / 8;
    return std::pair(format_number(value), value);
  };
  switch (depth == 0 ? random.below(2) : random.below(7)) {
    case 0: {
      const auto [text, value] = literal();
      return {text, [v = value](const Point&) { return v; }};
    }
    case 1: {
      const std::size_t i = random.below(3);
      return {abc()[i].name, [i](const Point& p) { return p[i]; }};
    }
    case 2:
    case 3: {
      const bool minus = random.below(2) == 0;
      const Expression l = random_expression(random, depth - 1), r = random_expression(random, depth - 1);
      return {"(" + l.text + spaces + (minus ? "-" : "+") + spaces + r.text + ")",
              [=](const Point& p) { return minus ? l.value(p) - r.value(p) : l.value(p) + r.value(p); }};
    }
    case 4: {
      const auto [text, factor] = literal();
      const Expression inner = random_expression(random, depth - 1);
      const bool before = random.below(2) == 0;
      return {before ? text + spaces + "*" + spaces + inner.text : inner.text + spaces + "*" + text,
              [f = factor, inner](const Point& p) { return f * inner.value(p); }};
    }
    case 5: {
      const Expression inner = random_expression(random, depth - 1);
      return {inner.text + spaces + "/" + spaces + "4", [=](const Point& p) { return inner.value(p) / 4; }};
    }
    default: {
      const Expression inner = random_expression(random, depth - 1);
      return {"-" + spaces + "(" + inner.text + ")", [=](const Point& p) { return -inner.value(p); }};
    }
  }
}

std::string refusal(const std::string& text, const std::vector<Parameter>& parameters = abc()) {
  return message_of<InputError>([&] { parse_constraint(text, parameters); });
}

}  // namespace

TEST_CASE("random linear expressions are parsed to their values", "[constraint]") {
  RandomStream random(31, "expressions");
  const std::vector<std::pair<std::string, Sense>> senses = {
      {"<=", Sense::kAtMost}, {">=", Sense::kAtLeast}, {"=", Sense::kEqual},  {"==", Sense::kEqual},
      {"<", Sense::kAtMost},  {">", Sense::kAtLeast},  {"≤", Sense::kAtMost}, {"≥", Sense::kAtLeast}};
  int parsed = 0;
  for (int round = 0; round < 2000; ++round) {
    const Expression left = random_expression(random, 3), right = random_expression(random, 3);
    const auto& [symbol, sense] = senses[random.below(senses.size())];
    const std::string text = left.text + " " + symbol + " " + right.text;
    CAPTURE(text);
    LinearConstraint constraint;
    try {
      constraint = parse_constraint(text, abc());
    } catch (const InputError& error) {
      REQUIRE_THAT(error.what(), Contains("names no parameter"));  // it cancelled out, or had only numbers
      continue;
    }
    ++parsed;
    REQUIRE(constraint.sense == sense);
    for (int i = 0; i < 5; ++i) {
      const Point point = {random.uniform(-10, 10), random.uniform(-10, 10), random.uniform(-10, 10)};
      const double expected = left.value(point) - right.value(point);
      // Coefficients reach about 25^4; the sums round relative to that.
      REQUIRE(left_minus_bound(constraint, point) == Approx(expected).epsilon(1e-10).margin(1e-6));
    }
  }
  CHECK(parsed > 1000);
}

TEST_CASE("the forms of the campaign file", "[constraint]") {
  const auto constraint = parse_constraint("a + 0.1*b <= 3", abc());
  REQUIRE(constraint.terms.size() == 2);
  CHECK(constraint.terms[1].coefficient == 0.1);
  CHECK(constraint.bound == 3);
  CHECK(constraint.text == "a + 0.1*b <= 3");
  CHECK(constraint.violation({3, 1, 0}) == Approx(0.1).epsilon(1e-12));
  CHECK(constraint.violation({1, 1, 0}) == 0);
  CHECK(parse_constraint("a>=b", abc()).violation({1, 3, 0}) == 2);
  CHECK(parse_constraint("c_1 = 1e-1", abc()).bound == 0.1);
  CHECK(parse_constraint("3 >= a", abc()).violation({4, 0, 0}) == 1);
  CHECK(parse_constraint("a*2<=4", abc()).violation({3, 0, 0}) == 2);
}

TEST_CASE("numbers with a unit are converted to the parameters' unit", "[constraint]") {
  const std::vector<Parameter> parameters = {number("t", "degC"), number("v", "mL"), number("w", "uL"),
                                             number("k", "K"), number("p", "%")};
  CHECK(parse_constraint("t <= 80 degC", parameters).bound == 80);
  CHECK(parse_constraint("t <= 353.15 K", parameters).bound == Approx(80).epsilon(1e-12));
  CHECK(parse_constraint("2*v <= 500 uL", parameters).bound == Approx(0.5).epsilon(1e-12));
  CHECK(parse_constraint("t<=80degC", parameters).bound == 80);
  CHECK(parse_constraint("p >= 25 %", parameters).bound == 25);
  const auto mixed = parse_constraint("v + w <= 2 mL - 500 uL", parameters);
  CHECK(mixed.bound == Approx(1.5).epsilon(1e-12));
  CHECK(mixed.terms[1].coefficient == Approx(0.001).epsilon(1e-12));
  CHECK(parse_constraint("v >= w", parameters).violation({0, 1, 3000, 0, 0}) == Approx(2).epsilon(1e-12));
  const auto temperatures = parse_constraint("k >= t", parameters);  // 20 °C is 293.15 K
  CHECK(temperatures.violation({20, 0, 0, 293.15, 0}) == Approx(0).margin(1e-9));
  CHECK(temperatures.violation({20, 0, 0, 283.15, 0}) == Approx(10).epsilon(1e-9));
  CHECK(parse_constraint("t + 5*v <= 100", parameters).bound == 100);  // numbers of different kinds, as they are
  CHECK_THAT(refusal("t + 5*v <= 100 degC", parameters), Contains("measure different things"));
  CHECK_THAT(refusal("t <= 5 mL", parameters), Contains("“mL”") && Contains("does not convert to “degC”"));
  CHECK_THAT(refusal("v + w <= 3", parameters), Contains("give the number a unit"));
  CHECK_THAT(refusal("k - t <= 20 K", parameters), Contains("zero points"));
  CHECK_THAT(refusal("t <= 80 degX", parameters), Contains("“degX”") && Contains("no unit"));
}

TEST_CASE("what is not linear, or not a constraint, is refused with its text and the reason", "[constraint]") {
  struct Case {
    const char* text;
    const char* reason;
  };
  const auto c = GENERATE(
      Case{"a*b <= 1", "multiplies two"}, Case{"a^2 <= 1", "power"}, Case{"a**2 <= 1", "power"},
      Case{"1/a <= 1", "divides by something"}, Case{"a/0 <= 1", "divides by zero"}, Case{"a + b", "no comparison"},
      Case{"", "ends too early"}, Case{"a <=", "ends too early"}, Case{"<= 3", "expected"},
      Case{"1 <= a <= 2", "two comparisons"}, Case{"a + aa <= 1", "“aa”"}, Case{"2 a <= 1", "without “*”"},
      Case{"a b <= 1", "cannot be read"}, Case{"(a <= 1", "closing"}, Case{"a) <= 1", "cannot be read"},
      Case{"a != 1", "cannot be read"}, Case{"a <= 1e999", "number"}, Case{"a - a <= 1", "names no parameter"},
      Case{"1 <= 2", "names no parameter"}, Case{"a <= max", "“max”"}, Case{"a, b <= 1", "cannot be read"},
      Case{"a <= 3;", "no unit"}, Case{"a * 1e200 * 1e200 <= 1", "finite"});
  const std::string message = refusal(c.text);
  CAPTURE(c.text, message);
  CHECK_THAT(message, Contains("constraint “" + std::string(c.text) + "”") && Contains(c.reason));
}

TEST_CASE("an unknown name gets the nearest one, a choice is told to be one", "[constraint]") {
  const std::vector<Parameter> parameters = {number("loading"), {"ligand", Unit(), Choices{{"x", "y"}}}};
  CHECK_THAT(refusal("laoding <= 1", parameters), Contains("did you mean “loading”"));
  CHECK_THAT(refusal("ligand <= 1", parameters), Contains("“ligand”, which is a choice"));
}

TEST_CASE("deep brackets are refused without exhausting the stack", "[constraint]") {
  CHECK_THAT(refusal(std::string(100'000, '(') + "a"), Contains("too deeply"));
  CHECK_THAT(refusal(std::string(100'000, '-') + "a <= 1"), Contains("too deeply"));
}
