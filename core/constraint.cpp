// Reads a linear constraint by recursive descent:
//   constraint = sum ("<=" | ">=" | "=" | "==" | "<" | ">" | "≤" | "≥") sum
//   sum        = product (("+" | "-") product)*
//   product    = factor (("*" | "/") factor)*            one of the two sides of "*" a plain number, the right side of
//   "/" too factor     = ("+" | "-") factor | number [unit] | parameter | "(" sum ")"
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

#include "core/document.h"
#include "core/error.h"
#include "core/space.h"
#include "core/text.h"

namespace athanor {
namespace {

using Sense = LinearConstraint::Sense;

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// Σ coefficient · parameter + number + Σ factor · quantity. Quantities wait for their unit until all parameters are
/// known.
struct Linear {
  std::map<std::size_t, double> coefficients;
  double number = 0;
  std::vector<std::pair<double, Quantity>> quantities;

  bool plain() const { return coefficients.empty() && quantities.empty(); }

  void scale(double factor) {
    for (auto& [parameter, coefficient] : coefficients) coefficient *= factor;
    number *= factor;
    for (auto& [weight, quantity] : quantities) weight *= factor;
  }

  void add(const Linear& other) {
    for (const auto& [parameter, coefficient] : other.coefficients) coefficients[parameter] += coefficient;
    number += other.number;
    quantities.insert(quantities.end(), other.quantities.begin(), other.quantities.end());
  }
};

class Parser {
 public:
  Parser(std::string_view text, const std::vector<Parameter>& parameters)
      : text_(text), rest_(text), parameters_(parameters) {}

  /// Left side minus right side, and how it compares with 0.
  std::pair<Linear, Sense> parse() {
    Linear form = sum();
    const Sense sense = comparison();
    Linear right = sum();
    skip_space();
    if (starts_comparison()) fail("has two comparisons; write two constraints");
    if (!rest_.empty()) fail(fmt::format("goes on with “{}” where nothing was expected", rest_));
    right.scale(-1);
    form.add(right);
    return {std::move(form), sense};
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(
        fmt::format("constraint “{}” {}; expected a linear one, such as “loading + 0.1*cycles <= 3”", text_, why));
  }

 private:
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool starts_comparison() const {
    return rest_.starts_with('<') || rest_.starts_with('>') || rest_.starts_with('=') || rest_.starts_with("≤") ||
           rest_.starts_with("≥");
  }

  Sense comparison() {
    if (take("<=") || take("≤") || take("<")) return Sense::kAtMost;
    if (take(">=") || take("≥") || take(">")) return Sense::kAtLeast;
    if (take("==") || take("=")) return Sense::kEqual;
    if (rest_.empty()) fail("has no comparison (<=, >= or =)");
    fail(fmt::format("cannot be read from “{}” on", rest_));
  }

  Linear sum() {
    Linear total = product();
    for (;;) {
      if (take("+")) {
        total.add(product());
      } else if (take("-")) {
        Linear term = product();
        term.scale(-1);
        total.add(term);
      } else {
        return total;
      }
    }
  }

  Linear product() {
    Linear left = factor();
    for (;;) {
      if (take("**") || take("^")) fail("has a power");
      if (take("*")) {
        Linear right = factor();
        if (!left.plain()) std::swap(left, right);
        if (!left.plain()) fail("multiplies two things that are not plain numbers");
        right.scale(left.number);
        left = std::move(right);
      } else if (take("/")) {
        const Linear right = factor();
        if (!right.plain()) fail("divides by something that is not a plain number");
        if (right.number == 0) fail("divides by zero");
        left.scale(1 / right.number);
      } else {
        return left;
      }
    }
  }

  Linear factor() {
    constexpr int kDeepest = 64;
    if (++depth_ > kDeepest) fail("is nested too deeply");
    Linear result = bare_factor();
    --depth_;
    return result;
  }

  Linear bare_factor() {
    if (take("+")) return factor();
    if (take("-")) {
      Linear negative = factor();
      negative.scale(-1);
      return negative;
    }
    if (take("(")) {
      Linear inner = sum();
      if (!take(")")) fail("has an opening bracket without a closing one");
      return inner;
    }
    skip_space();
    if (rest_.empty()) fail("ends too early");
    if (is_digit(rest_.front()) || rest_.front() == '.') return number();
    if (is_letter(rest_.front())) return parameter();
    fail(fmt::format("has “{}” where a number or a parameter was expected", rest_));
  }

  Linear number() {
    double value = 0;
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (problem != std::errc()) fail(fmt::format("has no readable number at “{}”", rest_));
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    Linear form;
    const std::string_view unit = take_unit();
    if (unit.empty()) {
      form.number = value;
      return form;
    }
    std::vector<std::string> names;
    for (const Parameter& p : parameters_) names.push_back(p.name);
    if (std::find(names.begin(), names.end(), unit) != names.end()) {
      fail(fmt::format("has a number before “{}” without “*” between them", unit));
    }
    try {
      form.quantities.emplace_back(1.0, Quantity{value, Unit::parse(unit)});
    } catch (const InputError&) {
      fail(fmt::format("has “{}” after a number, which is no unit", unit));
    }
    return form;
  }

