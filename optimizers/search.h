// Where in the space is an acquisition largest? Exactly where the space is small or a pool, by a many-start search
// elsewhere.
#pragma once

#include <functional>
#include <optional>

#include "optimizers/acquisition.h"
#include "optimizers/region.h"
#include "optimizers/tried.h"

namespace athanor {

struct SearchOptions {
  std::size_t raw_points = 256;   ///< spread over the space before anything is climbed
  std::size_t near_points = 96;   ///< perturbations of the points that seem best
  std::size_t starts = 12;        ///< of the climbs, at the best points
  std::size_t spread_starts = 0;  ///< and more, at the best of those that were spread over the space
  int max_evaluations = 40;       ///< of each continuous climb
  std::function<bool()> stop;     ///< asked between steps; the best point so far is the answer once it says true
};

struct Found {
  Point at;
  double value = 0;              ///< of the acquisition
  double searched = 1;           ///< the share of the work that was done when `stop` said true; 1: all
  std::vector<Point> next = {};  ///< those that came next, best first, none near a tried one; raw points apart
};
constexpr std::size_t kNext = 128;  ///< of these, at most

/// The feasible point with the largest acquisition that is not near a tried one; none where a finite space has no
/// other.
///
/// promising: points whose surroundings are worth a look (the best observed, say), in natural coordinates.
/// Tops may be many and the best far from all that is promising: then `spread_starts` help.
/// A pool is scored in chunks of rows; a small finite space is enumerated. Elsewhere: many raw points, then from the
/// best of them, in turn until nothing improves, a gradient climb of the continuous coordinates (L-BFGS from all starts
/// at once; sequential quadratic programming under constraints, one start after the other, in encoded coordinates, the
/// answer pulled back to exact feasibility) and the best of all changes of one discrete coordinate (of two that share a
/// constraint), the continuous ones repaired. Where parameters have a resolution, a top within it of a tried point is
/// moved out along the parameter that costs least.
std::optional<Found> search(const Region& region, const Acquisition& acquisition, const Tried& tried,
                            const std::vector<Point>& promising, RandomStream& random,
                            const SearchOptions& options = {});

}  // namespace athanor
