// Goal: the minimiser finds minima, stays within bounds and constraints, and never makes things worse. Method:
// functions with known minima, and functions that break.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "surrogates/minimise.h"

using namespace athanor;
using Eigen::VectorXd;

namespace {

double rosenbrock(const VectorXd& x, VectorXd* gradient) {
  const double a = x[1] - x[0] * x[0], b = 1 - x[0];
  if (gradient) *gradient = VectorXd{{-400 * x[0] * a - 2 * b, 200 * a}};
  return 100 * a * a + b * b;
}

SmoothFunction squared_distance_to(const VectorXd& target) {
  return [target](const VectorXd& x, VectorXd* gradient) {
    if (gradient) *gradient = 2 * (x - target);
    return (x - target).squaredNorm();
  };
}

}  // namespace

TEST_CASE("a minimum inside the bounds is found, and one on a bound") {
  const Minimum inside = minimise(rosenbrock, VectorXd{{-1.2, 1}}, VectorXd::Constant(2, -2), VectorXd::Constant(2, 2));
  CHECK((inside.point - VectorXd::Ones(2)).norm() < 1e-3);
  const Minimum bound =
      minimise(squared_distance_to(VectorXd{{3, 0.5}}), VectorXd{{0, 0}}, VectorXd::Zero(2), VectorXd::Ones(2));
  CHECK((bound.point - VectorXd{{1, 0.5}}).norm() < 1e-6);
}

TEST_CASE("constraints hold at the minimum") {
  // The point of the simplex nearest to (2, 0.2, 0.1) is a vertex; of the plane without the bounds it would lie
  // outside.
  SmoothConstraint sum{[](const VectorXd& x, VectorXd* gradient) {
                         if (gradient) gradient->setOnes();
                         return x.sum() - 1;
                       },
                       true};
  const Minimum found = minimise(squared_distance_to(VectorXd{{2, 0.2, 0.1}}), VectorXd::Constant(3, 1.0 / 3),
                                 VectorXd::Zero(3), VectorXd::Ones(3), {}, {sum});
  CHECK(std::abs(found.point.sum() - 1) < 1e-8);
  CHECK((found.point - VectorXd{{1, 0, 0}}).norm() < 1e-3);
  SmoothConstraint half{[](const VectorXd& x, VectorXd* gradient) {
                          if (gradient) *gradient = VectorXd{{1, 1}};
                          return x.sum() - 1;
                        },
                        false};
  const Minimum within = minimise(squared_distance_to(VectorXd{{1, 1}}), VectorXd::Zero(2), VectorXd::Zero(2),
                                  VectorXd::Ones(2), {}, {half});
  CHECK((within.point - VectorXd{{0.5, 0.5}}).norm() < 1e-3);
}

TEST_CASE("a function that gives no number far out does no harm") {
  const SmoothFunction brittle = [](const VectorXd& x, VectorXd* gradient) {
    if (gradient) *gradient = 2 * x;
    return x[0] > 0.3 ? std::numeric_limits<double>::quiet_NaN() : x.squaredNorm();
  };
  const Minimum found =
      minimise(brittle, VectorXd::Constant(1, -1), VectorXd::Constant(1, -1), VectorXd::Constant(1, 1));
  CHECK(found.value <= 1);
  CHECK(std::isfinite(found.point[0]));
}

TEST_CASE("a stop is heeded and the best point so far kept") {
  int calls = 0;
  MinimiseOptions options;
  options.stop = [&] { return ++calls > 3; };
  const Minimum found =
      minimise(rosenbrock, VectorXd{{-1.2, 1}}, VectorXd::Constant(2, -2), VectorXd::Constant(2, 2), options);
  CHECK(found.evaluations <= 3);
  CHECK(found.value <= rosenbrock(VectorXd{{-1.2, 1}}, nullptr));
}
