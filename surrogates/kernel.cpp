#include "surrogates/kernel.h"

#include <algorithm>
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

void add_categorical(const Column& column, double value, const Eigen::Ref<const Vector>& values, double weight,
                     Eigen::ArrayXd& out) {
  if (column.positions() == nullptr) {
    out += (values.array() != value).cast<double>() * weight;
    return;
  }
  for (Eigen::Index i = 0; i < values.size(); ++i) out[i] += weight * column.squared_distance(value, values[i]);
}

Column Column::described(const Matrix& descriptors) {
  const Eigen::Index n = descriptors.rows();
  Categories categories{descriptors, Matrix::Zero(n, n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j)
      categories.apart(i, j) = (descriptors.row(i) - descriptors.row(j)).squaredNorm();
  }
  const double mean = n > 1 ? categories.apart.sum() / static_cast<double>(n * (n - 1)) : 0;
  const double share = mean > 0 ? 1 - kUnlike : 0;
  if (mean > 0) {
    categories.apart /= mean;
    categories.positions /= std::sqrt(mean);
  }
  categories.apart = share * categories.apart.array() + (1 - share) * (1 - Matrix::Identity(n, n).array());
  categories.positions *= std::sqrt(share);
  Column column(kCategorical);
  column.categories_ = std::make_shared<const Categories>(std::move(categories));
  return column;
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
      add_categorical(columns_[static_cast<std::size_t>(j)], point[j], scaled_.col(j),
                      1 / (lengthscales_[j] * lengthscales_[j]), out);
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

Matrix trend_features(const Matrix& points, const std::vector<Column>& columns) {
  const auto numeric = std::count(columns.begin(), columns.end(), Column::kNumeric);
  Matrix out(points.rows(), 2 * numeric);
  Eigen::Index k = 0;
  for (Eigen::Index j = 0; j < points.cols(); ++j) {
    if (!(columns[static_cast<std::size_t>(j)] == Column::kNumeric)) continue;
    const Eigen::ArrayXd u = 2 * points.col(j).array() - 1;
    out.col(k++) = kRoot3 * u;
    out.col(k++) = kRoot5 * (1.5 * u.square() - 0.5);
  }
  return out;
}

Covariance::Covariance(const Matrix& points, const std::vector<Column>& columns, Kernel kernel,
                       const GpParameters& parameters)
    : kernel_(kernel), signal_(parameters.signal_variance), scaled_(points, columns, parameters.lengthscales) {
  if (!(parameters.trend_variance > 0)) return;
  features_ = trend_features(points, columns);
  if (features_.cols() > 0) trend_ = parameters.trend_variance / static_cast<double>(features_.cols());
}

void Covariance::with(const Vector& point, Eigen::ArrayXd& out) const {
  thread_local Eigen::ArrayXd distance;
  scaled_.squared_distances(point, distance);
  kernel_values(kernel_, distance, out);
  out *= signal_;
  if (trend_ > 0) {
    out.matrix().noalias() += trend_ * (features_ * trend_features(point.transpose(), columns()).transpose());
  }
}

void Covariance::with(const Vector& point, Eigen::ArrayXd& out, Eigen::ArrayXd& slope) const {
  thread_local Eigen::ArrayXd distance;
  scaled_.squared_distances(point, distance);
  kernel_values(kernel_, distance, out, slope);
  out *= signal_;
  slope *= signal_;
  if (trend_ > 0) {
    out.matrix().noalias() += trend_ * (features_ * trend_features(point.transpose(), columns()).transpose());
  }
}

double Covariance::prior(const Vector& point) const {
  return trend_ > 0 ? signal_ + trend_ * trend_features(point.transpose(), columns()).squaredNorm() : signal_;
}

void add_trend_gradient(const Vector& point, const std::vector<Column>& columns, const Vector& weight,
                        Vector& gradient) {
  Eigen::Index k = 0;
  for (Eigen::Index j = 0; j < point.size() && k < weight.size(); ++j) {
    if (!(columns[static_cast<std::size_t>(j)] == Column::kNumeric)) continue;
    gradient[j] += 2 * kRoot3 * weight[k] + 6 * kRoot5 * (2 * point[j] - 1) * weight[k + 1];
    k += 2;
  }
}

void Covariance::add_gradient(const Vector& point, const Eigen::ArrayXd& weight, const Eigen::ArrayXd& slope,
                              Vector& gradient) const {
  scaled_.add_gradient(point, weight * slope, gradient);
  if (trend_ > 0) {
    add_trend_gradient(point, columns(), trend_ * (features_.transpose() * weight.matrix()), gradient);
  }
}

void Covariance::add_prior_gradient(const Vector& point, double weight, Vector& gradient) const {
  if (trend_ > 0) {
    add_trend_gradient(point, columns(),
                       2 * weight * trend_ * trend_features(point.transpose(), columns()).row(0).transpose(), gradient);
  }
}

Matrix Covariance::matrix(const Matrix& points) const {
  Matrix out(rows(), points.rows());
  Eigen::ArrayXd distance, column;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    scaled_.squared_distances(points.row(i), distance);
    kernel_values(kernel_, distance, column);
    out.col(i) = signal_ * column;
  }
  if (trend_ > 0) out.noalias() += (trend_ * features_) * trend_features(points, columns()).transpose();
  return out;
}

}  // namespace athanor
