#include "surrogates/gp_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace athanor {
namespace {

constexpr double kShortest = 5e-3, kLongest = 1e3;  // lengthscales, as shares of the unit cube's edge
constexpr double kSmallestSignal = 0.02, kLargestSignal = 50;
constexpr double kSmallestTrend = 1e-6, kLargestTrend = 50;

/// ln of the density of LogNormal(location, scale) at e^t, up to a constant, and its derivative by t.
double log_normal_prior(double t, double location, double scale, double& derivative) {
  const double z = (t - location) / scale;
  derivative = -z / scale - 1;
  return -0.5 * z * z - t;
}

}  // namespace

GpEvidence::GpEvidence(const Matrix& points, const Vector& outcomes, const Noise& noise, std::vector<Column> columns,
                       Kernel kernel, const GpPrior& prior)
    : points_(points),
      outcomes_(outcomes),
      noise_(noise),
      columns_(std::move(columns)),
      kernel_(kernel),
      prior_(prior),
      infers_noise_(noise.variance.array().isNaN().any()),
      trend_(prior.trend &&
             std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return c == Column::kNumeric; })),
      n_(points.rows()),
      d_(points.cols()),
      covariance_(n_, n_),
      slope_(n_, n_),
      inverse_(n_, n_),
      scaled_(n_, d_) {
  if (trend_) features_ = trend_features(points, columns_);
  if (trend_) features_ /= std::sqrt(static_cast<double>(features_.cols()));
}

Eigen::Index GpEvidence::size() const {
  return d_ + (infers_noise_ ? 1 : 0) + (trend_ ? 1 : 0) + (prior_.signal_scale > 0 ? 1 : 0);
}

Vector GpEvidence::low() const {
  Vector bound = Vector::Constant(size(), std::log(kShortest));
  if (infers_noise_) bound[d_] = std::log(prior_.noise_floor);
  if (trend_) bound[trend_index()] = std::log(kSmallestTrend);
  if (prior_.signal_scale > 0) bound[size() - 1] = std::log(kSmallestSignal);
  return bound;
}

Vector GpEvidence::high() const {
  Vector bound = Vector::Constant(size(), std::log(kLongest));
  if (infers_noise_) bound[d_] = std::log(kLargestNoise);
  if (trend_) bound[trend_index()] = std::log(kLargestTrend);
  if (prior_.signal_scale > 0) bound[size() - 1] = std::log(kLargestSignal);
  return bound;
}

Vector GpEvidence::start(double stretch) const {
  const double location = prior_.lengthscale_location + 0.5 * std::log(static_cast<double>(d_));
  const double mode = location - prior_.lengthscale_scale * prior_.lengthscale_scale;
  Vector theta = Vector::Constant(size(), mode + std::log(stretch));
  if (infers_noise_) theta[d_] = prior_.noise_location - prior_.noise_scale * prior_.noise_scale;
  if (trend_) theta[trend_index()] = prior_.trend_location;  // its mode is too small to be found from
  if (prior_.signal_scale > 0) theta[size() - 1] = 0;
  return theta.cwiseMax(low()).cwiseMin(high());
}

Vector GpEvidence::start(const GpParameters& parameters) const {
  Vector theta(size());
  theta.head(d_) = parameters.lengthscales.array().log();
  if (infers_noise_) theta[d_] = std::log(std::max(parameters.noise_variance, prior_.noise_floor));
  if (trend_) theta[trend_index()] = std::log(std::max(parameters.trend_variance, kSmallestTrend));
  if (prior_.signal_scale > 0) theta[size() - 1] = std::log(parameters.signal_variance);
  return theta.cwiseMax(low()).cwiseMin(high());
}

GpParameters GpEvidence::parameters(const Vector& theta) const {
  GpParameters parameters;
  parameters.lengthscales = theta.head(d_).array().exp();
  parameters.noise_variance = infers_noise_ ? std::exp(theta[d_]) : 0;
  parameters.trend_variance = trend_ ? std::exp(theta[trend_index()]) : 0;
  parameters.signal_variance = prior_.signal_scale > 0 ? std::exp(theta[size() - 1]) : 1;
  (*this)(theta, nullptr);
  parameters.mean = mean_;
  return parameters;
}

