#include "optimizers/climb.h"

#include <algorithm>
#include <cmath>

#include "optimizers/design.h"
#include "surrogates/descent.h"

namespace athanor {
namespace {

constexpr int kRounds = 8;                // of continuous and discrete moves in turn
constexpr std::size_t kManyValues = 200;  // of a discrete parameter: beyond that only its neighbours are tried
constexpr double kImprovement = 1e-6;     // of the logarithm; less is not worth another round
constexpr double kFirstStep = 0.1;        // in the unit cube

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
    if (!constraint.applies(point)) continue;
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

MinimiseOptions how_far(const SearchOptions& options) {
  MinimiseOptions how;
  how.max_evaluations = options.max_evaluations;
  how.value_tolerance = 1e-5;
  how.point_tolerance = 1e-5;
  how.stop = options.stop;
  return how;
}

void note_how_far(const Minimum& low, const SearchOptions& options, Found& top) {
  if (low.stopped) top.searched = static_cast<double>(low.evaluations) / options.max_evaluations;
}

/// The continuous parameters that can be moved.
std::vector<std::size_t> movable(const Region& region) {
  std::vector<std::size_t> out;
  for (const std::size_t i : region.continuous()) {
    if (region.space()[i].high() > region.space()[i].low()) out.push_back(i);
  }
  return out;
}

/// Encoded coordinates in natural ones, the discrete ones as they are at `start`.
Point decode_from(const Space& space, const Vector& unit, const Point& start) {
  Point out = space.decode(std::span(unit.data(), static_cast<std::size_t>(unit.size())));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!space[i].continuous()) out[i] = start[i];
  }
  return out;
}

/// Moves the continuous coordinates uphill within the constraints.
Found climb_constrained(const Region& region, const Acquisition& acquisition, const Found& start,
                        const SearchOptions& options) {
  const Space& space = region.space();
  std::vector<Eigen::Index> moved;
  for (const std::size_t i : movable(region)) moved.push_back(static_cast<Eigen::Index>(i));
  const auto size = static_cast<Eigen::Index>(moved.size());
  Vector unit = encode_one(space, start.at), slope;
  const auto downhill = [&](const Vector& u, Vector* gradient) {
    unit(moved) = u;
    const double value = acquisition.value(unit, gradient ? &slope : nullptr);
    if (gradient) *gradient = -slope(moved);
    return -value;
  };
  const std::vector<SmoothConstraint> constraints = smooth_constraints(region, start.at, movable(region));
  const auto equalities =
      std::count_if(constraints.begin(), constraints.end(), [](const SmoothConstraint& c) { return c.equality; });
  if (equalities >= size) return start;  // they leave nothing to move
  const Minimum low =
      minimise(downhill, unit(moved), Vector::Zero(size), Vector::Ones(size), how_far(options), constraints);
  unit(moved) = low.point;
  Found end = start;
  note_how_far(low, options, end);
  end.at = region.pull(start.at, decode_from(space, unit, start.at));
  end.value = acquisition.value(encode_one(space, end.at), nullptr);
  if (end.value > start.value) return end;
  Found same = start;
  same.searched = end.searched;
  return same;
}

/// Moves the continuous coordinates of all `tops` uphill, together.
void climb_together(const Region& region, const Acquisition& acquisition, std::vector<Found*> tops,
                    const SearchOptions& options) {
  const Space& space = region.space();
  const auto size = static_cast<Eigen::Index>(space.size());
  Vector moves = Vector::Zero(size);
  for (const std::size_t i : movable(region)) moves[static_cast<Eigen::Index>(i)] = 1;
  Matrix starts(static_cast<Eigen::Index>(tops.size()), size);
  for (std::size_t k = 0; k < tops.size(); ++k)
    starts.row(static_cast<Eigen::Index>(k)) = encode_one(space, tops[k]->at);
  const auto downhill = [&](const Matrix& points, Matrix& gradients) -> Vector {
    const Vector values = acquisition.evaluate(points, &gradients);
    gradients = gradients * (-moves).asDiagonal();
    return -values;
  };
  const std::vector<Minimum> found =
      descend(downhill, starts, Vector::Zero(size), Vector::Ones(size), kFirstStep, how_far(options));
  for (std::size_t k = 0; k < tops.size(); ++k) {
    const Minimum& low = found[k];
    note_how_far(low, options, *tops[k]);
    if (!(-low.value > tops[k]->value)) continue;
    tops[k]->at = decode_from(space, low.point, tops[k]->at);
    tops[k]->value = -low.value;
  }
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
    const double range = parameter.width();
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

std::vector<Found> climb(const Region& region, const Acquisition& acquisition, std::vector<Found> tops,
                         const SearchOptions& options) {
  const Space& space = region.space();
  const bool discrete = region.continuous().size() < space.size(), continuous = !movable(region).empty();
  const auto stopped = [&] { return options.stop && options.stop(); };
  std::vector<Found*> active;
  for (Found& top : tops) active.push_back(&top);
  for (int round = 0; round < kRounds && !active.empty(); ++round) {
    std::vector<double> before;
    for (const Found* top : active) before.push_back(top->value);
    if (continuous && region.constrained()) {
      for (Found* top : active) *top = climb_constrained(region, acquisition, *top, options);
    } else if (continuous) {
      climb_together(region, acquisition, active, options);
    }
    if (!discrete) break;
    std::vector<Found*> improved;
    for (std::size_t k = 0; k < active.size() && !stopped(); ++k) {
      Found& top = *active[k];
      const std::vector<Point> around = neighbours(region, top.at);
      if (!around.empty()) {
        Eigen::Index best = 0;
        const double value = acquisition.values(encode(space, around)).maxCoeff(&best);
        if (value > top.value + kImprovement) {
          top.at = around[static_cast<std::size_t>(best)];
          top.value = value;
        }
      }
      if (top.value > before[k] + kImprovement) improved.push_back(&top);
    }
    active = std::move(improved);
  }
  return tops;
}

}  // namespace athanor
