// Test problems with a known optimum, and tables of measured experiments as problems.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/problem.h"

namespace athanor::bench {

/// What a run is scored by; smaller is better, and 0 is the best there can be.
enum class Score {
  kRegret,          ///< |best noise-free feasible outcome so far − optimum|
  kHypervolumeGap,  ///< share of the best possible hypervolume that the feasible outcomes so far do not dominate
  kTopMissed,       ///< share of the best 5 % of a table's rows that was not found yet
};
/// "regret", "hypervolume gap" or "top 5 % missed".
std::string to_string(Score score);

struct BenchProblem {
  std::string name;
  std::string source;            ///< where the function or the table comes from
  Problem problem;               ///< planner.initial and planner.batch are the usual ones
  std::size_t random_start = 0;  ///< tables: a run starts from so many rows drawn at random, not from a design
  std::size_t evaluations = 50;  ///< experiments of a run, the starting points among them
  std::vector<double> noise_sd;  ///< one a measurand
  /// The noise-free value of each of problem.measurands().
  std::function<std::vector<double>(const Point&)> truth;
  Score score = Score::kRegret;
  /// The best possible outcome; among several objectives the best possible hypervolume.
  double optimum = 0;
  /// The outcome that counts while nothing feasible was found, and instead of a worse one: the largest (for a minimum)
  /// of the feasible ones among 2^14 Sobol points. Problems of one objective with outcome constraints only.
  double worst = 0;
  /// Where the optimum is attained, if that is known; each of them.
  std::vector<Point> optimisers;
  /// kTopMissed: the rows that count as the best 5 %, by outcome.
  std::vector<Point> top;

  /// How many points a run starts with: `random_start` rows, or the usual design.
  std::size_t starting_points() const { return random_start > 0 ? random_start : problem.planner.initial; }
  /// Whether noise-free `values` (one a measurand) satisfy every outcome constraint.
  bool feasible(const std::vector<double>& values) const;
};

/// throws InputError for an unknown name (with the nearest known one), EnvironmentError where a table is asked for and
/// ATHANOR_DATA_DIR does not lead to it.
BenchProblem make_problem(const std::string& name);
std::vector<std::string> problem_names();

}  // namespace athanor::bench
