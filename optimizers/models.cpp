#include "optimizers/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/normal.h"
#include "optimizers/regimes.h"
#include "optimizers/sobol.h"

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
      if (std::abs(value) > kLargestOutcome) {
        throw InputError(fmt::format("{}: the measured “{}” is {}, and what lies beyond ±{} cannot be computed with",
                                     what, name, format_number(value), format_number(kLargestOutcome)));
      }
      if (sd && !(*sd >= 0 && std::isfinite(*sd))) {
        throw InputError(fmt::format("{}: the standard deviation of “{}” must be a number from 0 up", what, name));
      }
      if (sd && *sd > kLargestOutcome) {
        throw InputError(
            fmt::format("{}: the standard deviation of “{}” is {}, and what lies beyond {} cannot be "
                        "computed with",
                        what, name, format_number(*sd), format_number(kLargestOutcome)));
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

namespace {

constexpr std::size_t kDraws = 3;      // of hyper-parameters, beside the most probable ones
constexpr double kLeastFreedom = 4;    // degrees of it; fewer would leave next to nothing said
constexpr double kSmoothNoise = 1e-3;  // noise variance, standardised: beyond it nothing is taken for infinitely smooth
constexpr double kTransformOdds = 15;  // ln of how much more probable a transformed outcome must be
constexpr double kSoftening[] = {1, 0.1, 0.01};  // of the logarithm of the gap to the best

GpOptions options_of(const FitEffort& effort) {
  GpOptions options;
  options.most_points = effort.most_points;
  options.stop = effort.stop;
  return options;
}

TrainingData transformed(const TrainingData& data, const OutcomeTransform& transform) {
  TrainingData out = data;
  if (transform.none()) return out;
  for (double& y : out.outcomes) y = transform(y);
  for (Eigen::Index i = 0; i < out.noise_sd.size(); ++i)
    out.noise_sd[i] *= std::exp(transform.log_slope(data.outcomes[i]));
  return out;
}

double log_jacobian(const TrainingData& data, const OutcomeTransform& transform) {
  double sum = 0;
  for (const double y : data.outcomes) sum += transform.log_slope(y);
  return sum;
}

/// Whether somewhere one standard deviation of stated noise is more than all over which the transform is nearly a line:
/// it would take what is chance for what is measured.
bool lost_in_noise(const TrainingData& data, const OutcomeTransform& transform) {
  for (Eigen::Index i = 0; i < data.noise_sd.size(); ++i) {
    if (data.noise_sd[i] * std::exp(transform.log_slope(data.outcomes[i])) > 1) return true;
  }
  return false;
}

/// ln of the outcomes' density were they independent draws of one normal distribution after `transform`, up to a
/// constant.
double log_normality(const TrainingData& data, const OutcomeTransform& transform) {
  const Vector z = data.outcomes.unaryExpr([&](double y) { return transform(y); });
  const auto n = static_cast<double>(z.size());
  return log_jacobian(data, transform) - 0.5 * n * std::log((z.array() - z.mean()).square().mean());
}

/// What might make the outcome of measurand `index` easier to model, besides nothing.
std::vector<OutcomeTransform> candidates(const Problem& problem, const TrainingData& data, std::size_t index) {
  using Transform = Objective::Transform;
  const double low = data.outcomes.minCoeff(), high = data.outcomes.maxCoeff(), range = high - low;
  if (!(range > std::max(1e-9 * std::max(std::abs(low), std::abs(high)), 1 / kLargestOutcome))) return {};
  if (index >= problem.objectives.size()) {
    for (const OutcomeConstraint& constraint : problem.outcome_constraints) {
      if (constraint.measurand == index) return {OutcomeTransform::bilog(constraint.bound, range / 4)};
    }
    return {};
  }
  const Objective& objective = problem.objectives[index];
  const bool larger = objective.goal == Objective::Goal::kMaximize;
  std::vector<OutcomeTransform> out;
  switch (objective.transform) {
    case Transform::kNone:
      break;
    case Transform::kBilog: {
      const double centre = objective.goal == Objective::Goal::kTarget ? objective.target : data.outcomes.mean();
      out.push_back(OutcomeTransform::bilog(centre, range / 4));
      break;
    }
    case Transform::kWinsorise: {
      // What is worse than the median by more than the best is better, twice over, is drawn in to there.
      std::vector<double> sorted(data.outcomes.begin(), data.outcomes.end());
      std::sort(sorted.begin(), sorted.end());
      const double middle = sorted[sorted.size() / 2];
      out.push_back(larger ? OutcomeTransform::winsorise(std::max(low, middle - 2 * (high - middle)), high)
                           : OutcomeTransform::winsorise(low, std::min(high, middle + 2 * (middle - low))));
      break;
    }
    case Transform::kAuto:
      // A hypervolume is one of outcomes as they are; a target's distance is, too.
      if (problem.objectives.size() > 1) break;
      [[fallthrough]];
    case Transform::kLog:
      if (objective.goal == Objective::Goal::kTarget) break;
      for (const double softening : kSoftening) {
        out.push_back(OutcomeTransform::log_gap(larger ? high : low, larger, range, softening));
      }
      break;
  }
  return out;
}

/// At most `most` of them, in their order: half of them the best by each objective and some that measured what else
/// there is, in turn; the others spread over the rest.
std::vector<Observation> selection(const Problem& problem, const std::vector<Observation>& observations,
                                   std::size_t most) {
  if (observations.size() <= most) return observations;
  std::vector<std::vector<std::size_t>> best;  // by each measurand
  for (std::size_t k = 0; k < problem.measurands().size(); ++k) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < observations.size(); ++i) {
      const Observation& o = observations[i];
      if (o.failed || !o.measured[k]) continue;
      const double merit = k < problem.objectives.size() ? problem.objectives[k].merit(o.measured[k]->value) : 0;
      order.emplace_back(-merit, i);
    }
    std::sort(order.begin(), order.end());
    best.emplace_back();
    for (const auto& [loss, i] : order) best.back().push_back(i);
  }
  std::vector<bool> kept(observations.size());
  std::size_t count = 0;
  for (std::size_t rank = 0; rank < observations.size() && count < most / 2; ++rank) {
    for (const std::vector<std::size_t>& order : best) {
      if (rank >= order.size() || kept[order[rank]] || count == most / 2) continue;
      kept[order[rank]] = true;
      ++count;
    }
  }
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) rest.push_back(i);
  }
  const std::size_t wanted = most - count;
  for (std::size_t k = 0; k < wanted; ++k) kept[rest[(2 * k + 1) * rest.size() / (2 * wanted)]] = true;
  std::vector<Observation> out;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) out.push_back(observations[i]);
  }
  return out;
}

}  // namespace

