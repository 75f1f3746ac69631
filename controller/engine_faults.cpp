// How an experiment ends, and what becomes of it and of the instruments when something goes wrong.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "controller/engine.h"
#include "controller/points.h"
#include "core/canary.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/doubt.h"

namespace athanor {
namespace {

constexpr Duration kLongestWait = std::chrono::hours{1};  // between two attempts of a step, or two self-tests
constexpr std::uint32_t kMostTests = 10;  // failed, some five hours of them, before nothing more is expected of one
constexpr Duration kFirstTest = std::chrono::minutes{1};  // after an instrument was set aside

/// `first`, and twice as long with each further time; an hour at most.
Duration backed_off(Duration first, std::uint32_t times) {
  const double wait = seconds(first) * std::ldexp(1.0, static_cast<int>(std::min(times, 30u)));
  return std::min(from_seconds(wait), std::max(first, kLongestWait));
}

const wire::Capability* self_test_of(const wire::Instrument& instrument) {
  const auto found = std::find_if(instrument.capabilities().begin(), instrument.capabilities().end(),
                                  [](const wire::Capability& capability) { return capability.self_test(); });
  return found == instrument.capabilities().end() ? nullptr : &*found;
}

bool broken_device(const wire::Outcome& outcome) {
  return !outcome.done() &&
         (outcome.fault() == wire::DEVICE || outcome.fault() == wire::LINK || outcome.fault() == wire::DEADLINE);
}

}  // namespace

// ── How an experiment ends ───────────────────────────────────────────────────────────────────────────────────────────

// One on which no step acts: measured when all its steps are done; otherwise what went wrong is tried again, or
// decides.
void Engine::settle(const ExperimentEntry& experiment) {
  if (experiment.help) return;
  if (experiment.clean_up) return go_on_cleaning(experiment);
  std::size_t done = 0;
  for (const auto& [step, id] : experiment.commands) {
    const CommandEntry& command = state_.commands.at(id);
    if (command.state != CommandState::kDone) return repeat_or_give_up(experiment, command);
    ++done;
  }
  if (done == procedure_steps_) measure(experiment);
}

void Engine::measure(const ExperimentEntry& experiment) {
  Record fresh;
  auto& measured = *fresh.mutable_measured();
  measured.set_experiment(experiment.number);
  for (const std::size_t index : procedure()) {
    const Step& step = campaign_.steps[index];
    const CommandEntry& command = state_.commands.at(experiment.commands.at(static_cast<std::uint32_t>(index)));
    const auto& results = command.outcome.results();
    for (const auto& [which, result] : step.gives) {
      const Measurand& measurand = measurands_[which];
      const auto named = [wanted = result](const auto& one) { return one == wanted; };
      const auto found = std::find_if(results.begin(), results.end(), [&](const auto& v) { return named(v.name()); });
      if (found == results.end()) {
        return give_up(experiment, index, false, fmt::format("step “{}” gave no result “{}”", step.name, result));
      }
      double number = 0;
      try {
        number = number_in(*found, measurand.unit);
      } catch (const InputError& error) {
        return give_up(experiment, index, false, error.what());
      }
      if (!(std::abs(number) <= kLargestOutcome)) {  // nor a NaN is
        return give_up(experiment, index, false,
                       fmt::format("step “{}” measured “{}” as {}", step.name, result, number));
      }
      wire::Value& value = *measured.add_values();
      value.set_name(measurand.name);
      value.set_number(number);
      value.set_unit(measurand.unit.text());
      for (const journal::v1::Flag& flag : command.flags) {
        if (!named(flag.result())) continue;
        *measured.add_flags() = flag;
        measured.mutable_flags()->rbegin()->set_result(measurand.name);
        alarm(command.command.instrument(), fmt::format("{} of experiment {} is kept, and not told to the planner: {}",
                                                        measurand.name, experiment.number, flag.why()));
      }
    }
  }
  record(std::move(fresh));
}

/// What its driver said of it; of one that said nothing, what is known.
std::string Engine::what_went_wrong(const CommandEntry& command) const {
  if (!command.outcome.message().empty()) return command.outcome.message();
  if (!command.outcome.id().empty()) return "its driver gave no reason";
  if (state_.ledger_lost(command))
    return fmt::format("its driver {} came back with another ledger, and nobody knows what became of it (attempt {})",
                       state_.instruments.at(command.command.instrument()).driver, command.attempt);
  return fmt::format("its driver {} ended while it ran, and knew no outcome when it was back (attempt {}){}",
                     state_.instruments.at(command.command.instrument()).driver, command.attempt, options_.driver_hint);
}

void Engine::repeat_or_give_up(const ExperimentEntry& experiment, const CommandEntry& command) {
  const Step& step = campaign_.steps[command.step];
  const std::string& instrument = command.command.instrument();
  if (command.state == CommandState::kDoubtful) {
    const std::string where = command.command.place().empty() ? "" : " at " + command.command.place();
    return ask_person(experiment, command.step,
                      fmt::format("nobody knows whether {} completed “{}” on the sample of experiment {}{}, and it may "
                                  "not be repeated; look at the sample",
                                  instrument, step.name, experiment.number, where));
  }
  if (repeat(experiment, command)) return;
  const std::string message = what_went_wrong(command);
  const std::string why = fmt::format("{}: {}", step.name, message);
  if (command.state == CommandState::kFailed && command.outcome.fault() == wire::SAMPLE)
    return give_up(experiment, command.step, /*failed=*/true, why);
  // Made safe by a person, rather than for its faults or its driver's: nobody need be told, or asked.
  const InstrumentEntry& at = state_.instruments.at(instrument);
  const bool ordered = unwanted(command) && !at.set_aside && !at.forgotten;
  if (ordered) return give_up(experiment, command.step, false, why);
  const std::string told = fmt::format("{} failed at “{}”: {}", instrument, step.name, message);
  if (step.on_fault.ask) return ask_person(experiment, command.step, told);
  alarm(instrument, told);
  const bool stock = command.outcome.fault() == wire::STOCK && command.state == CommandState::kFailed;
  give_up(experiment, command.step, false, why);
  if (stock && !stopping()) move_campaign(CampaignEvent::kAskStop, message);
}

// True: the step is or will be done once more, under a new id; the old one is over for good.
bool Engine::repeat(const ExperimentEntry& experiment, const CommandEntry& command) {
  const OnFault& policy = campaign_.steps[command.step].on_fault;
  const bool harmless =
      repeatable(command) || command.outcome.not_begun() || ATHANOR_CANARY("take what failed for not begun");
  const bool passing =
      command.state == CommandState::kInterrupted ||
      (command.state == CommandState::kFailed &&
       (broken_device(command.outcome) || (command.outcome.fault() == wire::LIMIT && command.outcome.not_begun())));
  if (!command.again && !(harmless && passing && command.attempt <= policy.retry)) return false;
  if (begins_nothing() || experiment.hold != HoldState::kFree) return true;
  // A fault may pass with time; what was interrupted by a restart, a person or its deadline need not wait longer.
  const bool at_once = command.again || command.state == CommandState::kInterrupted;
  const Time at = at_once ? now_ : command.since + backed_off(policy.wait, command.attempt - 1);
  if (at > now_) {
    retries_at_ = std::min(retries_at_, at);
  } else {
    dispatch(experiment, command.step, command.attempt + 1);
  }
  return true;
}

/// The instruments that did not do this step, though it was given to them.
std::set<std::string> Engine::tried_at(const ExperimentEntry& experiment, std::size_t step) const {
  std::set<std::string> tried;
  if (!experiment.commands.contains(static_cast<std::uint32_t>(step))) return tried;
  for (const auto& [id, command] : state_.commands) {
    if (command.experiment == experiment.number && command.step == step) tried.insert(command.command.instrument());
  }
  return tried;
}

// The experiment has come to nothing. What cleans up after its step is done first; if that goes wrong, too, its place
// stays taken.
void Engine::give_up(const ExperimentEntry& experiment, std::size_t step, bool failed, const std::string& why) {
  const auto end = [&](bool as_failed, const std::string& reason, bool unclean) {
    as_failed ? fail(experiment.number, reason, unclean) : abandon(experiment.number, reason, unclean);
  };
  const auto unclean = [&](const std::string& what) {
    const std::string place = experiment.place;
    alarm(place.empty() ? "clean-up" : place,
          fmt::format("the sample of experiment {} could not be cleaned up: {}{}", experiment.number, what,
                      place.empty() ? ""
                                    : fmt::format("; look at {}, and free it with “athanor resume JOURNAL --place "
                                                  "{}”",
                                                  place, place)));
  };
  if (experiment.clean_up) {
    unclean(why);
    return end(experiment.clean_up->failed(), std::string(experiment.clean_up->why()), true);
  }
  const std::vector<std::size_t>& steps = campaign_.steps[step].on_fault.clean_up;
  if (steps.empty()) return end(failed, why, false);
  const std::vector<wire::Value> stock = stock_needed(experiment, steps);
  if (const std::string missing = shortage(stock); !missing.empty()) {
    unclean(missing);
    return end(failed, why, true);
  }
  Record fresh;
  fresh.mutable_clean_up()->set_experiment(experiment.number);
  fresh.mutable_clean_up()->set_step(static_cast<std::uint32_t>(step));
  fresh.mutable_clean_up()->set_failed(failed);
  fresh.mutable_clean_up()->set_why(why);
  for (const wire::Value& value : stock) *fresh.mutable_clean_up()->add_stock() = value;
  record(std::move(fresh));
}

void Engine::go_on_cleaning(const ExperimentEntry& experiment) {
  for (const std::size_t step : campaign_.steps[experiment.clean_up->step()].on_fault.clean_up) {
    const auto id = experiment.commands.find(static_cast<std::uint32_t>(step));
    if (id == experiment.commands.end()) {
      if (!begins_nothing() && experiment.hold == HoldState::kFree) dispatch(experiment, step, 1);
      return;
    }
    const CommandEntry& command = state_.commands.at(id->second);
    if (command.state == CommandState::kDone) continue;
    if (repeat(experiment, command)) return;
    return give_up(experiment, step, false,
                   fmt::format("{} failed at “{}”: {}", command.command.instrument(), campaign_.steps[step].name,
                               what_went_wrong(command)));
  }
  const std::string why = experiment.clean_up->why();
  experiment.clean_up->failed() ? fail(experiment.number, why) : abandon(experiment.number, why);
}

void Engine::abandon(std::uint64_t experiment, const std::string& why, bool unclean, bool ordered) {
  Record fresh;
  fresh.mutable_abandoned()->set_experiment(experiment);
  fresh.mutable_abandoned()->set_why(why);
  fresh.mutable_abandoned()->set_unclean(unclean);
  fresh.mutable_abandoned()->set_ordered(ordered);
  record(std::move(fresh));
}

void Engine::fail(std::uint64_t experiment, const std::string& why, bool unclean) {
  Record fresh;
  fresh.mutable_failed()->set_experiment(experiment);
  fresh.mutable_failed()->set_why(why);
  fresh.mutable_failed()->set_unclean(unclean);
  record(std::move(fresh));
}

// ── A person is asked ────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::ask_person(const ExperimentEntry& experiment, std::size_t step, const std::string& text) {
  Record fresh;
  fresh.mutable_help_asked()->set_experiment(experiment.number);
  fresh.mutable_help_asked()->set_step(static_cast<std::uint32_t>(step));
  fresh.mutable_help_asked()->set_text(text);
  record(std::move(fresh));
  alarm(state_.commands.at(experiment.commands.at(static_cast<std::uint32_t>(step))).command.instrument(),
        fmt::format("{}. The experiment waits for “athanor answer JOURNAL --experiment {} retry|done|abandon|fail”",
                    text, experiment.number));
}

