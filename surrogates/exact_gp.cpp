#include "surrogates/exact_gp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/check.h"
#include "core/error.h"
#include "surrogates/minimise.h"
#include "surrogates/tiles.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFew = 48;            // observations for a bound of the variance
constexpr double kSmallestNoiseSd = 1e-9;    // standardised; so that a stated noise of 0 has a precision
constexpr double kLargestNoiseSd = 1e6;      // likewise; a measurement that is worse says as little
constexpr double kSmallestScale = 1e-100;    // of the outcomes; what is less cannot be computed with
constexpr double kSameOptimum = 0.3;         // logarithms of hyper-parameters; nearer optima are one
constexpr double kSmallestVariance = 1e-18;  // a conditional variance below this is rounding
constexpr double kSmallestSpread = 1e-14;    // of the outcomes, beside their size: what is less is rounding
constexpr double kMuchNoise = 0.3;           // standardised variance

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

constexpr Eigen::Index kFewColumns = 3;

}  // namespace

Matrix times(const Matrix& lower, const Matrix& columns) {
  const auto triangle = lower.triangularView<Eigen::Lower>();
  if (columns.cols() > kFewColumns) return triangle * columns;
  Matrix out(columns.rows(), columns.cols());
  for (Eigen::Index i = 0; i < columns.cols(); ++i) out.col(i).noalias() = triangle * columns.col(i);
  return out;
}

Matrix times_transposed(const Matrix& lower, const Matrix& columns) {
  const auto triangle = lower.transpose().triangularView<Eigen::Upper>();
  if (columns.cols() > kFewColumns) return triangle * columns;
  Matrix out(columns.rows(), columns.cols());
  for (Eigen::Index i = 0; i < columns.cols(); ++i) out.col(i).noalias() = triangle * columns.col(i);
  return out;
}

Matrix cholesky(const Matrix& covariance, double* added) {
  const Eigen::Index n = covariance.rows();
  ATHANOR_CHECK(n > 0, "a covariance of nothing");
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
  location_ = data.outcomes.mean();
  // By the largest entry first, so that squares of 1e300 do not overflow.
  const Vector centred = data.outcomes.array() - location_;
  const double largest = centred.cwiseAbs().maxCoeff();
  scale_ =
      n > 1 && largest > 0 ? largest * std::sqrt((centred / largest).squaredNorm() / static_cast<double>(n - 1)) : 0;
  // Outcomes of one point, however many, or all the same: their own size is all there is to go by, for what replicates
  // differ by says nothing of what other points would.
  const bool one_point = (data.points.rowwise() - data.points.row(0)).isZero(0);
  if (!(scale_ > std::max(kSmallestSpread * std::abs(location_), kSmallestScale)) || one_point ||
      !std::isfinite(scale_)) {
    const double size = data.outcomes.cwiseAbs().maxCoeff();
    scale_ = data.scale_if_constant > 0 ? data.scale_if_constant : size > kSmallestScale ? size : 1;
  }
  merge(data);
  parameters_ = parameters;
  covariance_ = Covariance(points_, data.columns, kernel, parameters);
  if (parameters.lengthscales.size() > 0 && parameters.lengthscales.minCoeff() > 0) factorise();
}

