// An exact Gaussian process: constant mean, Matérn or RBF kernel with a lengthscale a column, homoscedastic or given
// noise, replicates merged.
#pragma once

#include <functional>
#include <optional>

#include "surrogates/gp_evidence.h"

namespace athanor {

struct GpOptions {
  Kernel kernel = Kernel::kMatern52;
  GpPrior prior;
  int starts = 2;                     ///< of the search for the most probable hyper-parameters
  std::optional<GpParameters> start;  ///< where the first of them begins, for instance those of a similar model
  Eigen::Index most_points = 300;     ///< hyper-parameters are sought on an even selection of so many points at most
  int max_evaluations = 100;          ///< of each start
  std::function<bool()>
      stop;  ///< asked between evaluations; the best hyper-parameters so far are taken once it says true
};

/// Legend: n different points, d columns, q points asked for; all inside in units of the standardised outcome z = (y −
/// location)/scale. Measurements at one point are merged into their mean, which changes nothing but the work (Noise).
class ExactGp final : public Surrogate {
 public:
  /// The most probable hyper-parameters under the priors (MAP), from several starts; deterministic.
  /// `data.noise_sd` may hold NaN where the noise of a point is not known; it is inferred there.
  /// throws InputError for no points, sizes that do not fit together, or a number that is not finite.
  /// Method: Rasmussen & Williams 2006, chapters 2 and 5.
  static ExactGp fit(const TrainingData& data, const GpOptions& options = {});
  /// With the hyper-parameters given (in standardised units), not fitted.
  ExactGp(const TrainingData& data, const GpParameters& parameters, Kernel kernel = Kernel::kMatern52);

  std::size_t dimension() const override { return static_cast<std::size_t>(points_.cols()); }
  Posterior posterior(const Matrix& points) const override { return posterior(points, 0); }
  /// The same, where `own` (standardised) of the noise variance is not noise but what each point has of its own: every
  /// measurement there would show it again.
  Posterior posterior(const Matrix& points, double own) const;
  /// By how much the inferred noise variance (standardised) exceeds the scatter of replicates; all of it where there
  /// are none.
  double noise_beyond_replicates() const;
  PointPosteriors at_each(const Matrix& points) const override;
  void marginals(const Matrix& points, Vector& mean, Vector& variance) const override;
  /// Variances given the first few of the observations alone.
  void marginals_at_most(const Matrix& points, Vector& mean, Vector& variance) const override;
  Matrix sample(const Matrix& points, std::size_t count, RandomStream& random) const override;
  Health health() const override;

  /// Mean and variance (of an observation, noise included) at each point, had it been left out, in O(n³) for all.
  /// Method: Rasmussen & Williams 2006, equations 5.10–5.12.
  void leave_one_out(Vector& mean, Vector& variance) const;

  Eigen::Index rows() const { return points_.rows(); }
  const Matrix& points() const { return points_; }
  const GpParameters& parameters() const { return parameters_; }
  const Covariance& covariance() const { return covariance_; }
  Kernel kernel() const { return covariance_.kernel(); }
  const std::vector<Column>& columns() const { return covariance_.columns(); }
  double location() const { return location_; }
  double scale() const { return scale_; }
  /// What had to be added to the diagonal (standardised variance) to factor the covariance; 0 as a rule.
  double jitter() const { return jitter_; }
  /// ln p(y | θ), and with the ln p(θ) of the fit (0 where the hyper-parameters were given).
  double log_evidence() const;
  double log_posterior() const { return log_evidence() + log_prior_; }
  /// The process that also knows these outcomes (standardised, noise inferred) at these points, hyper-parameters and
  /// standardisation as they are.
  ExactGp with(const Matrix& points, const Vector& outcomes) const;
  /// Processes on the same data whose hyper-parameters are drawn from what the data leave open: from the normal
  /// approximation, at the most probable ones, of the posterior density of their logarithms. One a row of `normals`
  /// (k × at least as many columns as the points have, and three more). `prior`: that of the fit.
  /// Method: as GpEvidence::log_mass.
  std::vector<ExactGp> plausible(const Matrix& normals, const GpPrior& prior = {}) const;

  /// Standardised outcomes, one a different point.
  const Vector& outcomes() const { return outcomes_; }

  /// The inverse L⁻¹ of the Cholesky factor of the training covariance (lower triangle), and α = K⁻¹(z − m).
  const Matrix& inverse_factor() const { return inverse_factor_; }
  const Vector& alpha() const { return alpha_; }

 private:
  ExactGp() = default;
  void merge(const TrainingData& data);
  void factorise();
  /// Means given all observations, variances given the first so many.
  void marginals(const Matrix& points, Vector& mean, Vector& variance, Eigen::Index first) const;
  Vector left(const Matrix& points, const Matrix& explained) const;
  void check_width(Eigen::Index width) const;

  Matrix points_;
  Vector outcomes_;  // standardised
  Noise noise_;      // standardised
  double location_ = 0, scale_ = 1;
  Kernel kernel_ = Kernel::kMatern52;
  GpParameters parameters_;
  Covariance covariance_;
  Matrix inverse_factor_;
  Vector alpha_;
  double jitter_ = 0, log_prior_ = 0;
};

/// Σ = L Lᵀ for a symmetric positive semi-definite Σ, adding a growing jitter to its diagonal (relative to the mean of
/// the diagonal, from 1e-12) where rounding makes it indefinite; the jitter that was added goes to `added`.
Matrix cholesky(const Matrix& covariance, double* added = nullptr);

/// L X and Lᵀ X of a lower triangle (n × n) and columns (n × q); few of them one by one, for which Eigen's product of
/// matrices is not made.
Matrix times(const Matrix& lower, const Matrix& columns);
Matrix times_transposed(const Matrix& lower, const Matrix& columns);

}  // namespace athanor