control::v1::Reply Engine::answer(const control::v1::Answer& answer) {
  using journal::v1::HelpGiven;
  control::v1::Reply reply;
  const auto refuse = [&](const std::string& why) {
    reply.set_refused(true);
    reply.set_text(why);
    return reply;
  };
  const std::uint64_t number = answer.experiment();
  if (!HelpGiven::Verdict_IsValid(answer.verdict())) return refuse("this controller does not know that answer");
  if (number == 0 || number > state_.experiments.size())
    return refuse(fmt::format("there is no experiment {}; there are {} so far", number, state_.experiments.size()));
  const ExperimentEntry& experiment = state_.experiment(number);
  if (!experiment.help) return refuse(fmt::format("experiment {} waits for no answer", number));
  const std::size_t index = experiment.help->step();
  const Step& step = campaign_.steps[index];
  if (answer.verdict() == HelpGiven::DONE && !step.gives.empty()) {
    return refuse(
        fmt::format("step “{}” was to measure something, and “done” does not say what; abandon the "
                    "experiment, and tell what was measured with “athanor observe”",
                    step.name));
  }
  Record fresh;
  auto& given = *fresh.mutable_help_given();
  if (answer.verdict() == HelpGiven::RETRY) {
    const std::vector<wire::Value> stock = stock_needed(experiment, {index});
    if (const std::string missing = shortage(stock); !missing.empty()) return refuse(missing);
    for (const wire::Value& value : stock) *given.add_stock() = value;
  }
  given.set_experiment(number);
  given.set_step(static_cast<std::uint32_t>(index));
  given.set_verdict(answer.verdict());
  given.set_who(answer.who());
  given.set_why(answer.why());
  record(std::move(fresh));
  const std::string why = fmt::format("{}: {}", answer.who(), answer.why());
  if (answer.verdict() == HelpGiven::ABANDON) abandon(number, why, /*unclean=*/false, /*ordered=*/true);
  if (answer.verdict() == HelpGiven::FAIL) fail(number, why);
  constexpr const char* kFollows[] = {"is done once more", "counts as done", "is over, and the experiment abandoned",
                                      "is over, and the experiment failed: the planner is told"};
  reply.set_text(fmt::format("“{}” of experiment {} {}", step.name, number, kFollows[answer.verdict()]));
  return reply;
}

