// How much of the objectives' space a set of outcomes dominates.
#pragma once

#include <vector>

namespace athanor::bench {

/// The volume of all that some row of `points` is at least as good as and `reference` at most as good, every objective
/// to be minimised. Exact; meant for two to four objectives and some hundred points.
/// Method: hypervolume by slicing objectives (While et al. 2006, "A faster algorithm for calculating hypervolume").
double hypervolume(std::vector<std::vector<double>> points, const std::vector<double>& reference);

}  // namespace athanor::bench
