#include "optimizers/region.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/feasible_point.h"

namespace athanor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kTries = 200;
constexpr int kFirstTries = 40;  // to see whether one draw after another meets the constraints
constexpr std::size_t kMostNodes = 5'000, kMostPatient = 500'000;  // of a search for a feasible point
constexpr int kProjections = 400;

/// Uniform in [low, high] of a continuous parameter's encoding.
double draw(const Continuous& range, double low, double high, RandomStream& random) {
  if (!(high > low)) return low;
  if (!range.log) return std::clamp(low + (high - low) * random.uniform(), low, high);
  return std::clamp(low * std::pow(high / low, random.uniform()), low, high);
}

}  // namespace

Region::Region(const Space& space) : space_(space), touching_(space.size()) {
  const auto& constraints = space.constraints();
  for (std::size_t c = 0; c < constraints.size(); ++c) {
    for (const auto& term : constraints[c].terms) {
      if (term.coefficient != 0) touching_[term.parameter].push_back(c);
    }
    for (const auto& condition : constraints[c].when) touching_[condition.parameter].push_back(c);
  }
  std::vector<const LinearConstraint*> equalities;
  for (const LinearConstraint& constraint : constraints) {
    if (constraint.sense == LinearConstraint::Sense::kEqual) equalities.push_back(&constraint);
  }
  for (std::size_t i = 0; i < space.size(); ++i) {
    if (!space[i].continuous()) continue;
    continuous_.push_back(i);
    const auto is_equality = [&](std::size_t c) { return constraints[c].sense == LinearConstraint::Sense::kEqual; };
    if (std::any_of(touching_[i].begin(), touching_[i].end(), is_equality)) equal_.push_back(i);
  }
  scarce_ = constrained() && !drawn_easily();
  if (equal_.empty()) return;
  Matrix rows = Matrix::Zero(static_cast<Eigen::Index>(equalities.size()), static_cast<Eigen::Index>(equal_.size()));
  for (Eigen::Index r = 0; r < rows.rows(); ++r) {
    for (const auto& term : equalities[static_cast<std::size_t>(r)]->terms) {
      const auto at = std::find(equal_.begin(), equal_.end(), term.parameter);
      if (at != equal_.end()) rows(r, at - equal_.begin()) += term.coefficient * space[term.parameter].width();
    }
    const double norm = rows.row(r).norm();
    if (norm > 0) rows.row(r) /= norm;
  }
  const Eigen::JacobiSVD<Matrix> svd(rows, Eigen::ComputeFullV);
  Eigen::Index rank = 0;
  for (Eigen::Index i = 0; i < svd.singularValues().size(); ++i) rank += svd.singularValues()[i] > 1e-10 ? 1 : 0;
  basis_ = svd.matrixV().rightCols(rows.cols() - rank);
}

bool Region::drawn_easily() const {
  RandomStream random(0, "region");
  for (int attempt = 0; attempt < kFirstTries; ++attempt) {
    std::optional<Point> point = propagate(random);
    if (point && (space_.feasible(*point) || repair(*point))) return true;
  }
  return false;
}

namespace {

/// Whether it applies whatever the choices that are still open.
bool applies(const LinearConstraint& constraint, const Point& low, const Point& high) {
  const auto settled = [&](const auto& condition) { return low[condition.parameter] == high[condition.parameter]; };
  return std::all_of(constraint.when.begin(), constraint.when.end(), settled) && constraint.applies(low);
}

}  // namespace

