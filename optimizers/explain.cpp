// What the planner's models predict, and what they say of themselves.
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/models.h"
#include "optimizers/planner.h"

namespace athanor {
namespace {

ExactGp fit_objective(const Problem& problem, const std::vector<Observation>& observations, std::size_t index) {
  const TrainingData data = training_data(problem, observations, index);
  if (data.points.rows() == 0) {
    throw InputError(
        fmt::format("“{}” was not measured yet, so there is no model of it", problem.objectives[index].name));
  }
  return ExactGp::fit(data, gp_defaults());
}

}  // namespace

std::vector<std::vector<Prediction>> predict(const Problem& problem, const std::vector<Observation>& observations,
                                             const std::vector<Point>& points) {
  check_observations(problem, observations);
  for (std::size_t i = 0; i < points.size(); ++i) check_point(problem.space, points[i], fmt::format("point {}", i + 1));
  std::vector<std::vector<Prediction>> out(points.size());
  const Matrix unit = encode(problem.space, points);
  Vector mean, variance;
  for (std::size_t k = 0; k < problem.objectives.size(); ++k) {
    fit_objective(problem, observations, k).marginals(unit, mean, variance);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      out[i].push_back({mean[row], std::sqrt(variance[row])});
    }
  }
  return out;
}

std::vector<ModelReport> describe(const Problem& problem, const std::vector<Observation>& observations) {
  check_observations(problem, observations);
  std::vector<ModelReport> out;
  for (std::size_t k = 0; k < problem.objectives.size(); ++k) {
    const Health health = fit_objective(problem, observations, k).health();
    ModelReport report;
    report.objective = problem.objectives[k].name;
    for (std::size_t i = 0; i < problem.space.size(); ++i) {
      report.lengthscales.emplace_back(problem.space[i].name, health.lengthscales[static_cast<Eigen::Index>(i)]);
    }
    report.noise_sd = health.noise_sd;
    report.leave_one_out_rmse = health.leave_one_out_rmse;
    report.leave_one_out_coverage = health.leave_one_out_coverage;
    report.warnings = health.warnings;
    out.push_back(std::move(report));
  }
  return out;
}

}  // namespace athanor
