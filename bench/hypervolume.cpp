#include "bench/hypervolume.h"

#include <algorithm>

namespace athanor::bench {
namespace {

using Points = std::vector<std::vector<double>>;

/// Whether `a` is at least as good as `b` in the first `size` objectives.
bool covers(const std::vector<double>& a, const std::vector<double>& b, std::size_t size) {
  for (std::size_t k = 0; k < size; ++k) {
    if (a[k] > b[k]) return false;
  }
  return true;
}

/// Adds `point` to a `front` of which no point covers another, and keeps it so.
void add_to_front(Points& front, const std::vector<double>& point, std::size_t size) {
  for (const auto& other : front) {
    if (covers(other, point, size)) return;
  }
  std::erase_if(front, [&](const auto& other) { return covers(point, other, size); });
  front.push_back(point);
}

/// In the first `size` objectives; no point is beyond the reference.
double volume(Points points, const std::vector<double>& reference, std::size_t size) {
  const std::size_t last = size - 1;
  std::sort(points.begin(), points.end(), [&](const auto& a, const auto& b) { return a[last] < b[last]; });
  if (size == 1) return points.empty() ? 0 : reference[0] - points[0][0];
  double sum = 0;
  Points front;  // of the points so far, in the objectives before the last
  for (std::size_t i = 0; i < points.size(); ++i) {
    add_to_front(front, points[i], last);
    const double depth = (i + 1 < points.size() ? points[i + 1][last] : reference[last]) - points[i][last];
    if (depth > 0) sum += depth * volume(front, reference, last);
  }
  return sum;
}

}  // namespace

double hypervolume(std::vector<std::vector<double>> points, const std::vector<double>& reference) {
  std::erase_if(points, [&](const auto& point) { return !covers(point, reference, reference.size()); });
  Points front;
  for (const auto& point : points) add_to_front(front, point, reference.size());
  return volume(std::move(front), reference, reference.size());
}

}  // namespace athanor::bench
