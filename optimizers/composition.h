// Acquisitions made of others.
#pragma once

#include <memory>
#include <vector>

#include "optimizers/acquisition.h"

namespace athanor {

/// ln of the mean of what others give the logarithm of: of one acquisition under several models.
/// Method: Snoek, Larochelle & Adams 2012, "integrated acquisition function".
class LogMean final : public Acquisition {
 public:
  /// One part at least. weights (one a part, positive): of the sum that is divided by their number; none: all 1.
  explicit LogMean(std::vector<std::unique_ptr<Acquisition>> parts, const Vector& weights = {});
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override;

 private:
  std::vector<std::unique_ptr<Acquisition>> parts_;
  Vector log_weights_;
};

/// The sum of two acquisitions: of logarithms, a product.
class Sum final : public Acquisition {
 public:
  Sum(std::unique_ptr<Acquisition> first, std::unique_ptr<Acquisition> second);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override { return first_->bounds(points) + second_->bounds(points); }

 private:
  std::unique_ptr<Acquisition> first_, second_;
};

}  // namespace athanor
