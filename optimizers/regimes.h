// Outcomes of two regimes with nothing between them: a culture that lives or dies, a film that forms or does not.
#pragma once

#include "optimizers/models.h"

namespace athanor {

/// How a set of outcomes falls into two: at most `below` and at least `above` in one of them.
struct Split {
  std::size_t told_by = 0;  ///< column
  double below = 0, above = 0;
  double log_odds = 0;  ///< of two sets of independent normal outcomes against one, the labels paid for
};

/// The most probable way to split the rows of `outcomes` (n × m; NaN where it was not measured) at the widest gap of a
/// column, two rows at least on either side and the column's standard deviation on each less than the gap; none where
/// no column has such a gap.
std::optional<Split> most_probable_split(const Matrix& outcomes);

/// Models of two regimes, where the outcomes are e^15 times more probable with them than with the one of `models`, and
/// which regime an experiment is of is paid for as if its place told nothing; otherwise null. `observations`: those
/// that `models` know. An experiment that did not give the objective which tells the regimes apart is taken to be of
/// that which its place and its other outcomes make more probable. Only where a hypervolume is sought, of objectives
/// whose `transform` is left to the planner, two experiments at least that gave each in either regime.
std::shared_ptr<const Regimes> find_regimes(const Problem& problem, const std::vector<Observation>& observations,
                                            const Models& models, const FitEffort& effort = {},
                                            bool* no_time = nullptr);

}  // namespace athanor
