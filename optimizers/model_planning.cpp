// The chain from models to suggestions: beliefs of what is known, an acquisition, a search, and the reason.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "optimizers/beliefs.h"
#include "optimizers/composition.h"
#include "optimizers/design.h"
#include "optimizers/hypervolume_gain.h"
#include "optimizers/planning.h"
#include "optimizers/regimes_gain.h"
#include "optimizers/scan.h"
#include "optimizers/search.h"
#include "optimizers/sobol.h"
#include "optimizers/trade_off.h"

namespace athanor {
namespace {

using Choice = PlannerSettings::Acquisition;

constexpr std::size_t kPromising = 5;
constexpr std::size_t kMostConditioned = 64;  // suggestions at once; those beyond are drawn by Thompson sampling
constexpr double kWorthARisk = 1e-6;          // of a standard deviation: no smaller gain is worth what cannot be used
constexpr double kNoGain = 1e-9;              // of the outcomes' spread, or of the hypervolume
constexpr std::size_t kSpreadStarts = 4;      // a front has ends, and what lies there is far from all that is known
constexpr double kConfidence = 2;             // standard deviations, of the upper confidence bound
constexpr double kOtherDraws = 0.4;           // by how much, in ln, they may find a gain larger
constexpr double kShareOfBoxes = 0.4;         // of the time for one suggestion, to prepare the hypervolume's boxes
constexpr Eigen::Index kTradeOffFantasies = 32;
constexpr std::size_t kTradeOffDirections = 128;
constexpr std::size_t kMostDrawnRows = 100000;  // of a pool
constexpr const char* kNothing = "nothing is expected to improve";
constexpr double kSecondsOfEvidence = 6e-10;   // times points² (points + columns): one evaluation, on a slow core
constexpr double kSecondsOfFantasies = 6e-10;  // likewise: one factorisation and all that comes with it

/// What the deadline allows.
struct Effort {
  FitEffort fit;
  Eigen::Index most_drawn = kMostDrawn;  ///< rows of a model with several sets of hyper-parameters
};

Effort effort(const Planning& planning, std::size_t count) {
  Effort out;
  const double deadline = planning.question.deadline_s;
  if (!(deadline > 0)) return out;
  const auto models = static_cast<double>(planning.problem.measurands().size());
  const auto conditioned = static_cast<double>(std::clamp<std::size_t>(count, 1, kMostConditioned));
  // Every entry of a covariance costs as many steps as there are columns, and its factorisation as many as rows.
  const auto columns = static_cast<double>(planning.problem.space.size());
  const auto rows = [&](double seconds, double rate) {
    const double steps = seconds / models / rate;
    double n = std::cbrt(steps);
    for (int round = 0; round < 20; ++round) n = std::sqrt(steps / (n + columns));
    return static_cast<Eigen::Index>(n);
  };
  // Ten steps of the hyper-parameters, and one factorisation for each suggestion, should fit.
  out.fit.most_points = std::clamp<Eigen::Index>(rows(0.1 * kShareOfFit * deadline, kSecondsOfEvidence), 20, 300);
  out.fit.most_rows = std::clamp<Eigen::Index>(rows(0.3 * deadline / conditioned, kSecondsOfFantasies), 40, 5000);
  out.fit.stop = [&planning] { return planning.late(kShareOfFit); };
  // Besides, for the draws an evaluation a column and a few, and a factorisation for each of them and each suggestion.
  const double drawn = 0.2 * deadline / (columns + 15 + 3 * conditioned);
  out.most_drawn = std::min(kMostDrawn, rows(drawn, kSecondsOfFantasies));
  return out;
}

/// One run of the chain; the models are fitted once for all of its suggestions.
class ModelPlanning {
 public:
  ModelPlanning(Planning& planning, std::size_t count);
  /// Adds forecasts.
  void predict(const std::vector<Suggestion*>& design) const;
  /// False where the space is exhausted.
  bool suggest_one();

