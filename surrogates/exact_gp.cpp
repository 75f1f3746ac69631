#include "surrogates/exact_gp.h"

#include <fmt/format.h>

#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "surrogates/minimise.h"

namespace athanor {
namespace {

constexpr double kSmallestVariance = 1e-18;  // a conditional variance below this is rounding

void check_data(const TrainingData& data) {
  const Eigen::Index n = data.points.rows();
  if (n == 0) throw InputError("a Gaussian process needs at least one observation, and there is none");
  if (data.outcomes.size() != n || (data.noise_sd.size() != 0 && data.noise_sd.size() != n) ||
      static_cast<Eigen::Index>(data.columns.size()) != data.points.cols()) {
    throw InputError(
        fmt::format("{} points of width {} with {} outcomes, {} standard deviations and {} columns do not fit together",
                    n, data.points.cols(), data.outcomes.size(), data.noise_sd.size(), data.columns.size()));
  }
  if (!data.points.allFinite() || !data.outcomes.allFinite()) {
    throw InputError("a point or an outcome is not a finite number");
  }
}

/// L⁻¹ v and L⁻ᵀ v, of the lower triangle.
Vector times(const Matrix& inverse_factor, const Vector& v) {
  return inverse_factor.triangularView<Eigen::Lower>() * v;
}
Vector times_transposed(const Matrix& inverse_factor, const Vector& v) {
  return inverse_factor.transpose().triangularView<Eigen::Upper>() * v;
}

}  // namespace

Matrix cholesky(const Matrix& covariance, double* added) {
  const Eigen::Index n = covariance.rows();
  const double size = std::max(covariance.diagonal().mean(), 1e-300);
  for (double jitter = 0; jitter < 1; jitter = jitter == 0 ? 1e-12 : jitter * 10) {
    Matrix trial = covariance;
    trial.diagonal().array() += jitter * size;
    const Eigen::LLT<Eigen::Ref<Matrix>> factor(trial);
    if (factor.info() != Eigen::Success || !(trial.diagonal().array() > 0).all()) continue;
    if (added) *added = jitter * size;
    return trial.triangularView<Eigen::Lower>();
  }
  if (added) *added = size;
  return Matrix::Identity(n, n) * std::sqrt(size);  // not a covariance at all; the diagonal is what is left of it
}

ExactGp::ExactGp(const TrainingData& data, const GpParameters& parameters, Kernel kernel) {
  check_data(data);
  const Eigen::Index n = data.points.rows();
  points_ = data.points;
  kernel_ = kernel;
  location_ = data.outcomes.mean();
  // By the largest entry first, so that squares of 1e300 do not overflow.
  const Vector centred = data.outcomes.array() - location_;
  const double largest = centred.cwiseAbs().maxCoeff();
  if (n > 1 && largest > 0)
    scale_ = largest * std::sqrt((centred / largest).squaredNorm() / static_cast<double>(n - 1));
  if (!(scale_ > 1e-12 * std::abs(location_)) || n == 1 || !std::isfinite(scale_)) {
    scale_ = location_ != 0 ? std::abs(location_)
                            : 1;  // one outcome, or all the same: its own size is all there is to go by
  }
  outcomes_ = centred / scale_;
  noise_variance_ = Vector::Constant(n, std::numeric_limits<double>::quiet_NaN());
  if (data.noise_sd.size() > 0) noise_variance_ = (data.noise_sd / scale_).array().square();
  parameters_ = parameters;
  scaled_ = ScaledPoints(points_, data.columns, parameters.lengthscales);
  if (parameters.lengthscales.size() > 0 && parameters.lengthscales.minCoeff() > 0) factorise();
}

ExactGp ExactGp::fit(const TrainingData& data, const GpOptions& options) {
  check_data(data);
  GpParameters unknown;
  unknown.lengthscales = Vector::Zero(data.points.cols());
  ExactGp gp(data, unknown, options.kernel);

  const GpEvidence evidence(gp.points_, gp.outcomes_, gp.noise_variance_, data.columns, options.kernel, options.prior);
  const auto cost = [&](const Vector& theta, Vector* gradient) {
    const double value = -evidence(theta, gradient);
    if (gradient) *gradient = -*gradient;
    return value;
  };
  MinimiseOptions search;
  search.max_evaluations = options.max_evaluations;
  search.value_tolerance = 1e-6;
  search.point_tolerance = 1e-4;
  search.stop = options.stop;
  Minimum best;
  for (int start = 0; start < std::max(options.starts, 1); ++start) {
    // The mode of the prior, then shorter and longer in turn.
    const double stretch = start == 0 ? 1 : std::pow(4.0, (start + 1) / 2 * (start % 2 == 1 ? 1 : -1));
    const Minimum found = minimise(cost, evidence.start(stretch), evidence.low(), evidence.high(), search);
    if (start == 0 || found.value < best.value) best = found;
    if (options.stop && options.stop()) break;
  }
  gp.parameters_ = evidence.parameters(best.point);
  gp.parameters_.noise_variance = std::max(gp.parameters_.noise_variance, options.prior.noise_floor);
  for (Eigen::Index i = 0; i < gp.noise_variance_.size(); ++i) {
    if (gp.noise_variance_[i] < options.prior.noise_floor) gp.noise_variance_[i] = options.prior.noise_floor;
  }
  gp.scaled_ = ScaledPoints(gp.points_, data.columns, gp.parameters_.lengthscales);
  gp.factorise();
  return gp;
}

void ExactGp::covariances(const Vector& point, Eigen::ArrayXd& out) const {
  Eigen::ArrayXd distance;
  scaled_.squared_distances(point, distance);
  kernel_values(kernel_, distance, out);
  out *= parameters_.signal_variance;
}

void ExactGp::factorise() {
  const Eigen::Index n = points_.rows();
  Matrix covariance(n, n);
  Eigen::ArrayXd column;
  for (Eigen::Index a = 0; a < n; ++a) {
    covariances(points_.row(a), column);
    covariance.col(a) = column;
    covariance(a, a) += std::isnan(noise_variance_[a]) ? parameters_.noise_variance : noise_variance_[a];
  }
  const Matrix factor = cholesky(covariance, &jitter_);
  inverse_factor_ = Matrix::Identity(n, n);
  factor.triangularView<Eigen::Lower>().solveInPlace(inverse_factor_);
  const Vector residual = outcomes_.array() - parameters_.mean;
  alpha_ = times_transposed(inverse_factor_, times(inverse_factor_, residual));
}

void ExactGp::add(const Vector& point, double outcome, double noise_sd) {
  check_width(point.size());
  if (!point.allFinite() || !std::isfinite(outcome)) throw InputError("a point or an outcome is not a finite number");
  const Eigen::Index n = points_.rows();
  Eigen::ArrayXd column;
  covariances(point, column);
  const double noise = std::isnan(noise_sd) ? parameters_.noise_variance : noise_sd * noise_sd / (scale_ * scale_);
  const Vector cross = times(inverse_factor_, column.matrix());
  const double left = parameters_.signal_variance + noise - cross.squaredNorm();
  const double pivot = std::sqrt(std::max(left, 1e-10 * parameters_.signal_variance));

  // [L 0; cᵀ p]⁻¹ = [L⁻¹ 0; −cᵀL⁻¹/p 1/p]
  inverse_factor_.conservativeResize(n + 1, n + 1);
  inverse_factor_.col(n).setZero();
  inverse_factor_.row(n).head(n) = -times_transposed(inverse_factor_.topLeftCorner(n, n), cross).transpose() / pivot;
  inverse_factor_(n, n) = 1 / pivot;
  points_.conservativeResize(n + 1, Eigen::NoChange);
  points_.row(n) = point;
  scaled_.append(point);
  outcomes_.conservativeResize(n + 1);
  outcomes_[n] = (outcome - location_) / scale_;
  noise_variance_.conservativeResize(n + 1);
  noise_variance_[n] = std::isnan(noise_sd) ? noise_sd : noise;
  const Vector residual = outcomes_.array() - parameters_.mean;
  alpha_ = times_transposed(inverse_factor_, times(inverse_factor_, residual));
}

void ExactGp::check_width(Eigen::Index width) const {
  if (width != points_.cols()) {
    throw InputError(fmt::format("a point of width {}, but the surrogate was fitted with {}", width, points_.cols()));
  }
}

Posterior ExactGp::posterior(const Matrix& points) const {
  check_width(points.cols());
  const Eigen::Index q = points.rows();
  Matrix cross(rows(), q);
  Eigen::ArrayXd column;
  for (Eigen::Index i = 0; i < q; ++i) {
    covariances(points.row(i), column);
    cross.col(i) = column;
  }
  Posterior out;
  out.mean = location_ + scale_ * ((cross.transpose() * alpha_).array() + parameters_.mean);
  const Matrix explained = inverse_factor_.triangularView<Eigen::Lower>() * cross;
  const ScaledPoints among(points, scaled_.columns(), scaled_.lengthscales());
  out.covariance.resize(q, q);
  Eigen::ArrayXd distance;
  for (Eigen::Index i = 0; i < q; ++i) {
    among.squared_distances(points.row(i), distance);
    kernel_values(kernel_, distance, column);
    out.covariance.col(i) = parameters_.signal_variance * column;
  }
  out.covariance.noalias() -= explained.transpose() * explained;
  out.covariance = (0.5 * scale_ * scale_ * (out.covariance + out.covariance.transpose())).eval();
  for (Eigen::Index i = 0; i < q; ++i) out.covariance(i, i) = std::max(out.covariance(i, i), 0.0);
  return out;
}

PointPosterior ExactGp::at(const Vector& point) const {
  check_width(point.size());
  const double signal = parameters_.signal_variance;
  Eigen::ArrayXd distance, value, slope;
  scaled_.squared_distances(point, distance);
  kernel_values(kernel_, distance, value, slope);
  const Vector cross = signal * value.matrix();
  const Vector explained = times(inverse_factor_, cross);
  const Vector solved = times_transposed(inverse_factor_, explained);  // K⁻¹k

  PointPosterior out;
  out.mean = location_ + scale_ * (parameters_.mean + cross.dot(alpha_));
  out.variance = scale_ * scale_ * std::max(signal - explained.squaredNorm(), kSmallestVariance);
  out.mean_gradient = Vector::Zero(point.size());
  out.variance_gradient = Vector::Zero(point.size());
  scaled_.add_gradient(point, scale_ * signal * slope * alpha_.array(), out.mean_gradient);
  scaled_.add_gradient(point, -2 * scale_ * scale_ * signal * slope * solved.array(), out.variance_gradient);
  return out;
}

void ExactGp::marginals(const Matrix& points, Vector& mean, Vector& variance) const {
  check_width(points.cols());
  constexpr Eigen::Index kChunk = 256;  // columns of the cross-covariance at a time: stays in the cache
  const Eigen::Index q = points.rows();
  mean.resize(q);
  variance.resize(q);
  Eigen::ArrayXd column;
  for (Eigen::Index begin = 0; begin < q; begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, q - begin);
    Matrix cross(rows(), m);
    for (Eigen::Index i = 0; i < m; ++i) {
      covariances(points.row(begin + i), column);
      cross.col(i) = column;
    }
    mean.segment(begin, m) = location_ + scale_ * ((cross.transpose() * alpha_).array() + parameters_.mean);
    const Matrix explained = inverse_factor_.triangularView<Eigen::Lower>() * cross;
    variance.segment(begin, m) =
        scale_ * scale_ *
        (parameters_.signal_variance - explained.colwise().squaredNorm().transpose().array()).max(kSmallestVariance);
  }
}

Matrix ExactGp::sample(const Matrix& points, std::size_t count, RandomStream& random) const {
  const Posterior joint = posterior(points);
  const Matrix factor = cholesky(joint.covariance);
  Matrix draws(static_cast<Eigen::Index>(count), points.rows());
  Vector normal(points.rows());
  for (Eigen::Index i = 0; i < draws.rows(); ++i) {
    for (Eigen::Index j = 0; j < normal.size(); ++j) normal[j] = random.normal();
    draws.row(i) = joint.mean + factor * normal;
  }
  return draws;
}

}  // namespace athanor
