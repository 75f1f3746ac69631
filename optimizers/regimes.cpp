#include "optimizers/regimes.h"

#include <algorithm>
#include <cmath>

namespace athanor {
namespace {

constexpr Eigen::Index kFewest = 2;    // experiments of a regime
constexpr double kOdds = 15;           // ln of how much more probable two regimes must be
constexpr double kLeastSpread = 0.01;  // of a regime, of the spread of all: a constant is not infinitely probable

double spread(const Vector& values) {
  return std::sqrt((values.array() - values.mean()).square().mean());
}

/// The widest gap between neighbours in order, `kFewest` on either side.
std::pair<double, double> widest_gap(Vector values) {
  std::sort(values.begin(), values.end());
  std::pair<double, double> widest = {0, 0};
  for (Eigen::Index i = kFewest; i + kFewest <= values.size(); ++i) {
    if (values[i] - values[i - 1] > widest.second - widest.first) widest = {values[i - 1], values[i]};
  }
  return widest;
}

/// Rows whose `column` lies above `bound`, or does not.
std::vector<Eigen::Index> rows_of(const Matrix& outcomes, const Split& split, bool upper) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
    if ((outcomes(i, static_cast<Eigen::Index>(split.told_by)) > split.below) == upper) out.push_back(i);
  }
  return out;
}

double log_evidence(const OutcomeModel& model, double rows) {
  return model.gp->log_posterior() - rows * std::log(model.gp->scale());
}

}  // namespace

std::optional<Split> most_probable_split(const Matrix& outcomes) {
  std::optional<Split> best;
  const auto n = static_cast<double>(outcomes.rows());
  for (Eigen::Index k = 0; k < outcomes.cols(); ++k) {
    const auto [below, above] = widest_gap(outcomes.col(k));
    if (!(above > below)) continue;
    Split split = {static_cast<std::size_t>(k), below, above, 0};
    bool apart = true;
    for (const bool upper : {false, true}) {
      const std::vector<Eigen::Index> rows = rows_of(outcomes, split, upper);
      apart = apart && spread(outcomes(rows, k)) < above - below;
      const auto count = static_cast<double>(rows.size());
      split.log_odds += count * std::log(count / n);
      for (Eigen::Index j = 0; j < outcomes.cols(); ++j) {
        const double all = spread(outcomes.col(j));
        if (all > 0) split.log_odds -= count * std::log(std::max(spread(outcomes(rows, j)) / all, kLeastSpread));
      }
    }
    if (apart && (!best || split.log_odds > best->log_odds)) best = split;
  }
  return best;
}

std::shared_ptr<const Regimes> find_regimes(const Problem& problem, const std::vector<Observation>& observations,
                                            const Models& models, const FitEffort& effort) {
  const std::vector<std::size_t>& objectives = models.objectives;
  const auto plain = [&](std::size_t k) { return models.of[k]->transform.none(); };
  if (objectives.size() < 2 || !std::all_of(objectives.begin(), objectives.end(), plain)) return nullptr;

  std::vector<Observation> whole;
  for (const Observation& o : observations) {
    const auto has = [&](std::size_t k) { return o.measured[k].has_value(); };
    if (!o.failed && std::all_of(objectives.begin(), objectives.end(), has)) whole.push_back(o);
  }
  Matrix outcomes(static_cast<Eigen::Index>(whole.size()), static_cast<Eigen::Index>(objectives.size()));
  for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
    for (Eigen::Index j = 0; j < outcomes.cols(); ++j) {
      const auto& measured = whole[static_cast<std::size_t>(i)].measured;
      outcomes(i, j) = measured[objectives[static_cast<std::size_t>(j)]]->value;
    }
  }
  const std::optional<Split> split = most_probable_split(outcomes);
  if (!split || !(split->log_odds > kOdds)) return nullptr;

  auto out = std::make_shared<Regimes>();
  out->told_by = objectives[split->told_by];
  out->below = split->below;
  out->above = split->above;
  const double middle = split->below + (split->above - split->below) / 2;
  // Those that gave but some of the objectives count, if they gave that one.
  std::vector<Observation> all;
  std::array<std::vector<Observation>, 2> of;
  for (const Observation& o : observations) {
    if (o.failed || !o.measured[out->told_by]) continue;
    all.push_back(o);
    const double value = o.measured[out->told_by]->value;
    of[value > middle].push_back(o);
    out->below = value > middle ? out->below : std::max(out->below, value);
    out->above = value > middle ? std::min(out->above, value) : out->above;
  }
  TrainingData which = training_data(problem, all, out->told_by);
  which.noise_sd = {};
  which.outcomes = (which.outcomes.array() > middle).cast<double>();
  double log_odds = 0;
  for (const std::size_t k : objectives) {
    const auto has = [&](const Observation& o) { return !o.failed && o.measured[k]; };
    const auto rows = [&](const auto& some) {
      return static_cast<double>(std::count_if(some.begin(), some.end(), has));
    };
    const bool same = rows(all) == rows(observations);
    log_odds -= log_evidence(same ? *models.of[k] : fit_outcome(problem, all, k, effort), rows(all));
    for (const bool upper : {false, true}) {
      if (effort.stop && effort.stop()) return nullptr;
      out->of[upper].push_back(fit_outcome(problem, of[upper], k, effort));
      log_odds += log_evidence(out->of[upper].back(), rows(of[upper]));
    }
  }
  for (const bool upper : {false, true}) {
    const auto rows = static_cast<double>(of[upper].size());
    log_odds += rows * std::log(rows / static_cast<double>(all.size()));
    out->found[upper] = training_data(problem, of[upper], out->told_by).points;
  }
  if (!(log_odds > kOdds)) return nullptr;
  out->upper = step_model(which, effort);
  return out;
}

}  // namespace athanor
