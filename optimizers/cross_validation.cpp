#include "optimizers/cross_validation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "optimizers/design.h"
#include "optimizers/normal.h"

namespace athanor {
namespace {

constexpr std::size_t kGroups = 20, kGroupsOfMany = 5;
constexpr double kTail = 0.05;                  // on either side of the central 90 %
constexpr double kMedian = 0.6744897501960817;  // Φ⁻¹(0.75), the median of |z|

/// Points that were measured, and which observations are of which.
struct Measured {
  std::vector<std::size_t> observations, number;  // the point of each
  std::vector<std::size_t> times;                 // that each point was measured
};

Measured measured(const std::vector<Observation>& observations, const std::vector<std::size_t>& measurands) {
  Measured out;
  std::map<Point, std::size_t> points;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    const auto has = [&](std::size_t k) { return o.measured[k].has_value(); };
    if (o.failed || std::none_of(measurands.begin(), measurands.end(), has)) continue;
    out.observations.push_back(i);
    out.number.push_back(points.emplace(o.at, points.size()).first->second);
    out.times.resize(points.size());
    ++out.times[out.number.back()];
  }
  return out;
}

/// What the predictions of one measurand come to.
class Score {
 public:
  explicit Score(std::size_t measurand) : measurand_(measurand) {}

  /// Row `i` of the mixture predicts observation number `index`; `lone`: its point was measured once.
  void add(const Observation& o, std::size_t index, bool lone, const OutcomeModel& model,
           const std::vector<Component>& mixture, Eigen::Index i) {
    const auto& [value, sd] = *o.measured[measurand_];
    double below = 0, mean = 0, apart = HUGE_VAL;
    for (const Component& part : mixture) {
      const double p = part.probability[i];
      const double noise = sd ? std::pow(*sd * std::exp(model.transform.log_slope(value)), 2) : part.noise_variance;
      const double z = (model.transformed(value) - part.mean[i]) / std::sqrt(part.variance[i] + noise);
      below += p * normal_cdf(z);
      mean += p * model.predict(part.mean[i], part.variance[i]).mean;
      // As far as a normal's draw of the same density beside its peak, the part's probability paid for, of which so
      // many experiments leave as much open (Laplace's rule of succession).
      const double open = 1 / (static_cast<double>(model.gp->rows()) + 2);
      apart = std::min(apart, std::sqrt(z * z - 2 * std::log(mixture.size() == 1 ? 1 : std::max(p, open))));
    }
    squares_ += (value - mean) * (value - mean);
    inside_ += below >= kTail && below <= 1 - kTail ? 1 : 0;
    all_.push_back(apart);
    if (lone && apart > out_.deviations) {
      out_.deviations = apart;
      out_.farthest = index;
    }
  }

  std::optional<CrossValidation> result() {
    if (all_.empty()) return std::nullopt;
    const auto count = static_cast<double>(all_.size());
    out_.rmse = std::sqrt(squares_ / count);
    out_.coverage = inside_ / count;
    // A model that is too sure everywhere accuses no one: by what deviations are as a rule, where that is more.
    const auto middle = all_.begin() + static_cast<long>(all_.size() / 2);
    std::nth_element(all_.begin(), middle, all_.end());
    out_.deviations /= std::max(*middle / kMedian, 1.0);
    return out_;
  }

 private:
  std::size_t measurand_;
  CrossValidation out_;
  double squares_ = 0, inside_ = 0;
  std::vector<double> all_;  // deviations
};

/// One a measurand; `fit` gives the models of some observations.
template <class Fit>
std::vector<std::optional<CrossValidation>> judged(const Problem& problem, const std::vector<Observation>& observations,
                                                   const std::vector<std::size_t>& measurands, const Fit& fit) {
  const Measured known = measured(observations, measurands);
  const std::size_t points = known.times.size();
  const std::size_t groups = std::min(points, points > static_cast<std::size_t>(kMostDrawn) ? kGroupsOfMany : kGroups);
  std::vector<Score> scores(measurands.begin(), measurands.end());
  for (std::size_t group = 0; points > 1 && group < groups; ++group) {
    std::vector<Observation> rest;
    std::vector<std::size_t> left;  // of known.observations
    for (std::size_t k = 0; k < known.observations.size(); ++k) {
      if (known.number[k] % groups == group) {
        left.push_back(k);
      } else {
        rest.push_back(observations[known.observations[k]]);
      }
    }
    Models models = fit(rest);
    for (std::size_t m = 0; m < measurands.size(); ++m) {
      const std::size_t measurand = measurands[m];
      std::vector<std::size_t> here;
      std::vector<Point> at;
      for (const std::size_t k : left) {
        const Observation& o = observations[known.observations[k]];
        if (!o.measured[measurand]) continue;
        here.push_back(k);
        at.push_back(o.at);
      }
      if (here.empty() || !models.of[measurand]) continue;
      draw_hyper_parameters(*models.of[measurand], measurand);
      const std::vector<Component> predicted = mixture(models, measurand, encode(problem.space, at));
      for (std::size_t i = 0; i < here.size(); ++i) {
        const std::size_t index = known.observations[here[i]];
        scores[m].add(observations[index], index, known.times[known.number[here[i]]] == 1, *models.of[measurand],
                      predicted, static_cast<Eigen::Index>(i));
      }
    }
  }
  std::vector<std::optional<CrossValidation>> out;
  for (Score& score : scores) out.push_back(score.result());
  return out;
}

}  // namespace

std::optional<CrossValidation> cross_validate(const Problem& problem, const std::vector<Observation>& observations,
                                              std::size_t measurand) {
  const auto fit = [&](const std::vector<Observation>& rest) {
    Models models;
    models.of.resize(measurand + 1);
    models.of[measurand] = fit_outcome(problem, rest, measurand);
    return models;
  };
  return judged(problem, observations, {measurand}, fit)[0];
}

std::vector<std::optional<CrossValidation>> cross_validate_regimes(const Problem& problem,
                                                                   const std::vector<Observation>& observations) {
  std::vector<std::size_t> all(problem.measurands().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return judged(problem, observations, all,
                [&](const std::vector<Observation>& rest) { return fit_models(problem, rest); });
}

}  // namespace athanor
