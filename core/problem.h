// What a planner must know of a campaign: the space, what is to be improved, and what was measured so far.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/space.h"

namespace athanor {

struct Objective {
  enum class Goal { kMaximize, kMinimize, kTarget };
  std::string name;
  Unit unit;
  Goal goal = Goal::kMaximize;
  double target = 0;  ///< in `unit`, for kTarget

  /// How good `value` is, larger is better: value, −value or −|value − target|.
  double merit(double value) const;
};

/// One measured number. `sd` is the standard deviation of its error where the instrument states one.
struct Measurement {
  double value = 0;
  std::optional<double> sd;
};

/// What was measured of an experiment, or that it failed and why.
struct Observation {
  std::string id;  ///< of the experiment; may be empty
  Point at;
  std::vector<std::optional<Measurement>> measured;  ///< one an objective, in their order; none where not measured
  std::optional<std::string> failed;                 ///< the reason; then nothing is measured
};

struct PlannerSettings {
  std::size_t initial = 8;  ///< space-filling experiments before the surrogate is asked (those already told count)
  std::size_t batch = 1;    ///< experiments under way at once
};

struct Problem {
  Space space;
  std::vector<Objective> objectives;
  PlannerSettings planner;
};

/// Whether files that the campaign names (the candidates) are read, or left alone (to replay a journal needs none).
enum class NamedFiles { kRead, kIgnore };

/// Reads `space`, `mixtures`, `constraints`, `candidates`, `objectives` and `planner` of a campaign file's top map.
/// Mistakes are added to the document's list; the caller throws them all at once, and only without any is the problem
/// whole. The space is without parameters where its parameters are the columns of a table that was not to be read.
Problem read_problem(MapReader& campaign, NamedFiles files = NamedFiles::kRead);

/// The index of the observation with the best merit of objective `objective`, none if none measured it.
std::optional<std::size_t> best_observation(const std::vector<Observation>& observations, const Objective& objective,
                                            std::size_t index);

}  // namespace athanor
