// What one more experiment at a point would be worth, given surrogates and what is pending. Larger is better.
#pragma once

#include <memory>

#include "core/problem.h"
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

bool feasible_in(const Feasible& feasible, Eigen::Index point, Eigen::Index fantasy);
/// The merits of the base points in fantasy `s` of however many; there is but one where nothing is uncertain.
Vector base_merits(const Fantasies& fantasies, const Aim& aim, Eigen::Index s);

/// ln of the mean of e^x over each row, without overflow.
Vector log_mean_exp(const Matrix& logarithms);

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

/// ln(1 + the mean of the standard deviations of outcomes): what tells apart points from which nothing is gained.
class Curiosity final : public Acquisition {
 public:
  /// Keeps a reference to the fantasies, one for each outcome.
  explicit Curiosity(const std::vector<Fantasies>& outcomes) : outcomes_(outcomes) {}
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  Vector bounds(const Matrix& points) const override;

 private:
  const std::vector<Fantasies>& outcomes_;
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
  /// What each standard deviation costs beyond the probability, in ln, that the mean lies farther than so many on the
  /// wrong side.
  double reluctance = 0, tolerated = 0;
};

/// ln of the probability that every bound holds, the outcomes being independent: the probability of feasibility.
class LogFeasibility final : public Acquisition {
 public:
  explicit LogFeasibility(std::vector<OutcomeBound> bounds);
  Vector evaluate(const Matrix& points, Matrix* gradients) const override;
  /// Where a mean lies on the wrong side, the probability grows with the variance; elsewhere it is 1 at most.
  Vector bounds(const Matrix& points) const override;

 private:
  std::vector<OutcomeBound> bounds_;
};

}  // namespace athanor