/// Measurements at one point become one: those with noise to be inferred their mean, with their number and scatter
/// kept; those with given noise their mean weighted by precision, with the precisions' sum.
void ExactGp::merge(const TrainingData& data) {
  struct Entry {
    double weight = 0, sum = 0, squares = 0, count = 0;
  };
  const Eigen::Index width = data.points.cols();
  std::map<std::pair<std::vector<double>, bool>, Eigen::Index> known;  // (point, noise given?) → entry
  std::vector<Entry> entries;
  points_.resize(data.points.rows(), width);
  for (Eigen::Index i = 0; i < data.points.rows(); ++i) {
    const double z = (data.outcomes[i] - location_) / scale_;
    const bool given = data.noise_sd.size() > 0 && !std::isnan(data.noise_sd[i]);
    const double weight =
        given ? std::pow(std::clamp(data.noise_sd[i] / scale_, kSmallestNoiseSd, kLargestNoiseSd), -2) : 1;
    std::vector<double> at(static_cast<std::size_t>(width));
    Vector::Map(at.data(), width) = data.points.row(i);
    const auto [place, fresh] = known.emplace(std::pair(std::move(at), given), static_cast<Eigen::Index>(known.size()));
    if (fresh) {
      points_.row(place->second) = data.points.row(i);
      entries.emplace_back();
    }
    Entry& entry = entries[static_cast<std::size_t>(place->second)];
    ++entry.count;
    entry.weight += weight;
    entry.sum += weight * z;
    entry.squares += weight * z * z;
  }
  const auto n = static_cast<Eigen::Index>(entries.size());
  points_.conservativeResize(n, width);
  outcomes_.resize(n);
  noise_.variance = Vector::Constant(n, std::numeric_limits<double>::quiet_NaN());
  noise_.count = Vector::Ones(n);
  for (const auto& [key, k] : known) {
    const Entry& entry = entries[static_cast<std::size_t>(k)];
    outcomes_[k] = entry.sum / entry.weight;
    const double scatter = std::max(entry.squares - entry.sum * entry.sum / entry.weight, 0.0);
    if (key.second) {
      noise_.variance[k] = 1 / entry.weight;
      noise_.stated_spare += entry.count - 1;
      noise_.stated_scatter += scatter;
    } else {
      noise_.count[k] = entry.weight;
      noise_.spare += entry.weight - 1;
      noise_.scatter += scatter;
    }
  }
}

ExactGp ExactGp::fit(const TrainingData& data, const GpOptions& options) {
  check_data(data);
  GpParameters unknown;
  unknown.lengthscales = Vector::Zero(data.points.cols());
  ExactGp gp(data, unknown, options.kernel);

  // Of many points an even selection, in the order of the data, tells the hyper-parameters nearly as well.
  Matrix points = gp.points_;
  Vector outcomes = gp.outcomes_;
  Noise noise = gp.noise_;
  const Eigen::Index n = gp.rows(), most = std::max<Eigen::Index>(options.most_points, 2);
  if (n > most) {
    for (Eigen::Index k = 0; k < most; ++k) {
      const Eigen::Index from = (2 * k + 1) * n / (2 * most);
      points.row(k) = gp.points_.row(from);
      outcomes[k] = gp.outcomes_[from];
      noise.variance[k] = gp.noise_.variance[from];
      noise.count[k] = gp.noise_.count[from];
    }
    points.conservativeResize(most, Eigen::NoChange);
    for (Vector* part : {&outcomes, &noise.variance, &noise.count}) part->conservativeResize(most);
  }
  const GpEvidence evidence(points, outcomes, noise, data.columns, options.kernel, options.prior);
  Minimum best;
  bool joined = false;  // what an earlier start found
  const auto cost = [&](const Vector& theta, Vector* gradient) {
    joined = best.point.size() > 0 && (theta - best.point).cwiseAbs().maxCoeff() < kSameOptimum;
    const double value = -evidence(theta, gradient);
    if (gradient) *gradient = -*gradient;
    return value;
  };
  MinimiseOptions search;
  search.max_evaluations = options.max_evaluations;
  search.value_tolerance = 1e-5;
  search.point_tolerance = 1e-4;
  search.stop = [&] { return joined || (options.stop && options.stop()); };
  for (int start = 0; start < std::max(options.starts, 1); ++start) {
    // Hardly any noise; long lengthscales and much noise; then shorter and longer in turn.
    const double stretch = start == 0 ? 1 : std::pow(4.0, (start + 1) / 2 * (start % 2 == 1 ? 1 : -1));
    Vector from = start == 0 && options.start ? evidence.start(*options.start) : evidence.start(stretch);
    if (start == 1) evidence.set_noise(from, kMuchNoise);
    joined = false;
    const Minimum found = minimise(cost, from, evidence.low(), evidence.high(), search);
    // Of two maxima the one that more of the probability lies around: a high and narrow one explains a scatter by
    // lengthscales that happen to fit it.
    const bool same = joined || (start > 0 && (found.point - best.point).cwiseAbs().maxCoeff() < kSameOptimum);
    const auto heavier = [&] {
      const auto mass = evidence.log_mass(found.point, options.stop),
                 other = evidence.log_mass(best.point, options.stop);
      return mass && other ? *mass > *other : found.value < best.value;  // no time is left to weigh them
    };
    if (start == 0 || (same ? found.value < best.value : heavier())) best = found;
    if (options.stop && options.stop()) break;
  }
  gp.parameters_ = evidence.parameters(best.point);
  gp.log_prior_ = -best.value - evidence.log_evidence();
  gp.parameters_.noise_variance = std::max(gp.parameters_.noise_variance, options.prior.noise_floor);
  for (double& variance : gp.noise_.variance) {
    if (variance < options.prior.noise_floor) variance = options.prior.noise_floor;
  }
  gp.covariance_ = Covariance(gp.points_, data.columns, options.kernel, gp.parameters_);
  gp.factorise();
  return gp;
}

