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
};

/// The predicted value of one objective, in its unit.
struct Prediction {
  double mean = 0;
  double sd = 0;  ///< of the noise-free outcome
};

struct Suggestion {
  Point at;
  std::vector<Prediction> predicted;  ///< one an objective; empty while there is too little data for a model
  std::string reason;                 ///< "initial design", "expected improvement 0.31 %", …
};

struct Plan {
  std::vector<Suggestion> suggestions;  ///< fewer than asked for only where a finite space, or one with resolutions, is
                                        ///< exhausted
  double seconds = 0;                   ///< wall time it took; the one thing that differs from run to run
  std::vector<std::string> notes;  ///< what a person should know: exhausted space, deadline reached, constant outcome
};

/// One objective's model, in the user's units.
struct ModelReport {
  std::string objective;
  std::vector<std::pair<std::string, double>> lengthscales;  ///< parameter, as a share of its (encoded) range
  double noise_sd = 0;
  double leave_one_out_rmse = 0;
  double leave_one_out_coverage = 0;
  std::vector<std::string> warnings;
};

/// throws InputError for an observation outside the space (names parameter and value), a non-finite number, a wrong
/// width.
Plan plan(const Problem& problem, const PlanQuestion& question);
/// One row a point, one prediction an objective. throws InputError while nothing was measured.
std::vector<std::vector<Prediction>> predict(const Problem& problem, const std::vector<Observation>& observations,
                                             const std::vector<Point>& points);
std::vector<ModelReport> describe(const Problem& problem, const std::vector<Observation>& observations);

}  // namespace athanor