// ── Instruments that fail ────────────────────────────────────────────────────────────────────────────────────────────

/// Whether the end of a command counts against its instrument: it broke, or it had to be told to end.
bool Engine::instrument_fault(const std::string& command, CommandEvent event, const wire::Outcome& outcome) const {
  return broken_device(outcome) || (event == CommandEvent::kInterrupt && overdue_.contains(command));
}

/// Results that cannot be, at the end of what a detector can tell, or the same over and over again.
void Engine::flag_results(const CommandEntry& command, journal::v1::CommandMoved& moved) const {
  const std::string& instrument = command.command.instrument();
  const auto offer = offers_.find(instrument);
  const wire::Capability* capability =
      offer == offers_.end() ? nullptr : find_capability(offer->second, command.command.capability());
  if (capability == nullptr) return;
  for (const wire::Value& value : moved.outcome().results()) {
    const wire::Field* field = find_result(*capability, value.name());
    if (field == nullptr || value.kind_case() != wire::Value::kNumber) continue;
    if (field->flat_after() > 0) moved.add_watched(value.name());
    const auto& readings = state_.instruments.at(instrument).readings;
    const auto last = readings.find(command.command.capability() + "." + value.name());
    const std::uint32_t equal_before =
        last != readings.end() && last->second.number == value.number() ? last->second.times : 0;
    const auto doubted = doubt(instrument, *capability, value, equal_before);
    if (!doubted) continue;
    journal::v1::Flag& fresh = *moved.add_flags();
    fresh.set_result(value.name());
    fresh.set_why(doubted->why);
    if (doubted->instrument_is_at_fault) moved.set_instrument_fault(true);
  }
}

