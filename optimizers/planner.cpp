#include "optimizers/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/models.h"
#include "optimizers/search.h"
#include "optimizers/sobol.h"
#include "optimizers/trade_off.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFantasies = 32, kHypervolumeFantasies = 16;
constexpr std::size_t kFantasyDirections = 128;
constexpr std::size_t kPromising = 5;
constexpr std::size_t kMostConditioned = 64;  // suggestions at once; those beyond are drawn by Thompson sampling
constexpr double kConfidence = 2;             // standard deviations, of the upper confidence bound
constexpr double kShareOfFit = 0.4;           // of the time until the deadline
constexpr double kShareOfAll = 0.9;
constexpr double kSecondsOfEvidence = 1.5e-9;   // times the cube of the points: one evaluation, on a slow core
constexpr double kSecondsOfFantasies = 1.5e-9;  // likewise: one factorisation and all that comes with it
constexpr std::size_t kNearest = 3;

/// Everything that the choice of one suggestion after the other shares.
struct Planning {
  const Problem& problem;
  const PlanQuestion& question;
  Region region;
  Random random;
  double began;
  Tried tried;
  std::vector<Point> pending;
  double searched = 1;  // share of its work that the least thorough search did
  Plan plan;

  Planning(const Problem& p, const PlanQuestion& q)
      : problem(p),
        question(q),
        region(p.space),
        random(q.seed),
        began(monotonic_seconds()),
        tried(p.space),
        pending(q.pending) {
    for (const Observation& o : q.observations) tried.add(o.at);
    for (const Point& point : q.pending) tried.add(point);
  }

  bool late(double share) const {
    return question.deadline_s > 0 && monotonic_seconds() - began > share * question.deadline_s;
  }
  /// The share of the time that may have passed once suggestion number `i` (from 0) is found.
  double share_until(std::size_t i) const {
    return kShareOfFit + (kShareOfAll - kShareOfFit) * static_cast<double>(i + 1) / static_cast<double>(question.count);
  }
  void suggest(Suggestion suggestion) {
    suggestion.nearest = nearest(suggestion.at);
    tried.add(suggestion.at);
    pending.push_back(suggestion.at);
    plan.suggestions.push_back(std::move(suggestion));
  }

 private:
  std::vector<Neighbour> nearest(const Point& at) const {
    const Space& space = problem.space;
    const std::vector<double> here = space.encode(at);
    std::vector<Neighbour> all;
    const auto add = [&](const std::string& id, const Point& other) {
      const std::vector<double> there = space.encode(other);
      double sum = 0;
      for (std::size_t i = 0; i < here.size(); ++i) {
        const double apart = space[i].categorical() ? (at[i] == other[i] ? 0 : 1) : here[i] - there[i];
        sum += apart * apart;
      }
      all.push_back({id, other, std::sqrt(sum)});
    };
    for (const Observation& o : question.observations) add(o.id, o.at);
    for (const Point& point : pending) add("", point);
    const auto end = all.begin() + static_cast<long>(std::min(kNearest, all.size()));
    std::partial_sort(all.begin(), end, all.end(),
                      [](const Neighbour& a, const Neighbour& b) { return a.distance < b.distance; });
    return {all.begin(), end};
  }
};

bool any_objective_measured(const Problem& problem, const std::vector<Observation>& observations) {
  return std::any_of(observations.begin(), observations.end(), [&](const Observation& o) {
    for (std::size_t k = 0; !o.failed && k < problem.objectives.size(); ++k) {
      if (o.measured[k]) return true;
    }
    return false;
  });
}

void suggest_design(Planning& planning, std::size_t count) {
  std::vector<Point> taken = planning.pending;
  for (const Observation& o : planning.question.observations) taken.push_back(o.at);
  RandomStream random = planning.random.stream("design");
  const bool initial = taken.size() < planning.problem.planner.initial;
  for (Point& point : space_filling(planning.region, taken, count, random)) {
    planning.suggest(
        {std::move(point), {}, initial ? "initial design" : "fills the space: no objective was measured yet", {}});
  }
}

/// The chain from models to suggestions.
class ModelPlanning {
 public:
  explicit ModelPlanning(Planning& planning) : planning_(planning), problem_(planning.problem) { fit(); }

