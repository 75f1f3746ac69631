// The contract of a surrogate: fit on observations, then a joint posterior at any points, with its gradient.
#pragma once

#include <Eigen/Dense>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"

namespace athanor {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// How a column of the unit cube is to be compared: by difference, or only as equal or different.
enum class Column { kNumeric, kCategorical };

/// What a surrogate is fitted on: one outcome at n points.
struct TrainingData {
  Matrix points;                ///< n × d, in the unit cube
  Vector outcomes;              ///< n, in the outcome's own unit
  Vector noise_sd;              ///< n, known standard deviations, NaN where not known; empty: none known
  std::vector<Column> columns;  ///< d
};

/// Mean and covariance of the noise-free outcome, jointly at q points, in the outcome's own unit.
struct Posterior {
  Vector mean;        ///< q
  Matrix covariance;  ///< q × q, symmetric, positive semi-definite
};

/// At one point, with gradients in x (zero in categorical columns).
struct PointPosterior {
  double mean = 0, variance = 0;
  Vector mean_gradient, variance_gradient;  ///< d
};

/// What a model says of itself.
struct Health {
  double noise_sd = 0;  ///< in the outcome's unit
  double signal_sd = 0;
  Vector lengthscales;                ///< d, in the unit cube
  double leave_one_out_rmse = 0;      ///< in the outcome's unit
  double leave_one_out_coverage = 0;  ///< share of left-out points inside their central 90 % interval
  double log_evidence = 0;
  std::vector<std::string> warnings;  ///< in plain words
};

class Surrogate {
 public:
  virtual ~Surrogate() = default;
  virtual std::size_t dimension() const = 0;
  /// points (q × d). throws InputError for another width.
  virtual Posterior posterior(const Matrix& points) const = 0;
  virtual PointPosterior at(const Vector& point) const = 0;
  /// Mean and variance at each row alone, in memory linear in their number; resizes `mean` and `variance`.
  virtual void marginals(const Matrix& points, Vector& mean, Vector& variance) const = 0;
  /// `count` draws (count × q) of the joint posterior at `points`.
  virtual Matrix sample(const Matrix& points, std::size_t count, RandomStream& random) const = 0;
  virtual Health health() const = 0;
};

}  // namespace athanor
