// Minimisation of a smooth function within bounds, and under smooth constraints.
#pragma once

#include <Eigen/Dense>
#include <functional>
#include <vector>

namespace athanor {

/// The value at `x`; fills `gradient` (same size) where it is not null.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd* gradient)>;

struct MinimiseOptions {
  int max_evaluations = 200;
  double value_tolerance = 1e-8;  ///< stops when a step changes the value by less, relatively
  double point_tolerance = 1e-8;  ///< stops when a step changes every coordinate by less, relatively
  std::function<bool()> stop;  ///< asked before each evaluation; the best point so far is the answer once it says true
};

/// `function` ≤ 0, or = 0 for an equality, to within 1e-9.
struct SmoothConstraint {
  SmoothFunction function;
  bool equality = false;
};

struct Minimum {
  Eigen::VectorXd point;
  double value = 0;
  int evaluations = 0;
  bool stopped = false;  ///< by options.stop, before it came to its end
};

/// A local minimum within low ≤ x ≤ high, from `start` (moved into the bounds). Never worse than the start, whatever
/// happens on the way: rounding, a function that gives NaN far out (read as +∞), or the evaluations running out.
/// Method: limited-memory BFGS (Nocedal 1980; Lukšan's code in NLopt); with constraints, sequential quadratic
/// programming (Kraft 1994, in NLopt), whose answer is the best point that violated no constraint by more than 1e-9,
/// else the start.
Minimum minimise(const SmoothFunction& function, const Eigen::VectorXd& start, const Eigen::VectorXd& low,
                 const Eigen::VectorXd& high, const MinimiseOptions& options = {},
                 const std::vector<SmoothConstraint>& constraints = {});

}  // namespace athanor
