#include "optimizers/models.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "optimizers/design.h"

namespace athanor {

void check_point(const Space& space, const Point& point, const std::string& what) {
  const std::string why = space.why_implausible(point);
  if (!why.empty()) throw InputError(fmt::format("{}: {}", what, why));
}

void check_observations(const Problem& problem, const std::vector<Observation>& observations) {
  const std::vector<Measurand> measurands = problem.measurands();
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    const std::string what =
        o.id.empty() ? fmt::format("observation {}", i + 1) : fmt::format("observation {} (“{}”)", i + 1, o.id);
    check_point(problem.space, o.at, what);
    if (o.failed) continue;
    if (o.measured.size() != measurands.size()) {
      throw InputError(fmt::format("{} has {} measurements, but there are {} things to measure", what,
                                   o.measured.size(), measurands.size()));
    }
    for (std::size_t k = 0; k < o.measured.size(); ++k) {
      if (!o.measured[k]) continue;
      const auto& [value, sd] = *o.measured[k];
      const std::string& name = measurands[k].name;
      if (!std::isfinite(value))
        throw InputError(fmt::format("{}: the measured “{}” is not a finite number", what, name));
      if (sd && !(*sd >= 0 && std::isfinite(*sd))) {
        throw InputError(fmt::format("{}: the standard deviation of “{}” must be a number from 0 up", what, name));
      }
    }
  }
}

TrainingData training_data(const Problem& problem, const std::vector<Observation>& observations, std::size_t index) {
  std::vector<Point> points;
  std::vector<double> outcomes, noise;
  bool stated = false;
  for (const Observation& o : observations) {
    if (o.failed || !o.measured[index]) continue;
    points.push_back(o.at);
    outcomes.push_back(o.measured[index]->value);
    noise.push_back(o.measured[index]->sd.value_or(std::numeric_limits<double>::quiet_NaN()));
    stated = stated || o.measured[index]->sd;
  }
  TrainingData data;
  data.points = encode(problem.space, points);
  data.outcomes = Eigen::Map<const Vector>(outcomes.data(), static_cast<Eigen::Index>(outcomes.size()));
  if (stated) data.noise_sd = Eigen::Map<const Vector>(noise.data(), static_cast<Eigen::Index>(noise.size()));
  data.columns = columns(problem.space);
  return data;
}

GpOptions gp_defaults() {
  return {};
}

std::shared_ptr<const Surrogate> success_model(const Problem& problem, const std::vector<Observation>& observations,
                                               const GpOptions& options) {
  std::vector<Point> points;
  std::vector<double> outcomes;
  bool failed = false;
  for (const Observation& o : observations) {
    points.push_back(o.at);
    outcomes.push_back(o.failed ? 0 : 1);
    failed = failed || o.failed;
  }
  if (!failed) return nullptr;
  TrainingData data;
  data.points = encode(problem.space, points);
  data.outcomes = Eigen::Map<const Vector>(outcomes.data(), static_cast<Eigen::Index>(outcomes.size()));
  data.columns = columns(problem.space);
  // A step from 0 to 1 would be taken for a short lengthscale, which forgets between two failures what it learned from
  // both: hold the lengthscales near 0.4 √d and let the noise stand for failures that have nothing to do with the
  // point.
  GpOptions smooth = options;
  smooth.prior.lengthscale_location = std::log(0.5);
  smooth.prior.lengthscale_scale = 0.5;
  smooth.prior.noise_location = std::log(0.05);
  smooth.prior.noise_scale = 0.5;
  return std::make_shared<ExactGp>(ExactGp::fit(data, smooth));
}

Aim standardised_aim(const Objective& objective, double location, double scale) {
  return {objective.goal, (objective.target - location) / scale};
}

}  // namespace athanor