  // What follows a number up to a comparison, a bracket, or an operator that stands apart: “80 degC”, “5 mol/L”, “2 kg
  // m-2”.
  std::string_view take_unit() {
    skip_space();
    if (rest_.empty() || std::string_view("+-*/^()<>=").find(rest_.front()) != std::string_view::npos ||
        starts_comparison())
      return {};
    std::size_t end = 0;
    while (end < rest_.size()) {
      const std::string_view here = rest_.substr(end);
      if (std::string_view("<>=()").find(here.front()) != std::string_view::npos || here.starts_with("≤") ||
          here.starts_with("≥"))
        break;
      const bool operation = std::string_view("+-*/").find(here.front()) != std::string_view::npos;
      if (operation && is_space(rest_[end - 1])) break;
      if (here.front() == '+') break;
      ++end;
    }
    std::string_view unit = rest_.substr(0, end);
    rest_.remove_prefix(end);
    while (!unit.empty() && is_space(unit.back())) unit.remove_suffix(1);
    return unit;
  }

  Linear parameter() {
    std::size_t end = 0;
    while (end < rest_.size() && (is_letter(rest_[end]) || is_digit(rest_[end]))) ++end;
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    std::vector<std::string> numeric;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (parameters_[i].name == name) {
        if (parameters_[i].categorical()) {
          fail(fmt::format(
              "has “{}”, which is a choice and not a number (what depends on it: {{when: {{{}: …}}, then: …}})", name,
              name));
        }
        Linear form;
        form.coefficients[i] = 1;
        return form;
      }
      if (!parameters_[i].categorical()) numeric.push_back(parameters_[i].name);
    }
    fail(fmt::format("names “{}”, which is no parameter of the space{}", name, suggest_name(name, numeric)));
  }

  std::string_view text_, rest_;
  const std::vector<Parameter>& parameters_;
  int depth_ = 0;
};

// Brings parameters and quantities to one unit where the constraint speaks of one; else numbers stay as they are.
void settle_units(Linear& form, const Parser& parser, const std::vector<Parameter>& parameters) {
  const Unit& common = parameters[form.coefficients.begin()->first].unit;
  bool convertible = true, one_unit = true;
  for (const auto& [i, coefficient] : form.coefficients) {
    convertible = convertible && parameters[i].unit.convertible_to(common);
    one_unit = one_unit && parameters[i].unit == common;
  }
  if (!convertible) {
    if (form.quantities.empty()) return;
    parser.fail(fmt::format(
        "has a number in “{}” although its parameters measure different things; write the number without a unit",
        form.quantities.front().second.unit.text()));
  }
  if (!one_unit && form.number != 0) {
    parser.fail(
        fmt::format("compares parameters of different units with {}, a number without one; give the number a unit",
                    format_number(std::abs(form.number))));
  }
  // A zero point that differs (degC and K) has a meaning for one temperature, not for sums or differences of them.
  const bool absolute = form.coefficients.size() == 1 ? form.number == 0 && form.quantities.size() == 1
                                                      : form.number == 0 && form.quantities.empty();
  const auto convert = [&](double value, const Unit& from) {
    if (!absolute && from.convert(0, common) != 0) {
      parser.fail(fmt::format("mixes “{}” and “{}”, which have different zero points; write all in one unit",
                              from.text(), common.text()));
    }
    return from.convert(value, common);
  };
  std::map<std::size_t, double> settled;
  for (const auto& [i, coefficient] : form.coefficients) {
    const double offset = convert(0, parameters[i].unit);
    settled[i] = coefficient * (convert(1, parameters[i].unit) - offset);
    form.number += coefficient * offset;
  }
  form.coefficients = std::move(settled);
  for (const auto& [weight, quantity] : form.quantities) {
    if (!quantity.unit.convertible_to(common)) {
      parser.fail(fmt::format("has a number in “{}”, which does not convert to {}", quantity.unit.text(),
                              common.text().empty() ? "a number without a unit" : "“" + common.text() + "”"));
    }
    form.number += weight * convert(quantity.value, quantity.unit);
  }
}

}  // namespace

LinearConstraint parse_constraint(std::string_view text, const std::vector<Parameter>& parameters) {
  Parser parser(text, parameters);
  auto [form, sense] = parser.parse();
  if (form.coefficients.empty()) parser.fail("names no parameter");
  settle_units(form, parser, parameters);
  LinearConstraint constraint;
  for (const auto& [parameter, coefficient] : form.coefficients) {
    if (!std::isfinite(coefficient)) parser.fail("has a number that is not finite");
    if (coefficient != 0) constraint.terms.push_back({parameter, coefficient});
  }
  if (!std::isfinite(form.number)) parser.fail("has a number that is not finite");
  if (constraint.terms.empty()) parser.fail("names no parameter once both sides are brought together");
  constraint.sense = sense;
  constraint.bound = form.number == 0 ? 0 : -form.number;
  constraint.text = text;
  return constraint;
}

}  // namespace athanor
