#include "surrogates/gp_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "surrogates/tiles.h"

namespace athanor {
namespace {

constexpr double kShortest = 5e-3, kLongest = 1e3;  // lengthscales, as shares of the unit cube's edge
constexpr double kSmallestSignal = 0.02, kLargestSignal = 50;
constexpr double kFewColumns = 8;  // up to so many, the prior of the trend's variance does not depend on them
constexpr double kSmallestTrend = 1e-6, kLargestTrend = 50;

/// ln of the density of LogNormal(location, scale) at e^t, up to a constant, and its derivative by t.
double log_normal_prior(double t, double location, double scale, double& derivative) {
  const double z = (t - location) / scale;
  derivative = -z / scale - 1;
  return -0.5 * z * z - t;
}

constexpr Eigen::Index kSides = 8;  // rows below the covariance, for the right-hand sides 1ᵀ and yᵀ

/// An odd number of tiles: columns that lie a power of two apart would compete for the same lines of the cache.
Eigen::Index strided(Eigen::Index rows) {
  return rows / 8 % 2 == 0 ? rows + 8 : rows;
}

/// ln of a normal density, likewise.
double normal_prior(double t, double location, double scale, double& derivative) {
  const double z = (t - location) / scale;
  derivative = -z / scale;
  return -0.5 * z * z;
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
      trend_location_(prior.trend_location -
                      2 * std::log(std::max(static_cast<double>(points.cols()) / kFewColumns, 1.0))),
      trend_(prior.trend && trend_features(points.topRows(0), columns_).cols() > 0),
      n_(points.rows()),
      d_(points.cols()),
      padded_(whole_tiles(n_)),
      starts_{0},
      scaled_(Matrix::Zero(padded_, d_)),
      matrix_(Matrix::Zero(strided(padded_ + kSides), padded_)),
      inverse_(Matrix::Zero(strided(padded_), padded_)) {
  for (Eigen::Index j = 0; j < d_; ++j) {
    (columns_[static_cast<std::size_t>(j)] == Column::kNumeric ? numeric_ : categorical_).push_back(j);
  }
  for (Eigen::Index a = 0; a < n_; ++a) starts_.push_back(starts_.back() + padded_ - first(a));
  distance_.setZero(starts_.back());
  value_ = slope_ = distance_;
  if (trend_) gram_ = distance_;
  apart_.setZero(starts_.back(), static_cast<Eigen::Index>(categorical_.size()));
  const Matrix features = trend_ ? trend_features(points, columns_) : Matrix(n_, 0);
  Eigen::ArrayXd apart;
  for (Eigen::Index a = 0; a < n_; ++a) {
    const Eigen::Index begin = starts_[static_cast<std::size_t>(a)], from = first(a), count = n_ - from;
    if (trend_) {
      gram_.segment(begin, count) = features.bottomRows(count) * features.row(a).transpose();
    }
    for (std::size_t k = 0; k < categorical_.size(); ++k) {
      const Eigen::Index j = categorical_[k];
      apart.setZero(count);
      add_categorical(columns_[static_cast<std::size_t>(j)], points(a, j), points.col(j).tail(count), 1, apart);
      apart_.col(static_cast<Eigen::Index>(k)).segment(begin, count) = apart;
    }
  }
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
  if (infers_noise_) theta[d_] = prior_.noise_location - prior_.noise_scale;
  if (trend_) theta[trend_index()] = 0;  // from little of it no fit finds more
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

void GpEvidence::fill_distances(const Vector& theta) const {
  for (const Eigen::Index j : numeric_) scaled_.col(j).head(n_) = points_.col(j) * std::exp(-theta[j]);
  using Rows = Eigen::Array<double, 8, 1>;
  double* out = distance_.data();
  for (Eigen::Index a = 0; a < n_; ++a) {
    for (Eigen::Index b = first(a); b < padded_; b += 8, out += 8) {
      Rows sum = Rows::Zero();
      for (const Eigen::Index j : numeric_) {
        const Rows apart = Eigen::Map<const Rows>(&scaled_(b, j)) - scaled_(a, j);
        sum += apart * apart;
      }
      Eigen::Map<Rows>{out} = sum;
    }
  }
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    distance_ += std::exp(-2 * theta[categorical_[k]]) * apart_.col(static_cast<Eigen::Index>(k));
  }
}

/// K, padded with the identity, and below it the right-hand sides.
void GpEvidence::fill_matrix(double signal, double noise, double trend) const {
  value_ *= signal;
  if (trend_) value_ += trend * gram_;
  for (Eigen::Index a = 0; a < n_; ++a) {
    auto column = matrix_.col(a);
    column.segment(first(a), n_ - first(a)) = value_.segment(starts_[static_cast<std::size_t>(a)], n_ - first(a));
    column[a] += std::max(noise_.at(a, noise), prior_.noise_floor);
    column.tail(matrix_.rows() - n_).setZero();
    column[padded_] = 1;
    column[padded_ + 1] = outcomes_[a];
  }
  matrix_.rightCols(padded_ - n_).setZero();
  matrix_.diagonal().tail(padded_ - n_).setOnes();
}

Matrix GpEvidence::curvature(const Vector& theta, const std::function<bool()>& stop) const {
  constexpr double kStep = 1e-3;
  const Eigen::Index count = theta.size();
  Vector here(count), there(count), moved = theta;
  Matrix out(count, count);
  (*this)(theta, &here);
  for (Eigen::Index j = 0; j < count; ++j) {
    if (stop && stop()) return {};
    moved[j] = theta[j] + kStep;
    (*this)(moved, &there);
    out.col(j) = (here - there) / kStep;
    moved[j] = theta[j];
  }
  return 0.5 * (out + out.transpose());
}

std::optional<double> GpEvidence::log_mass(const Vector& theta, const std::function<bool()>& stop) const {
  const Matrix bent = curvature(theta, stop);
  if (bent.size() == 0) return std::nullopt;
  const Eigen::SelfAdjointEigenSolver<Matrix> axes(bent, Eigen::EigenvaluesOnly);
  const double volume = -0.5 * axes.eigenvalues().cwiseMax(1 / (kFlat * kFlat)).array().log().sum();
  const double measure =
      theta.sum() - (infers_noise_ ? theta[d_] : 0);  // from densities of parameters to their logarithms
  return (*this)(theta, nullptr) + measure + volume;
}

double GpEvidence::operator()(const Vector& theta, Vector* gradient) const {
  const double noise = infers_noise_ ? std::exp(theta[d_]) : 0;
  const double signal = prior_.signal_scale > 0 ? std::exp(theta[size() - 1]) : 1;
  const double trend = trend_ ? std::exp(theta[trend_index()]) : 0;
  fill_distances(theta);
  if (gradient) {
    kernel_values(kernel_, distance_, value_, slope_);
  } else {
    kernel_values(kernel_, distance_, value_);
  }
  fill_matrix(signal, noise, trend);
  if (!factor_in_tiles(matrix_, padded_ + kSides, padded_)) return std::numeric_limits<double>::quiet_NaN();

  // With a = L⁻¹1 and b = L⁻¹y, which the factorisation gave: m = aᵀb/aᵀa, L⁻¹(y − m) = b − m a.
  const Vector ones = matrix_.row(padded_).head(padded_);
  const Vector solved = matrix_.row(padded_ + 1).head(padded_);
  mean_ = ones.dot(solved) / ones.squaredNorm();
  const Vector residual = solved - mean_ * ones;
  const double misfit = residual.squaredNorm();
  const double log_determinant = 2 * matrix_.diagonal().head(n_).array().log().sum();
  log_evidence_ = -0.5 * (misfit + log_determinant + static_cast<double>(n_) * std::log(2 * std::numbers::pi));
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
    result += normal_prior(theta[d_], prior_.noise_location, prior_.noise_scale, derivative);
    if (gradient) (*gradient)[d_] = derivative;
  }
  if (trend_) {
    result += normal_prior(theta[trend_index()], trend_location_, prior_.trend_scale, derivative);
    if (gradient) (*gradient)[trend_index()] = derivative;
  }
  if (prior_.signal_scale > 0) {
    result += log_normal_prior(theta[size() - 1], 0, prior_.signal_scale, derivative);
    if (gradient) (*gradient)[size() - 1] = derivative;
  }
  if (!gradient) return result;

  // ∂ ln p(y|θ)/∂θ = ½ Σ_ab W_ab ∂K_ab/∂θ with W = ααᵀ − K⁻¹; the profiled mean does not contribute (envelope theorem).
  invert_in_tiles(matrix_, padded_, inverse_);
  square_in_tiles(inverse_, padded_, matrix_);  // K⁻¹; L is not needed any more
  const Vector alpha = inverse_.topRows(padded_) * residual;
  Eigen::ArrayXd& weight = value_;
  double noise_sum = 0, own_noise_sum = 0, trend_sum = 0;  // Σ_a W_aa σ_a², over all and over the inferred ones
  for (Eigen::Index a = 0; a < n_; ++a) {
    const Eigen::Index begin = starts_[static_cast<std::size_t>(a)], from = first(a), count = padded_ - from;
    weight.segment(begin, count) = alpha[a] * alpha.tail(count) - matrix_.col(a).segment(from, count);
    weight.segment(begin, a - from).setZero();
    const double own = weight[begin + a - from], variance = noise_.at(a, noise);
    noise_sum += own * std::max(variance, prior_.noise_floor);
    if (std::isnan(noise_.variance[a]) && variance > prior_.noise_floor) own_noise_sum += own * variance;
    if (trend_) trend_sum -= own * gram_[begin + a - from];
  }
  if (infers_noise_) (*gradient)[d_] += 0.5 * (own_noise_sum - noise_.spare + noise_.scatter / noise);
  if (trend_) {  // Σ_ab W_ab τ² (ΦΦᵀ)_ab, each pair twice
    trend_sum = trend * (trend_sum + 2 * (weight * gram_).sum());
    (*gradient)[trend_index()] += 0.5 * trend_sum;
  }
  if (prior_.signal_scale > 0) {
    // Σ_ab W_ab s² k_ab = Σ_ab W_ab K_ab − Σ_a W_aa σ_a² − the trend's, and tr(W K) = αᵀ(y − m) − n.
    (*gradient)[size() - 1] += 0.5 * (misfit - static_cast<double>(n_) - noise_sum - trend_sum);
  }
  // ∂K_ab/∂ln ℓ_j = −2 s² k′(r²) (x_aj − x_bj)²/ℓ_j²; each pair stands twice in the sum.
  weight *= -2 * signal * slope_;
  for (Eigen::Index a = 0; a < n_; ++a) {
    const Eigen::Index begin = starts_[static_cast<std::size_t>(a)], count = padded_ - first(a);
    const auto own = weight.segment(begin, count);
    for (const Eigen::Index j : numeric_) {
      (*gradient)[j] += (own * (scaled_.col(j).tail(count).array() - scaled_(a, j)).square()).sum();
    }
  }
  for (std::size_t k = 0; k < categorical_.size(); ++k) {
    const Eigen::Index j = categorical_[k];
    (*gradient)[j] += std::exp(-2 * theta[j]) * (weight * apart_.col(static_cast<Eigen::Index>(k))).sum();
  }
  return result;
}

}  // namespace athanor
