#include "optimizers/models.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "optimizers/design.h"

namespace athanor {
namespace {

constexpr double kBoundSlack = 1e-6;       // of a range's width
constexpr double kConstraintSlack = 0.01;  // of a constraint's size: a weighed-out mixture may sum to 0.999

/// The largest that one of its terms can be, or its bound: what a violation is to be measured by.
double size_of(const LinearConstraint& constraint, const Space& space) {
  double size = std::abs(constraint.bound);
  for (const auto& [k, a] : constraint.terms) {
    size = std::max(size, std::abs(a) * std::max(std::abs(space[k].low()), std::abs(space[k].high())));
  }
  return size;
}

/// Outside by no more than rounding and a careless conversion of units: by a share of the width, of a logarithmic range
/// in its logarithm.
bool inside(const Parameter& p, double value) {
  if (!p.continuous())
    return std::abs(p.nearest(value) - value) <= 1e-9 * std::max(1.0, std::abs(value)) &&
           std::abs(p.nearest(value) - value) < 1e-3;
  const auto& range = std::get<Continuous>(p.kind);
  if (range.log) {
    const double factor = std::pow(range.high / range.low, kBoundSlack);
    return value >= range.low / factor && value <= range.high * factor;
  }
  const double slack = kBoundSlack * (range.high - range.low);
  return value >= range.low - slack && value <= range.high + slack;
}

std::string range_text(const Parameter& p) {
  const std::string unit = p.unit.text().empty() ? "" : " " + p.unit.text();
  if (const auto* choices = std::get_if<Choices>(&p.kind))
    return fmt::format("one of its {} choices", choices->names.size());
  if (const auto* levels = std::get_if<Levels>(&p.kind)) {
    std::string text = "one of the levels";
    for (std::size_t i = 0; i < levels->values.size(); ++i) {
      text += (i == 0 ? " " : ", ") + format_number(levels->values[i]);
    }
    return text + unit;
  }
  return fmt::format("{}between {} and {}{}", p.continuous() ? "" : "an integer ", format_number(p.low()),
                     format_number(p.high()), unit);
}

}  // namespace

void check_point(const Space& space, const Point& point, const std::string& what) {
  if (point.size() != space.size()) {
    throw InputError(
        fmt::format("{} has {} values, but the space has {} parameters", what, point.size(), space.size()));
  }
  for (std::size_t i = 0; i < point.size(); ++i) {
    const Parameter& p = space[i];
    if (!std::isfinite(point[i])) throw InputError(fmt::format("{}: “{}” is not a finite number", what, p.name));
    if (!inside(p, point[i])) {
      throw InputError(fmt::format("{}: “{}” is {}, which is outside the space; it must be {}", what, p.name,
                                   format_number(point[i]), range_text(p)));
    }
  }
  for (const LinearConstraint& constraint : space.constraints()) {
    if (constraint.violation(point) > kConstraintSlack * size_of(constraint, space)) {
      throw InputError(fmt::format("{}: the constraint “{}” does not hold there", what, constraint.text));
    }
  }
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
