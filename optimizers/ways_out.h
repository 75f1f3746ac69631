// From a point that was tried, or is too near to one that was, to those beside it that may be suggested.
#pragma once

#include <optional>
#include <vector>

#include "optimizers/search.h"

namespace athanor {

/// Feasible points around a feasible `point`, none near to a tried one: one parameter each is changed as little as that
/// takes, up and down (a choice to each other one), and where the parameter takes part in an equality, the others of it
/// make up for it. May be empty.
std::vector<Point> ways_out(const Region& region, const Tried& tried, const Point& point);

/// The one with the largest acquisition.
std::optional<Found> best_way_out(const Region& region, const Acquisition& acquisition, const Tried& tried,
                                  const Point& point);

}  // namespace athanor
