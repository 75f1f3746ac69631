// How well a model predicts what it was not shown.
#pragma once

#include <optional>

#include "optimizers/models.h"

namespace athanor {

/// Everything is fitted anew without the points that are left out: transform, kernel and hyper-parameters. Up to twenty
/// points are left out one by one, more of them in twenty groups, and more than kMostDrawn in five; replicates of a
/// point together. None where fewer than two points were measured.
std::optional<CrossValidation> cross_validate(const Problem& problem, const std::vector<Observation>& observations,
                                              std::size_t measurand);

/// The same of all measurands at once, each with the regimes that there are without what was left out. One a measurand.
std::vector<std::optional<CrossValidation>> cross_validate_regimes(const Problem& problem,
                                                                   const std::vector<Observation>& observations);

}  // namespace athanor
