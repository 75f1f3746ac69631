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
void kernel_values(Kernel kernel, const Eigen::Ref<const Eigen::ArrayXd>& squared_distance,
                   Eigen::Ref<Eigen::ArrayXd> value);
/// The same with its derivative by r², which is finite at r = 0, unlike that by r; but for Matérn-1/2, which has a cusp
/// there, and where the derivative at r = 10⁻⁸ is given.
void kernel_values(Kernel kernel, const Eigen::Ref<const Eigen::ArrayXd>& squared_distance,
                   Eigen::Ref<Eigen::ArrayXd> value, Eigen::Ref<Eigen::ArrayXd> slope);

/// out += weight · δ(value, values).
void add_categorical(const Column& column, double value, const Eigen::Ref<const Vector>& values, double weight,
                     Eigen::Ref<Eigen::ArrayXd> out);

/// Points scaled by 1/ℓ (numeric columns) for fast distances to them.
class ScaledPoints {
 public:
  ScaledPoints() = default;
  ScaledPoints(const Matrix& points, std::vector<Column> columns, const Vector& lengthscales);

  Eigen::Index rows() const { return scaled_.rows(); }
  Eigen::Index dimension() const { return scaled_.cols(); }
  const Vector& lengthscales() const { return lengthscales_; }
  const std::vector<Column>& columns() const { return columns_; }
  /// r² (n × q) from each row of `points` (q × d, not scaled).
  Eigen::ArrayXXd squared_distances(const Matrix& points) const;
  /// Adds Σ_i weights_ik · ∂(r²_ik)/∂x_k to row k of `gradients` (q × d); zero in categorical columns.
  void add_gradients(const Matrix& points, const Eigen::ArrayXXd& weights, Matrix& gradients) const;

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

/// A response surface without mixed terms (q × features). Of each numeric column its Legendre polynomials of first and
/// second degree, with mean 0 and variance 1 over the cube's edge: √3 u and √5 (3u² − 1)/2 with u = 2x − 1; of each
/// column of choices whose number is known an effect of each choice, √2 where it is taken and 0 elsewhere. All of them
/// divided by √(2 × such columns), so that the mean of Σ φ² is 1.
Matrix trend_features(const Matrix& points, const std::vector<Column>& columns);

/// Row k of `gradients` (q × d) += Σ_j weights_jk ∂φ_j(x_k)/∂x_k.
void add_trend_gradients(const Matrix& points, const std::vector<Column>& columns, const Matrix& weights,
                         Matrix& gradients);

/// The covariance s² k(r²) + τ² Σ_j φ_j(x) φ_j(x′), φ the trend's features, between a set of n points and others.
class Covariance {
 public:
  Covariance() = default;
  Covariance(const Matrix& points, const std::vector<Column>& columns, Kernel kernel, const GpParameters& parameters);

  Eigen::Index rows() const { return scaled_.rows(); }
  Eigen::Index dimension() const { return scaled_.dimension(); }
  const std::vector<Column>& columns() const { return scaled_.columns(); }
  const Vector& lengthscales() const { return scaled_.lengthscales(); }
  Kernel kernel() const { return kernel_; }

  /// Of the set with each row of `points` (n × q).
  Matrix with(const Matrix& points) const;
  /// The same, and the slopes s² k′(r²) (n × q) that a gradient needs.
  Matrix with(const Matrix& points, Eigen::ArrayXXd& slopes) const;
  /// Of each row of `points` with itself (q).
  Vector prior(const Matrix& points) const;
  /// Row k of `gradients` (q × d) += Σ_i weights_ik ∂cov(x_k, x_i)/∂x_k; zero in categorical columns.
  void add_gradients(const Matrix& points, const Matrix& weights, const Eigen::ArrayXXd& slopes,
                     Matrix& gradients) const;
  /// Row k of `gradients` += weights_k ∂cov(x_k, x_k)/∂x_k.
  void add_prior_gradients(const Matrix& points, const Vector& weights, Matrix& gradients) const;

 private:
  Matrix with_trend(const Matrix& points, const Eigen::ArrayXXd& kernel) const;

  Kernel kernel_ = Kernel::kMatern52;
  double signal_ = 1, trend_ = 0;  // s², τ²
  ScaledPoints scaled_;
  Matrix features_;  // of the set; empty without a trend
};

}  // namespace athanor