// One that fails again and again gets nothing more to do before it has shown that it works (Nygard, “Release It!”: a
// circuit breaker). What it would have done goes to others, or waits.
void Engine::set_aside_faulty() {
  for (const auto& [id, instrument] : state_.instruments) {
    if (instrument.set_aside || instrument.faults < kFaultsInARow) continue;
    const bool tests_itself = self_test_of(instrument.description) != nullptr;
    const std::string why = fmt::format("{} faults in a row", instrument.faults);
    Record fresh;
    fresh.mutable_set_aside()->set_instrument(id);
    fresh.mutable_set_aside()->set_why(why);
    record(std::move(fresh));
    alarm(id, fmt::format("{} is set aside after {}; it is used again {}", id, why,
                          tests_itself ? "once it has passed its self-test"
                                       : fmt::format("when a person says so (it offers no self-test): “athanor resume "
                                                     "JOURNAL --instrument {}”",
                                                     id)));
  }
}

void Engine::test_instruments() {
  if (begins_nothing()) return;
  for (const auto& [id, instrument] : state_.instruments) {
    const wire::Capability* test = self_test_of(instrument.description);
    if (!instrument.set_aside || test == nullptr || !ready(instrument) || !refused_by(test->name()).empty()) continue;
    const Time due = instrument.tested + backed_off(kFirstTest, instrument.tests_failed);
    if (due > now_) {
      tests_at_ = std::min(tests_at_, due);
      continue;
    }
    wire::Command command;
    command.set_id(fmt::format("{}self-test/{}/{}", state_.id_prefix(), id, instrument.tests + 1));
    command.set_instrument(id);
    command.set_capability(test->name());
    intend(/*experiment=*/0, 0, instrument.tests + 1, std::move(command));
  }
}

/// An instrument that fails its self-test for ever, also since this start; null: there is none.
const std::string* Engine::past_hope() const {
  for (const auto& [id, instrument] : state_.instruments) {
    if (instrument.set_aside && instrument.tests_failed >= kMostTests && instrument.tested > started_at_) return &id;
  }
  return nullptr;
}

void Engine::on_self_test(const CommandEntry& command, const wire::Outcome& outcome) {
  const std::string instrument = command.command.instrument();
  const bool first = state_.instruments.at(instrument).tests_failed == 0;
  move(outcome.id(), outcome.done() ? CommandEvent::kFinish : CommandEvent::kFail, outcome.message(), &outcome);
  if (outcome.done()) {
    Record fresh;
    fresh.mutable_returned()->set_instrument(instrument);
    record(std::move(fresh));
  } else if (first) {
    alarm(instrument, fmt::format("{} did not pass its self-test: {}; it is tried again, ever less often", instrument,
                                  outcome.message()));
  }
}

}  // namespace athanor
