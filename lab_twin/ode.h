// Ordinary differential equations, stiff ones too: reaction kinetics over many orders of magnitude of rate.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace athanor {

/// y′ = f(t, y), with its Jacobian.
struct OdeSystem {
  std::function<void(double t, std::span<const double> y, std::span<double> derivative)> rates;
  /// ∂f_i/∂y_j, row-major, n × n.
  std::function<void(double t, std::span<const double> y, std::span<double> jacobian)> jacobian;
  /// ∂f/∂t; left out where f has no t of its own.
  std::function<void(double t, std::span<const double> y, std::span<double> slope)> slope = {};
};

struct OdeOptions {
  double relative = 1e-6;    ///< tolerance of a step's error, of each |y_i| …
  double absolute = 1e-9;    ///< … plus this, in the unit of y
  double first_step = 1e-3;  ///< in the unit of t; found by itself from there
  double max_step = 1e300;   ///< in the unit of t
};

struct OdeSummary {
  std::size_t steps = 0, rejected = 0;
};

/// Carries `y` from `from` to `to` ≥ `from`. Linear invariants of f (mass balances) are kept to rounding.
/// Method: RODAS3, a Rosenbrock method of order 3 with 4 stages, L-stable, with an embedded solution of order 2 for the
/// step size (Sandu et al. 1997, "Benchmarking stiff ODE solvers for atmospheric chemistry problems II: Rosenbrock
/// solvers").
OdeSummary integrate(const OdeSystem& system, double from, double to, std::span<double> y,
                     const OdeOptions& options = {});

}  // namespace athanor
