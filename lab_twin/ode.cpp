#include "lab_twin/ode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/check.h"

namespace athanor {
namespace {

// In the transformed variables k that spare a product with the Jacobian:
//   (I/(γh) − J) k_i = f(t + α_i h, y + Σ a_ij k_j) + Σ (c_ij/h) k_j + γ_i h ∂f/∂t
//   y_new = y + Σ m_i k_i,   error = Σ e_i k_i
constexpr std::size_t kStages = 4;
constexpr double kGamma = 0.5;
constexpr std::array<std::array<double, kStages>, kStages> kA = {{{}, {}, {2, 0}, {2, 0, 1}}};
constexpr std::array<std::array<double, kStages>, kStages> kC = {{{}, {4}, {1, -1}, {1, -1, -8.0 / 3}}};
constexpr std::array<double, kStages> kAlpha = {0, 0, 1, 1};
constexpr std::array<double, kStages> kGammaSum = {0.5, 1.5, 0, 0};
constexpr std::array<double, kStages> kM = {2, 0, 1, 1};
constexpr std::array<double, kStages> kE = {0, 0, 0, 1};

/// LU factors in place, with row pivoting. False if singular.
bool factorise(std::span<double> a, std::span<std::size_t> pivots) {
  const std::size_t n = pivots.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    pivots[k] = pivot;
    if (a[pivot * n + k] == 0) return false;
    if (pivot != k)
      std::swap_ranges(a.begin() + static_cast<long>(k * n), a.begin() + static_cast<long>(k * n + n),
                       a.begin() + static_cast<long>(pivot * n));
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] /= a[k * n + k];
      for (std::size_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return true;
}

void solve(std::span<const double> lu, std::span<const std::size_t> pivots, std::span<double> b) {
  const std::size_t n = pivots.size();
  for (std::size_t k = 0; k < n; ++k) std::swap(b[k], b[pivots[k]]);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) b[i] -= lu[i * n + j] * b[j];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) b[i] -= lu[i * n + j] * b[j];
    b[i] /= lu[i * n + i];
  }
}

}  // namespace

OdeSummary integrate(const OdeSystem& system, double from, double to, std::span<double> y, const OdeOptions& options) {
  ATHANOR_CHECK(to >= from, "an integration backwards in time");
  const std::size_t n = y.size();
  std::vector<double> jacobian(n * n), matrix(n * n), slope(n), at(n), next(n);
  std::array<std::vector<double>, kStages> k;
  for (auto& stage : k) stage.resize(n);
  std::vector<std::size_t> pivots(n);

  OdeSummary summary;
  double t = from;
  double h = std::min({options.first_step, options.max_step, to - from});
  bool rejected = false;
  while (t < to) {
    const bool last = t + h >= to || to - (t + h) < 1e-12 * (to - from);
    if (last) h = to - t;

    system.jacobian(t, y, jacobian);
    if (system.slope) system.slope(t, y, slope);
    for (std::size_t i = 0; i < n * n; ++i) matrix[i] = -jacobian[i];
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] += 1 / (kGamma * h);
    ATHANOR_CHECK(factorise(matrix, pivots), "a singular matrix in the integration of a rate law");

    for (std::size_t s = 0; s < kStages; ++s) {
      std::copy(y.begin(), y.end(), at.begin());
      for (std::size_t j = 0; j < s; ++j) {
        for (std::size_t i = 0; i < n; ++i) at[i] += kA[s][j] * k[j][i];
      }
      system.rates(t + kAlpha[s] * h, at, k[s]);
      for (std::size_t j = 0; j < s; ++j) {
        for (std::size_t i = 0; i < n; ++i) k[s][i] += kC[s][j] / h * k[j][i];
      }
      for (std::size_t i = 0; i < n; ++i) k[s][i] += kGammaSum[s] * h * slope[i];
      solve(matrix, pivots, k[s]);
    }

    double square = 0;  // of the error, in tolerances
    for (std::size_t i = 0; i < n; ++i) {
      double error = 0;
      next[i] = y[i];
      for (std::size_t s = 0; s < kStages; ++s) {
        next[i] += kM[s] * k[s][i];
        error += kE[s] * k[s][i];
      }
      const double scale = options.absolute + options.relative * std::max(std::abs(y[i]), std::abs(next[i]));
      square += (error / scale) * (error / scale);
    }
    const double error = std::sqrt(square / static_cast<double>(n));
    ATHANOR_CHECK(std::isfinite(error), "a rate law gave no number");

    const double factor = std::clamp(0.9 * std::pow(std::max(error, 1e-10), -1.0 / 3), 0.2, rejected ? 1.0 : 5.0);
    if (error <= 1) {
      t = last ? to : t + h;
      std::copy(next.begin(), next.end(), y.begin());
      ++summary.steps;
      rejected = false;
    } else {
      ++summary.rejected;
      rejected = true;
      ATHANOR_CHECK(summary.steps + summary.rejected < 1'000'000, "an integration does not come forward");
    }
    h = std::min(h * factor, options.max_step);
  }
  return summary;
}

}  // namespace athanor