  void suggest(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!suggest_one(i)) return;
    }
  }

 private:
  using Choice = PlannerSettings::Acquisition;
  struct Bound {
    std::shared_ptr<const ExactGp> gp;
    bool at_most;
    double bound;  // in the gp's own unit
  };

  void fit();
  void refresh(RandomStream& chance);
  bool suggest_one(std::size_t number);
  Choice choice(std::size_t number) const;
  std::unique_ptr<Acquisition> hypervolume() const;
  std::unique_ptr<Acquisition> of_one(const ExactGp& gp, const Aim& aim, Choice choice, RandomStream& chance);
  std::vector<Point> promising(const Matrix& merits) const;
  bool single() const { return objectives_.size() == 1; }
  Aim aim(std::size_t objective) const {
    return {problem_.objectives[objective].goal,
            models_[objective]->standardised(problem_.objectives[objective].target)};
  }
  /// Standardised merits of the base points, as the models see them (base × objectives).
  Matrix base_merits() const;
  std::vector<OutcomeBound> bounds_now() const;
  Vector reference(const Matrix& merits) const;
  std::string reason(const Vector& at, const Matrix& merits, const std::string& what) const;

  Planning& planning_;
  const Problem& problem_;
  std::vector<std::optional<OutcomeModel>> models_;  // one a measurand; none where it was never measured
  std::vector<std::size_t> objectives_;              // those that have a model
  std::vector<Bound> bounds_;                        // of outcome constraints, and of success
  std::optional<ExactGp> scalar_;                    // of the present trade-off

  // Of the suggestion under way:
  Matrix base_;                       // what was tried, then what is pending
  Eigen::Index tried_rows_ = 0;       // of it
  std::vector<Fantasies> fantasies_;  // one an entry of objectives_
  Feasible feasible_;                 // base × fantasies, as far as outcome constraints go; empty: all
};

void ModelPlanning::fit() {
  const auto& observations = planning_.question.observations;
  const std::vector<Measurand> measurands = problem_.measurands();
  FitEffort effort;
  if (const double deadline = planning_.question.deadline_s; deadline > 0) {
    const auto work = static_cast<double>(measurands.size());
    // Ten steps of the hyper-parameters, and one factorisation for each suggestion, should fit.
    const double count = static_cast<double>(std::min(planning_.question.count, kMostConditioned));
    const auto rows = [](double seconds, double rate) { return static_cast<Eigen::Index>(std::cbrt(seconds / rate)); };
    effort.most_points =
        std::clamp<Eigen::Index>(rows(0.1 * kShareOfFit * deadline / work, kSecondsOfEvidence), 20, 300);
    effort.most_rows = std::clamp<Eigen::Index>(rows(0.3 * deadline / work / count, kSecondsOfFantasies), 40, 5000);
    effort.stop = [this] { return planning_.late(kShareOfFit); };
  }
  Eigen::Index left_out = 0;
  for (std::size_t k = 0; k < measurands.size(); ++k) {
    models_.emplace_back();
    const bool known = std::any_of(observations.begin(), observations.end(),
                                   [&](const Observation& o) { return !o.failed && o.measured[k]; });
    if (known) {
      models_[k] = fit_outcome(problem_, observations, k, effort);
      left_out = std::max(left_out, models_[k]->left_out);
      if (k < problem_.objectives.size()) objectives_.push_back(k);
    } else {
      planning_.plan.notes.push_back(
          fmt::format("“{}” was not measured yet, so nothing of it was taken into account", measurands[k].name));
    }
  }
  if (left_out > 0) {
    planning_.plan.notes.push_back(
        fmt::format("the deadline allows no model of all observations: {} of them were left out", left_out));
  }
  for (const OutcomeConstraint& constraint : problem_.outcome_constraints) {
    const auto& model = models_[constraint.measurand];
    if (model) bounds_.push_back({model->gp, constraint.at_most, model->transformed(constraint.bound)});
  }
  if (auto success = success_model(problem_, observations, effort)) bounds_.push_back({std::move(success), false, 0.5});
}