std::pair<double, double> Region::interval(std::size_t i, const Point& low, const Point& high) const {
  double from = low[i], to = high[i];
  for (const std::size_t c : touching_[i]) {
    const LinearConstraint& constraint = space_.constraints()[c];
    if (!applies(constraint, low, high)) continue;
    double own = 0, least = 0, most = 0;
    for (const auto& [k, a] : constraint.terms) {
      if (k == i) {
        own += a;
      } else {
        least += std::min(a * low[k], a * high[k]);
        most += std::max(a * low[k], a * high[k]);
      }
    }
    if (own == 0) continue;
    const double at_most = constraint.sense == LinearConstraint::Sense::kAtLeast ? kInfinity : constraint.bound - least;
    const double at_least = constraint.sense == LinearConstraint::Sense::kAtMost ? -kInfinity : constraint.bound - most;
    from = std::max(from, (own > 0 ? at_least : at_most) / own);
    to = std::min(to, (own > 0 ? at_most : at_least) / own);
  }
  return {from, to};
}

std::vector<double> Region::choices_left(std::size_t i, Point low, Point high) const {
  std::vector<double> out;
  for (double choice = space_[i].low(); choice <= space_[i].high(); ++choice) {
    low[i] = high[i] = choice;
    const auto forbids = [&](std::size_t c) {
      const LinearConstraint& constraint = space_.constraints()[c];
      return constraint.terms.empty() && applies(constraint, low, high);
    };
    if (std::none_of(touching_[i].begin(), touching_[i].end(), forbids)) out.push_back(choice);
  }
  return out;
}

std::optional<Point> Region::propagate(RandomStream& random) const {
  Point low(space_.size()), high(space_.size());
  for (std::size_t i = 0; i < space_.size(); ++i) {
    low[i] = space_[i].low();
    high[i] = space_[i].high();
  }
  // Choices first, for constraints depend on them; then what else is discrete, for a continuous one can take any value
  // that is left; each kind in random order.
  std::vector<std::size_t> order(space_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return !space_[i].continuous(); });
  std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return space_[i].categorical(); });
  for (const std::size_t i : order) {
    auto [from, to] = interval(i, low, high);
    const double slack = 1e-12 * std::max(space_[i].width(), std::abs(space_[i].high()));
    if (from > to + slack) return std::nullopt;
    if (from > to) from = to = std::clamp(0.5 * (from + to), low[i], high[i]);
    double value = 0;
    if (const auto* range = std::get_if<Continuous>(&space_[i].kind)) {
      value = draw(*range, from, to, random);
    } else if (const auto* levels = std::get_if<Levels>(&space_[i].kind)) {
      std::vector<double> legal;
      for (const double v : levels->values) {
        if (v >= from - slack && v <= to + slack) legal.push_back(v);
      }
      if (legal.empty()) return std::nullopt;
      value = legal[random.below(legal.size())];
    } else {
      const double first = std::ceil(from - slack), last = std::floor(to + slack);
      if (first > last) return std::nullopt;
      if (space_[i].categorical()) {
        const auto left = choices_left(i, low, high);
        if (left.empty()) return std::nullopt;
        low[i] = high[i] = left[random.below(left.size())];
        continue;
      }
      value = first + static_cast<double>(random.below(static_cast<std::uint64_t>(last - first) + 1));
    }
    low[i] = high[i] = value;
  }
  return low;
}

std::pair<double, double> Region::reach(const Point& point, const Point& direction) const {
  double back = -kInfinity, forth = kInfinity;
  // slope · t ≤ room
  const auto limit = [&](double slope, double room, double size) {
    if (std::abs(slope) <= 1e-13 * size) return;
    const double t = std::max(room, 0.0) / slope;
    if (slope > 0) {
      forth = std::min(forth, t);
    } else {
      back = std::max(back, t);
    }
  };
  for (std::size_t i = 0; i < point.size(); ++i) {
    if (direction[i] == 0) continue;
    limit(direction[i], space_[i].high() - point[i], 0);
    limit(-direction[i], point[i] - space_[i].low(), 0);
  }
  for (const LinearConstraint& constraint : space_.constraints()) {
    if (constraint.sense == LinearConstraint::Sense::kEqual || !constraint.applies(point)) continue;
    double slope = 0, value = 0, size = 0;
    for (const auto& [k, a] : constraint.terms) {
      slope += a * direction[k];
      size += std::abs(a * direction[k]);
      value += a * point[k];
    }
    const double sign = constraint.sense == LinearConstraint::Sense::kAtMost ? 1 : -1;
    limit(sign * slope, sign * (constraint.bound - value), size);
  }
  return {std::min(back, 0.0), std::max(forth, 0.0)};
}

