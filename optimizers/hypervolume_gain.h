// What one more experiment adds to the hypervolume of several objectives.
#pragma once

#include <functional>
#include <vector>

#include "optimizers/acquisition.h"
#include "optimizers/box_decomposition.h"

namespace athanor {

/// ln of the mean, over fantasies, of the expected gain in hypervolume: what the merits' front dominates above the
/// reference point. Given a fantasy the objectives at one more point are independent normals, so that over the boxes of
/// what is not dominated yet
///   E[gain] = Σ_boxes Π_j (E[(merit_j − lower_j)⁺] − E[(merit_j − upper_j)⁺]),
/// in closed form; the boxes are cached. Chosen in turn, q points gain the qNEHVI.
/// Method: Daulton, Balandat & Bakshy 2021, "Parallel Bayesian optimization of multiple noisy objectives with expected
/// hypervolume improvement"; the closed form: Yang et al. 2019.
class LogNoisyHypervolumeImprovement final : public Acquisition {
 public:
  /// One entry an objective (2 to 4), all over the same base points; `reference` in merits of the standardised
  /// outcomes. `stop` is asked between fantasies: once it says true, those that have their boxes are all there are.
  /// beside (one a fantasy, or none): merits of what else is known and may be on the front.
  LogNoisyHypervolumeImprovement(std::vector<Fantasies> fantasies, std::vector<Aim> aims, const Vector& reference,
                                 const Feasible& feasible = {}, const std::function<bool()>& stop = {},
                                 const std::vector<Matrix>& beside = {});
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  /// The gain grows with every merit, is convex in each, and falls with the front: the most promising means of all
  /// fantasies, under the largest variances, over a front that each fantasy's dominates, bound it.
  Vector bounds(const Matrix& points) const override;
  /// What is dominated already, the mean over the fantasies.
  double dominated() const;

 private:
  struct Work;
  double gain(const BoxDecomposition& boxes, const Vector& mean, const Vector& sd, Work* work) const;

  std::vector<Fantasies> fantasies_;  // one an objective
  std::vector<Aim> aims_;
  std::vector<BoxDecomposition> boxes_;  // one a fantasy
  BoxDecomposition least_;               // of what is dominated in every fantasy
};

}  // namespace athanor
