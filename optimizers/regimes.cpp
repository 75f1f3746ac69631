#include "optimizers/regimes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "optimizers/design.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFewest = 2;    // experiments of a regime
constexpr double kOdds = 15;           // ln of how much more probable two regimes must be
constexpr double kLeastSpread = 0.01;  // of a regime, of the spread of all: a constant is not infinitely probable

double spread(const Vector& values) {
  return std::sqrt((values.array() - values.mean()).square().mean());
}

/// The rows in which all of these columns were measured.
std::vector<Eigen::Index> measured(const Matrix& outcomes, const std::vector<Eigen::Index>& columns) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
    if (!outcomes(i, columns).hasNaN()) out.push_back(i);
  }
  return out;
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

/// ln of how much more probable the column is in two, with those of `upper` apart, labels not counted.
double log_odds_of(const Vector& values, const Eigen::Array<bool, Eigen::Dynamic, 1>& upper) {
  const double all = values.size() > 0 ? spread(values) : 0;
  if (!(all > 0)) return 0;
  double out = 0;
  for (const bool high : {false, true}) {
    std::vector<double> part;
    for (Eigen::Index i = 0; i < values.size(); ++i) {
      if (upper[i] == high) part.push_back(values[i]);
    }
    const auto count = static_cast<Eigen::Index>(part.size());
    if (count < kFewest) return 0;
    const double own = spread(Eigen::Map<const Vector>(part.data(), count));
    out -= static_cast<double>(count) * std::log(std::max(own / all, kLeastSpread));
  }
  return out;
}

/// One attempt at two regimes.
class Finding {
 public:
  Finding(const Problem& problem, const std::vector<Observation>& observations, const Models& models,
          const FitEffort& effort)
      : problem_(problem),
        observations_(observations),
        models_(models),
        effort_(effort),
        outcomes_(static_cast<Eigen::Index>(observations.size()), static_cast<Eigen::Index>(models.objectives.size())) {
    for (Eigen::Index i = 0; i < outcomes_.rows(); ++i) {
      for (Eigen::Index j = 0; j < outcomes_.cols(); ++j) {
        const Observation& o = observations[static_cast<std::size_t>(i)];
        const std::size_t k = objective(j);
        outcomes_(i, j) = !o.failed && o.measured[k] ? o.measured[k]->value : std::nan("");
      }
    }
  }

  std::shared_ptr<const Regimes> find() {
    const std::optional<Split> split = most_probable_split(outcomes_);
    if (!split || !(split->log_odds > kOdds)) return nullptr;
    out_->told_by = models_.objectives[split->told_by];
    out_->below = split->below;
    out_->above = split->above;
    const double middle = split->below + (split->above - split->below) / 2;
    std::vector<Eigen::Index> untold;
    for (Eigen::Index i = 0; i < outcomes_.rows(); ++i) {
      const double value = outcomes_(i, static_cast<Eigen::Index>(split->told_by));
      if (!std::isnan(value)) {
        of_[value > middle].push_back(i);
      } else if (!outcomes_.row(i).array().isNaN().all()) {
        untold.push_back(i);
      }
    }
    for (Eigen::Index j = 0; j < outcomes_.cols(); ++j) {
      for (const bool upper : {false, true}) {
        if (rows(j, of_[upper]) < kFewest) return nullptr;
      }
    }
    if (!fit_outcomes() || !(log_odds() > kOdds)) return nullptr;
    fit_place();
    if (!untold.empty()) {
      const std::vector<bool> upper = more_probable(untold);
      for (std::size_t k = 0; k < untold.size(); ++k) of_[upper[k]].push_back(untold[k]);
      if (!fit_outcomes()) return nullptr;
      fit_place();
    }
    for (const OutcomeConstraint& one : problem_.outcome_constraints) {
      if (models_.of[one.measurand] && !models_.in_regimes(one.measurand)) fit_beside(one.measurand);
    }
    return out_;
  }

  bool stopped() const { return stopped_; }

 private:
  std::size_t objective(Eigen::Index j) const { return models_.objectives[static_cast<std::size_t>(j)]; }
  /// How many of these gave objective `j`.
  Eigen::Index rows(Eigen::Index j, const std::vector<Eigen::Index>& some) const {
    return static_cast<Eigen::Index>(measured(outcomes_(some, Eigen::all), {j}).size());
  }
  std::vector<Observation> these(std::vector<Eigen::Index> some) const {
    std::sort(some.begin(), some.end());
    std::vector<Observation> out;
    for (const Eigen::Index i : some) out.push_back(observations_[static_cast<std::size_t>(i)]);
    return out;
  }
  std::vector<Eigen::Index> both() const {
    std::vector<Eigen::Index> out = of_[0];
    out.insert(out.end(), of_[1].begin(), of_[1].end());
    return out;
  }

