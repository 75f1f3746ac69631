// What an exact Gaussian process says of itself.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/quantity.h"
#include "surrogates/exact_gp.h"

namespace athanor {
namespace {
constexpr double kUnlikeReplicates = 0.3;  // of the outcomes' standard deviation
constexpr double kBeyondChance = 5;        // standard deviations, of a χ²
constexpr double kSmallSpread = 1e-9;      // of the outcomes, beside their size
}  // namespace

void ExactGp::leave_one_out(Vector& mean, Vector& variance) const {
  // (K⁻¹)_ii = Σ_a (L⁻¹)_ai²
  const Vector precision = Matrix(inverse_factor_.triangularView<Eigen::Lower>()).colwise().squaredNorm();
  mean = location_ + scale_ * (outcomes_ - alpha_.cwiseQuotient(precision)).array();
  variance = scale_ * scale_ * precision.cwiseInverse();
}

double ExactGp::log_evidence() const {
  const Vector residual = outcomes_.array() - parameters_.mean;
  double result = -0.5 * residual.dot(alpha_) + inverse_factor_.diagonal().array().log().sum() -
                  0.5 * static_cast<double>(rows()) * std::log(2 * std::numbers::pi);
  if (noise_.spare > 0) {
    const double noise = parameters_.noise_variance;
    result -= 0.5 * (noise_.spare * std::log(2 * std::numbers::pi * noise) + noise_.scatter / noise +
                     noise_.count.array().log().sum());
  }
  return result;
}

Health ExactGp::health() const {
  Health health;
  health.noise_sd = scale_ * std::sqrt(parameters_.noise_variance);
  const auto given = !noise_.variance.array().isNaN();
  if (given.any()) {
    Vector each = noise_.variance.unaryExpr([&](double v) { return std::isnan(v) ? parameters_.noise_variance : v; });
    std::nth_element(each.begin(), each.begin() + rows() / 2, each.end());
    health.noise_sd = scale_ * std::sqrt(each[rows() / 2]);
  }
  health.signal_sd = scale_ * std::sqrt(parameters_.signal_variance);
  health.lengthscales = parameters_.lengthscales;
  health.log_evidence = log_evidence();

  Vector mean, variance;
  leave_one_out(mean, variance);
  const Eigen::ArrayXd error = alpha_.cwiseProduct(variance / scale_).array();
  health.leave_one_out_rmse = std::sqrt(error.square().mean());
  constexpr double kCentral90 = 1.6448536269514722;  // Φ⁻¹(0.95)
  health.leave_one_out_coverage = (error.abs() <= kCentral90 * variance.array().sqrt()).cast<double>().mean();

  const double spread = rows() > 1 ? scale_ * std::sqrt((outcomes_.array() - outcomes_.mean()).square().mean()) : 0;
  if (rows() == 1) {
    health.warnings.push_back(
        fmt::format("{}: the model knows the outcome's size, not what changes it",
                    noise_.spare > 0 ? "all observations are of one point" : "there is one observation only"));
  } else if (!(outcomes_.cwiseAbs().maxCoeff() > 1e-9)) {
    health.warnings.push_back("all outcomes are the same: nothing can be learned of what changes them");
  } else {
    if (scale_ < kSmallSpread * std::abs(location_)) {
      health.warnings.push_back(
          fmt::format("all outcomes are about {} and differ by no more than {} or so: rounding takes part of what "
                      "tells them apart, "
                      "so give their differences from a number near them instead",
                      pretty_number(location_, 3), pretty_number(scale_, 2)));
    }
    if (parameters_.noise_variance > 1.0 && !given.all()) {
      health.warnings.push_back("the outcome looks like noise: its scatter is larger than what the parameters explain");
    }
    if (parameters_.noise_variance >= kLargestNoise * 0.99 && !given.all()) {
      health.warnings.push_back("the noise stands at its bound: nothing of the outcome is explained");
    }
    if (noise_.stated_spare > 0 &&
        noise_.stated_scatter > noise_.stated_spare + kBeyondChance * std::sqrt(2 * noise_.stated_spare)) {
      health.warnings.push_back(fmt::format("replicates differ by {} times the standard deviations that were stated",
                                            pretty_number(std::sqrt(noise_.stated_scatter / noise_.stated_spare), 2)));
    }
    if (noise_.spare > 0) {
      const double apart = scale_ * std::sqrt(noise_.scatter / noise_.spare);
      if (apart > kUnlikeReplicates * spread) {
        health.warnings.push_back(fmt::format(
            "the same input gave different outcomes: replicates differ by a standard deviation of {}, where "
            "the means of points have one of {}",
            pretty_number(apart, 2), pretty_number(spread, 2)));
      }
    }
  }
  if (jitter_ > 0) {
    health.warnings.push_back("points so close together that rounding had to be evened out (jitter on the covariance)");
  }
  return health;
}

}  // namespace athanor