/// What the next suggestion is conditioned on.
void ModelPlanning::refresh(RandomStream& chance) {
  Matrix known(0, static_cast<Eigen::Index>(problem_.space.size()));
  const auto append = [](Matrix& matrix, const Matrix& rows) {
    matrix.conservativeResize(matrix.rows() + rows.rows(), rows.cols());
    matrix.bottomRows(rows.rows()) = rows;
  };
  for (const auto& model : models_) {
    if (model) append(known, model->gp->points());
  }
  base_ = distinct_rows(known);
  tried_rows_ = base_.rows();
  append(base_, encode(problem_.space, planning_.pending));
  base_ = distinct_rows(base_);

  // One sequence for all: scrambled copies of the same one would make the measurands depend on each other. Its first
  // dimensions, the most even ones, go to everybody's most uncertain directions.
  const Eigen::Index draws = single() ? kFantasies : kHypervolumeFantasies;
  const auto shares = static_cast<Eigen::Index>(models_.size());
  const Matrix all_normals =
      Sobol(kFantasyDirections * models_.size(), chance).next_normal(static_cast<std::size_t>(draws));
  const auto normals = [&](std::size_t measurand) -> Matrix {
    return all_normals(Eigen::all, Eigen::seq(static_cast<Eigen::Index>(measurand), Eigen::last, shares));
  };
  fantasies_.clear();
  for (const std::size_t k : objectives_) fantasies_.emplace_back(*models_[k]->gp, base_, normals(k));
  feasible_.resize(0, 0);
  for (const OutcomeConstraint& constraint : problem_.outcome_constraints) {
    const auto& model = models_[constraint.measurand];
    if (!model) continue;
    const auto same = std::find(objectives_.begin(), objectives_.end(), constraint.measurand);
    const Matrix values = same != objectives_.end()
                              ? fantasies_[static_cast<std::size_t>(same - objectives_.begin())].values()
                              : Fantasies(*model->gp, base_, normals(constraint.measurand)).values();
    const double bound = model->standardised(constraint.bound);
    if (feasible_.size() == 0) feasible_ = Feasible::Constant(base_.rows(), draws, true);
    for (Eigen::Index s = 0; s < draws; ++s) {
      const auto column = values.col(s % values.cols()).array();
      feasible_.col(s) = feasible_.col(s) && (constraint.at_most ? (column <= bound).eval() : (column >= bound).eval());
    }
  }
}

/// What is pending counts as measured to be what is expected, so that a batch looks for something feasible in more
/// places than one.
std::vector<OutcomeBound> ModelPlanning::bounds_now() const {
  const Matrix pending = base_.bottomRows(base_.rows() - tried_rows_);
  std::vector<OutcomeBound> out;
  Vector mean, variance;
  for (const auto& [gp, at_most, bound] : bounds_) {
    out.push_back({gp, at_most, bound});
    if (pending.rows() == 0) continue;
    gp->marginals(pending, mean, variance);
    out.back().surrogate = std::make_shared<ExactGp>(gp->with(pending, (mean.array() - gp->location()) / gp->scale()));
  }
  return out;
}

ModelPlanning::Choice ModelPlanning::choice(std::size_t number) const {
  Choice asked = problem_.planner.acquisition;
  if (number >= kMostConditioned) asked = Choice::kThompson;
  if (single())
    return asked == Choice::kAuto || asked == Choice::kHypervolume || asked == Choice::kParego
               ? Choice::kExpectedImprovement
               : asked;
  if (asked != Choice::kAuto) return asked;
  return objectives_.size() <= kMostHypervolume ? Choice::kHypervolume : Choice::kParego;
}

Matrix ModelPlanning::base_merits() const {
  Matrix merits(base_.rows(), static_cast<Eigen::Index>(objectives_.size()));
  for (std::size_t j = 0; j < objectives_.size(); ++j) {
    const Aim aim = this->aim(objectives_[j]);
    const Vector mean = fantasies_[j].values().rowwise().mean();
    merits.col(static_cast<Eigen::Index>(j)) = mean.unaryExpr([&](double v) { return aim.merit(v); });
  }
  return merits;
}

/// As the objectives state it; otherwise a tenth of the front's extent worse than the worst of the front (Ishibuchi et
/// al. 2011), or than the worst of all where the front has no extent.
Vector ModelPlanning::reference(const Matrix& merits) const {
  Matrix feasible = merits.topRows(tried_rows_);
  if (feasible_.size() > 0) {
    std::vector<Eigen::Index> rows;
    for (Eigen::Index i = 0; i < tried_rows_; ++i) {
      if (2 * feasible_.row(i).count() >= feasible_.cols()) rows.push_back(i);
    }
    if (!rows.empty()) feasible = Matrix(feasible(rows, Eigen::all));
  }
  const Matrix front = feasible(pareto_front(feasible), Eigen::all);
  Vector out(merits.cols());
  for (Eigen::Index j = 0; j < out.size(); ++j) {
    const std::size_t k = objectives_[static_cast<std::size_t>(j)];
    const Objective& objective = problem_.objectives[k];
    if (objective.reference) {
      out[j] = aim(k).merit(models_[k]->standardised(*objective.reference));
      continue;
    }
    const double low = front.col(j).minCoeff(), extent = front.col(j).maxCoeff() - low;
    const double all = std::max(merits.col(j).maxCoeff() - merits.col(j).minCoeff(), 1e-6);
    out[j] = extent > 1e-9 ? low - 0.1 * extent : merits.col(j).minCoeff() - 0.1 * all;
  }
  return out;
}

