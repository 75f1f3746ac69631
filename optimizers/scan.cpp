#include "optimizers/scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "optimizers/design.h"

namespace athanor {
namespace {

constexpr std::size_t kChunk = 4096;      // points at a time
constexpr std::size_t kFirstValued = 32;  // of the best bounds; then twice as many, and so on
// Where a clock runs: one value of a large hypervolume may take milliseconds.
constexpr std::size_t kHurriedChunk = 64, kHurriedFirst = 4;
constexpr std::size_t kPart = 256;  // of those, valued at once by one thread
constexpr unsigned kMostThreads = 4;
constexpr double kNever = -std::numeric_limits<double>::infinity();  // not feasible, or not looked at

double number(double value) {
  return std::isnan(value) ? -std::numeric_limits<double>::max() : value;
}

/// Calls `work(0)` … `work(count − 1)`, from several threads where there is much to do.
template <class Work>
void in_parallel(std::size_t count, const Work& work) {
  const unsigned threads = std::min<unsigned>({kMostThreads, std::max(1u, std::thread::hardware_concurrency()),
                                               static_cast<unsigned>(std::min<std::size_t>(count / 2, kMostThreads))});
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(run);
  run();
}

/// A number near 0.6 of `count` that shares no divisor with it: multiples of it visit everything, spread out.
std::size_t stride(std::size_t count) {
  std::size_t step = std::max<std::size_t>(1, count * 618 / 1000);
  while (std::gcd(step, count) != 1) ++step;
  return step;
}

}  // namespace

std::optional<Scan> Scan::over(const Space& space, bool hurried) {
  if (space.pool()) return Scan(space, space.pool()->rows, hurried, {});
  if (!enumerable(space)) return std::nullopt;
  std::vector<Point> all = enumerate(space);
  const std::size_t count = all.size();
  return Scan(space, count, hurried, std::move(all));
}

Scan::Scan(const Space& space, std::size_t count, bool hurried, std::vector<Point> all)
    : space_(space),
      count_(count),
      chunk_(hurried ? kHurriedChunk : kChunk),
      first_valued_(hurried ? kHurriedFirst : kFirstValued),
      hurried_(hurried),
      all_(std::move(all)),
      bound_(count, kNever),
      looked_((count + chunk_ - 1) / chunk_, Looked::kNot),
      fresh_(looked_.size(), false) {}

Point Scan::point(std::size_t i) const {
  return space_.pool() ? pool_row(space_, i) : all_[i];
}

void Scan::forget() {
  std::fill(bound_.begin(), bound_.end(), kNever);
  std::fill(looked_.begin(), looked_.end(), Looked::kNot);
}

bool Scan::any_free(const Tried& tried) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (bound_[i] != kNever && !tried.near(point(i))) return true;
  }
  return false;
}

/// What was not looked at yet.
void Scan::bound_all(const Acquisition& acquisition, const Tried& tried, const std::function<bool()>& stop) {
  const std::size_t chunks = looked_.size(), step = stride(chunks);
  if (std::all_of(looked_.begin(), looked_.end(), [](Looked each) { return each == Looked::kWhole; })) return;
  std::atomic<bool> stopped{false}, any{!stop || any_free(tried)};
  in_parallel(chunks, [&](std::size_t turn) {
    if (stopped || (any && stop && stop())) {
      stopped = true;
      return;
    }
    const std::size_t which = turn * step % chunks, begin = which * chunk_;
    if (looked_[which] == Looked::kWhole) return;
    std::vector<Point> legal;
    std::vector<std::size_t> rows;
    for (std::size_t i = begin; i < std::min(begin + chunk_, count_); ++i) {
      Point p = point(i);
      if (!space_.feasible(p) || (hurried_ && tried.near(p))) continue;
      legal.push_back(std::move(p));
      rows.push_back(i);
    }
    looked_[which] = Looked::kInPart;
    fresh_[which] = true;
    if (!rows.empty()) any = true;
    const Matrix unit = encode(space_, legal);
    std::size_t done = 0;
    for (std::size_t some = hurried_ ? kHurriedFirst : rows.size(); done < rows.size() && !(done > 0 && stop && stop());
         done += some, some *= 2) {
      some = std::min(some, rows.size() - done);
      const Vector bounds =
          acquisition.bounds(unit.middleRows(static_cast<Eigen::Index>(done), static_cast<Eigen::Index>(some)));
      for (std::size_t k = 0; k < some; ++k) bound_[rows[done + k]] = number(bounds[static_cast<Eigen::Index>(k)]);
    }
    if (done == rows.size()) looked_[which] = Looked::kWhole;
  });
}

