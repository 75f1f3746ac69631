// What one more experiment at a point would be worth, given a surrogate and what is pending. Always a logarithm, larger
// is better.
#pragma once

#include <memory>

#include "core/problem.h"
#include "surrogates/fantasies.h"

namespace athanor {

class Acquisition {
 public:
  virtual ~Acquisition() = default;
  /// At each row of `points` (q × d, in the unit cube).
  virtual Vector values(const Matrix& points) const = 0;
  /// At one point; fills `gradient` (d; zero in categorical columns) where it is not null.
  virtual double value(const Vector& point, Vector* gradient) const = 0;
};

/// What counts as better, in units of the standardised outcome.
struct Aim {
  Objective::Goal goal = Objective::Goal::kMaximize;
  double target = 0;  ///< standardised, for kTarget

  double merit(double value) const;
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
  Vector values(const Matrix& points) const override;
  double value(const Vector& point, Vector* gradient) const override;

 private:
  const Surrogate& surrogate_;
  Aim aim_;
  double best_;
};

/// ln of the mean of EI over fantasies of what is not known for certain: the incumbents' noise-free outcomes and the
/// outcomes of what is pending. Method: Letham et al. 2019; averaged in logarithms as in Ament et al. 2023.
class LogNoisyExpectedImprovement final : public Acquisition {
 public:
  LogNoisyExpectedImprovement(Fantasies fantasies, const Aim& aim);
  Vector values(const Matrix& points) const override;
  double value(const Vector& point, Vector* gradient) const override;

 private:
  Fantasies fantasies_;
  Aim aim_;
  Vector best_;  // S: the best merit within each fantasy
};

/// Another acquisition times the probability that an experiment does not fail, from a Gaussian process on 0 (failed)
/// and 1.
class TimesSuccess final : public Acquisition {
 public:
  TimesSuccess(std::unique_ptr<Acquisition> worth, std::shared_ptr<const Surrogate> success);
  Vector values(const Matrix& points) const override;
  double value(const Vector& point, Vector* gradient) const override;

 private:
  std::unique_ptr<Acquisition> worth_;
  std::shared_ptr<const Surrogate> success_;
};

}  // namespace athanor
