#include "bench/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/catalogue.h"
#include "core/document.h"
#include "core/error.h"
#include "optimizers/sobol.h"

namespace athanor::bench {
namespace {

const Chapter& catalogue() {
  static const Chapter whole = [] {
    Chapter out;
    for (const auto& chapter : {functions(), constrained(), mixed(), mixtures(), trade_offs(), tables()}) {
      out.insert(chapter.begin(), chapter.end());
    }
    return out;
  }();
  return whole;
}

}  // namespace

std::string to_string(Score score) {
  if (score == Score::kRegret) return "regret";
  return score == Score::kHypervolumeGap ? "hypervolume gap" : "top 5 % missed";
}

bool BenchProblem::feasible(const std::vector<double>& values) const {
  const auto& constraints = problem.outcome_constraints;
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const OutcomeConstraint& c) { return c.holds(values[c.measurand]); });
}

std::vector<std::string> problem_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : catalogue()) names.push_back(name);
  return names;
}

BenchProblem make_problem(const std::string& name) {
  const auto found = catalogue().find(name);
  if (found == catalogue().end())
    throw InputError(fmt::format("there is no problem “{}”{}", name, suggest_name(name, problem_names())));
  BenchProblem out = found->second();
  out.name = name;
  out.noise_sd.resize(out.problem.measurands().size(), 0.0);
  return out;
}

std::vector<Parameter> box(std::size_t size, double low, double high) {
  return box(std::vector<std::pair<double, double>>(size, {low, high}));
}

std::vector<Parameter> box(const std::vector<std::pair<double, double>>& ranges) {
  std::vector<Parameter> out;
  for (const auto& [low, high] : ranges) {
    out.push_back({fmt::format("x{}", out.size() + 1), {}, Continuous{low, high}});
  }
  return out;
}

Objective minimised(const std::string& name) {
  Objective objective;
  objective.name = name;
  objective.goal = Objective::Goal::kMinimize;
  return objective;
}

std::size_t usual_initial(std::size_t parameters) {
  return parameters <= 7 ? 8 : parameters + 1;
}

double worst_of_sample(const BenchProblem& bench) {
  constexpr std::size_t kSample = std::size_t{1} << 14;
  const Space& space = bench.problem.space;
  RandomStream unused(0, "worst");
  const Matrix units = Sobol(space.size(), unused, Sobol::Scramble::kOff).next(kSample);
  double worst = bench.optimum;
  for (Eigen::Index i = 0; i < units.rows(); ++i) {
    const Vector unit = units.row(i);
    const std::vector<double> values = bench.truth(space.decode({unit.data(), space.size()}));
    if (bench.feasible(values)) worst = std::max(worst, values[0]);
  }
  return worst;
}

}  // namespace athanor::bench
