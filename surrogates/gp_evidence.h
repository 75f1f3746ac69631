// The log posterior density of a Gaussian process's hyper-parameters given data, with its gradient.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "surrogates/kernel.h"

namespace athanor {

/// Lengthscales and signal variance have a LogNormal(μ, σ) density, whose mode is e^(μ − σ²). Of the variances of noise
/// and trend it is their logarithm that has a density, a normal one: a LogNormal as wide has its mode next to zero, and
/// a fit then explains noise by short lengthscales. The defaults were chosen by measurement: docs/planner.md.
struct GpPrior {
  double lengthscale_location = 1.4142135623730951;  ///< μ = this + ½ ln d  (Hvarfner, Hellsten & Nardi 2024)
  double lengthscale_scale = 1.7320508075688772;     ///< σ
  double signal_scale = 1;                           ///< σ; μ is 0. 0: the signal variance is fixed at 1
  double noise_location = -3, noise_scale = 3;       ///< mean and standard deviation of ln of the noise variance
  double trend_location = -4, trend_scale = 2;       ///< likewise, of the trend's; less 2 ln(d/8) of d > 8 columns
  double noise_floor = 1e-8;                         ///< smallest noise variance
  bool trend = true;                                 ///< otherwise there is none
};

/// Largest noise variance that a fit considers, of the standardised outcome.
constexpr double kLargestNoise = 4;

/// How exact the outcomes are. Outcomes measured more than once at one point are one entry, their mean.
struct Noise {
  Vector variance;     ///< n: of each entry; NaN where it is to be inferred
  Vector count;        ///< n: how many measurements each entry is the mean of
  double scatter = 0;  ///< Σ (y − mean)² within the entries whose noise is to be inferred
  double spare = 0;    ///< Σ (count − 1) over those
  /// Of measurements at one point whose noise was given: Σ ((y − mean)/sd)², and Σ (count − 1), which it is about if
  /// the noise is what was given.
  double stated_scatter = 0, stated_spare = 0;
  double at(Eigen::Index i, double inferred) const {
    return std::isnan(variance[i]) ? inferred / count[i] : variance[i];
  }
};

/// Legend: n points, d columns; K = s² k(r²) + diag(σ²/count); m = 1ᵀK⁻¹y / 1ᵀK⁻¹1 (profiled); θ = (ln ℓ, ln σ², ln
/// s²), the last two only where they are free; α = K⁻¹(y − m). Means and the scatter around them say exactly what the
/// single measurements say: p(y | θ) = N(means | m, K) · Π (2πσ²)^(−(count−1)/2) count^(−1/2) e^(−scatter/2σ²).
class GpEvidence {
 public:
  /// points (n × d), each once; outcomes (n), standardised. Keeps references to all three.
  GpEvidence(const Matrix& points, const Vector& outcomes, const Noise& noise, std::vector<Column> columns,
             Kernel kernel, const GpPrior& prior);

  Eigen::Index size() const;  ///< of θ
  Vector low() const;
  Vector high() const;
  /// θ to start from, moved into the bounds: lengthscales at the mode of their prior, multiplied by `stretch`, and a
  /// noise variance one standard deviation below the mean of its own.
  Vector start(double stretch = 1) const;
  /// θ of these parameters, moved into the bounds.
  Vector start(const GpParameters& parameters) const;
  GpParameters parameters(const Vector& theta) const;
  /// Sets the noise variance in θ, where it is inferred.
  void set_noise(Vector& theta, double variance) const {
    if (infers_noise_) theta[d_] = std::log(variance);
  }

  /// ln p(y | θ) + ln p(θ), NaN where K is not positive definite; fills `gradient` where it is not null.
  double operator()(const Vector& theta, Vector* gradient) const;
  /// −∂²(ln p(y | θ) + ln p(θ))/∂θ∂θᵀ, by differences of the gradient.
  /// `stop`, here and below, is asked between evaluations; once it says true there is no answer (an empty matrix).
  Matrix curvature(const Vector& theta, const std::function<bool()>& stop = {}) const;
  /// ln of the probability around a maximum θ, up to a constant: of a normal distribution of that height and curvature.
  /// Directions in which the density hardly falls count as a standard deviation of kFlat.
  /// Method: Laplace's approximation (MacKay 2003, "Information theory, inference, and learning algorithms", chapter
  /// 27).
  std::optional<double> log_mass(const Vector& theta, const std::function<bool()>& stop = {}) const;
  static constexpr double kFlat = 1;
  /// ln p(y | θ) alone, of the last call.
  double log_evidence() const { return log_evidence_; }

 private:
  Eigen::Index trend_index() const { return d_ + (infers_noise_ ? 1 : 0); }
  /// Pairs of points (a, b), those with b ≥ a and a few more up to whole tiles, stand one after the other: for each a
  /// from b = first(a) to the end of its column, from packed entry starts_[a] on.
  static Eigen::Index first(Eigen::Index a) { return a / 8 * 8; }
  void fill_distances(const Vector& theta) const;
  void fill_matrix(double signal, double noise, double trend) const;

  const Matrix& points_;
  const Vector& outcomes_;
  const Noise& noise_;
  std::vector<Column> columns_;
  Kernel kernel_;
  GpPrior prior_;
  bool infers_noise_ = false;
  double trend_location_ = 0;  // prior_'s, of so many columns
  bool trend_ = false;
  Eigen::Index n_, d_, padded_;
  std::vector<Eigen::Index> numeric_, categorical_;  // columns
  std::vector<Eigen::Index> starts_;                 // n + 1
  Eigen::ArrayXd gram_;                              // pairs: Σ_j φ_j φ_j′/p, the trend's share of the covariance
  Eigen::ArrayXXd apart_;                            // pairs × categorical columns: δ
  // Work space, so that a fit allocates once.
  mutable Matrix scaled_;                            // padded × d
  mutable Eigen::ArrayXd distance_, value_, slope_;  // pairs
  mutable Matrix matrix_, inverse_;                  // rows as many as tiles and right-hand sides need
  mutable double mean_ = 0, log_evidence_ = 0;
};

}  // namespace athanor
