// What the planner's models predict, and what they say of themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/models.h"
#include "optimizers/planner.h"

namespace athanor {
namespace {

/// One a measurand, none where it was never measured. throws InputError where nothing was.
std::vector<std::optional<OutcomeModel>> fit_all(const Problem& problem, const std::vector<Observation>& observations) {
  check_observations(problem, observations);
  Models fitted = fit_models(problem, observations);
  draw_hyper_parameters(fitted);
  auto& models = fitted.of;
  if (std::none_of(models.begin(), models.end(), [](const auto& model) { return model.has_value(); })) {
    std::string names;
    for (const Measurand& measurand : problem.measurands()) {
      names += fmt::format("{}“{}”", names.empty() ? "" : ", ", measurand.name);
    }
    throw InputError(fmt::format("nothing was measured yet (of {}), so there is no model", names));
  }
  return std::move(models);
}

constexpr double kLargestFactor = 100;  // decimal digits: a parameter with such a lengthscale does not matter

Lengthscale in_units(const Parameter& parameter, double share) {
  const auto* range = std::get_if<Continuous>(&parameter.kind);
  if (parameter.categorical()) return {parameter.name, share, Lengthscale::Kind::kShare};
  if (range && range->log) {
    const double ratio = range->high / range->low;
    return {parameter.name, std::pow(ratio, std::min(share, kLargestFactor / std::log10(ratio))),
            Lengthscale::Kind::kFactor};
  }
  return {parameter.name, share * (parameter.high() - parameter.low()), Lengthscale::Kind::kLinear};
}

const char* text_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::kMatern12:
      return "Matérn-1/2";
    case Kernel::kMatern32:
      return "Matérn-3/2";
    case Kernel::kMatern52:
      return "Matérn-5/2";
    case Kernel::kRbf:
      return "RBF";
  }
  return "";
}

/// Left-out errors in the outcome's own unit.
double leave_one_out_rmse(const OutcomeModel& model) {
  Vector mean, variance;
  model.gp->leave_one_out(mean, variance);
  const Vector outcomes = model.gp->location() + model.gp->scale() * model.gp->outcomes().array();
  double sum = 0;
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    const double error = model.transform.inverse(outcomes[i]) - model.predict(mean[i], variance[i]).mean;
    sum += error * error;
  }
  return std::sqrt(sum / static_cast<double>(mean.size()));
}

ModelReport report(const Problem& problem, const std::string& name, const OutcomeModel& model) {
  const Health health = model.gp->health();
  ModelReport out;
  out.measurand = name;
  out.kernel = text_of(model.gp->kernel());
  out.transform = model.transform.text();
  for (std::size_t i = 0; i < problem.space.size(); ++i) {
    out.lengthscales.push_back(in_units(problem.space[i], health.lengthscales[static_cast<Eigen::Index>(i)]));
  }
  Vector sorted = model.gp->outcomes();
  std::sort(sorted.begin(), sorted.end());
  const double middle = model.transform.inverse(model.gp->location() + model.gp->scale() * sorted[sorted.size() / 2]);
  out.noise_sd = health.noise_sd / std::exp(model.transform.log_slope(middle));
  out.leave_one_out_rmse = model.transform.none() ? health.leave_one_out_rmse : leave_one_out_rmse(model);
  out.leave_one_out_coverage = health.leave_one_out_coverage;
  out.warnings = health.warnings;
  return out;
}

}  // namespace

std::vector<std::vector<std::optional<Prediction>>> predict(const Problem& problem,
                                                            const std::vector<Observation>& observations,
                                                            const std::vector<Point>& points) {
  const auto models = fit_all(problem, observations);
  for (std::size_t i = 0; i < points.size(); ++i) check_point(problem.space, points[i], fmt::format("point {}", i + 1));
  std::vector<std::vector<std::optional<Prediction>>> out(points.size());
  const Matrix unit = encode(problem.space, points);
  for (const auto& model : models) {
    const auto predicted = model ? model->predict(unit) : std::vector<Prediction>();
    for (std::size_t i = 0; i < points.size(); ++i) {
      out[i].emplace_back();
      if (model) out[i].back() = predicted[i];
    }
  }
  return out;
}

std::vector<ModelReport> describe(const Problem& problem, const std::vector<Observation>& observations) {
  const auto models = fit_all(problem, observations);
  const std::vector<Measurand> measurands = problem.measurands();
  std::vector<ModelReport> out;
  for (std::size_t k = 0; k < models.size(); ++k) {
    if (models[k]) out.push_back(report(problem, measurands[k].name, *models[k]));
  }
  return out;
}

}  // namespace athanor