Prediction OutcomeModel::predict(double mean, double variance) const {
  const double sd = std::sqrt(variance);
  if (transform.none()) return {mean, sd};
  // Mean and variance over the middles of equally probable slices.
  constexpr int kSlices = 64;
  double sum = 0, squares = 0;
  const double centre = transform.inverse(mean);
  for (int k = 0; k < kSlices; ++k) {
    const double shift = transform.inverse(mean + sd * normal_quantile((k + 0.5) / kSlices)) - centre;
    sum += shift;
    squares += shift * shift;
  }
  sum /= kSlices;
  return {centre + sum, std::sqrt(std::max(squares / kSlices - sum * sum, 0.0))};
}

void OutcomeModel::moments(const Matrix& points, Vector& mean, Vector& variance) const {
  Vector one_mean, one_variance, shift = Vector::Zero(points.rows());
  gp->marginals(points, mean, variance);
  for (const auto& one : drawn) {
    one->marginals(points, one_mean, one_variance);
    one_mean -= mean;  // squares of differences from the first do not cancel
    shift += one_mean;
    variance += one_variance + one_mean.cwiseAbs2();
  }
  const double count = 1 + static_cast<double>(drawn.size());
  shift /= count;
  mean += shift;
  // The outcomes' size is itself told by so many points: a Student process (Shah, Wilson & Ghahramani 2014).
  const double freedom = std::max(static_cast<double>(gp->rows()) - 1, kLeastFreedom);
  variance = (variance / count - shift.cwiseAbs2()).cwiseMax(0.0) * (freedom / (freedom - 2));
}

std::vector<Prediction> OutcomeModel::predict(const Matrix& points) const {
  Vector mean, variance;
  moments(points, mean, variance);
  std::vector<Prediction> out;
  for (Eigen::Index i = 0; i < points.rows(); ++i) out.push_back(predict(mean[i], variance[i]));
  return out;
}

double OutcomeModel::noise_variance() const {
  double sum = gp->parameters().noise_variance;
  for (const auto& one : drawn) sum += one->parameters().noise_variance;
  return gp->scale() * gp->scale() * sum / (1 + static_cast<double>(drawn.size()));
}

