// One draw of what the whole function may be, given the data: a smooth function to evaluate anywhere, and to climb.
#pragma once

#include <map>
#include <utility>

#include "surrogates/exact_gp.h"

namespace athanor {

/// A draw of the noise-free outcome from the posterior of a Gaussian process, in the outcome's own unit as
/// Surrogate::posterior is. Keeps no reference to the process; may be read by several threads at once.
///
/// A draw f of the prior is corrected by what the data say of it:
///   y(x) = location + scale (m + f(x) + k(x, X) K⁻¹ (z − m − f(X) − ε)),   ε ~ N(0, noise).
/// f is a sum of F cosines of random frequencies. Over many paths mean and covariance are those of the posterior
/// exactly, whatever F; one path is a draw from a process whose prior covariances are right to within s²/√F or so.
/// Method: Wilson et al. 2020, "Efficiently sampling functions from Gaussian process posteriors"; frequencies as in
/// Rahimi & Recht 2007, "Random features for large-scale kernel machines", high ones drawn more often than the kernel
/// has them, with less weight.
///
/// Legend: n training points, d columns, F features.
class PosteriorPath {
 public:
  /// In O(n³ + n d F).
  PosteriorPath(const ExactGp& gp, RandomStream& random, int features = 1024);

  /// At each row of `points` (q × d, in the unit cube; a category may be one that no training point has), in
  /// O(q d (n + F)); fills `gradients` (q × d; zero in categorical columns) where it is not null. throws InputError for
  /// another width.
  Vector values(const Matrix& points, Matrix* gradients = nullptr) const;

 private:
  using Category = std::pair<Eigen::Index, double>;  // column, value
  void check_width(Eigen::Index width) const;
  Vector category_phases(const Category& category) const;
  void phases(const Matrix& points, Matrix& out) const;
  Vector prior(const Matrix& points, Matrix* gradients = nullptr) const;

  double location_, scale_, signal_, mean_;
  Covariance base_;
  Vector trend_;                           // p: weights of the trend's features
  Vector weights_;                         // n: K⁻¹ (z − m − f(X) − ε)
  Matrix frequencies_;                     // F × d, turns a unit; zero in categorical columns
  Vector stretch_, shifts_, amplitudes_;   // F
  std::map<Category, Vector> categories_;  // F: phases (turns) of those in the training points
  std::uint64_t key_;                      // of the streams from which the phases of categories come
};

}  // namespace athanor
