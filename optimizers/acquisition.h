// What one more experiment at a point would be worth, given surrogates and what is pending. Larger is better.
#pragma once

#include <functional>
#include <memory>

#include "core/problem.h"
#include "optimizers/box_decomposition.h"
#include "surrogates/fantasies.h"
#include "surrogates/posterior_path.h"

namespace athanor {

class Acquisition {
 public:
  virtual ~Acquisition() = default;
  /// At each row of `points` (q × d, in the unit cube); fills `gradients` (q × d; zero in categorical columns) where it
  /// is not null. May be asked by several threads at once.
  virtual Vector evaluate(const Matrix& points, Matrix* gradients) const = 0;
  Vector values(const Matrix& points) const { return evaluate(points, nullptr); }
  /// No less than `values`, where that is much cheaper to say.
  virtual Vector bounds(const Matrix& points) const { return values(points); }
  /// The same at one point; fills `gradient` (d) where it is not null.
  double value(const Vector& point, Vector* gradient) const;
};

/// What counts as better, in units of the standardised outcome.
struct Aim {
  Objective::Goal goal = Objective::Goal::kMaximize;
  double target = 0;  ///< standardised, for kTarget

  double merit(double value) const;
  /// Whether the merit falls where the value grows.
  bool falls(double value) const;
};

/// ln of the expected improvement of N(mean, sd²)'s merit over `best` merit; with derivatives by mean and sd.
/// Maximise and minimise: ln sd + ln h(z). Target, with b = −best and z = (mean − target)/sd in h's second difference:
///   E[(b − |y − t|)⁺] = sd (h(z + b/sd) − 2 h(z) + h(z − b/sd)).
/// For a target already hit exactly (best = 0) a best of −1e-6 is taken.
struct LogImprovement {
  double value = 0, by_mean = 0, by_sd = 0;
};
LogImprovement log_expected_improvement(const Aim& aim, double mean, double sd, double best);

/// ln EI over the best merit known for certain, of any surrogate.
class LogExpectedImprovement final : public Acquisition {
 public:
  /// `best` merit and the aim's target in the surrogate's own unit. Keeps a reference to the surrogate.
  LogExpectedImprovement(const Surrogate& surrogate, const Aim& aim, double best);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;

 private:
  const Surrogate& surrogate_;
  Aim aim_;
  double best_;
};

/// Which base points hold the outcome constraints in which fantasy (b × S); empty: all of them.
using Feasible = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

/// ln of the mean of EI over fantasies of what is not known for certain: the incumbents' noise-free outcomes and the
/// outcomes of what is pending. Where a fantasy has no feasible base point, any feasible one improves on the worst.
/// Of q points chosen in turn, each given the fantasies of those before, this is the gain in the q-point noisy expected
/// improvement (qNEI) with the last point's integral in closed form.
/// Method: Letham et al. 2019; averaged in logarithms as in Ament et al. 2023.
class LogNoisyExpectedImprovement final : public Acquisition {
 public:
  LogNoisyExpectedImprovement(Fantasies fantasies, const Aim& aim, const Feasible& feasible = {});
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override;

 private:
  Fantasies fantasies_;
  Aim aim_;
  Vector best_;  // S: the best merit within each fantasy
};

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
  LogNoisyHypervolumeImprovement(std::vector<Fantasies> fantasies, std::vector<Aim> aims, const Vector& reference,
                                 const Feasible& feasible = {}, const std::function<bool()>& stop = {});
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  /// What is dominated already, the mean over the fantasies.
  double dominated() const;

 private:
  struct Work;
  double gain(std::size_t fantasy, const Matrix& means, const Vector& sd, Work* work) const;

  std::vector<Fantasies> fantasies_;  // one an objective
  std::vector<Aim> aims_;
  std::vector<BoxDecomposition> boxes_;  // one a fantasy
};

/// ln of the mean of what others give the logarithm of: of one acquisition under several models.
/// Method: Snoek, Larochelle & Adams 2012, "integrated acquisition function".
class LogMean final : public Acquisition {
 public:
  /// One part at least.
  explicit LogMean(std::vector<std::unique_ptr<Acquisition>> parts);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override;

 private:
  std::vector<std::unique_ptr<Acquisition>> parts_;
};

/// The merit that is exceeded with a small probability: mean + weight·sd (minimise: −mean + weight·sd; target: what is
/// left of |mean − target| after weight·sd).
/// Method: Srinivas et al. 2010, "Gaussian process optimization in the bandit setting".
class UpperConfidenceBound final : public Acquisition {
 public:
  /// The aim's target in the surrogate's own unit. Keeps a reference to the surrogate.
  UpperConfidenceBound(const Surrogate& surrogate, const Aim& aim, double weight);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;

 private:
  const Surrogate& surrogate_;
  Aim aim_;
  double weight_;
};

/// Thompson sampling: the merit of one draw of what the outcome may be as a function of the point.
class PathMerit final : public Acquisition {
 public:
  /// The aim's target in units of the path.
  PathMerit(PosteriorPath path, const Aim& aim);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;

 private:
  PosteriorPath path_;
  Aim aim_;
};

/// A surrogate's outcome that must stay on one side of a bound, in the surrogate's own unit.
struct OutcomeBound {
  std::shared_ptr<const Surrogate> surrogate;
  bool at_most = true;
  double bound = 0;
  /// What each standard deviation that the mean lies on the wrong side costs beyond the probability, in ln.
  double reluctance = 0;
};

/// ln of the probability that every bound holds, the outcomes being independent: the probability of feasibility.
class LogFeasibility final : public Acquisition {
 public:
  explicit LogFeasibility(std::vector<OutcomeBound> bounds);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;

 private:
  std::vector<OutcomeBound> bounds_;
};

/// ln(e^a + floor): where no gain worth the name is left anywhere, nothing is worth a risk for it.
class Floored final : public Acquisition {
 public:
  Floored(std::unique_ptr<Acquisition> acquisition, double floor);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override;

 private:
  std::unique_ptr<Acquisition> acquisition_;
  double log_floor_;
};

/// The sum of two acquisitions: of logarithms, a product.
class Sum final : public Acquisition {
 public:
  Sum(std::unique_ptr<Acquisition> first, std::unique_ptr<Acquisition> second);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override { return first_->bounds(points) + second_->bounds(points); }

 private:
  std::unique_ptr<Acquisition> first_, second_;
};

}  // namespace athanor
