// Stationary kernels as functions of the squared scaled distance
//   r² = Σ_numeric ((x − x′)/ℓ)² + Σ_categorical δ(x, x′)/ℓ²,  δ = [x ≠ x′] or the distance of descriptors (Column),
// which is the squared Euclidean distance of scaled embeddings, so that every kernel of r is a valid one.
#pragma once

#include <vector>

#include "surrogates/surrogate.h"

namespace athanor {

enum class Kernel { kMatern12, kMatern32, kMatern52, kRbf };

/// k(r²) for each entry; k(0) = 1.  Matérn-1/2: e^(−r);  3/2: (1 + √3 r) e^(−√3 r);  5/2: (1 + √5 r + 5/3 r²) e^(−√5
/// r); RBF: e^(−r²/2).
void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value);
/// The same with its derivative by r², which is finite at r = 0, unlike that by r; but for Matérn-1/2, which has a cusp
/// there, and where the derivative at r = 10⁻⁸ is given.
void kernel_values(Kernel kernel, const Eigen::ArrayXd& squared_distance, Eigen::ArrayXd& value, Eigen::ArrayXd& slope);

/// out += weight · δ(value, values).
void add_categorical(const Column& column, double value, const Eigen::Ref<const Vector>& values, double weight,
                     Eigen::ArrayXd& out);

/// Points scaled by 1/ℓ (numeric columns) for fast distances to them.
class ScaledPoints {
 public:
  ScaledPoints() = default;
  ScaledPoints(const Matrix& points, std::vector<Column> columns, const Vector& lengthscales);

  Eigen::Index rows() const { return scaled_.rows(); }
  Eigen::Index dimension() const { return scaled_.cols(); }
  const Vector& lengthscales() const { return lengthscales_; }
  const std::vector<Column>& columns() const { return columns_; }
  void append(const Vector& point);
  /// r² from `point` (d, not scaled) to each row.
  void squared_distances(const Vector& point, Eigen::ArrayXd& out) const;
  /// Adds Σ_i weight_i · ∂(r²_i)/∂x to `gradient` (d); zero in categorical columns.
  void add_gradient(const Vector& point, const Eigen::ArrayXd& weight, Vector& gradient) const;

 private:
  Matrix scaled_;  // n × d; categorical columns as they are
  std::vector<Column> columns_;
  Vector lengthscales_;
};

/// In units of the standardised outcome (variances) and of the unit cube (lengthscales).
struct GpParameters {
  Vector lengthscales;        ///< d
  double noise_variance = 0;  ///< of points whose noise was not given
  double signal_variance = 1;
  double trend_variance = 0;
  double mean = 0;  ///< constant
};

/// A response surface of second degree without its mixed terms, as Legendre polynomials of each numeric column that
/// have mean 0 and variance 1 over it: √3 u and √5 (3u² − 1)/2 with u = 2x − 1 (q × p, p = 2 × numeric columns).
Matrix trend_features(const Matrix& points, const std::vector<Column>& columns);

/// gradient += Σ_j weight_j ∂φ_j(x)/∂x.
void add_trend_gradient(const Vector& point, const std::vector<Column>& columns, const Vector& weight,
                        Vector& gradient);

/// The covariance s² k(r²) + τ²/p Σ_j φ_j(x) φ_j(x′), φ the trend's features, between a set of n points and others.
class Covariance {
 public:
  Covariance() = default;
  Covariance(const Matrix& points, const std::vector<Column>& columns, Kernel kernel, const GpParameters& parameters);

  Eigen::Index rows() const { return scaled_.rows(); }
  Eigen::Index dimension() const { return scaled_.dimension(); }
  const std::vector<Column>& columns() const { return scaled_.columns(); }
  const Vector& lengthscales() const { return scaled_.lengthscales(); }
  Kernel kernel() const { return kernel_; }

  /// Of one point with each of the set (n).
  void with(const Vector& point, Eigen::ArrayXd& out) const;
  /// The same, and the slope s² k′(r²) that a gradient needs.
  void with(const Vector& point, Eigen::ArrayXd& out, Eigen::ArrayXd& slope) const;
  /// Of a point with itself.
  double prior(const Vector& point) const;
  /// gradient += Σ_i weight_i ∂cov(x, x_i)/∂x; zero in categorical columns.
  void add_gradient(const Vector& point, const Eigen::ArrayXd& weight, const Eigen::ArrayXd& slope,
                    Vector& gradient) const;
  /// gradient += weight ∂cov(x, x)/∂x.
  void add_prior_gradient(const Vector& point, double weight, Vector& gradient) const;
  /// All of the set with all of it.
  Matrix matrix(const Matrix& points) const;

 private:
  Kernel kernel_ = Kernel::kMatern52;
  double signal_ = 1, trend_ = 0;  // trend_: τ²/p
  ScaledPoints scaled_;
  Matrix features_;  // n × p; empty without a trend
};

}  // namespace athanor
