#include "surrogates/fantasies.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "surrogates/tiles.h"

namespace athanor {
namespace {

constexpr double kSameSquaredDistance = 1e-14;  // in the unit cube; nearer points are one
constexpr double kCertainVariance = 1e-8;       // standardised; below it an outcome counts as known
constexpr double kNugget = 1e-8;                // ε, relative to the signal variance: noise-free up to rounding
constexpr double kSmallestVariance = 1e-18;
constexpr Eigen::Index kFew = 48;  // base points for a bound of the variance
constexpr double kFewTolerance = 1e-3;

}  // namespace

Matrix pivoted_cholesky(const Matrix& covariance, double tolerance, Eigen::Index largest_rank,
                        std::vector<Eigen::Index>* pivots) {
  const Eigen::Index n = covariance.rows();
  Vector left = covariance.diagonal();
  Matrix factor = Matrix::Zero(n, std::min(n, largest_rank));
  Eigen::Index rank = 0;
  for (; rank < factor.cols(); ++rank) {
    Eigen::Index pivot = 0;
    const double variance = left.maxCoeff(&pivot);
    if (!(variance > tolerance)) break;
    if (pivots) pivots->push_back(pivot);
    factor.col(rank) = (covariance.col(pivot) - factor.leftCols(rank) * factor.row(pivot).head(rank).transpose()) /
                       std::sqrt(variance);
    left -= factor.col(rank).cwiseAbs2();
    left[pivot] = 0;
  }
  return factor.leftCols(rank);
}

Matrix distinct_rows(const Matrix& points) {
  Matrix out(points.rows(), points.cols());
  Eigen::Index count = 0;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const auto others = out.topRows(count);
    if (count > 0 && (others.rowwise() - points.row(i)).rowwise().squaredNorm().minCoeff() < kSameSquaredDistance)
      continue;
    out.row(count++) = points.row(i);
  }
  out.conservativeResize(count, Eigen::NoChange);
  return out;
}

Fantasies::Fantasies(const ExactGp& gp, const Matrix& base, const Matrix& normals, double own)
    : mean_(gp.parameters().mean), own_(own), base_(base, gp.columns(), gp.kernel(), gp.parameters()) {
  ATHANOR_CHECK(base.rows() >= 1, "no base points");
  ATHANOR_CHECK(normals.rows() > 0, "no fantasies asked for");
  const Posterior joint = gp.posterior(base, own);
  const double square = gp.scale() * gp.scale();
  const Matrix root = pivoted_cholesky(joint.covariance / square, kCertainVariance, normals.cols());
  const Vector mean = (joint.mean.array() - gp.location()) / gp.scale();
  values_ = mean.replicate(1, root.cols() == 0 ? 1 : normals.rows());
  if (root.cols() > 0) values_.noalias() += root * normals.leftCols(root.cols()).transpose();

  Matrix prior = base_.with(base);
  const double signal = prior.diagonal().mean();
  prior.diagonal().array() += std::max(own, kNugget * signal);
  pivoted_cholesky(prior, kFewTolerance * signal, kFew, &few_);
  if (few_.empty()) few_.push_back(0);  // numbers that are none; a bound is still one of something
  few_inverse_factor_ = inverse_of_lower(cholesky(prior(few_, few_)));
  inverse_factor_ = inverse_of_lower(cholesky(prior));
  const Matrix half = times(inverse_factor_, values_.array() - mean_);
  weights_ = times_transposed(inverse_factor_, half);
}

/// Means of all fantasies, and `explained(cross)`: by how much each column's variance is below the prior's.
template <class Explained>
void Fantasies::means_and(const Matrix& points, Matrix& means, Vector& variance, const Explained& explained) const {
  constexpr Eigen::Index kChunk = 256;
  const Eigen::Index q = points.rows();
  means.resize(q, count());
  variance.resize(q);
  for (Eigen::Index begin = 0; begin < q; begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, q - begin);
    const Matrix cross = base_.with(points.middleRows(begin, m));
    means.middleRows(begin, m).noalias() = cross.transpose() * weights_;
    variance.segment(begin, m) =
        ((base_.prior(points.middleRows(begin, m)) - explained(cross)).array() + own_).max(kSmallestVariance);
  }
  means.array() += mean_;
}

void Fantasies::at(const Matrix& points, Matrix& means, Vector& variance) const {
  means_and(points, means, variance, [&](const auto& cross) -> Vector {
    const Matrix solved = times(inverse_factor_, cross);
    return solved.colwise().squaredNorm();
  });
}

void Fantasies::at_most(const Matrix& points, Matrix& means, Vector& variance) const {
  means_and(points, means, variance, [&](const auto& cross) -> Vector {
    const Matrix solved = times(few_inverse_factor_, cross(few_, Eigen::all));
    return solved.colwise().squaredNorm();
  });
}

void Fantasies::at(const Matrix& points, Local& local) const {
  local.points = points;
  const Matrix cross = base_.with(points, local.slopes);
  local.means = (cross.transpose() * weights_).array() + mean_;
  const Matrix explained = times(inverse_factor_, cross);
  local.solved = times_transposed(inverse_factor_, explained);
  local.variance =
      ((base_.prior(points) - explained.colwise().squaredNorm().transpose()).array() + own_).max(kSmallestVariance);
}

Matrix Fantasies::gradients(const Local& local, const Matrix& mean_weights, const Vector& variance_weights) const {
  const Matrix weights = weights_ * mean_weights.transpose() - 2 * local.solved * variance_weights.asDiagonal();
  Matrix out = Matrix::Zero(local.points.rows(), local.points.cols());
  base_.add_gradients(local.points, weights, local.slopes, out);
  base_.add_prior_gradients(local.points, variance_weights, out);
  return out;
}

}  // namespace athanor
