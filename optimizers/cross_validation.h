// How well a model predicts what it was not shown.
#pragma once

#include <optional>

#include "optimizers/models.h"

namespace athanor {

/// Everything is fitted anew without the points that are left out: transform, kernel and hyper-parameters. Up to twenty
/// points are left out one by one, more of them in twenty groups, and more than kMostDrawn in five; replicates of a
/// point together. `in_regimes`: the same for the regimes, if there are two without them. None where fewer than two
/// points were measured.
std::optional<CrossValidation> cross_validate(const Problem& problem, const std::vector<Observation>& observations,
                                              std::size_t measurand, bool in_regimes = false);

}  // namespace athanor
