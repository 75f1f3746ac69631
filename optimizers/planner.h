// The planner: a pure function from what is known to what to try next. Same question, same answer, bit for bit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/problem.h"

namespace athanor {

struct PlanQuestion {
  std::vector<Observation> observations;
  std::vector<Point> pending;  ///< under way: conditioned on, never suggested again
  std::size_t count = 1;
  std::uint64_t seed = 0;
  double deadline_s =
      0;  ///< the best answer found by then; 0: none (with a deadline that bites, an answer may depend on the machine)
  bool predict_design = false;  ///< whether to fit models for a design too, which needs none, to say what they expect
};

/// The predicted value of one measurand, in its unit.
struct Prediction {
  double mean = 0;
  double sd = 0;  ///< of the noise-free outcome
};

/// A tried or pending point near a suggestion.
struct Neighbour {
  std::string id;  ///< of the observation; empty for a pending point
  Point at;
  double distance = 0;  ///< in the unit cube: of the encoded ranges; a different choice counts 1
};

/// What the models expect of an experiment.
struct Forecast {
  /// One a measurand; empty while there is no model at all, none for a measurand that was never measured.
  std::vector<std::optional<Prediction>> of;
  /// Probability that it does not fail and holds every outcome constraint; none while nothing is known to fail and
  /// nothing that a constraint speaks of was measured.
  std::optional<double> feasible;
};

struct Suggestion {
  Point at;
  Forecast forecast;
  std::string reason = {};              ///< "initial design", "exploit: expected improvement 0.31 %", …
  std::vector<Neighbour> nearest = {};  ///< at most 3, nearest first
};

struct Plan {
  std::vector<Suggestion> suggestions;  ///< fewer than asked for only where a finite space, or one with resolutions, is
                                        ///< exhausted
  double seconds = 0;                   ///< wall time it took; the one thing that differs from run to run
  std::vector<std::string> notes;  ///< what a person should know: exhausted space, deadline reached, constant outcome
};

/// How far a parameter must change for the outcome to change much: in the parameter's unit; as a factor where it is
/// searched by its logarithm; for choices as a share of the distance between two different ones.
struct Lengthscale {
  enum class Kind { kLinear, kFactor, kShare };
  std::string parameter;
  double value = 0;
  Kind kind = Kind::kLinear;
};

/// How well a model predicts what it was not shown.
struct CrossValidation {
  double rmse = 0;      ///< of the predicted means, in the measurand's unit
  double coverage = 0;  ///< share of the observations inside their central 90 % interval, noise of measurement included
  /// The observation farthest from its prediction, of those whose point was measured once (what was found again is no
  /// mistake), and by how many standard deviations: its own, or larger ones where deviations are larger as a rule.
  std::size_t farthest = 0;
  double deviations = 0;
};

/// One measurand's model, in the user's units.
struct ModelReport {
  std::string measurand;
  std::string kernel;     ///< "Matérn-5/2", "RBF"
  std::string transform;  ///< of the outcome; empty for none
  std::vector<Lengthscale> lengthscales;
  double noise_sd = 0;                      ///< at the median outcome, where the outcome is transformed
  std::optional<CrossValidation> left_out;  ///< none where fewer than two points were measured
  std::vector<std::string> warnings;
};

/// throws InputError for an observation outside the space (names parameter and value), a non-finite number, a wrong
/// width.
Plan plan(const Problem& problem, const PlanQuestion& question);
/// One a point. throws InputError while there is no observation.
std::vector<Forecast> predict(const Problem& problem, const std::vector<Observation>& observations,
                              const std::vector<Point>& points);
/// One report a measurand that was measured. throws InputError while nothing was.
std::vector<ModelReport> describe(const Problem& problem, const std::vector<Observation>& observations);

}  // namespace athanor