void ExactGp::factorise() {
  const Eigen::Index n = points_.rows();
  Matrix covariance = covariance_.with(points_);
  for (Eigen::Index a = 0; a < n; ++a) covariance(a, a) += noise_.at(a, parameters_.noise_variance);
  const Matrix factor = cholesky(covariance, &jitter_);
  inverse_factor_ = inverse_of_lower(factor);
  const Vector residual = outcomes_.array() - parameters_.mean;
  alpha_ = times_transposed(inverse_factor_, times(inverse_factor_, residual));
}

ExactGp ExactGp::with(const Matrix& points, const Vector& outcomes) const {
  check_width(points.cols());
  ATHANOR_CHECK(points.rows() == outcomes.size(), "points and outcomes of different numbers");
  ExactGp out = *this;
  const Eigen::Index n = rows(), all = n + points.rows();
  out.points_.conservativeResize(all, Eigen::NoChange);
  out.points_.bottomRows(points.rows()) = points;
  out.outcomes_.conservativeResize(all);
  out.outcomes_.tail(points.rows()) = outcomes;
  out.noise_.variance.conservativeResize(all);
  out.noise_.variance.tail(points.rows()).setConstant(std::numeric_limits<double>::quiet_NaN());
  out.noise_.count.conservativeResize(all);
  out.noise_.count.tail(points.rows()).setOnes();
  out.covariance_ = Covariance(out.points_, columns(), kernel(), parameters_);
  out.factorise();
  return out;
}

std::vector<ExactGp> ExactGp::plausible(const Matrix& normals, const GpPrior& prior) const {
  const GpEvidence evidence(points_, outcomes_, noise_, columns(), kernel(), prior);
  const Vector mode = evidence.start(parameters_);
  const Eigen::Index size = mode.size();
  ATHANOR_CHECK(normals.cols() >= size, "fewer columns of normal draws than hyper-parameters");
  const Eigen::SelfAdjointEigenSolver<Matrix> axes(evidence.curvature(mode));
  const double flattest = 1 / (GpEvidence::kFlat * GpEvidence::kFlat);
  const Vector sd = axes.eigenvalues().cwiseMax(flattest).cwiseSqrt().cwiseInverse();
  std::vector<ExactGp> out;
  for (Eigen::Index k = 0; k < normals.rows(); ++k) {
    const Vector along = sd.cwiseProduct(normals.row(k).head(size).transpose());
    const Vector theta = mode + axes.eigenvectors() * along;
    ExactGp gp = *this;
    gp.parameters_ = evidence.parameters(theta.cwiseMax(evidence.low()).cwiseMin(evidence.high()));
    gp.parameters_.noise_variance = std::max(gp.parameters_.noise_variance, prior.noise_floor);
    gp.covariance_ = Covariance(points_, columns(), kernel(), gp.parameters_);
    gp.factorise();
    out.push_back(std::move(gp));
  }
  return out;
}

void ExactGp::check_width(Eigen::Index width) const {
  if (width != points_.cols()) {
    throw InputError(fmt::format("a point of width {}, but the surrogate was fitted with {}", width, points_.cols()));
  }
}

