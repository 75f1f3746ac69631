#include "core/best.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace athanor {
namespace {

bool known(const Outcomes& outcomes, std::size_t measurand) {
  return measurand < outcomes.size() && outcomes[measurand] && std::isfinite(*outcomes[measurand]);
}

/// By how much a known outcome misses the constraint's bound, 0 where it holds.
double miss(const OutcomeConstraint& constraint, const Outcomes& outcomes) {
  const double value = *outcomes[constraint.measurand];
  return constraint.holds(value) ? 0 : std::abs(value - constraint.bound);
}

bool all_constrained_known(const Problem& problem, const Outcomes& outcomes) {
  return std::all_of(problem.outcome_constraints.begin(), problem.outcome_constraints.end(),
                     [&](const OutcomeConstraint& constraint) { return known(outcomes, constraint.measurand); });
}

/// One merit an objective; empty where one was not measured.
std::vector<double> merits_of(const Problem& problem, const Outcomes& outcomes) {
  std::vector<double> merits;
  for (std::size_t k = 0; k < problem.objectives.size(); ++k) {
    if (!known(outcomes, k)) return {};
    merits.push_back(problem.objectives[k].merit(*outcomes[k]));
  }
  return merits;
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
    better = better || a[i] > b[i];
  }
  return better;
}

/// How far each outcome constraint's measurand was seen to vary; 1 where it did not.
std::vector<double> spreads(const Problem& problem, const std::vector<Outcomes>& experiments) {
  std::vector<double> all;
  for (const OutcomeConstraint& constraint : problem.outcome_constraints) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const Outcomes& outcomes : experiments) {
      if (!known(outcomes, constraint.measurand)) continue;
      low = std::min(low, *outcomes[constraint.measurand]);
      high = std::max(high, *outcomes[constraint.measurand]);
    }
    all.push_back(high > low ? high - low : 1);
  }
  return all;
}

std::optional<std::size_t> nearest_of(const Problem& problem, const std::vector<Outcomes>& experiments) {
  const std::vector<double> spread = spreads(problem, experiments);
  std::optional<std::size_t> nearest;
  double least = 0;
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    if (!all_constrained_known(problem, experiments[i])) continue;
    double missed = 0;
    for (std::size_t c = 0; c < spread.size(); ++c) {
      missed += miss(problem.outcome_constraints[c], experiments[i]) / spread[c];
    }
    if (missed == 0 || (nearest && missed >= least)) continue;
    nearest = i;
    least = missed;
  }
  return nearest;
}

}  // namespace

std::vector<std::string> violations(const Problem& problem, const Outcomes& outcomes) {
  std::vector<std::string> texts;
  for (const OutcomeConstraint& constraint : problem.outcome_constraints) {
    if (known(outcomes, constraint.measurand) && miss(constraint, outcomes) > 0) texts.push_back(constraint.text);
  }
  return texts;
}

Best best_of(const Problem& problem, const std::vector<Outcomes>& experiments) {
  std::vector<std::pair<std::size_t, std::vector<double>>> front;
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    if (!all_constrained_known(problem, experiments[i]) || !violations(problem, experiments[i]).empty()) continue;
    std::vector<double> merits = merits_of(problem, experiments[i]);
    const bool beaten = merits.empty() || std::any_of(front.begin(), front.end(), [&](const auto& other) {
                          return dominates(other.second, merits) || (merits.size() == 1 && other.second == merits);
                        });
    if (beaten) continue;
    std::erase_if(front, [&](const auto& other) { return dominates(merits, other.second); });
    front.emplace_back(i, std::move(merits));
  }
  Best best;
  double most = 0;
  for (const auto& [index, merits] : front) {
    best.front.push_back(index);
    if (best.first && merits.front() <= most) continue;
    best.first = index;
    most = merits.front();
  }
  if (front.empty()) best.nearest = nearest_of(problem, experiments);
  return best;
}

}  // namespace athanor
