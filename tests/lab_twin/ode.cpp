// Goal: the integrator is of order 3, keeps its tolerance on stiff and non-autonomous problems, and keeps mass
// balances. Method: closed forms; halved steps; a published reference value.
#include "lab_twin/ode.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>

namespace athanor {
namespace {

// y′ = λ(y − cos t) − sin t, y(0) = 1:  y = cos t for every λ; stiff for a large one. (Prothero & Robinson 1974)
OdeSystem prothero_robinson(double lambda) {
  OdeSystem system;
  system.rates = [=](double t, std::span<const double> y, std::span<double> d) {
    d[0] = lambda * (y[0] - std::cos(t)) - std::sin(t);
  };
  system.slope = [=](double t, std::span<const double>, std::span<double> d) {
    d[0] = lambda * std::sin(t) - std::cos(t);
  };
  system.jacobian = [=](double, std::span<const double>, std::span<double> j) { j[0] = lambda; };
  return system;
}

// y′ = −y³, y(0) = 1:  y = 1/√(1 + 2t). (The method is exact for y′ = −y², which would show nothing.)
OdeSystem third_order_decay() {
  OdeSystem system;
  system.rates = [](double, std::span<const double> y, std::span<double> d) { d[0] = -y[0] * y[0] * y[0]; };
  system.jacobian = [](double, std::span<const double> y, std::span<double> j) { j[0] = -3 * y[0] * y[0]; };
  return system;
}

double error_with_step(const OdeSystem& system, double to, double truth, double step) {
  std::array<double, 1> y = {1};
  integrate(system, 0, to, y, {.relative = 1e30, .absolute = 1e30, .first_step = step, .max_step = step});
  return std::abs(y[0] - truth);
}

TEST_CASE("halving the step divides the error by eight") {
  // At steps small enough for the leading term to rule; 2^3 within 10 %.
  const auto decay = third_order_decay();
  CHECK(error_with_step(decay, 1, 1 / std::sqrt(3.0), 1.0 / 32) /
            error_with_step(decay, 1, 1 / std::sqrt(3.0), 1.0 / 64) ==
        Approx(8).epsilon(0.1));
  const auto forced = prothero_robinson(-1);
  const double truth = std::cos(1.0);
  CHECK(error_with_step(forced, 1, truth, 1.0 / 32) / error_with_step(forced, 1, truth, 1.0 / 64) ==
        Approx(8).epsilon(0.1));
}

TEST_CASE("the error follows the tolerance, stiff or not") {
  for (const double lambda : {-1.0, -1e3, -1e6}) {
    for (const double tolerance : {1e-4, 1e-6, 1e-8}) {
      std::array<double, 1> y = {1};
      const auto summary =
          integrate(prothero_robinson(lambda), 0, 10, y, {.relative = tolerance, .absolute = tolerance});
      INFO("lambda " << lambda << ", tolerance " << tolerance << ", steps " << summary.steps);
      CHECK(std::abs(y[0] - std::cos(10.0)) < 30 * tolerance);  // local errors add up over the steps
      CHECK(summary.steps < 20000);
    }
  }
}

TEST_CASE("Robertson's stiff kinetics at t = 40 agree with the published reference") {
  // Hairer & Wanner, Solving ODEs II: rates over nine orders of magnitude.
  OdeSystem system;
  system.rates = [](double, std::span<const double> y, std::span<double> d) {
    const double a = 0.04 * y[0], b = 1e4 * y[1] * y[2], c = 3e7 * y[1] * y[1];
    d[0] = -a + b;
    d[1] = a - b - c;
    d[2] = c;
  };
  system.jacobian = [](double, std::span<const double> y, std::span<double> j) {
    const std::array<double, 9> values = {-0.04,       1e4 * y[2], 1e4 * y[1], 0.04, -1e4 * y[2] - 6e7 * y[1],
                                          -1e4 * y[1], 0,          6e7 * y[1], 0};
    std::copy(values.begin(), values.end(), j.begin());
  };
  std::array<double, 3> y = {1, 0, 0};
  const auto summary = integrate(system, 0, 40, y, {.relative = 1e-7, .absolute = 1e-11});
  CHECK(y[0] == Approx(0.7158270688).epsilon(1e-6));
  CHECK(y[1] == Approx(0.9185534765e-5).epsilon(1e-6));
  CHECK(y[2] == Approx(0.2841637458).epsilon(1e-6));
  CHECK(y[0] + y[1] + y[2] == Approx(1).epsilon(1e-13));
  CHECK(summary.steps < 2000);
}

TEST_CASE("no time at all changes nothing") {
  std::array<double, 1> y = {0.25};
  CHECK(integrate(third_order_decay(), 3, 3, y).steps == 0);
  CHECK(y[0] == 0.25);
}

}  // namespace
}  // namespace athanor