double ExactGp::noise_beyond_replicates() const {
  const double shown = noise_.spare > 0 ? noise_.scatter / noise_.spare : 0;
  return std::max(parameters_.noise_variance - shown, 0.0);
}

Posterior ExactGp::posterior(const Matrix& points, double own) const {
  check_width(points.cols());
  const Eigen::Index q = points.rows();
  Matrix cross = covariance_.with(points);
  for (Eigen::Index i = 0; own > 0 && i < q; ++i) {
    for (Eigen::Index a = 0; a < rows(); ++a) {
      if (std::isnan(noise_.variance[a]) && points_.row(a) == points.row(i)) cross(a, i) += own;
    }
  }
  Posterior out;
  out.mean = location_ + scale_ * ((cross.transpose() * alpha_).array() + parameters_.mean);
  const Matrix explained = times(inverse_factor_, cross);
  out.covariance = Covariance(points, columns(), kernel(), parameters_).with(points);
  out.covariance.diagonal().array() += own;
  out.covariance.selfadjointView<Eigen::Lower>().rankUpdate(explained.transpose(), -1);
  out.covariance *= scale_ * scale_;
  out.covariance.triangularView<Eigen::StrictlyUpper>() = out.covariance.transpose();
  for (Eigen::Index i = 0; i < q; ++i) out.covariance(i, i) = std::max(out.covariance(i, i), 0.0);
  return out;
}

PointPosteriors ExactGp::at_each(const Matrix& points) const {
  check_width(points.cols());
  Eigen::ArrayXXd slopes;
  const Matrix cross = covariance_.with(points, slopes);
  const Matrix explained = times(inverse_factor_, cross);
  const Matrix solved = times_transposed(inverse_factor_, explained);  // K⁻¹k

  const double square = scale_ * scale_;
  PointPosteriors out;
  out.mean = location_ + scale_ * ((cross.transpose() * alpha_).array() + parameters_.mean);
  out.variance = square * left(points, explained);
  out.mean_gradients = out.variance_gradients = Matrix::Zero(points.rows(), points.cols());
  covariance_.add_gradients(points, (scale_ * alpha_).replicate(1, points.rows()), slopes, out.mean_gradients);
  covariance_.add_gradients(points, -2 * square * solved, slopes, out.variance_gradients);
  covariance_.add_prior_gradients(points, Vector::Constant(points.rows(), square), out.variance_gradients);
  return out;
}

/// The variance that L⁻¹k (n × q) leaves, standardised.
Vector ExactGp::left(const Matrix& points, const Matrix& explained) const {
  return (covariance_.prior(points) - explained.colwise().squaredNorm().transpose()).cwiseMax(kSmallestVariance);
}

void ExactGp::marginals(const Matrix& points, Vector& mean, Vector& variance) const {
  marginals(points, mean, variance, rows());
}

void ExactGp::marginals_at_most(const Matrix& points, Vector& mean, Vector& variance) const {
  marginals(points, mean, variance, std::min(rows(), kFew));
}

void ExactGp::marginals(const Matrix& points, Vector& mean, Vector& variance, Eigen::Index first) const {
  check_width(points.cols());
  constexpr Eigen::Index kChunk = 256;  // columns of the cross-covariance at a time: stays in the cache
  const Eigen::Index q = points.rows();
  // The inverse factor of the first observations' covariance is the corner of that of all.
  const Matrix some = first == rows() ? Matrix() : Matrix(inverse_factor_.topLeftCorner(first, first));
  mean.resize(q);
  variance.resize(q);
  for (Eigen::Index begin = 0; begin < q; begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, q - begin);
    const Matrix cross = covariance_.with(points.middleRows(begin, m));
    mean.segment(begin, m) = location_ + scale_ * ((cross.transpose() * alpha_).array() + parameters_.mean);
    const Matrix explained = first == rows() ? times(inverse_factor_, cross) : times(some, cross.topRows(first));
    variance.segment(begin, m) = scale_ * scale_ * left(points.middleRows(begin, m), explained);
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
