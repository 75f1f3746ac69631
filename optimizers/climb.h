// Climbing an acquisition from several starts at once, discrete coordinates and continuous ones in turn.
#pragma once

#include "optimizers/search.h"

namespace athanor {

/// A local maximum reached from each of the feasible `starts`, feasible too and never worse; where `stop` ended a
/// climb, `searched` is the share of its evaluations that were made. See search() for the method.
std::vector<Found> climb(const Region& region, const Acquisition& acquisition, std::vector<Found> starts,
                         const SearchOptions& options);

}  // namespace athanor