std::unique_ptr<Acquisition> ModelPlanning::hypervolume() const {
  std::vector<Aim> aims;
  for (const std::size_t k : objectives_) aims.push_back(aim(k));
  return std::make_unique<LogNoisyHypervolumeImprovement>(fantasies_, aims, reference(base_merits()), feasible_);
}

std::unique_ptr<Acquisition> ModelPlanning::of_one(const ExactGp& gp, const Aim& aim, Choice choice,
                                                   RandomStream& chance) {
  Aim own = aim;  // in the process's own unit
  own.target = gp.location() + gp.scale() * aim.target;
  if (choice == Choice::kThompson) return std::make_unique<PathMerit>(PosteriorPath(gp, chance), own);
  if (choice == Choice::kUpperConfidenceBound) {
    // What is pending counts as measured to be what is expected (Desautels, Krause & Burdick 2014, "GP-BUCB").
    const Matrix pending = base_.bottomRows(base_.rows() - tried_rows_);
    Vector mean, variance;
    gp.marginals(pending, mean, variance);
    scalar_ = gp.with(pending, (mean.array() - gp.location()) / gp.scale());
    return std::make_unique<UpperConfidenceBound>(*scalar_, own, kConfidence);
  }
  if (single()) return std::make_unique<LogNoisyExpectedImprovement>(fantasies_[0], aim, feasible_);
  const Matrix normals = Sobol(kFantasyDirections, chance).next_normal(static_cast<std::size_t>(kFantasies));
  return std::make_unique<LogNoisyExpectedImprovement>(Fantasies(gp, base_, normals), aim, feasible_);
}

/// Points whose surroundings are worth a look: the best feasible ones, or those of the front.
std::vector<Point> ModelPlanning::promising(const Matrix& merits) const {
  std::vector<double> worth(static_cast<std::size_t>(tried_rows_));
  const std::vector<Eigen::Index> front =
      single() ? std::vector<Eigen::Index>{} : pareto_front(merits.topRows(tried_rows_));
  for (Eigen::Index i = 0; i < tried_rows_; ++i) {
    const double share = feasible_.size() == 0
                             ? 1
                             : static_cast<double>(feasible_.row(i).count()) / static_cast<double>(feasible_.cols());
    double merit = merits.row(i).sum();
    if (std::binary_search(front.begin(), front.end(), i)) merit += 1e6;
    worth[static_cast<std::size_t>(i)] = share >= 0.5 ? merit : merit - 1e9 * (1 - share);
  }
  std::vector<Eigen::Index> order(worth.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Eigen::Index>(i);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    return worth[static_cast<std::size_t>(a)] > worth[static_cast<std::size_t>(b)];
  });
  std::vector<Point> out;
  const std::size_t wanted = std::max(kPromising, std::min<std::size_t>(front.size(), 3 * kPromising));
  for (const Eigen::Index i : order) {
    if (out.size() == wanted) break;
    // An observation may lie a little outside (a weighed-out mixture); a search may only start from inside.
    const Vector unit = base_.row(i);
    Point point = problem_.space.decode(std::span(unit.data(), static_cast<std::size_t>(unit.size())));
    if (planning_.region.repair(point)) out.push_back(std::move(point));
  }
  return out;
}

/// Whether the predicted outcome at `at` would itself be the best so far, or is worth a try because it is uncertain;
/// and `what` speaks for it.
std::string ModelPlanning::reason(const Vector& at, const Matrix& merits, const std::string& what) const {
  Vector here(static_cast<Eigen::Index>(objectives_.size()));
  for (std::size_t j = 0; j < objectives_.size(); ++j) {
    const ExactGp& gp = *models_[objectives_[j]]->gp;
    here[static_cast<Eigen::Index>(j)] = aim(objectives_[j]).merit((gp.at(at).mean - gp.location()) / gp.scale());
  }
  bool beaten = false, any = false;
  for (Eigen::Index i = 0; i < tried_rows_; ++i) {
    if (feasible_.size() > 0 && 2 * feasible_.row(i).count() < feasible_.cols()) continue;
    any = true;
    beaten = beaten || (merits.row(i).transpose().array() >= here.array()).all();
  }
  if (!any) {
    const double chance = std::exp(LogFeasibility(bounds_now()).value(at, nullptr));
    return fmt::format("looks for something feasible: probability {}", pretty_number(chance, 2));
  }
  return (beaten ? "explore: " : "exploit: ") + what;
}

