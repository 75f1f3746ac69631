// What the planner's models predict, and what they say of themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/quantity.h"
#include "optimizers/cross_validation.h"
#include "optimizers/design.h"
#include "optimizers/planner.h"

namespace athanor {
namespace {

Models fit_all(const Problem& problem, const std::vector<Observation>& observations) {
  check_observations(problem, observations);
  Models models = fit_models(problem, observations);
  for (std::size_t k = 0; k < models.of.size(); ++k) {
    if (models.of[k]) draw_hyper_parameters(*models.of[k], k);
  }
  return models;
}

/// What there is no model of.
std::string unmeasured(const Problem& problem) {
  std::string names;
  for (const Measurand& measurand : problem.measurands()) {
    names += fmt::format("{}“{}”", names.empty() ? "" : ", ", measurand.name);
  }
  return fmt::format("nothing was measured yet (of {}), so there is no model", names);
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
  return {parameter.name, share * parameter.width(), Lengthscale::Kind::kLinear};
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

std::string shown(const Problem& problem, const Observation& observation) {
  std::string out;
  for (std::size_t i = 0; i < problem.space.size(); ++i) {
    out += fmt::format("{}{} {}", i == 0 ? "" : ", ", problem.space[i].name, problem.space[i].text(observation.at[i]));
  }
  return observation.id.empty() ? out : fmt::format("“{}”, {}", observation.id, out);
}

constexpr std::size_t kEnoughToJudge = 8, kEnoughForCoverage = 20;
constexpr double kLittleCoverage = 0.7;
constexpr double kSurprising = 6;  // standard deviations

/// What left-out observations say of a model.
void add_warnings(const Problem& problem, const std::vector<Observation>& observations, std::size_t measurand,
                  const CrossValidation& left_out, std::vector<std::string>& warnings) {
  double sum = 0, squares = 0;
  std::size_t count = 0;
  const double origin = observations[left_out.farthest].measured[measurand]->value;
  for (const Observation& o : observations) {
    if (o.failed || !o.measured[measurand]) continue;
    const double apart = o.measured[measurand]->value - origin;
    ++count;
    sum += apart;
    squares += apart * apart;
  }
  const double mean = sum / static_cast<double>(count), spread = squares / static_cast<double>(count) - mean * mean;
  if (count < kEnoughToJudge || !(spread > 0)) return;
  if (left_out.rmse > std::sqrt(spread)) {
    warnings.push_back("left-out observations are predicted no better than by their mean");
  }
  if (count >= kEnoughForCoverage && left_out.coverage < kLittleCoverage) {
    warnings.push_back(
        fmt::format("only {:.0f} % of left-out observations fall in their 90 % interval: the model is too sure",
                    100 * left_out.coverage));
  }
  if (left_out.deviations > kSurprising) {
    warnings.push_back(
        fmt::format("{} at {} lies {} standard deviations from what the others predict: a mistake, or an abrupt change",
                    pretty_number(origin, 4), shown(problem, observations[left_out.farthest]),
                    pretty_number(left_out.deviations, 2)));
  }
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
  out.warnings = health.warnings;
  return out;
}

std::string of_two_regimes(const Regimes& regimes) {
  return fmt::format(
      "outcomes fall into two with nothing between them, up to {} and from {} on: each part is predicted by models of "
      "its own, and which of them holds by another",
      pretty_number(regimes.below, 4), pretty_number(regimes.above, 4));
}

}  // namespace

std::vector<Forecast> predict(const Problem& problem, const std::vector<Observation>& observations,
                              const std::vector<Point>& points) {
  const Models models = fit_all(problem, observations);
  if (observations.empty()) throw InputError(unmeasured(problem));
  for (std::size_t i = 0; i < points.size(); ++i) check_point(problem.space, points[i], fmt::format("point {}", i + 1));
  return forecast(problem, models, encode(problem.space, points));
}

std::vector<ModelReport> describe(const Problem& problem, const std::vector<Observation>& observations) {
  const Models models = fit_all(problem, observations);
  const std::vector<Measurand> measurands = problem.measurands();
  std::vector<std::optional<CrossValidation>> left_out;
  if (models.regimes) left_out = cross_validate_regimes(problem, observations);
  std::vector<ModelReport> out;
  for (std::size_t k = 0; k < measurands.size(); ++k) {
    if (!models.of[k]) continue;
    out.push_back(report(problem, measurands[k].name, *models.of[k]));
    out.back().left_out = models.regimes ? left_out[k] : cross_validate(problem, observations, k);
    if (models.regimes && k == models.regimes->told_by) out.back().warnings.push_back(of_two_regimes(*models.regimes));
    if (out.back().left_out) add_warnings(problem, observations, k, *out.back().left_out, out.back().warnings);
  }
  if (out.empty()) throw InputError(unmeasured(problem));
  return out;
}

}  // namespace athanor
