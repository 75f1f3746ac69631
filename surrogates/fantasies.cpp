#include "surrogates/fantasies.h"

#include <cmath>

#include "core/check.h"

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
  const Eigen::Index count = base.rows();
  const Posterior joint = gp.posterior(base, own);
  const double square = gp.scale() * gp.scale();
  const Matrix root = pivoted_cholesky(joint.covariance / square, kCertainVariance, normals.cols());
  const Vector mean = (joint.mean.array() - gp.location()) / gp.scale();
  values_ = mean.replicate(1, root.cols() == 0 ? 1 : normals.rows());
  if (root.cols() > 0) values_.noalias() += root * normals.leftCols(root.cols()).transpose();

  Matrix prior = base_.matrix(base);
  const double signal = prior.diagonal().mean();
  prior.diagonal().array() += std::max(own, kNugget * signal);
  pivoted_cholesky(prior, kFewTolerance * signal, kFew, &few_);
  const Matrix few_factor = cholesky(prior(few_, few_));
  few_inverse_factor_ = Matrix::Identity(few_factor.rows(), few_factor.rows());
  few_factor.triangularView<Eigen::Lower>().solveInPlace(few_inverse_factor_);
  const Matrix factor = cholesky(prior);
  inverse_factor_ = Matrix::Identity(count, count);
  factor.triangularView<Eigen::Lower>().solveInPlace(inverse_factor_);
  const Matrix half = inverse_factor_.triangularView<Eigen::Lower>() * Matrix(values_.array() - mean_);
  weights_ = inverse_factor_.transpose().triangularView<Eigen::Upper>() * half;
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
    const Matrix cross = base_.matrix(points.middleRows(begin, m));
    means.middleRows(begin, m).noalias() = cross.transpose() * weights_;
    const Vector less = explained(cross);
    for (Eigen::Index i = 0; i < m; ++i) {
      variance[begin + i] = std::max(base_.prior(points.row(begin + i)) + own_ - less[i], kSmallestVariance);
    }
  }
  means.array() += mean_;
}

void Fantasies::at(const Matrix& points, Matrix& means, Vector& variance) const {
  means_and(points, means, variance, [&](const auto& cross) -> Vector {
    const Matrix solved = inverse_factor_.triangularView<Eigen::Lower>() * cross;
    return solved.colwise().squaredNorm();
  });
}

void Fantasies::at_most(const Matrix& points, Matrix& means, Vector& variance) const {
  means_and(points, means, variance, [&](const auto& cross) -> Vector {
    const Matrix solved = few_inverse_factor_.triangularView<Eigen::Lower>() * Matrix(cross(few_, Eigen::all));
    return solved.colwise().squaredNorm();
  });
}

void Fantasies::at(const Vector& point, Local& local) const {
  Eigen::ArrayXd value;
  local.point = point;
  base_.with(point, value, local.slope);
  const Vector cross = value.matrix();
  local.means = (weights_.transpose() * cross).array() + mean_;
  const Vector explained = inverse_factor_.triangularView<Eigen::Lower>() * cross;
  local.solved = inverse_factor_.transpose().triangularView<Eigen::Upper>() * explained;
  local.variance = std::max(base_.prior(point) + own_ - explained.squaredNorm(), kSmallestVariance);
}

Vector Fantasies::gradient(const Local& local, const Vector& mean_weight, double variance_weight) const {
  const Vector weight = weights_ * mean_weight - 2 * variance_weight * local.solved;
  Vector gradient = Vector::Zero(local.point.size());
  base_.add_gradient(local.point, weight.array(), local.slope, gradient);
  base_.add_prior_gradient(local.point, variance_weight, gradient);
  return gradient;
}

}  // namespace athanor
