// What a planner must know of a campaign: the space, what is to be improved, and what was measured so far.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/space.h"

namespace athanor {

/// Of a measured value, either way, and of its standard deviation: what is larger cannot be computed with.
constexpr double kLargestOutcome = 1e100;

struct Objective {
  enum class Goal { kMaximize, kMinimize, kTarget };
  /// How the outcome is mapped before it is modelled; kAuto: as the data say.
  enum class Transform { kAuto, kNone, kLog, kBilog, kWinsorise };
  std::string name;
  Unit unit;
  Goal goal = Goal::kMaximize;
  double target = 0;                     ///< in `unit`, for kTarget
  std::optional<double> reference = {};  ///< in `unit`; among several objectives: what is worse is worth nothing
  Transform transform = Transform::kAuto;

  /// How good `value` is, larger is better: value, −value or −|value − target|.
  double merit(double value) const;
};

/// One measured number. `sd` is the standard deviation of its error where the instrument states one.
struct Measurement {
  double value = 0;
  std::optional<double> sd;
};

/// A number that experiments give: an objective, or what an outcome constraint speaks of.
struct Measurand {
  std::string name;
  Unit unit;
};

/// A measurand that must stay on one side of a bound, whatever the objectives gain: "impurity <= 5 %".
struct OutcomeConstraint {
  std::size_t measurand = 0;  ///< index into Problem::measurands()
  bool at_most = true;        ///< otherwise at least
  double bound = 0;           ///< in the measurand's unit
  std::string text;           ///< as the user wrote it, for messages

  bool holds(double value) const { return at_most ? value <= bound : value >= bound; }
};

/// What was measured of an experiment, or that it failed and why.
struct Observation {
  std::string id;  ///< of the experiment; may be empty
  Point at;
  std::vector<std::optional<Measurement>> measured;  ///< one a measurand, in their order; none where not measured
  std::optional<std::string> failed;                 ///< the reason; then nothing is measured
  bool suggested = false;                            ///< by the planner, so that it should get its replicates
};

/// Objectives whose hypervolume is worth computing; of more, the boxes grow too many.
constexpr std::size_t kMostHypervolume = 4;

struct PlannerSettings {
  /// What is most worth trying next. kAuto: noisy expected improvement for one objective, of the hypervolume for two to
  /// four, and of a random weighting (ParEGO) for more.
  enum class Acquisition { kAuto, kExpectedImprovement, kHypervolume, kParego, kUpperConfidenceBound, kThompson };
  std::size_t initial = 8;     ///< space-filling points before the surrogate is asked (those already told count)
  std::size_t batch = 1;       ///< experiments under way at once
  std::size_t replicates = 1;  ///< experiments at each point
  Acquisition acquisition = Acquisition::kAuto;
};

struct Problem {
  Space space;
  std::vector<Objective> objectives;
  std::vector<Measurand> measured_too;  ///< what outcome constraints speak of and no objective is
  std::vector<OutcomeConstraint> outcome_constraints;
  PlannerSettings planner;

  /// Everything that an experiment measures: the objectives in their order, then `measured_too`.
  std::vector<Measurand> measurands() const;
};

/// Whether files that the campaign names (candidates, descriptors) are read, or left alone (to replay a journal needs
/// none).
enum class NamedFiles { kRead, kIgnore };

/// Reads `space`, `mixtures`, `constraints`, `candidates`, `objectives`, `outcome_constraints` and `planner` of a
/// campaign file's top map. Mistakes are added to the document's list; the caller throws them all at once, and only
/// without any is the problem whole. The space is without parameters where its parameters are the columns of a table
/// that was not to be read, or choices the names in one. `recorded`, where given, stands for the campaign's `space`: it
/// is what a journal wrote down, which needs no files.
Problem read_problem(MapReader& campaign, NamedFiles files = NamedFiles::kRead, const Node& recorded = {});

}  // namespace athanor
