#include "optimizers/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "optimizers/climb.h"
#include "optimizers/design.h"
#include "optimizers/scan.h"
#include "optimizers/sobol.h"
#include "optimizers/ways_out.h"

namespace athanor {
namespace {

constexpr int kPatientDraws = 8;
constexpr std::size_t kPushedOut = 32;  // raw points moved to where nothing was tried, if no climb found anything
constexpr Eigen::Index kAtOnce = 8;     // raw points valued between two looks at the clock

/// A feasible point near `centre`: continuous coordinates moved by normal steps of a random size, discrete ones
/// sometimes.
std::optional<Point> perturb(const Region& region, const Point& centre, RandomStream& random) {
  const Space& space = region.space();
  std::vector<double> unit = space.encode(centre);
  const double size = std::pow(10.0, random.uniform(-2.5, -0.5));
  const double share = random.uniform() < 0.5 ? 1 : std::min(1.0, 2.0 / static_cast<double>(space.size()));
  bool discrete_moved = false;
  for (std::size_t i = 0; i < unit.size(); ++i) {
    if (random.uniform() >= share) continue;
    if (space[i].continuous()) {
      unit[i] = std::clamp(unit[i] + size * random.normal(), 0.0, 1.0);
    } else if (random.uniform() < 0.3) {
      const std::size_t values = space[i].cardinality();
      const double step = space[i].categorical()
                              ? random.uniform()
                              : unit[i] + std::max(size, 1.0 / static_cast<double>(values)) * random.normal();
      unit[i] = std::clamp(step, 0.0, 1.0);
      discrete_moved = true;
    }
  }
  Point point = space.decode(unit);
  if (!region.constrained()) return point;
  if (!discrete_moved) {
    Point pulled = region.pull(centre, point);
    if (space.feasible(pulled)) return pulled;
  }
  if (region.repair(point)) return point;
  return std::nullopt;
}

struct RawPoints {
  std::vector<Point> points;
  std::vector<bool> spread;  ///< over the space, and not near what is promising
};

RawPoints raw_points(const Region& region, const std::vector<Point>& promising, RandomStream& random,
                     const SearchOptions& options) {
  const Space& space = region.space();
  std::vector<Point> out;
  if (region.constrained()) {
    // One careful draw is dear next to a step away from it, so fewer are drawn.
    for (std::size_t i = 0; i < options.raw_points / 2; ++i) {
      auto point = region.sample(random);
      if (!point) break;
      out.push_back(std::move(*point));
    }
  } else {
    Sobol sobol(space.size(), random);
    const Matrix unit = sobol.next(options.raw_points);
    for (Eigen::Index i = 0; i < unit.rows(); ++i) {
      const Vector row = unit.row(i);
      out.push_back(space.decode(std::span(row.data(), static_cast<std::size_t>(row.size()))));
    }
  }
  const std::size_t spread = out.size();
  for (std::size_t i = 0; !promising.empty() && i < options.near_points; ++i) {
    if (auto point = perturb(region, promising[i % promising.size()], random)) out.push_back(std::move(*point));
  }
  std::vector<bool> is_spread(out.size(), false);
  std::fill_n(is_spread.begin(), spread, true);
  return {std::move(out), std::move(is_spread)};
}

/// First, last, second, last but one, …
RawPoints alternated(RawPoints raw) {
  RawPoints out;
  const auto move_one = [&](std::size_t i) {
    out.points.push_back(std::move(raw.points[i]));
    out.spread.push_back(raw.spread[i]);
  };
  for (std::size_t low = 0, high = raw.points.size(); low < high;) {
    move_one(low++);
    if (low < high) move_one(--high);
  }
  return out;
}

}  // namespace

std::optional<Found> search(const Region& region, const Acquisition& acquisition, const Tried& tried,
                            const std::vector<Point>& promising, RandomStream& random, const SearchOptions& options) {
  const Space& space = region.space();
  if (auto scan = Scan::over(space, bool(options.stop))) return scan->best(acquisition, tried, options.stop);

  RawPoints drawn = raw_points(region, promising, random, options);
  for (int again = 0; drawn.points.empty() && again < kPatientDraws; ++again) {
    auto point = region.sample_patiently(random);
    if (!point) return std::nullopt;
    if (tried.near(*point)) continue;
    drawn.points.push_back(std::move(*point));
    drawn.spread.push_back(true);
  }
  if (drawn.points.empty()) return std::nullopt;
  // Spread points and those near the best in turn, so that there are some of both whenever time is up.
  if (options.stop) drawn = alternated(std::move(drawn));
  const std::vector<Point>& raw = drawn.points;
  const std::vector<bool>& spread = drawn.spread;
  const Matrix unit_points = encode(space, raw);
  Vector values = Vector::Constant(unit_points.rows(), -std::numeric_limits<double>::max());
  Eigen::Index valued = 0;
  while (valued < values.size() && !(valued > 0 && options.stop && options.stop())) {
    const Eigen::Index count = std::min(options.stop ? kAtOnce : values.size(), values.size() - valued);
    values.segment(valued, count) = acquisition.values(unit_points.middleRows(valued, count));
    valued += count;
  }
  std::vector<std::size_t> order(raw.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto value = [&](std::size_t i) {
    const double v = values[static_cast<Eigen::Index>(i)];
    return std::isnan(v) ? -std::numeric_limits<double>::max() : v;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return value(a) > value(b); });

  // Climb from the best points that are not neighbours of one already climbed from.
  std::optional<Found> best;
  std::vector<Vector> begun;
  std::vector<Found> tops;
  const auto take = [&](const Point& point, double worth) {
    if (best && !(worth > best->value)) return;
    if (!tried.near(point)) {
      best = Found{point, worth};
    } else if (tried.coarse()) {
      const auto beside = best_way_out(region, acquisition, tried, point);
      if (beside && (!best || beside->value > best->value)) best = beside;
    }
  };
  const auto begin_at = [&](std::size_t i) {
    const Vector unit = encode(space, {raw[i]}).row(0);
    const double apart = 0.05 * std::sqrt(static_cast<double>(unit.size()));
    if (std::any_of(begun.begin(), begun.end(), [&](const Vector& other) { return (unit - other).norm() < apart; }))
      return;
    begun.push_back(unit);
    take(raw[i], value(i));
    tops.push_back({raw[i], value(i)});
  };
  for (const std::size_t i : order) {
    if (begun.size() < options.starts) begin_at(i);
  }
  const std::size_t wanted = begun.size() + options.spread_starts;
  for (const std::size_t i : order) {
    if (begun.size() < wanted && spread[i]) begin_at(i);
  }
  tops = climb(region, acquisition, std::move(tops), options);
  double searched = 0;
  for (const Found& top : tops) {
    take(top.at, top.value);
    searched += top.searched / static_cast<double>(tops.size());
  }
  if (best) {
    best->searched = searched;
    Tried seen(space);
    for (const std::size_t i : order) {
      if (best->next.size() == kNext) break;
      if (tried.near(raw[i]) || seen.near(raw[i])) continue;
      seen.add(raw[i]);
      best->next.push_back(raw[i]);
    }
    return best;
  }
  // Every top is a point that was tried: the best raw point that is not, or any other at all.
  for (const std::size_t i : order) {
    if (!tried.near(raw[i])) return Found{raw[i], value(i)};
  }
  for (std::size_t k = 0; k < std::min(kPushedOut, order.size()); ++k) take(raw[order[k]], value(order[k]));
  if (best) return best;
  const std::vector<Point> left = space_filling(region, {}, tried.size() + 8, random);
  for (const Point& point : left) {
    if (!tried.near(point)) return Found{point, acquisition.value(encode(space, {point}).row(0), nullptr)};
    if (!tried.coarse()) continue;
    if (auto beside = best_way_out(region, acquisition, tried, point)) return beside;
  }
  return std::nullopt;
}

}  // namespace athanor
