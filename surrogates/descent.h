// Minimisation of one smooth function from many starts at once, so that each evaluation is of many points together.
#pragma once

#include "surrogates/minimise.h"

namespace athanor {

/// The values (q) at the rows of `points` (q × d); fills `gradients` (q × d).
using SmoothFunctions = std::function<Eigen::VectorXd(const Eigen::MatrixXd& points, Eigen::MatrixXd& gradients)>;

/// A local minimum within low ≤ x ≤ high from each row of `starts` (moved into the bounds), never worse than the start.
/// All descents take their steps together; one that has converged is not evaluated any more. A coordinate in which the
/// gradient is zero stays as it is. `first_step` is the length of the first step of each.
/// Method: limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4) in the coordinates that are not held by a bound,
/// each step projected onto the bounds and shortened until the value falls enough (Armijo; Bertsekas 1982, "Projected
/// Newton methods for optimization problems with simple constraints").
std::vector<Minimum> descend(const SmoothFunctions& function, const Eigen::MatrixXd& starts, const Eigen::VectorXd& low,
                             const Eigen::VectorXd& high, double first_step, const MinimiseOptions& options = {});

}  // namespace athanor
