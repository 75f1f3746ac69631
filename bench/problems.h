// Test problems with a known optimum, and tables of measured experiments as problems.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/problem.h"
#include "core/random.h"

namespace athanor::bench {

struct BenchProblem {
  std::string name;
  std::string source;            ///< where the function or the table comes from
  Problem problem;               ///< one objective; planner.initial is the usual number of starting points
  std::size_t random_start = 0;  ///< of which so many are drawn at random, as the score of a table has it
  std::size_t evaluations = 50;
  double noise_sd = 0;
  std::function<double(const Point&)> truth;  ///< the noise-free outcome
  double optimum = 0;                         ///< best possible outcome
  /// Tables only: the rows that count as the best 5 %, by outcome.
  std::vector<Point> top;
};

/// throws InputError for an unknown name (with the nearest known one), EnvironmentError where a table is asked for and
/// ATHANOR_DATA_DIR does not lead to it.
BenchProblem make_problem(const std::string& name);
std::vector<std::string> problem_names();

}  // namespace athanor::bench
