// Space-filling designs: what to try while there is no model to ask.
#pragma once

#include <functional>

#include "optimizers/region.h"
#include "optimizers/tried.h"

namespace athanor {

/// Up to `count` feasible points that fill the space evenly and keep away from `taken` (points tried or under way).
/// Fewer only where a finite space has no more; none is near to a taken one or to another. Method: scrambled Sobol
/// points where nothing stands in their way; otherwise candidates (Sobol points that are feasible, draws from the
/// constrained region, rows of the pool) chosen one by one for the smallest energy distance to all candidates, as in
/// Mak & Joseph 2018, "Support points". Once `stop` says true no more draws than are needed are made of a constrained
/// region.
std::vector<Point> space_filling(const Region& region, const std::vector<Point>& taken, std::size_t count,
                                 RandomStream& random, const std::function<bool()>& stop = {});

/// Whether a space without a pool has so few points that they are gone through one by one.
bool enumerable(const Space& space);
/// All feasible points of such a space, in order.
std::vector<Point> enumerate(const Space& space);
/// Row `row` of the space's pool.
Point pool_row(const Space& space, std::size_t row);
/// Points to rows of the unit cube.
Matrix encode(const Space& space, const std::vector<Point>& points);
/// How the surrogates are to compare the space's columns.
std::vector<Column> columns(const Space& space);

}  // namespace athanor
