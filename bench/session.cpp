#include "bench/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/hypervolume.h"
#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/planner.h"

namespace athanor::bench {
namespace {

std::vector<Point> random_rows(const Space& space, std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, "bench start");
  std::vector<std::size_t> rows;
  while (rows.size() < std::min(count, space.pool()->rows)) {
    const std::size_t row = random.below(space.pool()->rows);
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  }
  std::vector<Point> out;
  for (const std::size_t row : rows) out.push_back(pool_row(space, row));
  return out;
}

}  // namespace

std::vector<double> losses(const Problem& problem, const std::vector<double>& values) {
  std::vector<double> out;
  for (std::size_t k = 0; k < problem.objectives.size(); ++k) out.push_back(-problem.objectives[k].merit(values[k]));
  return out;
}

std::vector<double> reference_losses(const Problem& problem) {
  std::vector<double> out;
  for (const Objective& objective : problem.objectives) {
    if (!objective.reference) throw InputError(fmt::format("the objective “{}” has no reference", objective.name));
    out.push_back(-objective.merit(*objective.reference));
  }
  return out;
}

std::vector<Point> Session::start(std::uint64_t seed) {
  noise_ = RandomStream(seed, "bench noise");
  observations_.clear();
  scores_.clear();
  best_.clear();
  front_.clear();
  found_.clear();
  if (bench_.random_start > 0) return random_rows(bench_.problem.space, bench_.random_start, seed);
  PlanQuestion question;
  question.seed = seed * 1000;
  question.count = bench_.problem.planner.initial;
  std::vector<Point> out;
  for (const Suggestion& suggestion : plan(bench_.problem, question).suggestions) out.push_back(suggestion.at);
  return out;
}

const Observation& Session::measure(const Point& at) {
  const std::vector<double> truth = bench_.truth(at);
  Observation observation;
  observation.at = at;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    observation.measured.push_back(Measurement{truth[k] + bench_.noise_sd[k] * noise_.normal(), std::nullopt});
  }
  scores_.push_back(score(at, truth));
  observations_.push_back(std::move(observation));
  return observations_.back();
}

double Session::score(const Point& at, const std::vector<double>& truth) {
  const Problem& problem = bench_.problem;
  if (bench_.score == Score::kTopMissed) {
    const bool top = std::find(bench_.top.begin(), bench_.top.end(), at) != bench_.top.end();
    if (top && std::find(found_.begin(), found_.end(), at) == found_.end()) found_.push_back(at);
    return 1 - static_cast<double>(found_.size()) / static_cast<double>(bench_.top.size());
  }
  const bool feasible = bench_.feasible(truth);
  if (bench_.score == Score::kHypervolumeGap) {
    if (feasible) front_.push_back(losses(problem, truth));
    return (bench_.optimum - hypervolume(front_, reference_losses(problem))) / bench_.optimum;
  }
  const Objective& objective = problem.objectives[0];
  if (best_.empty() && !problem.outcome_constraints.empty()) best_ = {bench_.worst};
  if (feasible && (best_.empty() || objective.merit(truth[0]) > objective.merit(best_[0]))) best_ = {truth[0]};
  return std::abs(best_[0] - bench_.optimum);
}

}  // namespace athanor::bench
