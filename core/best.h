// Which experiments are the best so far: of those that hold every outcome constraint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/problem.h"

namespace athanor {

/// What one experiment measured: a number a measurand, in the problem's order and units; none where nothing was.
using Outcomes = std::vector<std::optional<double>>;

/// The texts of the outcome constraints that what was measured breaks.
std::vector<std::string> violations(const Problem& problem, const Outcomes& outcomes);

/// Indices of experiments.
struct Best {
  /// Those that no other one beats in every objective, ascending; of a single objective's equals the first alone.
  std::vector<std::size_t> front;
  /// Of the front, the best in the first objective.
  std::optional<std::size_t> first;
  /// While the front is empty: where the outcome constraints are missed by least, in sum, each by a share of how far
  /// its measurand was seen to vary.
  std::optional<std::size_t> nearest;
};

/// Only experiments that measured every objective and hold every outcome constraint can be the best; whatever was not
/// measured holds no constraint.
Best best_of(const Problem& problem, const std::vector<Outcomes>& experiments);

}  // namespace athanor
