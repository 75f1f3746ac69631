#include "core/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/check.h"
#include "core/error.h"
#include "core/linear_feasibility.h"

namespace athanor {
namespace {

constexpr double kPoolTolerance = 1e-9;
constexpr std::size_t kMostRowsNamed = 5;

double width(const Parameter& parameter) {
  return parameter.high() - parameter.low();
}

std::string with_unit(const Parameter& parameter, double value) {
  return parameter.categorical() ? format_number(value) : to_string(Quantity{value, parameter.unit});
}

void check_continuous(const Parameter& parameter, const Continuous& range) {
  const std::string& name = parameter.name;
  if (!std::isfinite(range.low) || !std::isfinite(range.high) || !std::isfinite(range.high - range.low)) {
    throw InputError(
        fmt::format("parameter “{}”: its range [{}, {}] is too wide to compute with; its width must be a "
                    "finite number",
                    name, format_number(range.low), format_number(range.high)));
  }
  if (!(range.low < range.high)) {
    throw InputError(
        fmt::format("parameter “{}”: its range [{}, {}] is empty; the lower end comes first (for one fixed "
                    "value write levels: [{}])",
                    name, format_number(range.low), format_number(range.high), with_unit(parameter, range.low)));
  }
  if (range.log && range.low <= 0) {
    throw InputError(fmt::format("parameter “{}”: a logarithmic scale needs a positive lower end; found {}", name,
                                 format_number(range.low)));
  }
}

void check_integer(const std::string& name, const Integer& range) {
  // Up to here every whole number survives the way to the unit cube and back.
  constexpr long kLargest = 1'000'000'000'000;
  if (range.low > range.high) {
    throw InputError(
        fmt::format("parameter “{}”: its range of whole numbers [{}, {}] is empty; the lower end comes first", name,
                    range.low, range.high));
  }
  if (range.low < -kLargest || range.high > kLargest) {
    throw InputError(
        fmt::format("parameter “{}”: whole numbers beyond ±{} are not supported; use a range", name, kLargest));
  }
}

void check_levels(const std::string& name, const Levels& levels) {
  if (levels.values.empty()) throw InputError(fmt::format("parameter “{}” has no levels; give one at least", name));
  for (std::size_t i = 0; i < levels.values.size(); ++i) {
    const bool ascends = i == 0 || levels.values[i - 1] < levels.values[i];
    if (!std::isfinite(levels.values[i]) || !ascends) {
      throw InputError(fmt::format("parameter “{}”: its levels must be finite numbers, ascending, each once; found {}",
                                   name, format_number(levels.values[i])));
    }
  }
}

void check_choices(const std::string& name, const Choices& choices) {
  if (choices.names.empty()) throw InputError(fmt::format("parameter “{}” has no choices; give one at least", name));
  std::unordered_set<std::string_view> seen;
  for (const std::string& choice : choices.names) {
    if (choice.empty()) throw InputError(fmt::format("parameter “{}” has a choice without a name", name));
    if (!seen.insert(choice).second) {
      throw InputError(fmt::format("parameter “{}” has the choice “{}” twice; remove one", name, choice));
    }
  }
}

void check_resolution(const Parameter& parameter) {
  const double resolution = parameter.resolution;
  if (resolution == 0) return;
  if (std::holds_alternative<Levels>(parameter.kind) || parameter.categorical()) {
    throw InputError(
        fmt::format("parameter “{}”: only a range and whole numbers have a resolution; leave it out", parameter.name));
  }
  if (!(resolution > 0) || !std::isfinite(resolution)) {
    throw InputError(fmt::format("parameter “{}”: its resolution is {}; expected a positive number", parameter.name,
                                 with_unit(parameter, resolution)));
  }
  if (resolution > width(parameter)) {
    throw InputError(
        fmt::format("parameter “{}”: its resolution of {} is wider than its range, which is {} wide; "
                    "after one experiment no other value would be left",
                    parameter.name, with_unit(parameter, resolution), with_unit(parameter, width(parameter))));
  }
}

void check_parameter(const Parameter& parameter) {
  if (parameter.name.empty()) throw InputError("a parameter has no name");
  if (const auto* k = std::get_if<Continuous>(&parameter.kind)) check_continuous(parameter, *k);
  if (const auto* k = std::get_if<Integer>(&parameter.kind)) check_integer(parameter.name, *k);
  if (const auto* k = std::get_if<Levels>(&parameter.kind)) check_levels(parameter.name, *k);
  if (const auto* k = std::get_if<Choices>(&parameter.kind)) check_choices(parameter.name, *k);
  check_resolution(parameter);
}

void check_terms(const LinearConstraint& constraint, const std::vector<Parameter>& parameters) {
  bool finite = std::isfinite(constraint.bound);
  for (const auto& term : constraint.terms) {
    ATHANOR_CHECK(term.parameter < parameters.size(), "a constraint on a parameter that does not exist");
    finite = finite && std::isfinite(term.coefficient);
    if (parameters[term.parameter].categorical()) {
      throw InputError(fmt::format("constraint “{}”: “{}” is a choice, not a number; leave it out", constraint.text,
                                   parameters[term.parameter].name));
    }
  }
  if (!finite) throw InputError(fmt::format("constraint “{}”: a number is not finite", constraint.text));
}

void check_conflicts(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints) {
  if (can_hold_together(parameters, constraints)) return;
  const std::vector<std::size_t> conflict = smallest_conflict(parameters, constraints);
  std::string texts, ranges;
  std::vector<bool> named(parameters.size(), false);
  for (const std::size_t i : conflict) {
    texts += (texts.empty() ? "“" : ", “") + constraints[i].text + "”";
    for (const auto& term : constraints[i].terms) {
      if (named[term.parameter]) continue;
      named[term.parameter] = true;
      const Parameter& p = parameters[term.parameter];
      ranges += fmt::format("{}{} {} … {}", ranges.empty() ? "" : ", ", p.name, format_number(p.low()),
                            with_unit(p, p.high()));
    }
  }
  throw InputError(fmt::format("no point satisfies {} within {}; widen a range or relax {}", texts, ranges,
                               conflict.size() == 1 ? "the constraint" : "one of these constraints"));
}

// Written so that a NaN is not legal.
bool is_legal(const Parameter& parameter, double value, double tolerance) {
  return std::abs(value - parameter.nearest(value)) <= tolerance * width(parameter);
}

std::string why_illegal(const Parameter& p, double value) {
  const std::string found = fmt::format("{} = {}", p.name, with_unit(p, value));
  if (const auto* choices = std::get_if<Choices>(&p.kind)) {
    return fmt::format("{} is the index of none of its {} choices", found, choices->names.size());
  }
  if (p.continuous() || !(value >= p.low() && value <= p.high())) {
    return fmt::format("{} is outside {} … {}", found, format_number(p.low()), with_unit(p, p.high()));
  }
  const bool integer = std::holds_alternative<Integer>(p.kind);
  return fmt::format("{} is {}; the nearest is {}", found, integer ? "no whole number" : "none of its levels",
                     with_unit(p, p.nearest(value)));
}

}  // namespace

double LinearConstraint::violation(const Point& point) const {
  double sum = 0;
  for (const Term& term : terms) sum += term.coefficient * point[term.parameter];
  switch (sense) {
    case Sense::kAtMost:
      return std::max(0.0, sum - bound);
    case Sense::kAtLeast:
      return std::max(0.0, bound - sum);
    case Sense::kEqual:
      return std::abs(sum - bound);
  }
  ATHANOR_CHECK(false, "a constraint of no known sense");
}

bool satisfies(const LinearConstraint& constraint, const std::vector<Parameter>& parameters, const Point& point,
               double tolerance) {
  double scale = std::abs(constraint.bound);  // what rounding in the sum is relative to
  for (const auto& term : constraint.terms) {
    const Parameter& p = parameters[term.parameter];
    scale += std::abs(term.coefficient) * std::max(std::abs(p.low()), std::abs(p.high()));
  }
  return constraint.violation(point) <= tolerance * scale;
}

Space::Space(std::vector<Parameter> parameters, std::vector<LinearConstraint> constraints,
             std::optional<CandidatePool> pool)
    : parameters_(std::move(parameters)), constraints_(std::move(constraints)), pool_(std::move(pool)) {
  if (parameters_.empty()) throw InputError("the space has no parameters; name at least one thing that may be varied");
  std::unordered_set<std::string_view> names;
  for (const Parameter& parameter : parameters_) {
    check_parameter(parameter);
    if (!names.insert(parameter.name).second) {
      throw InputError(fmt::format("two parameters are named “{}”; give each its own name", parameter.name));
    }
  }
  for (const LinearConstraint& constraint : constraints_) check_terms(constraint, parameters_);
  check_conflicts(parameters_, constraints_);
  if (pool_) check_pool();
}

void Space::check_pool() const {
  ATHANOR_CHECK(pool_->values.size() == pool_->rows * size(), "a pool of another width than the space");
  const Place source{pool_->source, 0, 0};
  if (pool_->rows == 0) throw InputError(source, "there are no candidates; at least one row is needed");
  std::vector<Mistake> mistakes;
  std::size_t wrong = 0, feasible_rows = 0;
  Point row(size());
  for (std::size_t r = 0; r < pool_->rows; ++r) {
    const auto begin = pool_->values.begin() + static_cast<std::ptrdiff_t>(r * size());
    row.assign(begin, begin + static_cast<std::ptrdiff_t>(size()));
    for (std::size_t i = 0; i < size(); ++i) {
      if (is_legal(parameters_[i], row[i], kPoolTolerance)) continue;
      if (wrong++ < kMostRowsNamed) {
        mistakes.push_back({source, fmt::format("candidate {}: {}", r + 1, why_illegal(parameters_[i], row[i]))});
      }
    }
    if (wrong == 0 && feasible_rows == 0 && feasible(row, kPoolTolerance)) ++feasible_rows;
  }
  if (wrong > kMostRowsNamed)
    mistakes.push_back({source, fmt::format("and {} more such values", wrong - kMostRowsNamed)});
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  if (feasible_rows == 0) {
    throw InputError(source,
                     fmt::format("none of the {} candidates satisfies the constraints; relax one", pool_->rows));
  }
}

std::optional<std::size_t> Space::find(std::string_view name) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (parameters_[i].name == name) return i;
  }
  return std::nullopt;
}

