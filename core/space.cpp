#include "core/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/check_space.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr double kPoolTolerance = 1e-9;
constexpr std::size_t kMostRowsNamed = 5;
constexpr double kPlausible = 0.01;  // of a constraint's largest term: a weighed-out mixture may sum to 0.999
constexpr double kRounding = 1e-15;  // of a range, in a value that was computed within it
constexpr double kTiny = 1e-12;      // of what a constraint's terms can be: what has no weight where all of them vanish

/// Of its numbers, the sign aside.
double largest(const Parameter& parameter) {
  return std::max(std::abs(parameter.low()), std::abs(parameter.high()));
}

// Written so that a NaN is not legal.
bool is_legal(const Parameter& parameter, double value, double tolerance) {
  return std::abs(value - parameter.nearest(value)) <= tolerance * parameter.width();
}

std::string why_illegal(const Parameter& p, double value) {
  const std::string found = fmt::format("{} = {}", p.name, p.with_unit(value));
  if (const auto* choices = std::get_if<Choices>(&p.kind)) {
    return fmt::format("{} is the index of none of its {} choices", found, choices->names.size());
  }
  if (p.continuous() || !(value >= p.low() && value <= p.high())) {
    return fmt::format("{} is outside {} … {}", found, format_number(p.low()), p.with_unit(p.high()));
  }
  const bool integer = std::holds_alternative<Integer>(p.kind);
  return fmt::format("{} is {}; the nearest is {}", found, integer ? "no whole number" : "none of its levels",
                     p.with_unit(p.nearest(value)));
}

}  // namespace

bool LinearConstraint::applies(const Point& point) const {
  return std::all_of(when.begin(), when.end(), [&](const Condition& condition) {
    const double choice = point[condition.parameter];
    return choice >= 0 && choice < static_cast<double>(condition.meant.size()) &&
           condition.meant[static_cast<std::size_t>(choice)];
  });
}

double LinearConstraint::violation(const Point& point) const {
  if (!applies(point)) return 0;
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
  double terms = std::abs(constraint.bound), rounding = 0;
  for (const auto& [i, a] : constraint.terms) {
    const auto* range = std::get_if<Continuous>(&parameters[i].kind);
    terms += std::abs(a * point[i]);
    if (!range || !range->log) rounding += std::abs(a) * largest(parameters[i]);
  }
  return constraint.violation(point) <= tolerance * terms + kRounding * rounding;
}

double largest_term(const LinearConstraint& constraint, const std::vector<Parameter>& parameters) {
  double largest = std::abs(constraint.bound);
  for (const auto& [i, a] : constraint.terms) {
    largest = std::max(largest, std::abs(a) * athanor::largest(parameters[i]));
  }
  return largest;
}

Space::Space(std::vector<Parameter> parameters, std::vector<LinearConstraint> constraints,
             std::optional<CandidatePool> pool)
    : parameters_(std::move(parameters)), constraints_(std::move(constraints)), pool_(std::move(pool)) {
  check_parameters(parameters_);
  check_constraints(parameters_, constraints_);
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
    if (p.width() == 0) {
      unit[i] = 0.5;
    } else if (range != nullptr && range->log) {
      unit[i] = std::log(point[i] / range->low) / std::log(range->high / range->low);
    } else {
      unit[i] = (point[i] - p.low()) / p.width();
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
        log ? range->low * std::exp(unit[i] * std::log(range->high / range->low)) : p.low() + unit[i] * p.width();
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
    if (constraint.terms.empty()) return fmt::format("the constraint “{}” forbids it", constraint.text);
    return fmt::format("the constraint “{}” is violated by {}", constraint.text,
                       pretty_number(constraint.violation(point)));
  }
  return "";
}

std::string Space::why_implausible(const Point& point) const {
  if (point.size() != size()) return fmt::format("{} numbers were given for {} parameters", point.size(), size());
  for (std::size_t i = 0; i < size(); ++i) {
    const Parameter& p = parameters_[i];
    if (!std::isfinite(point[i])) return fmt::format("“{}” is not a finite number", p.name);
    if (!p.admits(point[i])) {
      return fmt::format("“{}” is {}, which is outside the space; it must be {}", p.name, format_number(point[i]),
                         p.legal_values());
    }
  }
  for (const LinearConstraint& constraint : constraints_) {
    double term = std::abs(constraint.bound);
    for (const auto& [i, a] : constraint.terms) term = std::max(term, std::abs(a * point[i]));
    if (constraint.violation(point) <= kPlausible * term + kTiny * largest_term(constraint, parameters_)) continue;
    return fmt::format("the constraint “{}” does not hold there", constraint.text);
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
