// Where is an acquisition largest among points that can be counted?
#pragma once

#include "optimizers/search.h"

namespace athanor {

/// Of `count` points given by `point` (called by several threads at once), the feasible one with the largest value that
/// is not near a tried one, exactly: each is bounded, and none is left unvalued whose bound exceeds the best. Memory: 8
/// bytes a point, and a chunk of them a thread. Where `stop` says true in between, the best of what was looked at,
/// which is spread over all.
std::optional<Found> scan(const Space& space, const Acquisition& acquisition, const Tried& tried, std::size_t count,
                          const std::function<Point(std::size_t)>& point, const std::function<bool()>& stop);

}  // namespace athanor