std::vector<double> Space::encode(std::span<const double> point) const {
  ATHANOR_CHECK(point.size() == size(), "a point of another width than the space");
  std::vector<double> unit(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const Parameter& p = parameters_[i];
    const auto* range = std::get_if<Continuous>(&p.kind);
    if (width(p) == 0) {
      unit[i] = 0.5;
    } else if (range != nullptr && range->log) {
      unit[i] = std::log(point[i] / range->low) / std::log(range->high / range->low);
    } else {
      unit[i] = (point[i] - p.low()) / width(p);
    }
  }
  return unit;
}

Point Space::decode(std::span<const double> unit) const {
  ATHANOR_CHECK(unit.size() == size(), "a point of another width than the space");
  Point point(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const Parameter& p = parameters_[i];
    const auto* range = std::get_if<Continuous>(&p.kind);
    const bool log = range != nullptr && range->log;
    const double value =
        log ? range->low * std::exp(unit[i] * std::log(range->high / range->low)) : p.low() + unit[i] * width(p);
    // At the ends exactly the ends, which the formulas miss by a rounding.
    point[i] = unit[i] <= 0 ? p.low() : unit[i] >= 1 ? p.high() : p.nearest(value);
  }
  return point;
}

bool Space::feasible(const Point& point, double tolerance) const {
  if (point.size() != size()) return false;
  for (std::size_t i = 0; i < size(); ++i) {
    if (!is_legal(parameters_[i], point[i], tolerance)) return false;
  }
  return std::all_of(constraints_.begin(), constraints_.end(), [&](const LinearConstraint& constraint) {
    return satisfies(constraint, parameters_, point, tolerance);
  });
}

std::string Space::why_infeasible(const Point& point, double tolerance) const {
  if (point.size() != size()) return fmt::format("{} numbers were given for {} parameters", point.size(), size());
  for (std::size_t i = 0; i < size(); ++i) {
    if (!is_legal(parameters_[i], point[i], tolerance)) return why_illegal(parameters_[i], point[i]);
  }
  for (const LinearConstraint& constraint : constraints_) {
    if (satisfies(constraint, parameters_, point, tolerance)) continue;
    return fmt::format("the constraint “{}” is violated by {}", constraint.text,
                       pretty_number(constraint.violation(point)));
  }
  return "";
}

bool Space::finite() const {
  return pool_ ||
         std::none_of(parameters_.begin(), parameters_.end(), [](const Parameter& p) { return p.continuous(); });
}

std::size_t Space::count(std::size_t cap) const {
  if (pool_) return std::min(cap, pool_->rows);
  if (!finite()) return cap;
  std::size_t product = 1;
  for (const Parameter& p : parameters_) {
    if (p.cardinality() > cap / product) return cap;
    product *= p.cardinality();
  }
  return std::min(cap, product);
}

}  // namespace athanor
