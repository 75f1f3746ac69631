#include "surrogates/kernel.h"

#include <cmath>

#include "core/check.h"

namespace athanor {
namespace {
const double kRoot3 = std::sqrt(3.0), kRoot5 = std::sqrt(5.0);
constexpr double kCusp = 1e-8;
}  // namespace

void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value) {
  switch (kernel) {
    case Kernel::kMatern12:
      value = (-squared_distance.sqrt()).exp();
      return;
    case Kernel::kMatern32:
      value = kRoot3 * squared_distance.sqrt();
      value = (1 + value) * (-value).exp();
      return;
    case Kernel::kMatern52:
      value = kRoot5 * squared_distance.sqrt();
      value = (1 + value + 5.0 / 3.0 * squared_distance) * (-value).exp();
      return;
    case Kernel::kRbf:
      value = (-0.5 * squared_distance).exp();
      return;
  }
}

void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value,
                   Eigen::ArrayXd& slope) {
  switch (kernel) {
    case Kernel::kMatern12:
      slope = squared_distance.sqrt();
      value = (-slope).exp();
      slope = -0.5 * value / slope.max(kCusp);
      return;
    case Kernel::kMatern32:
      value = kRoot3 * squared_distance.sqrt();
      slope = (-value).exp();
      value = (1 + value) * slope;
      slope *= -1.5;
      return;
    case Kernel::kMatern52:
      value = kRoot5 * squared_distance.sqrt();
      slope = (-value).exp();
      value = (1 + value) * slope;
      for (Eigen::Index i = 0; i < value.size(); ++i) {
        const double decay = slope[i];
        slope[i] = -5.0 / 6.0 * value[i];
        value[i] += 5.0 / 3.0 * squared_distance[i] * decay;
      }
      return;
    case Kernel::kRbf:
      value = (-0.5 * squared_distance).exp();
      slope = -0.5 * value;
      return;
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