void Region::walk(Point& point, std::size_t steps, RandomStream& random) const {
  std::vector<std::size_t> single;  // moved one at a time, by the encoding
  for (const std::size_t i : continuous_) {
    if (std::find(equal_.begin(), equal_.end(), i) == equal_.end()) single.push_back(i);
  }
  Point direction(space_.size(), 0);
  for (std::size_t step = 0; step < steps; ++step) {
    for (const std::size_t i : single) {
      Point low = point, high = point;
      low[i] = space_[i].low();
      high[i] = space_[i].high();
      const auto [a, b] = interval(i, low, high);
      if (b > a) point[i] = draw(std::get<Continuous>(space_[i].kind), a, b, random);
    }
    if (basis_.cols() == 0) continue;
    Vector mix(basis_.cols());
    for (double& m : mix) m = random.normal();
    const Vector shares = basis_ * mix;
    std::fill(direction.begin(), direction.end(), 0.0);
    for (std::size_t k = 0; k < equal_.size(); ++k) {
      direction[equal_[k]] = shares[static_cast<Eigen::Index>(k)] * space_[equal_[k]].width();
    }
    const auto [back, forth] = reach(point, direction);
    if (!std::isfinite(back) || !std::isfinite(forth)) continue;
    const double t = random.uniform(back, forth);
    for (const std::size_t i : equal_) {
      point[i] = std::clamp(point[i] + t * direction[i], space_[i].low(), space_[i].high());
    }
  }
}

std::optional<Point> Region::sample(RandomStream& random) const {
  return sample(random, kMostNodes);
}

std::optional<Point> Region::sample_patiently(RandomStream& random) const {
  return sample(random, kMostPatient);
}

std::optional<Point> Region::sample(RandomStream& random, std::size_t most_nodes) const {
  if (!constrained()) return propagate(random);
  const auto forget = [&](Point point) {
    const Point start = point;
    walk(point, 4 * (continuous_.size() + 1), random);
    // A walk along equalities drifts by rounding; where it drifted too far, the start will do.
    return space_.feasible(point) || repair(point) ? point : start;
  };
  for (int attempt = 0; attempt < (scarce_ ? 1 : kTries); ++attempt) {
    std::optional<Point> point = propagate(random);
    if (point && (space_.feasible(*point) || repair(*point))) return forget(std::move(*point));
  }
  const auto sought = feasible_point(space_.parameters(), space_.constraints(), std::nullopt, &random, most_nodes);
  if (sought.point) {
    Point point = *sought.point;
    if (space_.feasible(point) || repair(point)) return forget(std::move(point));
  }
  return std::nullopt;
}

bool Region::repair(Point& point) const {
  for (std::size_t i = 0; i < point.size(); ++i) {
    point[i] =
        space_[i].continuous() ? std::clamp(point[i], space_[i].low(), space_[i].high()) : space_[i].nearest(point[i]);
  }
  if (!constrained()) return true;
  for (int round = 0; round < kProjections; ++round) {
    bool satisfied = true;
    for (const LinearConstraint& constraint : space_.constraints()) {
      if (!constraint.applies(point)) continue;
      double value = -constraint.bound, norm = 0, terms = std::abs(constraint.bound), largest = 0;
      for (const auto& [k, a] : constraint.terms) {
        value += a * point[k];
        terms += std::abs(a * point[k]);
        largest += std::abs(a) * std::max(std::abs(space_[k].low()), std::abs(space_[k].high()));
        if (space_[k].continuous()) norm += a * a * space_[k].width() * space_[k].width();
      }
      if ((constraint.sense == LinearConstraint::Sense::kAtMost && value <= 0) ||
          (constraint.sense == LinearConstraint::Sense::kAtLeast && value >= 0)) {
        continue;
      }
      if (std::abs(value) <= 1e-13 * terms + 3e-16 * largest) continue;  // well within what counts as feasible
      satisfied = false;
      if (norm == 0) continue;
      for (const auto& [k, a] : constraint.terms) {
        if (!space_[k].continuous()) continue;
        const double step = value * a * space_[k].width() * space_[k].width() / norm;
        point[k] = std::clamp(point[k] - step, space_[k].low(), space_[k].high());
      }
    }
    if (satisfied) break;
  }
  return space_.feasible(point);
}