OutcomeModel fit_outcome(const Problem& problem, const std::vector<Observation>& observations, std::size_t measurand,
                         const FitEffort& effort, double scale_if_constant) {
  TrainingData data = training_data(problem, observations, measurand);
  data.scale_if_constant = scale_if_constant;
  if (data.points.rows() == 0) {
    throw InputError(
        fmt::format("“{}” was not measured yet, so there is no model of it", problem.measurands()[measurand].name));
  }
  OutcomeModel best;
  const Objective* objective = measurand < problem.objectives.size() ? &problem.objectives[measurand] : nullptr;
  const auto rows = static_cast<double>(data.outcomes.size());
  GpOptions options = options_of(effort);
  const auto evidence = [&](const ExactGp& gp, const OutcomeTransform& transform) {
    return gp.log_posterior() - rows * std::log(gp.scale()) + log_jacobian(data, transform) -
           (transform.none() ? 0 : kTransformOdds);
  };
  best.gp = std::make_shared<ExactGp>(ExactGp::fit(data, options));
  double most = evidence(*best.gp, best.transform);
  best.log_probability = most;
  // What follows is like the first in its hyper-parameters.
  options.start = best.gp->parameters();
  options.starts = 1;
  const bool asked = objective && objective->transform != Objective::Transform::kAuto;
  const double plain = asked ? 0 : log_normality(data, {});
  bool first = true;
  for (const OutcomeTransform& transform : candidates(problem, data, measurand)) {
    if (effort.stop && effort.stop()) return best;
    if (!asked && (lost_in_noise(data, transform) || !(log_normality(data, transform) > plain))) continue;
    auto gp = std::make_shared<ExactGp>(ExactGp::fit(transformed(data, transform), options));
    const double probability = evidence(*gp, transform);
    if (!(probability > most) && !(asked && first)) continue;
    first = false;
    most = probability;
    best.gp = std::move(gp);
    best.transform = transform;
    best.log_probability = most + kTransformOdds;
  }
  if (effort.stop && effort.stop()) return best;
  // A smoother kernel leaves more to noise, not less.
  if (best.gp->parameters().noise_variance > 2 * kSmoothNoise) return best;
  options.kernel = Kernel::kRbf;
  options.start = best.gp->parameters();
  auto smooth = std::make_shared<ExactGp>(ExactGp::fit(transformed(data, best.transform), options));
  if (smooth->parameters().noise_variance <= kSmoothNoise && evidence(*smooth, best.transform) > most) {
    best.gp = std::move(smooth);
    best.log_probability = evidence(*best.gp, best.transform) + (best.transform.none() ? 0 : kTransformOdds);
  }
  return best;
}

std::shared_ptr<const ExactGp> success_model(const Problem& problem, const std::vector<Observation>& observations,
                                             const FitEffort& effort) {
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
  return step_model(data, effort);
}

std::shared_ptr<const ExactGp> step_model(const TrainingData& data, const FitEffort& effort) {
  // A step from 0 to 1 would be taken for a short lengthscale, which forgets between two failures what it learned from
  // both: hold the lengthscales near 0.4 √d and let the noise stand for failures that have nothing to do with the
  // point.
  GpOptions smooth = options_of(effort);
  smooth.prior.lengthscale_location = std::log(0.5);
  smooth.prior.lengthscale_scale = 0.5;
  smooth.prior.noise_location = std::log(0.04);
  smooth.prior.noise_scale = 0.5;
  return std::make_shared<ExactGp>(ExactGp::fit(data, smooth));
}

Models fit_models(const Problem& problem, const std::vector<Observation>& all, const FitEffort& effort) {
  const std::vector<Observation> observations = selection(problem, all, effort.most_rows);
  Models models;
  models.left_out = all.size() - observations.size();
  models.of.resize(problem.measurands().size());
  for (std::size_t k = 0; k < models.of.size(); ++k) {
    const bool known = std::any_of(observations.begin(), observations.end(),
                                   [&](const Observation& o) { return !o.failed && o.measured[k]; });
    if (!known) continue;
    models.of[k] = fit_outcome(problem, observations, k, effort);
    if (k < problem.objectives.size()) models.objectives.push_back(k);
  }
  models.success = success_model(problem, observations, effort);
  models.regimes = find_regimes(problem, observations, models, effort, &models.regimes_unsought);
  return models;
}

std::array<bool, 2> Regimes::found_at(const Vector& point) const {
  constexpr double kSame = 1e-14;  // squared distance
  std::array<bool, 2> out{};
  for (const bool high : {false, true}) {
    out[high] = (found[high].rowwise() - point.transpose()).rowwise().squaredNorm().minCoeff() < kSame;
  }
  return out;
}

Vector Regimes::probability_of_upper(const Matrix& points) const {
  Vector mean, variance;
  upper->marginals(points, mean, variance);
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    const auto known = found_at(points.row(i));
    mean[i] = known[0] != known[1] ? known[1] : probability_elsewhere(mean[i], variance[i]);
  }
  return mean;
}

double Regimes::probability_elsewhere(double mean, double variance) const {
  const double open = 1 / (static_cast<double>(upper->rows()) + 2);
  const double told = std::exp(log_normal_cdf((mean - 0.5) / std::sqrt(variance)));
  return std::clamp(trust * told + (1 - trust) * share, open, 1 - open);
}

