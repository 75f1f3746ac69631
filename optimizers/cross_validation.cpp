#include "optimizers/cross_validation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "optimizers/design.h"

namespace athanor {
namespace {

constexpr std::size_t kGroups = 20, kGroupsOfMany = 5;
constexpr double kCentral90 = 1.6448536269514722;  // Φ⁻¹(0.95)
constexpr double kMedian = 0.6744897501960817;     // Φ⁻¹(0.75), the median of |z|

}  // namespace

std::optional<CrossValidation> cross_validate(const Problem& problem, const std::vector<Observation>& observations,
                                              std::size_t measurand, bool in_regimes) {
  std::vector<std::size_t> measured, number;  // observations, and which point each is of
  std::vector<std::size_t> times;             // that each point was measured
  std::map<Point, std::size_t> points;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (observations[i].failed || !observations[i].measured[measurand]) continue;
    measured.push_back(i);
    number.push_back(points.emplace(observations[i].at, points.size()).first->second);
    times.resize(points.size());
    ++times[number.back()];
  }
  if (points.size() < 2) return std::nullopt;

  const bool many = points.size() > static_cast<std::size_t>(kMostDrawn);
  const std::size_t groups = std::min(points.size(), many ? kGroupsOfMany : kGroups);
  CrossValidation out;
  double squares = 0, inside = 0;
  std::vector<double> all;  // deviations
  for (std::size_t group = 0; group < groups; ++group) {
    std::vector<Observation> rest;
    std::vector<std::size_t> left;  // of `measured`
    std::vector<Point> at;
    for (std::size_t k = 0; k < measured.size(); ++k) {
      const Observation& o = observations[measured[k]];
      if (number[k] % groups != group) {
        rest.push_back(o);
        continue;
      }
      left.push_back(k);
      at.push_back(o.at);
    }
    Models models;
    if (in_regimes) {
      models = fit_models(problem, rest);
    } else {
      models.of.resize(measurand + 1);
      models.of[measurand] = fit_outcome(problem, rest, measurand);
    }
    OutcomeModel& model = *models.of[measurand];
    draw_hyper_parameters(model, measurand);
    Vector mean, variance, inferred;
    moments(models, measurand, encode(problem.space, at), mean, variance, &inferred);
    for (std::size_t k = 0; k < left.size(); ++k) {
      const auto& [value, sd] = *observations[measured[left[k]]].measured[measurand];
      const auto i = static_cast<Eigen::Index>(k);
      const double noise = sd ? std::pow(*sd * std::exp(model.transform.log_slope(value)), 2) : inferred[i];
      const double z = std::abs(model.transformed(value) - mean[i]) / std::sqrt(variance[i] + noise);
      const double error = value - model.predict(mean[i], variance[i]).mean;
      squares += error * error;
      inside += z <= kCentral90 ? 1 : 0;
      all.push_back(z);
      if (times[number[left[k]]] == 1 && z > out.deviations) {
        out.deviations = z;
        out.farthest = measured[left[k]];
      }
    }
  }
  const auto count = static_cast<double>(measured.size());
  out.rmse = std::sqrt(squares / count);
  out.coverage = inside / count;
  // A model that is too sure everywhere accuses no one: by what deviations are as a rule, where that is more.
  const auto middle = all.begin() + static_cast<long>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  out.deviations /= std::max(*middle / kMedian, 1.0);
  return out;
}

}  // namespace athanor
