#include "optimizers/climb.h"

#include <algorithm>
#include <cmath>

#include "optimizers/design.h"
#include "surrogates/minimise.h"

namespace athanor {
namespace {

constexpr int kRounds = 8;                // of continuous and discrete moves in turn
constexpr std::size_t kManyValues = 200;  // of a discrete parameter: beyond that only its neighbours are tried
constexpr double kImprovement = 1e-6;     // of the logarithm; less is not worth another round

Vector encode_one(const Space& space, const Point& point) {
  const std::vector<double> unit = space.encode(point);
  return Eigen::Map<const Vector>(unit.data(), static_cast<Eigen::Index>(unit.size()));
}

/// The constraints as functions of the encoded continuous coordinates `moved`, the rest being as in `point`.
std::vector<SmoothConstraint> smooth_constraints(const Region& region, const Point& point,
                                                 const std::vector<std::size_t>& moved) {
  const Space& space = region.space();
  std::vector<SmoothConstraint> out;
  for (const LinearConstraint& constraint : space.constraints()) {
    struct Term {
      Eigen::Index at;
      double coefficient;
      Continuous range;
    };
    std::vector<Term> terms;
    double fixed = -constraint.bound;
    const double size = largest_term(constraint, space.parameters());
    for (const auto& [k, a] : constraint.terms) {
      const auto at = std::find(moved.begin(), moved.end(), k);
      if (at == moved.end()) {
        fixed += a * point[k];
      } else {
        terms.push_back({at - moved.begin(), a, std::get<Continuous>(space[k].kind)});
      }
    }
    if (terms.empty()) continue;
    const double unit = (constraint.sense == LinearConstraint::Sense::kAtLeast ? -1 : 1) / (size > 0 ? size : 1);
    SmoothConstraint smooth;
    smooth.equality = constraint.sense == LinearConstraint::Sense::kEqual;
    smooth.function = [terms, fixed, unit](const Vector& u, Vector* gradient) {
      double sum = fixed;
      if (gradient) gradient->setZero();
      for (const Term& term : terms) {
        const auto& [low, high, log] = term.range;
        const double value = log ? low * std::pow(high / low, u[term.at]) : low + (high - low) * u[term.at];
        sum += term.coefficient * value;
        if (gradient)
          (*gradient)[term.at] += unit * term.coefficient * (log ? std::log(high / low) * value : high - low);
      }
      return unit * sum;
    };
    out.push_back(std::move(smooth));
  }
  return out;
}

/// Moves the continuous coordinates uphill.
Found climb_continuous(const Region& region, const Acquisition& acquisition, const Found& start,
                       const SearchOptions& options) {
  const Space& space = region.space();
  std::vector<std::size_t> moved;
  for (const std::size_t i : region.continuous()) {
    if (space[i].high() > space[i].low()) moved.push_back(i);
  }
  if (moved.empty()) return start;
  const auto size = static_cast<Eigen::Index>(moved.size());
  Vector unit = encode_one(space, start.at), slope(unit.size()), first(size);
  for (Eigen::Index k = 0; k < size; ++k)
    first[k] = unit[static_cast<Eigen::Index>(moved[static_cast<std::size_t>(k)])];
  const auto downhill = [&](const Vector& u, Vector* gradient) {
    for (Eigen::Index k = 0; k < size; ++k) unit[static_cast<Eigen::Index>(moved[static_cast<std::size_t>(k)])] = u[k];
    const double value = acquisition.value(unit, gradient ? &slope : nullptr);
    for (Eigen::Index k = 0; gradient && k < size; ++k) {
      (*gradient)[k] = -slope[static_cast<Eigen::Index>(moved[static_cast<std::size_t>(k)])];
    }
    return -value;
  };
  MinimiseOptions how;
  how.max_evaluations = options.max_evaluations;
  how.value_tolerance = 1e-5;
  how.point_tolerance = 1e-5;
  how.stop = options.stop;
  const Minimum low = minimise(downhill, first, Vector::Zero(size), Vector::Ones(size), how,
                               smooth_constraints(region, start.at, moved));

  // Back to natural coordinates: discrete ones as they were, continuous ones exactly feasible.
  unit = encode_one(space, start.at);
  for (Eigen::Index k = 0; k < size; ++k)
    unit[static_cast<Eigen::Index>(moved[static_cast<std::size_t>(k)])] = low.point[k];
  Point goal = space.decode(std::span(unit.data(), static_cast<std::size_t>(unit.size())));
  for (std::size_t i = 0; i < goal.size(); ++i) {
    if (!space[i].continuous()) goal[i] = start.at[i];
  }
  Found end{region.constrained() ? region.pull(start.at, goal) : goal, 0};
  end.value = region.constrained() ? acquisition.value(encode_one(space, end.at), nullptr) : -low.value;
  return end.value > start.value ? end : start;
}

/// The numbers to try for a discrete parameter that stands at `now`.
std::vector<double> other_values(const Parameter& parameter, double now) {
  std::vector<double> out;
  if (const auto* levels = std::get_if<Levels>(&parameter.kind)) {
    const auto& values = levels->values;
    if (values.size() <= kManyValues) {
      out = values;
    } else {
      const auto at = std::lower_bound(values.begin(), values.end(), now) - values.begin();
      for (long step : {-64L, -16L, -4L, -2L, -1L, 1L, 2L, 4L, 16L, 64L}) {
        const long to = at + step;
        if (to >= 0 && to < static_cast<long>(values.size())) out.push_back(values[static_cast<std::size_t>(to)]);
      }
    }
  } else if (parameter.cardinality() <= kManyValues || parameter.categorical()) {
    for (double v = parameter.low(); v <= parameter.high(); v += 1) out.push_back(v);
  } else {
    const double range = parameter.high() - parameter.low();
    for (double step = 1; step <= range; step *= 3) {
      if (now - step >= parameter.low()) out.push_back(now - step);
      if (now + step <= parameter.high()) out.push_back(now + step);
    }
  }
  out.erase(std::remove(out.begin(), out.end(), now), out.end());
  return out;
}

/// All feasible points that differ from `at` in one discrete coordinate, or in two that share an equality.
std::vector<Point> neighbours(const Region& region, const Point& at) {
  const Space& space = region.space();
  std::vector<Point> out;
  const auto take = [&](Point point) {
    if (!region.constrained() || space.feasible(point) || region.repair(point)) out.push_back(std::move(point));
  };
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (space[i].continuous()) continue;
    for (const double value : other_values(space[i], at[i])) {
      Point point = at;
      point[i] = value;
      take(std::move(point));
    }
  }
  for (const LinearConstraint& constraint : space.constraints()) {
    if (constraint.sense != LinearConstraint::Sense::kEqual) continue;
    for (const auto& [i, a] : constraint.terms) {
      if (space[i].continuous()) continue;
      for (const auto& [k, b] : constraint.terms) {
        if (k == i || space[k].continuous() || a == 0 || b == 0) continue;
        for (const double value : other_values(space[i], at[i])) {
          Point point = at;
          point[i] = value;
          const double wanted = at[k] - a * (value - at[i]) / b;  // keeps the equality
          point[k] = space[k].nearest(wanted);
          if (std::abs(point[k] - wanted) <= 1e-9 * std::max(1.0, std::abs(wanted)) && space.feasible(point)) {
            out.push_back(std::move(point));
          }
        }
      }
    }
  }
  return out;
}

}  // namespace

Found climb(const Region& region, const Acquisition& acquisition, Found start, const SearchOptions& options) {
  const Space& space = region.space();
  const bool discrete = region.continuous().size() < space.size();
  Found best = std::move(start);
  for (int round = 0; round < kRounds; ++round) {
    const double before = best.value;
    best = climb_continuous(region, acquisition, best, options);
    if (!discrete || (options.stop && options.stop())) break;
    const std::vector<Point> around = neighbours(region, best.at);
    if (!around.empty()) {
      Eigen::Index top = 0;
      const double value = acquisition.values(encode(space, around)).maxCoeff(&top);
      if (value > best.value + kImprovement) best = {around[static_cast<std::size_t>(top)], value};
    }
    if (!(best.value > before + kImprovement)) break;
  }
  return best;
}

}  // namespace athanor
