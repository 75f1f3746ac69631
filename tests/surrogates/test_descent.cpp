// Goal: every descent finds a minimum of its own, stays within the bounds and never makes things worse. Method:
// functions with known minima, and functions that break.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "surrogates/descent.h"

using namespace athanor;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd rosenbrock(const MatrixXd& x, MatrixXd& gradients) {
  const Eigen::ArrayXd a = x.col(1).array() - x.col(0).array().square(), b = 1 - x.col(0).array();
  gradients.resize(x.rows(), 2);
  gradients.col(0) = -400 * x.col(0).array() * a - 2 * b;
  gradients.col(1) = 200 * a;
  return 100 * a.square() + b.square();
}

}  // namespace

TEST_CASE("from every start the minimum is found, together as alone") {
  const MatrixXd starts{{-1.2, 1}, {0, 0}, {1.9, -1.5}, {1, 1}};
  const VectorXd low = VectorXd::Constant(2, -2), high = VectorXd::Constant(2, 2);
  const std::vector<Minimum> together = descend(rosenbrock, starts, low, high, 0.1);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK((together[i].point - VectorXd::Ones(2)).norm() < 1e-3);
    CHECK_FALSE(together[i].stopped);
    const Minimum alone = descend(rosenbrock, starts.row(static_cast<Eigen::Index>(i)), low, high, 0.1)[0];
    CHECK(together[i].point == alone.point);
    CHECK(together[i].evaluations == alone.evaluations);
  }
  CHECK(together[3].evaluations == 1);  // there already
}

TEST_CASE("a bound holds, and what has no gradient stays") {
  // To the nearest point of [0, 1]³ to (3, 0.5, …), with a valley along the diagonal that leads out of the box.
  const auto valley = [](const MatrixXd& x, MatrixXd& gradients) -> VectorXd {
    const VectorXd along = x.col(0) + x.col(1) - VectorXd::Constant(x.rows(), 3.5);
    const VectorXd across = x.col(0) - x.col(1) - VectorXd::Constant(x.rows(), 0.3);
    gradients.setZero(x.rows(), 3);
    gradients.col(0) = 2 * along + 200 * across;
    gradients.col(1) = 2 * along - 200 * across;
    return along.cwiseAbs2() + 100 * across.cwiseAbs2();
  };
  const MatrixXd starts{{0.1, 0.9, 0.25}, {1, 1, 0.5}, {0, 0, 1}};
  const std::vector<Minimum> found = descend(valley, starts, VectorXd::Zero(3), VectorXd::Ones(3), 0.1);
  for (std::size_t i = 0; i < 3; ++i) {
    // At x₀ = 1: 2 (x₁ − 2.5) − 200 (0.7 − x₁) = 0.
    CHECK(found[i].point[0] == 1);
    CHECK(found[i].point[1] == Approx(145.0 / 202).epsilon(1e-4));
    CHECK(found[i].point[2] == starts(static_cast<Eigen::Index>(i), 2));
  }
}

TEST_CASE("functions that break do no harm") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // −ln x, which is NaN below 0 and −∞ nowhere within; and no number at all.
  const auto logarithm = [nan](const MatrixXd& x, MatrixXd& gradients) -> VectorXd {
    gradients = x.unaryExpr([nan](double v) { return v > 0 ? 1 - 0.1 / v : nan; });
    return x.col(0).unaryExpr([nan](double v) { return v > 0 ? v - 0.1 * std::log(v) : nan; });
  };
  const MatrixXd starts{{0.9}, {0.01}, {-0.5}};
  const std::vector<Minimum> found =
      descend(logarithm, starts, VectorXd::Constant(1, -1), VectorXd::Constant(1, 1), 0.5);
  CHECK(found[0].point[0] == Approx(0.1).epsilon(1e-3));
  CHECK(found[1].point[0] == Approx(0.1).epsilon(1e-3));
  CHECK(found[2].point[0] == -0.5);
  CHECK(std::isnan(found[2].value));
}

TEST_CASE("a stop leaves the best so far") {
  int asked = 0;
  MinimiseOptions options;
  options.stop = [&] { return ++asked > 3; };
  const MatrixXd start{{-1.2, 1}};
  const VectorXd low = VectorXd::Constant(2, -2), high = VectorXd::Constant(2, 2);
  const Minimum found = descend(rosenbrock, start, low, high, 0.1, options)[0];
  CHECK(found.stopped);
  CHECK(found.evaluations == 4);  // the first is made in any case
  MatrixXd gradients;
  CHECK(found.value < rosenbrock(start, gradients)[0]);
  options.stop = nullptr;
  options.max_evaluations = 7;
  CHECK(descend(rosenbrock, start, low, high, 0.1, options)[0].evaluations == 7);
}