void Region::tidy(Point& point) const {
  constexpr double kRounding = 1e-9;  // of a parameter's range
  if (!constrained()) return;
  Point out = point;
  std::vector<bool> at_bound(out.size(), true);
  for (const std::size_t i : continuous_) {
    const double low = space_[i].low(), high = space_[i].high(), near = kRounding * (high - low);
    if (out[i] - low <= near) {
      out[i] = low;
    } else if (high - out[i] <= near) {
      out[i] = high;
    } else {
      at_bound[i] = false;
    }
  }
  std::vector<bool> settled = at_bound;  // may not be changed any more
  for (const LinearConstraint& constraint : space_.constraints()) {
    if (constraint.sense != LinearConstraint::Sense::kEqual) continue;
    const auto room = [&](std::size_t k) { return std::min(out[k] - space_[k].low(), space_[k].high() - out[k]); };
    const LinearConstraint::Term* most = nullptr;
    double others = constraint.bound;
    for (const auto& term : constraint.terms) {
      if (!settled[term.parameter] && term.coefficient != 0 && (!most || room(term.parameter) > room(most->parameter)))
        most = &term;
    }
    if (!most) continue;
    for (const auto& [k, a] : constraint.terms) {
      if (k != most->parameter) others -= a * out[k];
      settled[k] = true;
    }
    double& last = out[most->parameter];
    last = others / most->coefficient;
    for (int round = 0; round < 3; ++round) {  // as whoever adds the terms up in their order finds it
      double sum = 0;
      for (const auto& [k, a] : constraint.terms) sum += a * out[k];
      last += (constraint.bound - sum) / most->coefficient;
    }
  }
  if (space_.feasible(out)) point = std::move(out);
}

Point Region::pull(const Point& anchor, const Point& goal) const {
  Point out = anchor;
  Point direction(space_.size(), 0);
  bool any = false;
  for (const std::size_t i : continuous_) {
    const double bounded = std::clamp(goal[i], space_[i].low(), space_[i].high());
    if (constrained(i)) {
      direction[i] = bounded - anchor[i];
      any = any || direction[i] != 0;
    } else {
      out[i] = bounded;
    }
  }
  if (!any) return out;
  if (!equal_.empty()) {
    Vector shares(static_cast<Eigen::Index>(equal_.size()));
    for (std::size_t k = 0; k < equal_.size(); ++k) {
      const double range = space_[equal_[k]].width();
      shares[static_cast<Eigen::Index>(k)] = range > 0 ? direction[equal_[k]] / range : 0;
    }
    const Vector kept = basis_ * (basis_.transpose() * shares);
    for (std::size_t k = 0; k < equal_.size(); ++k) {
      direction[equal_[k]] = kept[static_cast<Eigen::Index>(k)] * space_[equal_[k]].width();
    }
  }
  const double t = std::min(reach(anchor, direction).second, 1.0);
  for (const std::size_t i : continuous_) {
    if (constrained(i)) out[i] = std::clamp(anchor[i] + t * direction[i], space_[i].low(), space_[i].high());
  }
  return space_.feasible(out) ? out : anchor;
}

}  // namespace athanor
