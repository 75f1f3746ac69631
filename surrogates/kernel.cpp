#include "surrogates/kernel.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace athanor {
namespace {
const double kRoot2 = std::sqrt(2.0), kRoot3 = std::sqrt(3.0), kRoot5 = std::sqrt(5.0);
constexpr double kCusp = 1e-8;
}  // namespace

void kernel_values(Kernel kernel, const Eigen::Ref<const Eigen::ArrayXd>& squared_distance,
                   Eigen::Ref<Eigen::ArrayXd> value) {
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

void kernel_values(Kernel kernel, const Eigen::Ref<const Eigen::ArrayXd>& squared_distance,
                   Eigen::Ref<Eigen::ArrayXd> value, Eigen::Ref<Eigen::ArrayXd> slope) {
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
                     Eigen::Ref<Eigen::ArrayXd> out) {
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
  Column column = choices(n);
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

Eigen::ArrayXXd ScaledPoints::squared_distances(const Matrix& points) const {
  Eigen::ArrayXXd out = Eigen::ArrayXXd::Zero(scaled_.rows(), points.rows());
  for (Eigen::Index k = 0; k < points.rows(); ++k) {
    for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
      const Column& column = columns_[static_cast<std::size_t>(j)];
      if (column == Column::kNumeric) {
        out.col(k) += (scaled_.col(j).array() - points(k, j) / lengthscales_[j]).square();
      } else {
        add_categorical(column, points(k, j), scaled_.col(j), 1 / (lengthscales_[j] * lengthscales_[j]), out.col(k));
      }
    }
  }
  return out;
}

void ScaledPoints::add_gradients(const Matrix& points, const Eigen::ArrayXXd& weights, Matrix& gradients) const {
  for (Eigen::Index j = 0; j < scaled_.cols(); ++j) {
    if (columns_[static_cast<std::size_t>(j)] != Column::kNumeric) continue;
    const double length = lengthscales_[j];
    for (Eigen::Index k = 0; k < points.rows(); ++k) {
      // ∂r²/∂x_j = 2 (x_j/ℓ_j − z_j)/ℓ_j
      gradients(k, j) += 2 / length * (weights.col(k) * (points(k, j) / length - scaled_.col(j).array())).sum();
    }
  }
}

namespace {

/// How many of the trend's features are of a column.
Eigen::Index trend_width(const Column& column) {
  return column == Column::kNumeric ? 2 : column.count();
}

/// 1/√p: so that the variance of the sum is the trend's in the mean over the cube.
double trend_share(const std::vector<Column>& columns) {
  const auto having = std::count_if(columns.begin(), columns.end(), [](const Column& c) { return trend_width(c) > 0; });
  return std::sqrt(1 / (2 * static_cast<double>(std::max<long>(having, 1))));
}

}  // namespace

Matrix trend_features(const Matrix& points, const std::vector<Column>& columns) {
  Eigen::Index width = 0;
  for (const Column& column : columns) width += trend_width(column);
  Matrix out = Matrix::Zero(points.rows(), width);
  const double share = trend_share(columns);
  Eigen::Index k = 0;
  for (Eigen::Index j = 0; j < points.cols(); ++j) {
    const Column& column = columns[static_cast<std::size_t>(j)];
    if (column == Column::kNumeric) {
      const Eigen::ArrayXd u = 2 * points.col(j).array() - 1;
      out.col(k) = share * kRoot3 * u;
      out.col(k + 1) = share * kRoot5 * (1.5 * u.square() - 0.5);
    } else if (column.count() > 0) {
      for (Eigen::Index i = 0; i < points.rows(); ++i) out(i, k + column.index(points(i, j))) = share * kRoot2;
    }
    k += trend_width(column);
  }
  return out;
}

Covariance::Covariance(const Matrix& points, const std::vector<Column>& columns, Kernel kernel,
                       const GpParameters& parameters)
    : kernel_(kernel), signal_(parameters.signal_variance), scaled_(points, columns, parameters.lengthscales) {
  if (!(parameters.trend_variance > 0)) return;
  features_ = trend_features(points, columns);
  if (features_.cols() > 0) trend_ = parameters.trend_variance;
}

Matrix Covariance::with(const Matrix& points) const {
  const Eigen::ArrayXXd distance = scaled_.squared_distances(points);
  Eigen::ArrayXXd out(distance.rows(), distance.cols());
  kernel_values(kernel_, distance.reshaped(), out.reshaped());
  return with_trend(points, out);
}

Matrix Covariance::with(const Matrix& points, Eigen::ArrayXXd& slopes) const {
  const Eigen::ArrayXXd distance = scaled_.squared_distances(points);
  Eigen::ArrayXXd out(distance.rows(), distance.cols());
  slopes.resize(distance.rows(), distance.cols());
  kernel_values(kernel_, distance.reshaped(), out.reshaped(), slopes.reshaped());
  slopes *= signal_;
  return with_trend(points, out);
}

Matrix Covariance::with_trend(const Matrix& points, const Eigen::ArrayXXd& kernel) const {
  Matrix out = signal_ * kernel;
  if (trend_ > 0) out.noalias() += (trend_ * features_) * trend_features(points, columns()).transpose();
  return out;
}

Vector Covariance::prior(const Matrix& points) const {
  Vector out = Vector::Constant(points.rows(), signal_);
  if (trend_ > 0) out += trend_ * trend_features(points, columns()).rowwise().squaredNorm();
  return out;
}

void add_trend_gradients(const Matrix& points, const std::vector<Column>& columns, const Matrix& weights,
                         Matrix& gradients) {
  const double share = trend_share(columns);
  Eigen::Index p = 0;
  for (Eigen::Index j = 0; j < points.cols(); ++j) {
    const Column& column = columns[static_cast<std::size_t>(j)];
    if (column == Column::kNumeric) {
      const auto slope = 2 * kRoot3 * weights.row(p).transpose().array() +
                         6 * kRoot5 * (2 * points.col(j).array() - 1) * weights.row(p + 1).transpose().array();
      gradients.col(j).array() += share * slope;
    }
    p += trend_width(column);
  }
}

void Covariance::add_gradients(const Matrix& points, const Matrix& weights, const Eigen::ArrayXXd& slopes,
                               Matrix& gradients) const {
  scaled_.add_gradients(points, weights.array() * slopes, gradients);
  if (trend_ > 0) add_trend_gradients(points, columns(), trend_ * (features_.transpose() * weights), gradients);
}

void Covariance::add_prior_gradients(const Matrix& points, const Vector& weights, Matrix& gradients) const {
  if (trend_ > 0) {
    const Matrix by_feature = trend_features(points, columns()).transpose() * (2 * trend_ * weights).asDiagonal();
    add_trend_gradients(points, columns(), by_feature, gradients);
  }
}

}  // namespace athanor