 private:
  /// What speaks for a point, in a person's words too.
  struct Goal {
    std::unique_ptr<Acquisition> acquisition = {};
    std::string what = {};
    double factor = 0;  ///< of e^value, to `unit`; 0: that would tell a person nothing
    std::string unit = {};
    double least = 0;         ///< of e^value; what is less is no improvement
    bool in_regimes = false;  ///< whether the constraints on what is of two regimes are in it
    bool diminishes = false;  ///< whether a point is worth less once another one is under way
  };

  Choice choice() const;
  std::optional<Point> next();
  double share_until(double suggestions) const;
  Goal goal(const Beliefs& beliefs, RandomStream& chance);
  Goal trade_off(const Beliefs& beliefs, Choice choice, RandomStream& chance);
  std::unique_ptr<Acquisition> of_process(const ExactGp& gp, const Aim& aim, Choice choice, const Beliefs& beliefs,
                                          RandomStream& chance);
  double may_rise(const Goal& goal, const Beliefs& beliefs) const;
  std::vector<Point> promising(const Beliefs& beliefs) const;
  Forecast forecast(const Vector& at) const { return athanor::forecast(problem_, models_, at.transpose()).front(); }
  std::string reason(const Vector& at, const Forecast& forecast, const Beliefs& beliefs, const std::string& what) const;
  std::string regime(const Vector& at) const;
  bool single() const { return models_.objectives.size() == 1; }