bool ModelPlanning::suggest_one(std::size_t number) {
  RandomStream chance = planning_.random.stream("suggestion", planning_.plan.suggestions.size());
  refresh(chance);
  const Choice choice = this->choice(number);
  const Matrix merits = base_merits();
  std::unique_ptr<Acquisition> acquisition;
  std::string what;
  if (choice == Choice::kHypervolume) {
    acquisition = hypervolume();
    what = "expected gain in hypervolume";
  } else if (single()) {
    const std::size_t k = objectives_[0];
    acquisition = of_one(*models_[k]->gp, aim(k), choice, chance);
  } else {
    const TradeOff trade_off = draw_trade_off(merits.topRows(tried_rows_), chance);
    TrainingData data;
    data.points = base_.topRows(tried_rows_);
    data.outcomes = trade_off.outcomes;
    data.columns = columns(problem_.space);
    GpOptions options;
    options.stop = [this] { return planning_.late(kShareOfAll); };
    const ExactGp gp = ExactGp::fit(data, options);
    acquisition = of_one(gp, {}, choice == Choice::kParego ? Choice::kExpectedImprovement : choice, chance);
    what = "expected improvement of the trade-off";
    for (std::size_t j = 0; j < objectives_.size(); ++j) {
      what += fmt::format("{} {} {:.2f}", j == 0 ? "" : " :", problem_.objectives[objectives_[j]].name,
                          trade_off.weights[static_cast<Eigen::Index>(j)]);
    }
  }
  const bool improvement = choice != Choice::kThompson && choice != Choice::kUpperConfidenceBound;
  if (choice == Choice::kThompson) what = "best of one draw of what the outcome may be";
  if (choice == Choice::kUpperConfidenceBound) what = "upper confidence bound";
  if (!bounds_.empty()) {
    acquisition = std::make_unique<Sum>(std::move(acquisition), std::make_unique<LogFeasibility>(bounds_now()));
  }

  SearchOptions how;
  const double share = planning_.share_until(planning_.plan.suggestions.size());
  how.stop = [this, share] { return planning_.late(share); };
  const auto found = search(planning_.region, *acquisition, planning_.tried, promising(merits), chance, how);
  if (!found) return false;
  planning_.searched = std::min(planning_.searched, found->searched);

  Suggestion suggestion{found->at, {}, {}, {}};
  const Vector at = encode(problem_.space, {found->at}).row(0);
  for (const auto& model : models_) {
    suggestion.predicted.emplace_back();
    if (!model) continue;
    const PointPosterior posterior = model->gp->at(at);
    suggestion.predicted.back() = model->predict(posterior.mean, posterior.variance);
  }
  if (single() && improvement) {
    const OutcomeModel& model = *models_[objectives_[0]];
    const std::string unit = problem_.objectives[objectives_[0]].unit.text();
    what = model.transform.none() ? fmt::format("expected improvement {}{}{}",
                                                pretty_number(std::exp(found->value) * model.gp->scale(), 2),
                                                unit.empty() ? "" : " ", unit)
                                  : "expected improvement";
  }
  suggestion.reason = reason(at, merits, what);
  planning_.suggest(std::move(suggestion));
  return true;
}

}  // namespace

Plan plan(const Problem& problem, const PlanQuestion& question) {
  check_observations(problem, question.observations);
  for (std::size_t i = 0; i < question.pending.size(); ++i) {
    check_point(problem.space, question.pending[i], fmt::format("pending point {}", i + 1));
  }
  if (problem.objectives.empty()) throw InputError("there is no objective: nothing says what is better");
  if (!(question.deadline_s >= 0)) throw InputError("the deadline must be a number of seconds from 0 up");

  Planning planning(problem, question);
  const std::size_t known = question.observations.size() + question.pending.size();
  std::size_t designed =
      known < problem.planner.initial ? std::min(question.count, problem.planner.initial - known) : 0;
  if (!any_objective_measured(problem, question.observations)) designed = question.count;
  suggest_design(planning, designed);
  if (planning.plan.suggestions.size() == designed && designed < question.count) {
    ModelPlanning(planning).suggest(question.count - designed);
  }

  Plan& out = planning.plan;
  if (out.suggestions.size() < question.count) {
    out.notes.push_back(fmt::format("the space is exhausted: {} of the {} suggestions asked for are left in it",
                                    out.suggestions.size(), question.count));
  }
  if (planning.searched < 1 || planning.late(kShareOfAll)) {
    out.notes.push_back(
        fmt::format("the deadline was reached: this is the best answer found by then, with {:.0f} % of the search done",
                    100 * planning.searched));
  }
  out.seconds = monotonic_seconds() - planning.began;
  return std::move(planning.plan);
}

}  // namespace athanor
