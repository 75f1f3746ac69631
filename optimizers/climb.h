// Climbing an acquisition from one start, discrete coordinates and continuous ones in turn.
#pragma once

#include "optimizers/search.h"

namespace athanor {

/// A local maximum reached from a feasible `start`, feasible too and never worse. See search() for the method.
Found climb(const Region& region, const Acquisition& acquisition, Found start, const SearchOptions& options);

}  // namespace athanor