  /// False where no time is left for it.
  bool fit_outcomes() {
    out_->of = {};
    for (Eigen::Index j = 0; j < outcomes_.cols(); ++j) {
      // Where a regime's outcomes are all the same, they may still differ by as much as the split allowed for.
      const double least = kLeastSpread * spread(outcomes_(measured(outcomes_, {j}), j));
      for (const bool upper : {false, true}) {
        stopped_ = effort_.stop && effort_.stop();
        if (stopped_) return false;
        out_->of[upper].push_back(fit_outcome(problem_, these(of_[upper]), objective(j), effort_, least));
      }
    }
    return true;
  }

  /// What only a constraint speaks of, if it is more probable so. It is of the regimes as it is, so that they mix in
  /// its unit.
  void fit_beside(std::size_t measurand) {
    if (std::count(models_.objectives.begin(), models_.objectives.end(), measurand) > 0) return;
    if (std::count(out_->beside.begin(), out_->beside.end(), measurand) > 0) return;
    Problem plain = problem_;
    plain.outcome_constraints.clear();
    const std::vector<Observation> all = these(both());
    const auto known = [&](const std::vector<Observation>& some) {
      return std::count_if(some.begin(), some.end(),
                           [&](const Observation& o) { return o.measured[measurand].has_value(); });
    };
    const double least = kLeastSpread * spread(training_data(problem_, all, measurand).outcomes);
    std::vector<OutcomeModel> parts;
    double odds = -fit_outcome(problem_, all, measurand, effort_).log_probability;
    for (const bool upper : {false, true}) {
      const std::vector<Observation> some = these(of_[upper]);
      if (known(some) < kFewest || (effort_.stop && effort_.stop())) return;
      parts.push_back(fit_outcome(plain, some, measurand, effort_, least));
      odds += parts.back().log_probability;
    }
    if (!(odds > 0)) return;
    out_->beside.push_back(measurand);
    for (const bool upper : {false, true}) out_->of[upper].push_back(parts[upper]);
  }

  /// ln of how much more probable two regimes make the outcomes.
  double log_odds() const {
    double out = 0;
    const std::vector<Eigen::Index> all = both();
    for (Eigen::Index j = 0; j < outcomes_.cols(); ++j) {
      const std::size_t k = objective(j);
      const bool same = rows(j, all) == static_cast<Eigen::Index>(measured(outcomes_, {j}).size());
      out -= (same ? *models_.of[k] : fit_outcome(problem_, these(all), k, effort_)).log_probability;
      for (const bool upper : {false, true}) out += out_->of[upper][static_cast<std::size_t>(j)].log_probability;
    }
    for (const std::vector<Eigen::Index>& part : of_) {
      const auto count = static_cast<double>(part.size());
      out += count * std::log(count / static_cast<double>(all.size()));
    }
    return out;
  }

  /// Which regime holds where.
  void fit_place() {
    TrainingData data;
    data.columns = columns(problem_.space);
    std::vector<Eigen::Index> all = both();
    std::sort(all.begin(), all.end());
    data.points = points(all);
    data.outcomes.resize(static_cast<Eigen::Index>(all.size()));
    for (std::size_t k = 0; k < all.size(); ++k) {
      data.outcomes[static_cast<Eigen::Index>(k)] = std::count(of_[1].begin(), of_[1].end(), all[k]) > 0 ? 1 : 0;
    }
    for (const bool upper : {false, true}) out_->found[upper] = points(of_[upper]);
    out_->upper = step_model(data, effort_);
    calibrate(*out_);
  }

  /// The place is trusted as far as predicts best what was left out; the rest is the regimes' shares.
  void calibrate(Regimes& regimes) const {
    const ExactGp& gp = *regimes.upper;
    const auto lower = static_cast<double>(of_[0].size()), upper = static_cast<double>(of_[1].size());
    regimes.share = (upper + 1) / (lower + upper + 2);
    Vector mean, variance;
    gp.leave_one_out(mean, variance);
    const double noise = gp.parameters().noise_variance * gp.scale() * gp.scale();
    double best = 0, most = -std::numeric_limits<double>::infinity();
    for (const double trust : {1.0, 0.75, 0.5, 0.25, 0.0}) {
      regimes.trust = trust;
      double sum = 0;
      for (Eigen::Index i = 0; i < mean.size(); ++i) {
        const std::array<bool, 2> in = regimes.found_at(gp.points().row(i));
        const double told = regimes.probability_elsewhere(mean[i], std::max(variance[i] - noise, 1e-12));
        sum += (in[1] ? std::log(told) : 0) + (in[0] ? std::log(1 - told) : 0);
      }
      if (sum <= most) continue;
      most = sum;
      best = trust;
    }
    regimes.trust = best;
  }

