#include "optimizers/composition.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace athanor {

LogMean::LogMean(std::vector<std::unique_ptr<Acquisition>> parts, const Vector& weights) : parts_(std::move(parts)) {
  const auto count = static_cast<Eigen::Index>(parts_.size());
  ATHANOR_CHECK(count > 0, "a mean of no acquisitions");
  ATHANOR_CHECK(weights.size() == 0 || weights.size() == count, "weights of another number of acquisitions");
  log_weights_ = weights.size() == 0 ? Vector(Vector::Zero(count)) : Vector(weights.array().log());
}

Vector LogMean::evaluate(const Matrix& points, Matrix* gradients) const {
  const auto count = static_cast<Eigen::Index>(parts_.size());
  Matrix all(points.rows(), count);
  std::vector<Matrix> slopes(parts_.size());
  for (Eigen::Index k = 0; k < count; ++k) {
    const auto part = static_cast<std::size_t>(k);
    all.col(k) = parts_[part]->evaluate(points, gradients ? &slopes[part] : nullptr).array() + log_weights_[k];
  }
  const Vector out = log_mean_exp(all);
  if (!gradients) return out;
  gradients->setZero(points.rows(), points.cols());
  for (Eigen::Index k = 0; k < count; ++k) {
    const Vector share = (all.col(k) - out).array().exp() / static_cast<double>(count);
    *gradients += share.asDiagonal() * slopes[static_cast<std::size_t>(k)];
  }
  return out;
}

Vector LogMean::bounds(const Matrix& points) const {
  Matrix all(points.rows(), static_cast<Eigen::Index>(parts_.size()));
  for (Eigen::Index k = 0; k < all.cols(); ++k) {
    all.col(k) = parts_[static_cast<std::size_t>(k)]->bounds(points).array() + log_weights_[k];
  }
  return log_mean_exp(all);
}

Sum::Sum(std::unique_ptr<Acquisition> first, std::unique_ptr<Acquisition> second)
    : first_(std::move(first)), second_(std::move(second)) {}

Vector Sum::evaluate(const Matrix& points, Matrix* gradients) const {
  Matrix other;
  Vector out = first_->evaluate(points, gradients);
  out += second_->evaluate(points, gradients ? &other : nullptr);
  if (gradients) *gradients += other;
  return out;
}

}  // namespace athanor
