// From observations to surrogates: one an objective, one of success.
#pragma once

#include <memory>

#include "core/problem.h"
#include "optimizers/acquisition.h"
#include "surrogates/exact_gp.h"

namespace athanor {

/// throws InputError for an observation of another width, a number that is not finite, a value outside its parameter's
/// range or not one of its values, a constraint violated by more than 1 % of its size, or a measurement that is not
/// finite.
void check_observations(const Problem& problem, const std::vector<Observation>& observations);
/// The same for one point; `what` names it in the message: "pending point 2".
void check_point(const Space& space, const Point& point, const std::string& what);

/// What objective `index` was measured to be, over the observations that measured it. Noise is NaN where none was
/// stated.
TrainingData training_data(const Problem& problem, const std::vector<Observation>& observations, std::size_t index);

/// The planner's defaults; docs/planner.md tells how they were chosen.
GpOptions gp_defaults();

/// 1 where an experiment gave a measurement, 0 where it failed; none (null) where none failed.
std::shared_ptr<const Surrogate> success_model(const Problem& problem, const std::vector<Observation>& observations,
                                               const GpOptions& options);

/// What is better, for a surrogate of the objective with this standardisation.
Aim standardised_aim(const Objective& objective, double location, double scale);

}  // namespace athanor
