#include "surrogates/minimise.h"

#include <cmath>
#include <limits>
#include <nlopt.hpp>

#include "core/check.h"

namespace athanor {
namespace {

constexpr double kConstraintTolerance = 1e-9;
constexpr double kHuge = 1e300;  // stands for +∞, which NLopt's line searches do not survive

struct Watch {
  const SmoothFunction* function;
  const MinimiseOptions* options;
  const std::vector<SmoothConstraint>* constraints;
  Eigen::VectorXd x, gradient;
  Minimum best;
};

bool satisfied(const Watch& watch) {
  for (const SmoothConstraint& constraint : *watch.constraints) {
    const double value = constraint.function(watch.x, nullptr);
    if ((constraint.equality ? std::abs(value) : value) > kConstraintTolerance) return false;
  }
  return true;
}

double evaluate(unsigned size, const double* x, double* gradient, void* data) {
  Watch& watch = *static_cast<Watch*>(data);
  if (watch.options->stop && watch.options->stop()) throw nlopt::forced_stop();
  const auto n = static_cast<Eigen::Index>(size);
  watch.x = Eigen::Map<const Eigen::VectorXd>(x, n);
  double value = (*watch.function)(watch.x, gradient ? &watch.gradient : nullptr);
  ++watch.best.evaluations;
  if (gradient) Eigen::Map<Eigen::VectorXd>(gradient, n) = watch.gradient;
  if (!std::isfinite(value) || (gradient && !watch.gradient.allFinite())) {
    if (gradient) Eigen::Map<Eigen::VectorXd>(gradient, n).setZero();
    return kHuge;
  }
  if (value < watch.best.value && satisfied(watch)) {
    watch.best.value = value;
    watch.best.point = watch.x;
  }
  return value;
}

double evaluate_constraint(unsigned size, const double* x, double* gradient, void* data) {
  const auto& constraint = *static_cast<const SmoothConstraint*>(data);
  const Eigen::VectorXd point = Eigen::Map<const Eigen::VectorXd>(x, static_cast<Eigen::Index>(size));
  Eigen::VectorXd slope(point.size());
  const double value = constraint.function(point, gradient ? &slope : nullptr);
  if (gradient) Eigen::Map<Eigen::VectorXd>(gradient, slope.size()) = slope;
  return value;
}

}  // namespace

Minimum minimise(const SmoothFunction& function, const Eigen::VectorXd& start, const Eigen::VectorXd& low,
                 const Eigen::VectorXd& high, const MinimiseOptions& options,
                 const std::vector<SmoothConstraint>& constraints) {
  ATHANOR_CHECK(start.size() == low.size() && start.size() == high.size(), "bounds of another size than the start");
  const Eigen::VectorXd first = start.cwiseMax(low).cwiseMin(high);
  Watch watch{&function, &options, &constraints, first, Eigen::VectorXd::Zero(first.size()), {}};
  watch.best.point = first;
  watch.best.value = std::numeric_limits<double>::infinity();
  if (first.size() == 0) {
    watch.best.value = function(first, nullptr);
    watch.best.evaluations = 1;
    return watch.best;
  }

  nlopt::opt search(constraints.empty() ? nlopt::LD_LBFGS : nlopt::LD_SLSQP, static_cast<unsigned>(first.size()));
  search.set_lower_bounds(std::vector<double>(low.begin(), low.end()));
  search.set_upper_bounds(std::vector<double>(high.begin(), high.end()));
  search.set_min_objective(evaluate, &watch);
  for (const SmoothConstraint& constraint : constraints) {
    void* data = const_cast<SmoothConstraint*>(&constraint);  // NLopt's C interface; only read
    if (constraint.equality) {
      search.add_equality_constraint(evaluate_constraint, data, kConstraintTolerance);
    } else {
      search.add_inequality_constraint(evaluate_constraint, data, kConstraintTolerance);
    }
  }
  search.set_maxeval(options.max_evaluations);
  search.set_ftol_rel(options.value_tolerance);
  search.set_xtol_rel(options.point_tolerance);
  std::vector<double> x(first.begin(), first.end());
  double value = 0;
  try {
    search.optimize(x, value);
  } catch (const nlopt::roundoff_limited&) {  // as good as it gets; the best point was kept
  } catch (const nlopt::forced_stop&) {
    watch.best.stopped = true;
  } catch (const std::runtime_error&) {  // NLopt's generic failure: a line search that found nothing better
  }
  if (!std::isfinite(watch.best.value)) watch.best.value = function(watch.best.point, nullptr);
  return watch.best;
}

}  // namespace athanor