double GpEvidence::operator()(const Vector& theta, Vector* gradient) const {
  const double noise = infers_noise_ ? std::exp(theta[d_]) : 0;
  const double signal = prior_.signal_scale > 0 ? std::exp(theta[size() - 1]) : 1;
  const Eigen::ArrayXd inverse_square = (-2 * theta.head(d_).array()).exp();
  for (Eigen::Index j = 0; j < d_; ++j) {
    const bool numeric = columns_[static_cast<std::size_t>(j)] == Column::kNumeric;
    scaled_.col(j) = numeric ? Vector(points_.col(j) * std::sqrt(inverse_square[j])) : Vector(points_.col(j));
  }

  // The lower triangle, column by column: s² k(r²) and its slope by r².
  for (Eigen::Index a = 0; a < n_; ++a) {
    const Eigen::Index below = n_ - a - 1;
    distance_.setZero(below);
    for (Eigen::Index j = 0; j < d_; ++j) {
      const auto column = scaled_.col(j).tail(below).array();
      if (columns_[static_cast<std::size_t>(j)] == Column::kNumeric) {
        distance_ += (column - scaled_(a, j)).square();
      } else {
        add_categorical(columns_[static_cast<std::size_t>(j)], scaled_(a, j), scaled_.col(j).tail(below),
                        inverse_square[j], distance_);
      }
    }
    if (gradient) {
      kernel_values(kernel_, distance_, value_, derivative_);
      slope_.col(a).tail(below) = signal * derivative_;
    } else {
      kernel_values(kernel_, distance_, value_);
    }
    covariance_.col(a).tail(below) = signal * value_;
    covariance_(a, a) = signal + std::max(noise_.at(a, noise), prior_.noise_floor);
  }

  const double trend = trend_ ? std::exp(theta[trend_index()]) : 0;
  if (trend_) covariance_.selfadjointView<Eigen::Lower>().rankUpdate(features_, trend);

  const Eigen::LLT<Eigen::Ref<Matrix>> factor(covariance_);  // in place
  if (factor.info() != Eigen::Success) return std::numeric_limits<double>::quiet_NaN();
  const Vector weighted_ones = factor.solve(Vector::Ones(n_));
  mean_ = weighted_ones.dot(outcomes_) / weighted_ones.sum();
  const Vector residual = outcomes_.array() - mean_;
  const Vector alpha = factor.solve(residual);
  const double log_determinant = 2 * covariance_.diagonal().array().log().sum();
  log_evidence_ =
      -0.5 * (residual.dot(alpha) + log_determinant + static_cast<double>(n_) * std::log(2 * std::numbers::pi));
  if (noise_.spare > 0) {
    log_evidence_ -= 0.5 * (noise_.spare * std::log(2 * std::numbers::pi * noise) + noise_.scatter / noise +
                            noise_.count.array().log().sum());
  }

  double result = log_evidence_;
  double derivative = 0;
  const double location = prior_.lengthscale_location + 0.5 * std::log(static_cast<double>(d_));
  if (gradient) gradient->setZero(size());
  for (Eigen::Index j = 0; j < d_; ++j) {
    result += log_normal_prior(theta[j], location, prior_.lengthscale_scale, derivative);
    if (gradient) (*gradient)[j] = derivative;
  }
  if (infers_noise_) {
    result += log_normal_prior(theta[d_], prior_.noise_location, prior_.noise_scale, derivative);
    if (gradient) (*gradient)[d_] = derivative;
  }
  if (trend_) {
    result += log_normal_prior(theta[trend_index()], prior_.trend_location, prior_.trend_scale, derivative);
    if (gradient) (*gradient)[trend_index()] = derivative;
  }
  if (prior_.signal_scale > 0) {
    result += log_normal_prior(theta[size() - 1], 0, prior_.signal_scale, derivative);
    if (gradient) (*gradient)[size() - 1] = derivative;
  }
  if (!gradient) return result;

  // ∂ ln p(y|θ)/∂θ = ½ Σ_ab W_ab ∂K_ab/∂θ with W = ααᵀ − K⁻¹; the profiled mean does not contribute (envelope theorem).
  inverse_.setIdentity();
  covariance_.triangularView<Eigen::Lower>().solveInPlace(inverse_);  // L⁻¹
  Matrix& w = covariance_;                                            // L is not needed any more
  w.setZero();
  w.selfadjointView<Eigen::Lower>().rankUpdate(inverse_.transpose(), -1.0);
  w.selfadjointView<Eigen::Lower>().rankUpdate(alpha);
  if (infers_noise_) {
    double sum = 0;
    for (Eigen::Index a = 0; a < n_; ++a) {
      if (std::isnan(noise_.variance[a]) && noise_.at(a, noise) > prior_.noise_floor) sum += w(a, a) / noise_.count[a];
    }
    (*gradient)[d_] += 0.5 * (noise * sum - noise_.spare + noise_.scatter / noise);
  }
  double trend_sum = 0;  // Σ_ab W_ab τ² (ΦΦᵀ)_ab
  if (trend_) {
    const Matrix weighted = w.selfadjointView<Eigen::Lower>() * features_;
    trend_sum = trend * features_.cwiseProduct(weighted).sum();
    (*gradient)[trend_index()] += 0.5 * trend_sum;
  }
  // ∂K_ab/∂ln ℓ_j = −2 s² k′(r²) (x_aj − x_bj)²/ℓ_j²; each pair stands twice in the sum.
  double signal_sum = 0;
  for (Eigen::Index a = 0; a < n_; ++a) {
    const Eigen::Index below = n_ - a - 1;
    derivative_ = w.col(a).tail(below).array() * slope_.col(a).tail(below).array();
    for (Eigen::Index j = 0; j < d_; ++j) {
      const auto column = scaled_.col(j).tail(below).array();
      if (columns_[static_cast<std::size_t>(j)] == Column::kNumeric) {
        (*gradient)[j] -= 2 * (derivative_ * (column - scaled_(a, j)).square()).sum();
      } else {
        apart_.setZero(below);
        add_categorical(columns_[static_cast<std::size_t>(j)], scaled_(a, j), scaled_.col(j).tail(below),
                        inverse_square[j], apart_);
        (*gradient)[j] -= 2 * (derivative_ * apart_).sum();
      }
    }
  }
  if (prior_.signal_scale > 0) {
    // Σ_ab W_ab s² k_ab = Σ_ab W_ab K_ab − Σ_a W_aa σ_a² − the trend's, and tr(W K) = αᵀ(y − m) − n.
    double noise_sum = 0;
    for (Eigen::Index a = 0; a < n_; ++a) {
      noise_sum += w(a, a) * std::max(noise_.at(a, noise), prior_.noise_floor);
    }
    signal_sum = residual.dot(alpha) - static_cast<double>(n_) - noise_sum - trend_sum;
    (*gradient)[size() - 1] += 0.5 * signal_sum;
  }
  return result;
}

}  // namespace athanor
