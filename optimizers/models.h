// From observations to surrogates: one a measurand, one of success.
#pragma once

#include <array>
#include <memory>

#include "core/problem.h"
#include "optimizers/acquisition.h"
#include "optimizers/planner.h"
#include "surrogates/exact_gp.h"
#include "surrogates/outcome_transform.h"

namespace athanor {

/// throws InputError for an observation of another width, a number that is not finite, a value outside its parameter's
/// range or not one of its values, a constraint violated by more than 1 % of its size, or a measurement that is not
/// finite.
void check_observations(const Problem& problem, const std::vector<Observation>& observations);
/// The same for one point; `what` names it in the message: "pending point 2".
void check_point(const Space& space, const Point& point, const std::string& what);

/// What measurand `index` was measured to be, over the observations that measured it. Noise is NaN where none was
/// stated.
TrainingData training_data(const Problem& problem, const std::vector<Observation>& observations, std::size_t index);

/// How much work a fit may be.
struct FitEffort {
  std::size_t most_rows = 5000;    ///< beyond so many, fit_models leaves observations out; the best and a spread of the
                                   ///< others are kept
  Eigen::Index most_points = 300;  ///< as GpOptions::most_points
  std::function<bool()> stop;
};

/// A measurand's surrogate, of its outcome as it is or transformed, and the way back to its unit.
struct OutcomeModel {
  std::shared_ptr<const ExactGp> gp;
  std::vector<std::shared_ptr<const ExactGp>> drawn;  ///< the same with other hyper-parameters: draw_hyper_parameters
  OutcomeTransform transform;
  double log_probability = 0;  ///< ln of the density of the outcomes, in the measurand's unit, and of its priors

  /// `value` in the gp's own unit, and in its standardised one.
  double transformed(double value) const { return transform(value); }
  double standardised(double value) const { return (transform(value) - gp->location()) / gp->scale(); }
  /// What N(mean, variance) in the gp's own unit is in the measurand's.
  Prediction predict(double mean, double variance) const;
  /// At each row of `points`: mean and variance of what all of the processes say, equally probable, their size as
  /// uncertain as so many outcomes leave it; in the gp's own unit, and in the measurand's.
  void moments(const Matrix& points, Vector& mean, Vector& variance) const;
  std::vector<Prediction> predict(const Matrix& points) const;
  /// Of one measurement whose noise is not stated, in the gp's own unit; the mean of what the processes say.
  double noise_variance() const;
};

/// The most probable of a few models: Matérn-5/2 or, where there is next to no noise, RBF; the outcome as it is, or
/// drawn in where its scale spans orders of magnitude. docs/planner.md tells how the rules were chosen. throws
/// InputError where it was never measured. `scale_if_constant`: as in TrainingData.
OutcomeModel fit_outcome(const Problem& problem, const std::vector<Observation>& observations, std::size_t measurand,
                         const FitEffort& effort = {}, double scale_if_constant = 0);

/// 1 where an experiment gave a measurement, 0 where it failed; none (null) where none failed.
std::shared_ptr<const ExactGp> success_model(const Problem& problem, const std::vector<Observation>& observations,
                                             const FitEffort& effort = {});

/// Of outcomes 0 and 1, so that points of one kind that lie together say what is between them.
std::shared_ptr<const ExactGp> step_model(const TrainingData& data, const FitEffort& effort = {});

/// Outcomes that fall into two with nothing between them, each part with models of its own. Found by find_regimes.
struct Regimes {
  std::size_t told_by = 0;      ///< the objective
  double below = 0, above = 0;  ///< the largest outcome of the lower regime and the smallest of the upper one
  std::array<std::vector<OutcomeModel>, 2> of;  ///< lower and upper; one each of Models::objectives, in their order,
                                                ///< and then of `beside`
  std::vector<std::size_t> beside;  ///< what only constraints speak of and the regimes make more probable; as it is
  std::shared_ptr<const ExactGp> upper;  ///< 1 where the upper regime is
  std::array<Matrix, 2> found;           ///< points at which the lower and the upper one was measured
  double share = 0.5;                    ///< of the upper regime among all, by Laplace's rule of succession
  double trust = 1;                      ///< in `upper`, from 0 to 1; the rest is in that share

  /// Whether the lower and whether the upper regime was found at this point.
  std::array<bool, 2> found_at(const Vector& point) const;
  /// At each row of `points`; 0 or 1 where but one regime was found, and elsewhere no surer than so many experiments
  /// allow.
  Vector probability_of_upper(const Matrix& points) const;
  double probability_elsewhere(double mean, double variance) const;  ///< of what `upper` says of a point
};

constexpr Eigen::Index kMostDrawn = 200;  ///< rows of a model; more of them leave little open

/// All that is modelled of a problem.
struct Models {
  std::vector<std::optional<OutcomeModel>> of;  ///< one a measurand; none where it was never measured
  std::vector<std::size_t> objectives;          ///< those that have a model
  std::shared_ptr<const ExactGp> success;       ///< null where no experiment failed
  std::shared_ptr<const Regimes> regimes;       ///< null where there is but one
  bool regimes_unsought = false;                ///< there may be two, and no time was left to model them
  std::size_t left_out = 0;                     ///< observations that the effort did not allow

  /// Where in Regimes::of its models are; none where it has but one, and its own transform.
  std::optional<std::size_t> in_regimes(std::size_t measurand) const;
};
Models fit_models(const Problem& problem, const std::vector<Observation>& observations, const FitEffort& effort = {});

/// What a measurand is where one of the regimes holds, at each of q points: normal, in its model's own unit.
struct Component {
  Vector probability;         ///< q
  Vector mean, variance;      ///< q, of the noise-free outcome
  double noise_variance = 0;  ///< of a measurement, where it is not stated
};
/// At each row of `points`: the lower regime and the upper one, or the one component where there are no regimes or the
/// measurand is not of them.
std::vector<Component> mixture(const Models& models, std::size_t measurand, const Matrix& points);

/// The normal of the same mean and variance.
void moments(const std::vector<Component>& mixture, Vector& mean, Vector& variance);

/// At each row of `points`: whether every outcome constraint holds of which something is known. Outcomes are
/// independent but for the regime that the objectives share.
Vector probability_of_constraints(const Problem& problem, const Models& models, const Matrix& points);

/// Few data leave the hyper-parameters open, and the most probable ones alone make a model that is too sure of itself:
/// gives a model of at most `most_rows` rows a few others, with hyper-parameters drawn from what the data leave open.
/// The same model gets the same ones.
/// `measurand`: so that the draws of several models do not depend on each other.
void draw_hyper_parameters(OutcomeModel& model, std::size_t measurand, Eigen::Index most_rows = kMostDrawn);

/// At each row of `points` (q × d, in the unit cube).
std::vector<Forecast> forecast(const Problem& problem, const Models& models, const Matrix& points);

}  // namespace athanor