std::optional<std::size_t> Models::in_regimes(std::size_t measurand) const {
  if (!regimes) return std::nullopt;
  for (std::size_t j = 0; j < objectives.size(); ++j) {
    if (objectives[j] == measurand) return j;
  }
  for (std::size_t j = 0; j < regimes->beside.size(); ++j) {
    if (regimes->beside[j] == measurand) return objectives.size() + j;
  }
  return std::nullopt;
}

std::vector<Component> mixture(const Models& models, std::size_t measurand, const Matrix& points) {
  const auto component = [&](const OutcomeModel& model, Vector probability) {
    Component out = {std::move(probability), {}, {}, model.noise_variance()};
    model.moments(points, out.mean, out.variance);
    return out;
  };
  const std::optional<std::size_t> j = models.in_regimes(measurand);
  if (!j) return {component(*models.of[measurand], Vector::Ones(points.rows()))};
  const Vector upper = models.regimes->probability_of_upper(points);
  return {component(models.regimes->of[0][*j], 1 - upper.array()), component(models.regimes->of[1][*j], upper)};
}

void moments(const std::vector<Component>& mixture, Vector& mean, Vector& variance) {
  mean = mixture[0].mean;
  variance = mixture[0].variance;
  if (mixture.size() == 1) return;
  const Component& upper = mixture[1];
  const auto p = upper.probability.array();
  const Vector apart = upper.mean - mean;
  variance = (1 - p) * variance.array() + p * upper.variance.array() + p * (1 - p) * apart.array().square();
  mean.array() += p * apart.array();
}

Vector probability_of_constraints(const Problem& problem, const Models& models, const Matrix& points) {
  Matrix held = Matrix::Ones(points.rows(), models.regimes ? 2 : 1);  // and of the regime
  if (models.regimes) {
    held.col(1) = models.regimes->probability_of_upper(points);
    held.col(0) = 1 - held.col(1).array();
  }
  for (const OutcomeConstraint& constraint : problem.outcome_constraints) {
    const auto& model = models.of[constraint.measurand];
    if (!model) continue;
    const double sign = constraint.at_most ? 1 : -1;
    const double bound =
        models.in_regimes(constraint.measurand) ? constraint.bound : model->transformed(constraint.bound);
    const std::vector<Component> parts = mixture(models, constraint.measurand, points);
    for (Eigen::Index r = 0; r < held.cols(); ++r) {
      const Component& part = parts[std::min(static_cast<std::size_t>(r), parts.size() - 1)];
      for (Eigen::Index i = 0; i < points.rows(); ++i) {
        held(i, r) *= std::exp(log_normal_cdf(sign * (bound - part.mean[i]) / std::sqrt(part.variance[i])));
      }
    }
  }
  return held.rowwise().sum();
}

std::vector<Forecast> forecast(const Problem& problem, const Models& models, const Matrix& points) {
  const Eigen::Index count = points.rows();
  Vector mean, variance;
  std::vector<Forecast> out(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < models.of.size(); ++k) {
    const auto& model = models.of[k];
    if (model) moments(mixture(models, k, points), mean, variance);
    for (Eigen::Index i = 0; i < count; ++i) {
      auto& of = out[static_cast<std::size_t>(i)].of;
      of.emplace_back();
      if (!model) continue;
      of.back() =
          models.in_regimes(k) ? Prediction{mean[i], std::sqrt(variance[i])} : model->predict(mean[i], variance[i]);
    }
  }
  const auto modelled = [&](const OutcomeConstraint& c) { return models.of[c.measurand].has_value(); };
  bool known = std::any_of(problem.outcome_constraints.begin(), problem.outcome_constraints.end(), modelled);
  Vector feasible = probability_of_constraints(problem, models, points);
  if (models.success) {  // its mean is the share of such experiments that do not fail
    known = true;
    models.success->marginals(points, mean, variance);
    // So many of a kind leave as much open (Laplace's rule of succession).
    const double open = 1 / (static_cast<double>(models.success->rows()) + 2);
    feasible = feasible.cwiseProduct(mean.cwiseMax(open).cwiseMin(1 - open));
  }
  for (Eigen::Index i = 0; known && i < count; ++i) out[static_cast<std::size_t>(i)].feasible = feasible[i];
  return out;
}

void draw_hyper_parameters(OutcomeModel& model, std::size_t measurand, Eigen::Index most_rows) {
  if (model.gp->rows() > most_rows) return;
  RandomStream random(measurand, "hyper-parameters");
  const auto width = model.gp->dimension() + 3;
  for (ExactGp& gp : model.gp->plausible(Sobol(width, random).next_normal(kDraws))) {
    model.drawn.push_back(std::make_shared<ExactGp>(std::move(gp)));
  }
}

}  // namespace athanor
