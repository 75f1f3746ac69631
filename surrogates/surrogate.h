// The contract of a surrogate: fit on observations, then a joint posterior at any points, with its gradient.
#pragma once

#include <Eigen/Dense>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"

namespace athanor {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// How a column of the unit cube is to be compared: by difference, as equal or different, or, where something is known
/// of its categories, by how unlike they are.
class Column {
 public:
  enum Kind { kNumeric, kCategorical };
  Column(Kind kind = kNumeric) : kind_(kind) {}  // NOLINT: a plain kind is a column
  /// Categories 0, 1, … at 0, 1/(n − 1), … of the cube's edge; descriptors (n × r) as Choices has them. Two categories
  /// are apart by their descriptors' squared distance, scaled so that its mean is 1, and, for a share of kUnlike, by
  /// being different at all, since no descriptor says everything.
  static Column described(const Matrix& descriptors);
  /// Likewise, `count` of them of which nothing is known but that they differ.
  static Column choices(Eigen::Index count) {
    Column column(kCategorical);
    column.count_ = count;
    return column;
  }
  /// How many categories there are; 0 where that is not known.
  Eigen::Index count() const { return count_; }

  bool operator==(Kind kind) const { return kind_ == kind; }
  /// Between two values of a categorical column; 1 for different ones without descriptors.
  double squared_distance(double a, double b) const {
    if (!categories_) return a != b ? 1 : 0;
    return categories_->apart(index(a), index(b));
  }
  /// Where the categories lie so that their squared distances, kUnlike aside, are as above (n × r); null without
  /// descriptors.
  const Matrix* positions() const { return categories_ ? &categories_->positions : nullptr; }
  Eigen::Index index(double value) const { return std::lround(value * static_cast<double>(count_ - 1)); }

  static constexpr double kUnlike = 0.1;

 private:
  struct Categories {
    Matrix positions, apart;
  };
  Kind kind_;
  Eigen::Index count_ = 0;
  std::shared_ptr<const Categories> categories_;
};

/// What a surrogate is fitted on: one outcome at n points.
struct TrainingData {
  Matrix points;                 ///< n × d, in the unit cube
  Vector outcomes;               ///< n, in the outcome's own unit
  Vector noise_sd;               ///< n, known standard deviations, NaN where not known; empty: none known
  std::vector<Column> columns;   ///< d
  double scale_if_constant = 0;  ///< what outcomes that are all the same may vary by; 0: their own size
};

/// Mean and covariance of the noise-free outcome, jointly at q points, in the outcome's own unit.
struct Posterior {
  Vector mean;        ///< q
  Matrix covariance;  ///< q × q, symmetric, positive semi-definite
};

/// At q points each alone, with gradients in x (zero in categorical columns).
struct PointPosteriors {
  Vector mean, variance;                      ///< q
  Matrix mean_gradients, variance_gradients;  ///< q × d
};

/// The same at one point.
struct PointPosterior {
  double mean = 0, variance = 0;
  Vector mean_gradient, variance_gradient;  ///< d
};

/// What a model says of itself.
struct Health {
  double noise_sd = 0;  ///< in the outcome's unit; where it was given, the median
  double signal_sd = 0;
  Vector lengthscales;                ///< d, in the unit cube
  double leave_one_out_rmse = 0;      ///< in the outcome's unit; hyper-parameters of all points, left-out ones too
  double leave_one_out_coverage = 0;  ///< share of left-out points inside their central 90 % interval; likewise
  double log_evidence = 0;
  std::vector<std::string> warnings;  ///< in plain words
};

class Surrogate {
 public:
  virtual ~Surrogate() = default;
  virtual std::size_t dimension() const = 0;
  /// points (q × d). throws InputError for another width.
  virtual Posterior posterior(const Matrix& points) const = 0;
  /// The same at each row alone, with gradients.
  virtual PointPosteriors at_each(const Matrix& points) const = 0;
  PointPosterior at(const Vector& point) const;
  /// Mean and variance at each row alone, in memory linear in their number; resizes `mean` and `variance`.
  virtual void marginals(const Matrix& points, Vector& mean, Vector& variance) const = 0;
  /// The same, but for variances that are no less than those, where that is much cheaper to say.
  virtual void marginals_at_most(const Matrix& points, Vector& mean, Vector& variance) const {
    marginals(points, mean, variance);
  }
  /// `count` draws (count × q) of the joint posterior at `points`.
  virtual Matrix sample(const Matrix& points, std::size_t count, RandomStream& random) const = 0;
  virtual Health health() const = 0;
};

inline PointPosterior Surrogate::at(const Vector& point) const {
  const PointPosteriors one = at_each(point.transpose());
  return {one.mean[0], one.variance[0], one.mean_gradients.row(0), one.variance_gradients.row(0)};
}

}  // namespace athanor
