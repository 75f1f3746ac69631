#include "core/reachable_sums.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace athanor {
namespace {

constexpr double kRounding = 1e-9;  // of the largest number that is divided: a remainder below is 0
constexpr double kDistinct = 1e-6;  // of that number: with a smaller divisor nothing is said
constexpr double kMostSteps = 1e7;  // from the offset to the bound: beyond, rounding may add up to a step

double common_divisor(double a, double b, double rounding) {
  a = std::abs(a);
  b = std::abs(b);
  while (b > rounding) {
    double rest = std::fmod(a, b);
    if (b - rest <= rounding) rest = 0;  // 0.3 is 0.1 three times, whatever fmod says
    a = b;
    b = rest;
  }
  return a;
}

/// The distance on whose multiples from its lowest value a discrete parameter's values lie; 0 if it has one value only.
double spacing(const Parameter& parameter) {
  const auto* levels = std::get_if<Levels>(&parameter.kind);
  if (levels == nullptr) return parameter.cardinality() > 1 ? 1 : 0;
  double divisor = 0;
  const double rounding = kRounding * std::max(std::abs(parameter.low()), std::abs(parameter.high()));
  for (const double value : levels->values) divisor = common_divisor(value - parameter.low(), divisor, rounding);
  return divisor;
}

}  // namespace

std::optional<std::pair<double, double>> sums_beside_bound(const LinearConstraint& constraint,
                                                           const std::vector<Parameter>& parameters) {
  if (constraint.sense != LinearConstraint::Sense::kEqual) return std::nullopt;
  std::map<std::size_t, double> coefficients;
  for (const auto& term : constraint.terms) coefficients[term.parameter] += term.coefficient;
  double offset = 0, step = 0, largest = 0, scale = std::abs(constraint.bound);
  for (const auto& [i, a] : coefficients) {
    if (a == 0) continue;
    const Parameter& p = parameters[i];
    if (p.cardinality() == 0) return std::nullopt;
    // Whole numbers are multiples of 1 from 0, which is exact where their range begins far out.
    offset += std::holds_alternative<Integer>(p.kind) && p.cardinality() > 1 ? 0 : a * p.low();
    scale += std::abs(a) * std::max(std::abs(p.low()), std::abs(p.high()));
    const double move = std::abs(a * spacing(p));
    largest = std::max(largest, move);
    step = common_divisor(std::max(step, move), std::min(step, move), kRounding * largest);
  }
  if (step <= kDistinct * largest) return std::nullopt;
  const double steps = (constraint.bound - offset) / step;
  const double off = std::abs(steps - std::round(steps));
  if (std::abs(steps) > kMostSteps || off < kDistinct || off * step < 10 * kRounding * scale) return std::nullopt;
  return std::pair(offset + std::floor(steps) * step, offset + std::ceil(steps) * step);
}

}  // namespace athanor
