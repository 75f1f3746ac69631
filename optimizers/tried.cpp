#include "optimizers/tried.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace athanor {
namespace {

constexpr double kRounding = 1e-6;  // of a resolution
constexpr double kSame = 1e-9;      // of an encoded range
constexpr double kAlike = 1e-4;     // the same between continuous values that may be any number

}  // namespace

Tried::Measure Tried::measure(const Parameter& parameter, bool finite) {
  const double reach = parameter.resolution * (1 - kRounding);
  if (std::holds_alternative<Integer>(parameter.kind))
    return {true, std::max(0.5, reach), std::max(1.0, std::ceil(reach))};
  if (reach > 0) return {true, reach, parameter.resolution};
  const double same = finite || !parameter.continuous() ? kSame : kAlike;
  return {false, same, same * (1 + kRounding)};
}

Tried::Tried(const Space& space) : space_(space) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& p = space[i];
    measures_.push_back(measure(p, space.finite()));
    const auto& [natural, reach, step] = measures_.back();
    coarse_ = coarse_ || p.resolution > 0;
    // About the share of the points to be expected within reach of one of them.
    const double within = 2 * reach / (natural ? p.width() : 1);
    const double share = p.continuous() ? within : std::max(within, 1 / static_cast<double>(p.cardinality()));
    if (share < least) {
      least = share;
      key_ = i;
    }
  }
}

std::vector<double> Tried::measured(const Point& point) const {
  std::vector<double> at = space_.encode(point);
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (measures_[i].natural) at[i] = space_[i].continuous() ? point[i] : space_[i].nearest(point[i]);
  }
  return at;
}

void Tried::add(const Point& point) {
  const std::vector<double> at = measured(point);
  const std::size_t index = order_.size();
  rows_.insert(rows_.end(), at.begin(), at.end());
  const auto place = std::upper_bound(order_.begin(), order_.end(), at[key_],
                                      [&](double value, std::size_t other) { return value < row(other)[key_]; });
  order_.insert(place, index);
}

template <class Visit>
void Tried::visit_near(const std::vector<double>& at, std::size_t skipped, const Visit& visit) const {
  auto first = order_.begin();
  const double reach = measures_[key_].reach;
  if (skipped != key_) {
    first = std::lower_bound(order_.begin(), order_.end(), at[key_] - reach,
                             [&](std::size_t other, double value) { return row(other)[key_] < value; });
  }
  for (; first != order_.end(); ++first) {
    const double* const other = row(*first);
    if (skipped != key_ && other[key_] > at[key_] + reach) return;
    bool near = true;
    for (std::size_t i = 0; near && i < at.size(); ++i) {
      near = i == skipped || std::abs(at[i] - other[i]) <= measures_[i].reach;
    }
    if (near && !visit(other)) return;
  }
}

bool Tried::near(const Point& point) const {
  bool found = false;
  visit_near(measured(point), space_.size(), [&](const double*) {
    found = true;
    return false;
  });
  return found;
}

std::optional<double> Tried::next_free(const Point& point, std::size_t i, bool up) const {
  const double sign = up ? 1 : -1;
  std::vector<double> at = measured(point), blocked;
  visit_near(at, i, [&](const double* other) {
    blocked.push_back(other[i]);
    return true;
  });
  // Each of them shuts out an interval; step from one to the next until one's end is free.
  std::sort(blocked.begin(), blocked.end(), [&](double a, double b) { return sign * a < sign * b; });
  const Parameter& p = space_[i];
  for (const double value : blocked) {
    if (std::abs(at[i] - value) <= measures_[i].reach) at[i] = value + sign * measures_[i].step;
  }
  Point moved = point;
  if (measures_[i].natural) {
    moved[i] = at[i];
  } else {
    at[i] = std::clamp(at[i], 0.0, 1.0);
    std::vector<double> unit = space_.encode(point);
    unit[i] = at[i];
    moved[i] = space_.decode(unit)[i];
  }
  if (moved[i] < p.low() || moved[i] > p.high() || near(moved)) return std::nullopt;
  return moved[i];
}

}  // namespace athanor
