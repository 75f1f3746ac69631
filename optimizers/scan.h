// Where is an acquisition largest among points that can be counted: the rows of a pool, or all of a small space?
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "optimizers/search.h"

namespace athanor {

/// Keeps a reference to the space. Memory: 8 bytes a point, and a chunk of them a thread.
class Scan {
 public:
  /// None where the points of `space` cannot be counted. hurried: a clock runs, so that it is looked at more often.
  static std::optional<Scan> over(const Space& space, bool hurried);

  /// The feasible point with the largest value that is not near a tried one, exactly: each is bounded, and none is left
  /// unvalued whose bound exceeds the best. Where `stop` says true in between, the best of what was looked at, which is
  /// spread over all.
  ///
  /// may_rise: what no point is worth more by to this acquisition than to an earlier one. Then bounds of before still
  /// hold, so much higher, and no point is bounded twice: of a batch whose points are worth ever less, only those are
  /// valued again that the best does not surpass (Minoux 1978, "Accelerated greedy algorithms for maximizing submodular
  /// set functions"). Infinite: nothing is known of others, and both this call and the next begin anew.
  std::optional<Found> best(const Acquisition& acquisition, const Tried& tried, const std::function<bool()>& stop = {},
                            double may_rise = HUGE_VAL);

 private:
  enum class Looked : char { kNot, kInPart, kWhole };

  Scan(const Space& space, std::size_t count, bool hurried, std::vector<Point> all);
  Point point(std::size_t i) const;
  void forget();
  bool any_free(const Tried& tried) const;
  void bound_all(const Acquisition& acquisition, const Tried& tried, const std::function<bool()>& stop);

  const Space& space_;
  std::size_t count_, chunk_, first_valued_;
  bool hurried_;
  std::vector<Point> all_;      ///< of a small space; empty: rows of the pool
  std::vector<double> bound_;   ///< count_
  std::vector<Looked> looked_;  ///< one a chunk
  std::vector<char> fresh_;     ///< likewise: whether its bounds are of this call
};

}  // namespace athanor
