#include "optimizers/regimes.h"

#include <algorithm>
#include <cmath>

#include "optimizers/design.h"

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
  TrainingData which;
  std::vector<Point> points;
  for (const Observation& o : whole) points.push_back(o.at);
  which.points = encode(problem.space, points);
  which.outcomes = Vector::Zero(outcomes.rows());
  which.columns = columns(problem.space);
  double log_odds = 0;
  const auto n = static_cast<double>(whole.size());
  for (const bool upper : {false, true}) {
    std::vector<Observation> own;
    for (const Eigen::Index i : rows_of(outcomes, *split, upper)) {
      own.push_back(whole[static_cast<std::size_t>(i)]);
      which.outcomes[i] = upper ? 1 : 0;
    }
    const auto rows = static_cast<double>(own.size());
    log_odds += rows * std::log(rows / n);
    for (const std::size_t k : objectives) {
      if (effort.stop && effort.stop()) return nullptr;
      out->of[upper].push_back(fit_outcome(problem, own, k, effort));
      log_odds += log_evidence(out->of[upper].back(), rows);
    }
  }
  for (const std::size_t k : objectives) log_odds -= log_evidence(*models.of[k], n);
  if (!(log_odds > kOdds)) return nullptr;
  out->upper = step_model(which, effort);
  return out;
}

}  // namespace athanor