  Matrix points(const std::vector<Eigen::Index>& some) const {
    std::vector<Point> out;
    for (const Eigen::Index i : some) out.push_back(observations_[static_cast<std::size_t>(i)].at);
    return encode(problem_.space, out);
  }

  /// Of these experiments, whether the upper regime is: by their place and by what they gave.
  std::vector<bool> more_probable(const std::vector<Eigen::Index>& some) const {
    Models models = models_;
    models.regimes = out_;
    const Matrix at = points(some);
    Vector odds;  // ln, for the upper one
    for (Eigen::Index j = 0; j < outcomes_.cols(); ++j) {
      const std::vector<Component> parts = mixture(models, objective(j), at);
      if (j == 0) odds = (parts[1].probability.array() / parts[0].probability.array()).log();
      for (Eigen::Index k = 0; k < at.rows(); ++k) {
        const auto& outcome = observations_[static_cast<std::size_t>(some[static_cast<std::size_t>(k)])];
        const auto& one = outcome.measured[objective(j)];
        if (!one) continue;
        for (const bool upper : {false, true}) {
          const Component& part = parts[upper];
          const double variance = part.variance[k] + (one->sd ? *one->sd * *one->sd : part.noise_variance);
          const double log_density =
              -0.5 * (std::log(variance) + (one->value - part.mean[k]) * (one->value - part.mean[k]) / variance);
          odds[k] += upper ? log_density : -log_density;
        }
      }
    }
    std::vector<bool> out;
    for (const double one : odds) out.push_back(one > 0);
    return out;
  }

  const Problem& problem_;
  const std::vector<Observation>& observations_;
  const Models& models_;
  const FitEffort& effort_;
  Matrix outcomes_;  // n × m, NaN where it was not measured
  bool stopped_ = false;
  std::array<std::vector<Eigen::Index>, 2> of_;  // observations
  std::shared_ptr<Regimes> out_ = std::make_shared<Regimes>();
};

}  // namespace

std::optional<Split> most_probable_split(const Matrix& outcomes) {
  std::optional<Split> best;
  for (Eigen::Index k = 0; k < outcomes.cols(); ++k) {
    const Vector told = outcomes(measured(outcomes, {k}), k);
    const auto [below, above] = widest_gap(told);
    if (!(above > below)) continue;
    Split split = {static_cast<std::size_t>(k), below, above, 0};
    bool apart = true;
    for (const bool upper : {false, true}) {
      std::vector<double> part;
      std::copy_if(told.begin(), told.end(), std::back_inserter(part),
                   [&, low = below](double y) { return (y > low) == upper; });
      const auto count = static_cast<double>(part.size());
      split.log_odds += count * std::log(count / static_cast<double>(told.size()));
      apart = apart &&
              spread(Eigen::Map<const Vector>(part.data(), static_cast<Eigen::Index>(part.size()))) < above - below;
    }
    for (Eigen::Index j = 0; j < outcomes.cols(); ++j) {
      const std::vector<Eigen::Index> rows = measured(outcomes, {j, k});
      split.log_odds += log_odds_of(outcomes(rows, j), outcomes(rows, k).array() > below);
    }
    if (apart && (!best || split.log_odds > best->log_odds)) best = split;
  }
  return best;
}

std::shared_ptr<const Regimes> find_regimes(const Problem& problem, const std::vector<Observation>& observations,
                                            const Models& models, const FitEffort& effort, bool* no_time) {
  using Choice = PlannerSettings::Acquisition;
  const Choice asked = problem.planner.acquisition;
  const bool hypervolume = asked == Choice::kAuto || asked == Choice::kHypervolume;
  const auto left = [&](std::size_t k) { return problem.objectives[k].transform == Objective::Transform::kAuto; };
  const std::vector<std::size_t>& objectives = models.objectives;
  if (!hypervolume || objectives.size() < 2 || objectives.size() > kMostHypervolume) return nullptr;
  if (!std::all_of(objectives.begin(), objectives.end(), left)) return nullptr;
  Finding finding(problem, observations, models, effort);
  auto out = finding.find();
  if (no_time) *no_time = finding.stopped();
  return out;
}

}  // namespace athanor