std::optional<Found> Scan::best(const Acquisition& acquisition, const Tried& tried, const std::function<bool()>& stop,
                                double may_rise) {
  if (std::isinf(may_rise)) forget();
  std::fill(fresh_.begin(), fresh_.end(), false);
  bound_all(acquisition, tried, stop);

  // By bound, the largest first; ties by row, so that the order does not depend on the sort.
  std::vector<std::uint32_t> order;
  for (std::size_t i = 0; i < count_; ++i) {
    if (bound_[i] != kNever) order.push_back(static_cast<std::uint32_t>(i));
  }
  const auto sooner = [&](std::uint32_t a, std::uint32_t b) {
    return bound_[a] != bound_[b] ? bound_[a] > bound_[b] : a < b;
  };
  std::optional<Found> best;
  std::uint32_t best_row = 0;
  std::vector<std::pair<double, std::uint32_t>> valued;  // negative values
  for (std::size_t begin = 0; begin < order.size();) {
    const std::size_t end = std::min(order.size(), 2 * begin + first_valued_);
    std::nth_element(order.begin() + static_cast<long>(begin), order.begin() + static_cast<long>(end - 1), order.end(),
                     sooner);
    std::vector<Point> points;
    std::vector<std::uint32_t> rows;
    for (std::size_t k = begin; k < end; ++k) {
      if (best && bound_[order[k]] < best->value) continue;
      points.push_back(point(order[k]));
      rows.push_back(order[k]);
    }
    begin = end;
    if (rows.empty()) break;  // and so are all that come later
    const std::size_t parts = (rows.size() + kPart - 1) / kPart;
    Vector values(static_cast<Eigen::Index>(rows.size()));
    in_parallel(parts, [&](std::size_t part) {
      const std::size_t first = part * kPart, last = std::min(first + kPart, rows.size());
      const std::vector<Point> some(points.begin() + static_cast<long>(first),
                                    points.begin() + static_cast<long>(last));
      values.segment(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(last - first)) =
          acquisition.values(encode(space_, some));
    });
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const double value = number(values[static_cast<Eigen::Index>(k)]);
      valued.emplace_back(-value, rows[k]);
      if (best && (value < best->value || (value == best->value && rows[k] > best_row))) continue;
      if (tried.near(points[k])) continue;
      best = Found{points[k], value};
      best_row = rows[k];
    }
    if (best && stop && stop()) break;
  }
  // For the next call. What was valued is known better than by its bound.
  const auto looked = std::count_if(looked_.begin(), looked_.end(), [](Looked each) { return each != Looked::kNot; });
  if (std::isinf(may_rise)) {
    forget();
  } else {
    for (std::size_t i = 0; i < count_; ++i) {
      if (fresh_[i / chunk_]) bound_[i] += may_rise;
    }
    for (const auto& [negative, row] : valued) bound_[row] = std::min(bound_[row], may_rise - negative);
  }
  if (!best) return best;
  best->searched = static_cast<double>(looked) / static_cast<double>(looked_.size());
  const std::size_t next = std::min(kNext + 1, valued.size());
  std::partial_sort(valued.begin(), valued.begin() + static_cast<long>(next), valued.end());
  for (std::size_t k = 0; k < next; ++k) {
    Point p = point(valued[k].second);
    if (valued[k].second != best_row && !tried.near(p)) best->next.push_back(std::move(p));
  }
  return best;
}

}  // namespace athanor
