// Draws of what the noise-free outcome may be at the points tried and under way, and the process conditioned on each
// draw.
#pragma once

#include "surrogates/exact_gp.h"

namespace athanor {

/// A Gaussian process conditioned on S noise-free fantasies at a base set: its training points and more of them (those
/// under way, and those where another outcome was measured).
///
/// Since a fantasy gives the noise-free outcome at every training point, the noisy data say nothing more; all fantasies
/// have the same points and so the same conditional variance, and their means differ in their weights alone:
///   mean_s(x) = m + k(x, B) A_s,   variance(x) = k(x, x) − k(x, B) (K_BB + ε)⁻¹ k(B, x).
/// One factorisation, one matrix of weights. Everything in units of the standardised outcome.
/// Method: Letham et al. 2019, "Constrained Bayesian optimization with noisy experiments", section 4.
///
/// Legend: B (b × d) base points, each once; A (b × S) weights; F (b × S) fantasies.
class Fantasies {
 public:
  /// base (b × d): different points, the process's own among them. normals (S × r): standard normal draws; their first
  /// columns go to the directions in which the joint posterior at the base points varies most, columns beyond r are
  /// taken as zero. Where that posterior hardly varies at all (no noise, nothing pending) there is one fantasy, the
  /// posterior mean. own: as in ExactGp::posterior; it counts for all points but those of the base as not known.
  Fantasies(const ExactGp& gp, const Matrix& base, const Matrix& normals, double own = 0);

  Eigen::Index count() const { return weights_.cols(); }
  Eigen::Index dimension() const { return base_.dimension(); }
  /// b × S, in the order of the base points.
  const Matrix& values() const { return values_; }
  /// means (q × S) and variances (q) at the rows of `points` (q × d).
  void at(const Matrix& points, Matrix& means, Vector& variance) const;

  /// The same, with an upper bound of each variance in place of it: that given a few of the base points alone.
  void at_most(const Matrix& points, Matrix& means, Vector& variance) const;

  /// The same, with what gradients need kept in `Local`.
  struct Local {
    Matrix points, means;    ///< q × d, q × S
    Vector variance;         ///< q
    Eigen::ArrayXXd slopes;  // b × q: s² k′(r²)
    Matrix solved;           // b × q: (K_BB + ε)⁻¹ k
  };
  void at(const Matrix& points, Local& local) const;
  /// Row k (of q × d): Σ_s mean_weights_ks ∇mean_s(x_k) + variance_weights_k ∇variance(x_k).
  Matrix gradients(const Local& local, const Matrix& mean_weights, const Vector& variance_weights) const;

 private:
  template <class Explained>
  void means_and(const Matrix& points, Matrix& means, Vector& variance, const Explained& explained) const;

  double mean_, own_;
  Covariance base_;
  Matrix values_, weights_, inverse_factor_;
  std::vector<Eigen::Index> few_;  // the base points that explain the most of the prior variance
  Matrix few_inverse_factor_;
};

/// The rows of `points`, one of each that are nearer to each other than rounding, in their order.
Matrix distinct_rows(const Matrix& points);

/// Σ ≈ G Gᵀ with G (n × r), columns in the order of the variance they explain, left off once none of what remains on
/// the diagonal exceeds `tolerance`. Method: Cholesky's with diagonal pivoting (Harbrecht, Peters & Schneider 2012).
/// `pivots`, where it is not null, gets the rows in the order in which they were chosen.
Matrix pivoted_cholesky(const Matrix& covariance, double tolerance, Eigen::Index largest_rank,
                        std::vector<Eigen::Index>* pivots = nullptr);

}  // namespace athanor
