#include "surrogates/kernel.h"

#include <cmath>

#include "core/check.h"

namespace athanor {
namespace {
const double kRoot5 = std::sqrt(5.0);
}

void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value) {
  if (kernel == Kernel::kRbf) {
    value = (-0.5 * squared_distance).exp();
    return;
  }
  value = kRoot5 * squared_distance.sqrt();
  value = (1 + value + 5.0 / 3.0 * squared_distance) * (-value).exp();
}

void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value,
                   Eigen::ArrayXd& slope) {
  if (kernel == Kernel::kRbf) {
    value = (-0.5 * squared_distance).exp();
    slope = -0.5 * value;
    return;
  }
  value = kRoot5 * squared_distance.sqrt();
  slope = (-value).exp();
  value = (1 + value) * slope;
  for (Eigen::Index i = 0; i < value.size(); ++i) {
    const double decay = slope[i];
    slope[i] = -5.0 / 6.0 * value[i];
    value[i] += 5.0 / 3.0 * squared_distance[i] * decay;
  }
}

ScaledPoints::ScaledPoints(const Matrix& points, std::vector<Column> columns, const Vector& lengthscales)
    : scaled_(points), columns_(std::move(columns)), lengthscales_(lengthscales) {
  ATHANOR_CHECK(static_cast<Eigen::Index>(columns_.size()) == points.cols() && lengthscales.size() == points.cols(),
                "columns, lengthscales and points of different widths");
  for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
    if (columns_[static_cast<std::size_t>(j)] == Column::kNumeric) scaled_.col(j) /= lengthscales_[j];
  }
}

void ScaledPoints::append(const Vector& point) {
  const Eigen::Index n = scaled_.rows();
  scaled_.conservativeResize(n + 1, Eigen::NoChange);
  for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
    scaled_(n, j) = columns_[static_cast<std::size_t>(j)] == Column::kNumeric ? point[j] / lengthscales_[j] : point[j];
  }
}

void ScaledPoints::squared_distances(const Vector& point, Eigen::ArrayXd& out) const {
  out.setZero(scaled_.rows());
  for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
    if (columns_[static_cast<std::size_t>(j)] == Column::kNumeric) {
      out += (scaled_.col(j).array() - point[j] / lengthscales_[j]).square();
    } else {
      out += (scaled_.col(j).array() != point[j]).cast<double>() / (lengthscales_[j] * lengthscales_[j]);
    }
  }
}

void ScaledPoints::add_gradient(const Vector& point, const Eigen::ArrayXd& weight, Vector& gradient) const {
  for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
    if (columns_[static_cast<std::size_t>(j)] != Column::kNumeric) continue;
    // ∂r²/∂x_j = 2 (x_j/ℓ_j − z_j)/ℓ_j
    gradient[j] += 2 / lengthscales_[j] * (weight * (point[j] / lengthscales_[j] - scaled_.col(j).array())).sum();
  }
}

}  // namespace athanor
