// One run on a problem: where it starts, what is measured, how it scores. The same for every planner.
#pragma once

#include <cstdint>

#include "bench/problems.h"
#include "core/random.h"

namespace athanor::bench {

class Session {
 public:
  /// Keeps a reference to the problem.
  explicit Session(const BenchProblem& bench) : bench_(bench) {}

  /// Forgets everything and gives the starting points of `seed`, which are still to be measured: random rows of a
  /// table, otherwise the planner's own design.
  std::vector<Point> start(std::uint64_t seed);
  /// Measures at a legal point: the truth of every measurand plus the next noise of the seed's stream.
  const Observation& measure(const Point& at);

  const BenchProblem& bench() const { return bench_; }
  const std::vector<Observation>& observations() const { return observations_; }
  /// After each experiment; smaller is better, and it never grows.
  const std::vector<double>& scores() const { return scores_; }

 private:
  double score(const Point& at, const std::vector<double>& truth);

  const BenchProblem& bench_;
  RandomStream noise_ = RandomStream(0, "bench noise");
  std::vector<Observation> observations_;
  std::vector<double> scores_;
  std::vector<double> best_;                // kRegret: the best outcome that counts; empty while there is none
  std::vector<std::vector<double>> front_;  // kHypervolumeGap: −merits of the feasible outcomes
  std::vector<Point> found_;                // kTopMissed
};

/// −merit of each objective, so that smaller is better, and their reference points in the same way.
std::vector<double> losses(const Problem& problem, const std::vector<double>& values);
/// throws InputError if an objective has no reference.
std::vector<double> reference_losses(const Problem& problem);

}  // namespace athanor::bench
