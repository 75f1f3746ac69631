#include "optimizers/ways_out.h"

#include <algorithm>
#include <cmath>

#include "optimizers/design.h"

namespace athanor {
namespace {

constexpr std::size_t kMostChoices = 64;  // of one parameter, tried one by one
constexpr double kStretch[] = {1, 1.5, 2, 4, 8};

/// Numbers to which parameter `i` alone can be changed.
std::vector<double> changes(const Space& space, const Tried& tried, const Point& point, std::size_t i) {
  std::vector<double> out;
  const auto take_if_free = [&](double value) {
    Point moved = point;
    moved[i] = value;
    if (!tried.near(moved)) out.push_back(value);
  };
  if (const auto* choices = std::get_if<Choices>(&space[i].kind)) {
    for (std::size_t k = 0; k < std::min(kMostChoices, choices->names.size()); ++k) {
      if (static_cast<double>(k) != point[i]) take_if_free(static_cast<double>(k));
    }
  } else if (const auto* levels = std::get_if<Levels>(&space[i].kind)) {
    const auto& values = levels->values;
    const auto at = static_cast<std::size_t>(std::lower_bound(values.begin(), values.end(), point[i]) - values.begin());
    if (at > 0) take_if_free(values[at - 1]);
    if (at + 1 < values.size()) take_if_free(values[at + 1]);
  } else {
    for (const bool up : {false, true}) {
      if (const auto value = tried.next_free(point, i, up)) out.push_back(*value);
    }
  }
  return out;
}

}  // namespace

std::vector<Point> ways_out(const Region& region, const Tried& tried, const Point& point) {
  const Space& space = region.space();
  std::vector<Point> out;
  for (std::size_t i = 0; i < space.size(); ++i) {
    for (const double value : changes(space, tried, point, i)) {
      Point moved = point;
      moved[i] = value;
      if (space.feasible(moved)) {
        out.push_back(std::move(moved));
        continue;
      }
      if (!space[i].continuous()) {
        if (region.repair(moved) && !tried.near(moved)) out.push_back(std::move(moved));
        continue;
      }
      // An equality turns the step aside and shortens it: stretch it until it is long enough.
      for (const double stretch : kStretch) {
        moved = point;
        moved[i] += stretch * (value - point[i]);
        moved = region.pull(point, moved);
        if (tried.near(moved)) continue;
        out.push_back(std::move(moved));
        break;
      }
    }
  }
  return out;
}

std::optional<Found> best_way_out(const Region& region, const Acquisition& acquisition, const Tried& tried,
                                  const Point& point) {
  std::vector<Point> ways = ways_out(region, tried, point);
  if (ways.empty()) return std::nullopt;
  Eigen::Index best = 0;
  const Vector values = acquisition.values(encode(region.space(), ways));
  const double value = values.unaryExpr([](double v) { return std::isnan(v) ? -1e300 : v; }).maxCoeff(&best);
  return Found{std::move(ways[static_cast<std::size_t>(best)]), value};
}

}  // namespace athanor
