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

constexpr std::size_t kFantasies = 32;
constexpr std::size_t kFantasyDirections = 128;
constexpr std::size_t kPromising = 5;
constexpr double kShareOfFit = 0.5;  // of the time until the deadline
constexpr double kShareOfAll = 0.9;

/// Everything that the choice of one suggestion after the other shares.
struct Planning {
  const Problem& problem;
  const PlanQuestion& question;
  Region region;
  Random random;
  double began;
  Tried tried;
  std::vector<Point> pending;
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
  void suggest(Suggestion suggestion) {
    tried.add(suggestion.at);
    pending.push_back(suggestion.at);
    plan.suggestions.push_back(std::move(suggestion));
  }
};

std::size_t count_measured(const PlanQuestion& question) {
  return static_cast<std::size_t>(
      std::count_if(question.observations.begin(), question.observations.end(), [](const Observation& o) {
        return !o.failed &&
               std::all_of(o.measured.begin(), o.measured.end(), [](const auto& m) { return m.has_value(); });
      }));
}

/// The points of the best merits, best first, in the order given by `outcomes` under `aim`.
std::vector<Point> promising_points(const Planning& planning, const std::vector<Point>& points, const Vector& outcomes,
                                    const Aim& aim) {
  std::vector<std::size_t> order(points.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto merit = [&](std::size_t i) { return aim.merit(outcomes[static_cast<Eigen::Index>(i)]); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return merit(a) > merit(b); });
  std::vector<Point> out;
  for (const std::size_t i : order) {
    if (out.size() == kPromising) break;
    // An observation may lie a little outside (a weighed-out mixture); a search may only start from inside.
    Point point = points[i];
    if (planning.region.repair(point)) out.push_back(std::move(point));
  }
  return out;
}

void suggest_design(Planning& planning, std::size_t count) {
  std::vector<Point> taken = planning.pending;
  for (const Observation& o : planning.question.observations) taken.push_back(o.at);
  RandomStream random = planning.random.stream("design");
  const bool initial = taken.size() < planning.problem.planner.initial;
  for (Point& point : space_filling(planning.region, taken, count, random)) {
    planning.suggest({std::move(point), {}, initial ? "initial design" : "fills the space: nothing was measured yet"});
  }
}

std::string improvement_text(double value, const Objective& objective) {
  return fmt::format("expected improvement {}{}", pretty_number(value, 2),
                     objective.unit.text().empty() ? "" : " " + objective.unit.text());
}

/// Suggestions from surrogates. One objective: its own. Several: each suggestion improves a random trade-off of them.
void suggest_by_model(Planning& planning, std::size_t count) {
  const Problem& problem = planning.problem;
  const auto& observations = planning.question.observations;
  GpOptions options = gp_defaults();
  options.stop = [&planning] { return planning.late(kShareOfFit); };
  std::vector<ExactGp> models;
  for (std::size_t k = 0; k < problem.objectives.size(); ++k) {
    models.push_back(ExactGp::fit(training_data(problem, observations, k), options));
  }
  const std::shared_ptr<const Surrogate> success = success_model(problem, observations, options);
  std::vector<Point> measured_at;  // in the order of the rows of the data that the acquisition is about
  const bool single = problem.objectives.size() == 1;
  for (const Observation& o : observations) {
    if (single ? !o.failed && o.measured[0] : complete(o)) measured_at.push_back(o.at);
  }

  SearchOptions how;
  how.stop = [&planning] { return planning.late(kShareOfAll); };
  for (std::size_t i = 0; i < count; ++i) {
    RandomStream chance = planning.random.stream("suggestion", planning.plan.suggestions.size());
    std::optional<TradeOff> trade_off;
    std::optional<ExactGp> scalar;
    if (!single) {
      trade_off = draw_trade_off(problem, observations, chance);
      scalar = ExactGp::fit(trade_off->data, options);
    }
    const ExactGp& model = single ? models[0] : *scalar;
    const Aim aim = single ? standardised_aim(problem.objectives[0], model.location(), model.scale()) : Aim{};
    const Vector outcomes =
        ((single ? training_data(problem, observations, 0) : trade_off->data).outcomes.array() - model.location()) /
        model.scale();

    Sobol sobol(kFantasyDirections, chance);
    std::unique_ptr<Acquisition> acquisition = std::make_unique<LogNoisyExpectedImprovement>(
        Fantasies(model, encode(problem.space, planning.pending), sobol.next_normal(kFantasies)), aim);
    if (success) acquisition = std::make_unique<TimesSuccess>(std::move(acquisition), success);
    const auto found = search(planning.region, *acquisition, planning.tried,
                              promising_points(planning, measured_at, outcomes, aim), chance, how);
    if (!found) return;

    Suggestion suggestion{found->at, {}, {}};
    const Vector at = encode(problem.space, {found->at}).row(0);
    for (const ExactGp& objective : models) {
      const PointPosterior posterior = objective.at(at);
      suggestion.predicted.push_back({posterior.mean, std::sqrt(posterior.variance)});
    }
    suggestion.reason = single ? improvement_text(std::exp(found->value) * model.scale(), problem.objectives[0])
                               : "expected improvement of the trade-off " + trade_off->text;
    planning.suggest(std::move(suggestion));
  }
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
  if (count_measured(question) == 0) designed = question.count;
  suggest_design(planning, designed);
  if (planning.plan.suggestions.size() == designed && designed < question.count) {
    suggest_by_model(planning, question.count - designed);
  }

  Plan& out = planning.plan;
  if (out.suggestions.size() < question.count) {
    out.notes.push_back(fmt::format("the space is exhausted: {} of the {} suggestions asked for are left in it",
                                    out.suggestions.size(), question.count));
  }
  if (planning.late(kShareOfAll))
    out.notes.push_back("the deadline was reached: this is the best answer found by then");
  out.seconds = monotonic_seconds() - planning.began;
  return std::move(planning.plan);
}

}  // namespace athanor