  Planning& planning_;
  const Problem& problem_;
  std::size_t count_, given_ = 0;
  Models models_;
  std::optional<Beliefs> beliefs_;  // of the suggestion under way
  double quickest_ = 0;             // seconds that one takes at least, if its search is stopped at once
  std::vector<Point> next_;         // what came next in the last search
  std::optional<ExactGp> process_;  // what the acquisition under way refers to
  std::optional<Scan> scan_;        // where the points can be counted
};

ModelPlanning::ModelPlanning(Planning& planning, std::size_t count)
    : planning_(planning),
      problem_(planning.problem),
      count_(count),
      scan_(Scan::over(planning.problem.space, planning.question.deadline_s > 0)) {
  const Effort effort = athanor::effort(planning, count);
  models_ = fit_models(problem_, planning.question.observations, effort.fit);
  const std::vector<Measurand> measurands = problem_.measurands();
  for (std::size_t k = 0; count > 0 && k < measurands.size(); ++k) {
    if (!models_.of[k]) {
      planning_.note(
          fmt::format("“{}” was not measured yet, so nothing of it was taken into account", measurands[k].name));
    }
  }
  if (models_.left_out > 0) {
    planning_.note(
        fmt::format("the deadline allows no model of all observations: {} of them were left out", models_.left_out));
  }
  if (models_.regimes_unsought) {
    planning_.note("outcomes seem to fall into two, and the deadline left no time for a model of each part");
  }
  const auto& pool = problem_.space.pool();
  bool hurried = false;
  for (std::size_t k = 0; (!pool || pool->rows <= kMostDrawnRows) && k < measurands.size(); ++k) {
    if (!models_.of[k]) continue;
    draw_hyper_parameters(*models_.of[k], k, effort.most_drawn);
    hurried = hurried || (models_.of[k]->drawn.empty() && models_.of[k]->gp->rows() <= kMostDrawn);
  }
  if (count > 0 && hurried) {
    planning_.note(
        "the deadline left time for the most probable hyper-parameters only: predictions are a little too sure");
  }
}

void ModelPlanning::predict(const std::vector<Suggestion*>& design) const {
  std::vector<Point> points;
  for (const Suggestion* one : design) points.push_back(one->at);
  if (points.empty()) return;
  std::vector<Forecast> forecasts = athanor::forecast(problem_, models_, encode(problem_.space, points));
  for (std::size_t i = 0; i < design.size(); ++i) design[i]->forecast = std::move(forecasts[i]);
}

Choice ModelPlanning::choice() const {
  Choice asked = problem_.planner.acquisition;
  if (given_ >= kMostConditioned) asked = Choice::kThompson;
  if (single()) {
    const bool of_one = asked == Choice::kUpperConfidenceBound || asked == Choice::kThompson;
    return of_one ? asked : Choice::kExpectedImprovement;
  }
  if (asked != Choice::kAuto) return asked;
  return models_.objectives.size() <= kMostHypervolume ? Choice::kHypervolume : Choice::kParego;
}

ModelPlanning::Goal ModelPlanning::goal(const Beliefs& beliefs, RandomStream& chance) {
  const Choice choice = this->choice();
  if (choice == Choice::kThompson || choice == Choice::kUpperConfidenceBound) {
    const std::string what =
        choice == Choice::kThompson ? "best of one draw of what the outcome may be" : "upper confidence bound";
    if (!single()) return {trade_off(beliefs, choice, chance).acquisition, what};
    const std::size_t k = models_.objectives[0];
    Goal out = {of_process(*models_.of[k]->gp, beliefs.aim(k), choice, beliefs, chance), what};
    out.diminishes = choice == Choice::kUpperConfidenceBound;
    return out;
  }
  if (!single() && choice != Choice::kHypervolume) return trade_off(beliefs, Choice::kExpectedImprovement, chance);

  const std::vector<Aim> aims = beliefs.aims();
  if (!single()) {
    const Beliefs::World& world = beliefs.worlds()[0];
    const double share = share_until(static_cast<double>(given_) + kShareOfBoxes);
    const auto stop = [&] { return planning_.late(share); };
    std::unique_ptr<Acquisition> gain;
    double dominated = 0;
    if (models_.regimes) {
      RegimesGain of_two = gain_in_regimes(problem_, models_, beliefs, chance, stop);
      gain = std::move(of_two.acquisition);
      dominated = of_two.dominated;
    } else {
      auto of_one = std::make_unique<LogNoisyHypervolumeImprovement>(world.fantasies, aims, beliefs.reference(),
                                                                     world.feasible, stop);
      dominated = of_one->dominated();
      gain = std::move(of_one);
    }
    return {.acquisition = std::move(gain),
            .what = "expected gain in hypervolume",
            .factor = dominated > 0 ? 100 / dominated : 0,
            .unit = "%",
            .least = kNoGain * dominated,
            .in_regimes = models_.regimes != nullptr,
            .diminishes = true};
  }
  std::vector<std::unique_ptr<Acquisition>> worlds;
  for (const Beliefs::World& world : beliefs.worlds()) {
    worlds.push_back(std::make_unique<LogNoisyExpectedImprovement>(world.fantasies[0], aims[0], world.feasible));
  }
  const std::size_t k = models_.objectives[0];
  const OutcomeModel& model = *models_.of[k];
  return {.acquisition = std::make_unique<LogMean>(std::move(worlds)),
          .what = "expected improvement",
          .factor = model.transform.none() ? model.gp->scale() : 0,
          .unit = problem_.objectives[k].unit.text(),
          .least = kNoGain,
          .diminishes = true};
}

/// By how much a point may be worth more to a later suggestion than to this one, in ln. A gain falls (it is
/// submodular), as far as a few draws tell; where something is expected to hold, it is surer beside what is under way,
/// by a half at most. While nothing feasible is known, the gain is another one with each suggestion.
double ModelPlanning::may_rise(const Goal& goal, const Beliefs& beliefs) const {
  if (!goal.diminishes || !beliefs.any_feasible()) return HUGE_VAL;
  const std::size_t bounds = problem_.outcome_constraints.size() + (models_.success ? 1 : 0);
  return kOtherDraws + static_cast<double>(bounds) * std::log(2.0);
}

/// The share of the time that may have passed when so many suggestions are made.
double ModelPlanning::share_until(double suggestions) const {
  return kShareOfFit + (kShareOfAll - kShareOfFit) * suggestions / static_cast<double>(count_);
}

/// Of several objectives a random weighting.
ModelPlanning::Goal ModelPlanning::trade_off(const Beliefs& beliefs, Choice choice, RandomStream& chance) {
  const TradeOff trade_off = draw_trade_off(beliefs.merits().topRows(beliefs.tried()), chance);
  TrainingData data;
  data.points = beliefs.base().topRows(beliefs.tried());
  data.outcomes = trade_off.outcomes;
  data.columns = columns(problem_.space);
  GpOptions options;
  options.stop = [this] { return planning_.late(kShareOfAll); };
  std::string what = "expected improvement of the trade-off";
  for (std::size_t j = 0; j < models_.objectives.size(); ++j) {
    what += fmt::format("{} {} {:.2f}", j == 0 ? "" : " :", problem_.objectives[models_.objectives[j]].name,
                        trade_off.weights[static_cast<Eigen::Index>(j)]);
  }
  return {.acquisition = of_process(ExactGp::fit(data, options), {}, choice, beliefs, chance),
          .what = what,
          .least = choice == Choice::kThompson || choice == Choice::kUpperConfidenceBound ? 0 : kNoGain};
}

std::unique_ptr<Acquisition> ModelPlanning::of_process(const ExactGp& gp, const Aim& aim, Choice choice,
                                                       const Beliefs& beliefs, RandomStream& chance) {
  Aim own = aim;  // in the process's own unit
  own.target = gp.location() + gp.scale() * aim.target;
  if (choice == Choice::kThompson) return std::make_unique<PathMerit>(PosteriorPath(gp, chance), own);
  if (choice == Choice::kUpperConfidenceBound) {
    // What is pending counts as measured to be what is expected (Desautels, Krause & Burdick 2014, "GP-BUCB").
    const Matrix pending = beliefs.pending();
    Vector mean, variance;
    gp.marginals(pending, mean, variance);
    process_ = gp.with(pending, (mean.array() - gp.location()) / gp.scale());
    return std::make_unique<UpperConfidenceBound>(*process_, own, kConfidence);
  }
  const Matrix normals = Sobol(kTradeOffDirections, chance).next_normal(static_cast<std::size_t>(kTradeOffFantasies));
  return std::make_unique<LogNoisyExpectedImprovement>(Fantasies(gp, beliefs.base(), normals), aim,
                                                       beliefs.worlds()[0].feasible);
}

/// Points whose surroundings are worth a look: the best feasible ones, or those of the front.
std::vector<Point> ModelPlanning::promising(const Beliefs& beliefs) const {
  std::size_t front = 0;
  const std::vector<Eigen::Index> order = beliefs.promising(front);
  const std::size_t wanted = std::max(kPromising, std::min(front, 3 * kPromising));
  std::vector<Point> out;
  for (const Eigen::Index i : order) {
    if (out.size() == wanted) break;
    // An observation may lie a little outside (a weighed-out mixture); a search may only start from inside.
    const Vector unit = beliefs.base().row(i);
    Point point = problem_.space.decode(std::span(unit.data(), static_cast<std::size_t>(unit.size())));
    if (planning_.region.repair(point)) out.push_back(std::move(point));
  }
  return out;
}

/// Whether the predicted outcome at `at` would itself be the best so far, or is worth a try because it is uncertain;
/// and `what` speaks for it.
std::string ModelPlanning::reason(const Vector& at, const Forecast& forecast, const Beliefs& beliefs,
                                  const std::string& what) const {
  if (!beliefs.any_feasible()) {
    return fmt::format("looks for something feasible: probability {}", pretty_number(*forecast.feasible, 2));
  }
  const bool fails = forecast.feasible && *forecast.feasible < 0.5;
  const bool explores = fails || what == kNothing || beliefs.beaten(beliefs.merits_at(at));
  return (explores ? "explore: " : "exploit: ") + what + regime(at);
}

/// Which of two regimes is expected.
std::string ModelPlanning::regime(const Vector& at) const {
  if (!models_.regimes) return "";
  const Regimes& regimes = *models_.regimes;
  const double upper = regimes.probability_of_upper(at.transpose())[0];
  const Objective& told_by = problem_.objectives[regimes.told_by];
  const std::string unit = told_by.unit.text();
  return fmt::format("; “{}” is {}{}{} or {} with probability {}", told_by.name,
                     pretty_number(upper > 0.5 ? regimes.above : regimes.below, 4), unit.empty() ? "" : " ", unit,
                     upper > 0.5 ? "more" : "less", pretty_number(std::max(upper, 1 - upper), 2));
}

/// Where no time is left to choose: what came next in the last search, or else anything that was not tried.
std::optional<Point> ModelPlanning::next() {
  const auto free = [&](const Point& point) { return !planning_.tried.near(point); };
  auto at = std::find_if(next_.begin(), next_.end(), free);
  std::vector<Point> taken = planning_.pending;
  for (const bool all : {false, true}) {
    if (at != next_.end()) break;
    if (all) {
      for (const Observation& o : planning_.question.observations) taken.push_back(o.at);
    }
    RandomStream chance = planning_.random.stream("left over");
    next_ = space_filling(planning_.region, taken, count_ - given_, chance, [] { return true; });
    at = std::find_if(next_.begin(), next_.end(), free);
  }
  if (at == next_.end()) return std::nullopt;
  Point out = std::move(*at);
  next_.erase(next_.begin(), at + 1);
  return out;
}

bool ModelPlanning::suggest_one() {
  RandomStream chance = planning_.random.stream("suggestion", planning_.plan.suggestions.size());
  const double began = planning_.seconds();
  if (planning_.late(kShareOfAll, quickest_)) {
    const auto point = next();
    ++given_;
    if (!point) return false;
    ++planning_.searches;
    const Vector at = encode(problem_.space, {*point}).row(0);
    planning_.suggest({*point, forecast(at), "no time was left to choose it with care", {}});
    return true;
  }
  // What is drawn by chance need not know what is under way.
  if (!beliefs_ || given_ < kMostConditioned) beliefs_.emplace(problem_, models_, planning_.pending, chance);
  const Beliefs& beliefs = *beliefs_;
  Goal goal = this->goal(beliefs, chance);
  if (auto bounds = beliefs.bounds(!goal.in_regimes); !bounds.empty()) {
    goal.acquisition =
        std::make_unique<Sum>(std::move(goal.acquisition), std::make_unique<LogFeasibility>(std::move(bounds)));
  }

  ++given_;
  const double prepared = planning_.seconds() - began;
  SearchOptions how;
  if (!single()) how.spread_starts = kSpreadStarts;
  const double share = share_until(static_cast<double>(given_));
  if (planning_.question.deadline_s > 0) how.stop = [this, share] { return planning_.late(share); };
  auto found = scan_ ? scan_->best(*goal.acquisition, planning_.tried, how.stop, may_rise(goal, beliefs))
                     : search(planning_.region, *goal.acquisition, planning_.tried, promising(beliefs), chance, how);
  if (!found) return false;
  double gained = std::exp(found->value);
  const std::vector<OutcomeBound> all_bounds = beliefs.bounds();
  if (!all_bounds.empty() && gained < kWorthARisk && goal.least > 0 && beliefs.any_feasible()) {
    const Sum safe(std::make_unique<Curiosity>(beliefs.worlds()[0].fantasies),
                   std::make_unique<LogFeasibility>(all_bounds));
    auto instead = scan_ ? Scan::over(problem_.space, planning_.question.deadline_s > 0)
                               ->best(safe, planning_.tried, how.stop, HUGE_VAL)
                         : search(planning_.region, safe, planning_.tried, promising(beliefs), chance, how);
    if (instead) {
      found = std::move(instead);
      gained = 0;
    }
  }
  planning_.searched += found->searched;
  ++planning_.searches;
  next_ = std::move(found->next);

  const Vector at = encode(problem_.space, {found->at}).row(0);
  if (gained < goal.least) {
    goal.what = kNothing;
  } else if (goal.factor > 0) {
    const std::string size = pretty_number(gained * goal.factor, 2);
    goal.what += fmt::format(" {}{}{}", size, goal.unit.empty() ? "" : " ", goal.unit);
  }
  const Forecast forecast = this->forecast(at);
  planning_.suggest({found->at, forecast, reason(at, forecast, beliefs, goal.what), {}});
  const double beyond = std::max(planning_.seconds() - share * planning_.question.deadline_s, 0.0);
  const double needed = std::min(prepared + beyond, planning_.seconds() - began);
  quickest_ = given_ == 1 ? needed : std::min(quickest_, needed);
  return true;
}

}  // namespace

void suggest_by_models(Planning& planning, std::size_t count, const std::vector<Suggestion*>& design) {
  ModelPlanning models(planning, count);
  models.predict(design);
  for (std::size_t i = 0; i < count; ++i) {
    if (!models.suggest_one()) return;
  }
}

}  // namespace athanor
