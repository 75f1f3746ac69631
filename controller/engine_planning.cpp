// The engine's way to the planner: when it is asked, for how much, and what becomes of its answers.
//
// A quick planner is asked when an experiment may begin, so that it knows every result. For a slow one instruments
// would wait: while all experiments that may be under way are, it prepares those to come, and prepares them anew when
// there are new results. What is prepared is proposed the moment an experiment may begin.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "controller/engine.h"
#include "controller/points.h"
#include "core/random.h"

namespace athanor {
namespace {

// Of the time between the ends of two experiments a planner that is asked only then may take so much: it is what
// instruments lose by waiting for answers that know the newest result.
constexpr double kWorthWaiting = 0.005;
// Beyond the batch that comes next, for a planner that is slower than experiments: what lies farther ahead knows too
// little to be worth its time.
constexpr double kMostBatchesAhead = 3;
constexpr std::size_t kMostWaiting = 3;  // experiments for a person, while others begin

}  // namespace

// How many experiments end while the planner thinks, if it takes as long as over its last question. None: nothing is
// known of how long experiments take, or of how long the planner takes once the initial design is done with, which
// needs no model.
std::optional<double> Engine::ends_while_planning(Duration took, std::uint64_t took_after) const {
  if (took == Duration{0}) return 0;
  const PlannerSettings& settings = campaign_.problem.planner;
  const std::size_t design = settings.initial * settings.replicates;
  const bool first_by_a_model = took_after < design && state_.experiments.size() >= design;
  if (state_.done() == 0 || first_by_a_model) return std::nullopt;
  const double an_experiment = seconds(state_.planning.experiments_took) / static_cast<double>(state_.done());
  const double most = kMostBatchesAhead * static_cast<double>(settings.batch);
  if (an_experiment <= 0) return most;
  return std::min(most, seconds(took) * static_cast<double>(settings.batch) / an_experiment);
}

bool Engine::planner_is_quick() const {
  const auto ends = ends_while_planning(state_.planning.took, state_.planning.took_after);
  return ends && *ends <= kWorthWaiting;
}

// Live experiments but for those that wait for a person: they hold nobody up.
std::size_t Engine::under_way() const {
  return state_.live.size() - state_.waiting();
}

/// So many that none is begun beside them: something is wrong in the laboratory.
bool Engine::too_many_wait() const {
  return state_.waiting() >= kMostWaiting;
}

// How many experiments the campaign may still begin, some of them later.
std::size_t Engine::allowance() const {
  const auto& limit = campaign_.stop.experiments;
  if (!limit) return std::numeric_limits<std::size_t>::max();
  return *limit - std::min(*limit, state_.done() + under_way());
}

// How many may begin now.
std::size_t Engine::free_slots() const {
  const std::size_t batch = campaign_.problem.planner.batch;
  return std::min(allowance(), batch > under_way() ? batch - under_way() : 0);
}

void Engine::ask_for_more() {
  if (begins_nothing() || enough() || too_many_wait()) return;
  propose_prepared();
  if (state_.asking || state_.exhausted) return;
  const std::size_t free = free_slots();
  Record fresh;
  auto& asked = *fresh.mutable_asked();
  asked.set_ask(state_.asks + 1);
  asked.set_count(static_cast<std::uint32_t>(free));
  asked.set_seed(Random(state_.seed).derive("planner", state_.asks + 1));
  if (!planner_is_quick() && !prepared_know_all()) ask_ahead(asked);
  if (asked.count() == 0) return;
  record(std::move(fresh));
  question_planner();
}

// As many of the prepared as will probably be proposed while the planner thinks stay as they are, and count as pending:
// an answer that did not know of them could suggest the same once more.
void Engine::ask_ahead(journal::v1::Asked& asked) const {
  const PlanningEntry& planning = state_.planning;
  const auto ends =
      static_cast<std::size_t>(std::lround(ends_while_planning(planning.took, planning.took_after).value_or(0)));
  const std::size_t kept = std::min(planning.prepared.size(), ends);
  const std::size_t taken = asked.count() + kept, allowed = allowance();
  const std::size_t more =
      std::min(campaign_.problem.planner.batch + ends, allowed > taken ? allowed - taken : std::size_t{0});
  if (more == 0) return;
  asked.mutable_ahead()->set_free(asked.count());
  asked.mutable_ahead()->set_kept(static_cast<std::uint32_t>(kept));
  if (campaign_.stop.experiments) asked.mutable_ahead()->set_allowed(allowed);
  asked.set_count(asked.count() + static_cast<std::uint32_t>(more));
}

/// Whether something is prepared, and nothing was learned since.
bool Engine::prepared_know_all() const {
  const PlanningEntry& planning = state_.planning;
  return !planning.prepared.empty() && planning.prepared_knows == planning.results;
}

void Engine::question_planner() {
  AskPlanner effect;
  effect.ask = state_.asking->ask();
  effect.question.observations = told_.of(campaign_.problem, state_);
  effect.question.pending = pending(campaign_.problem, state_);
  for (std::size_t i = 0; i < state_.kept(); ++i) {
    const auto& at = state_.planning.prepared[i].at();
    effect.question.pending.push_back(to_point(campaign_.problem.space, {at.begin(), at.end()}));
  }
  effect.question.count = state_.asking->count();
  effect.question.seed = state_.asking->seed();
  decision_.effects.emplace_back(std::move(effect));
}

void Engine::on(const PlannerSaid& said) {
  if (over() || !state_.asking || state_.asking->ask() != said.ask) return;
  Record fresh;
  auto& answered = *fresh.mutable_answered();
  answered.set_ask(said.ask);
  answered.set_count(static_cast<std::uint32_t>(said.plan.suggestions.size()));
  for (const std::string& note : said.plan.notes) answered.add_notes(note);
  answered.set_fault(said.fault);
  if (!said.fault.empty()) {
    record(std::move(fresh));
    alarm("planner", said.fault);
    if (!stopping()) move_campaign(CampaignEvent::kAskStop, "the planner has no answer: " + said.fault);
    return;
  }
  const bool ahead = state_.asking->has_ahead();
  const auto ends = ends_while_planning(now_ - state_.planning.asked_at, state_.planning.asked_after);
  const bool quick_after_all = ahead && ends && *ends <= kWorthWaiting;
  answered.set_unused(state_.answer_outdated() || quick_after_all);
  if (answered.unused()) answered.clear_notes();
  if (ahead && !answered.unused()) {
    for (const Suggestion& suggestion : said.plan.suggestions)
      *answered.add_suggestions() = to_proposed(said.ask, suggestion);
  }
  const bool at_once = !ahead && !answered.unused();
  record(std::move(fresh));
  const std::size_t proposed = at_once ? std::min(said.plan.suggestions.size(), free_slots()) : 0;
  for (std::size_t i = 0; i < proposed; ++i) propose(to_proposed(said.ask, said.plan.suggestions[i]));
}

journal::v1::Proposed Engine::to_proposed(std::uint64_t ask, const Suggestion& suggestion) const {
  journal::v1::Proposed proposed;
  proposed.set_ask(ask);
  for (const wire::Value& value : to_values(campaign_.problem.space, suggestion.at)) *proposed.add_at() = value;
  for (std::size_t i = 0; i < suggestion.forecast.of.size(); ++i) {
    if (!suggestion.forecast.of[i]) continue;
    auto& predicted = *proposed.add_predicted();
    predicted.set_objective(measurands_[i].name);
    predicted.set_mean(suggestion.forecast.of[i]->mean);
    predicted.set_sd(suggestion.forecast.of[i]->sd);
  }
  proposed.set_reason(suggestion.reason);
  return proposed;
}

void Engine::propose(journal::v1::Proposed proposed) {
  const std::uint64_t number = state_.experiments.size() + 1;
  proposed.set_experiment(number);
  Record fresh;
  *fresh.mutable_proposed() = std::move(proposed);
  record(std::move(fresh));
  Record approval;
  approval.mutable_approved()->set_experiment(number);
  approval.mutable_approved()->set_by("campaign");
  record(std::move(approval));
}

// What a quick planner would say, knowing more, is worth waiting for.
void Engine::propose_prepared() {
  if (!prepared_know_all() && planner_is_quick() && !state_.exhausted) return;
  for (std::size_t free = free_slots(); free > 0 && !state_.planning.prepared.empty(); --free)
    propose(state_.planning.prepared.front());
}

}  // namespace athanor
