#include "controller/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/canary.h"
#include "core/check.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr std::uint64_t kAbandonedInARow = 3;  // so many spoilt experiments without one success: something is broken
constexpr Duration kLongestSilence = std::chrono::hours{1};  // between two questions about one command

CommandEvent event_of(const wire::Outcome& outcome) {
  if (outcome.done()) return CommandEvent::kFinish;
  return outcome.fault() == wire::INTERRUPTED ? CommandEvent::kInterrupt : CommandEvent::kFail;
}

/// The instruments of the laboratory that their driver, in its Welcome, does not speak for, and what to tell of each.
std::vector<std::pair<std::string, std::string>> missing_from(const wire::FromDriver& message, const Lab& lab) {
  std::vector<std::pair<std::string, std::string>> missing;
  for (const LabInstrument& instrument : lab.instruments) {
    const auto is_it = [&](const wire::Instrument& described) { return described.id() == instrument.id; };
    const auto& described = message.welcome().instruments();
    if (instrument.driver != message.driver() || std::any_of(described.begin(), described.end(), is_it)) continue;
    std::string why = fmt::format("is none of those that its driver {} speaks for", message.driver());
    for (const wire::Trouble& trouble : message.welcome().troubles()) {
      if (trouble.instrument() == instrument.id) why = trouble.why();
    }
    missing.emplace_back(instrument.id,
                         fmt::format("instrument “{}” {}; the others go on without it", instrument.id, why));
  }
  return missing;
}

/// Why a planner that has no suggestion has none; what is near is optimizers/tried.h's.
std::string nothing_left(const Space& space) {
  if (space.finite()) return "every point of the space was tried";
  return "no point of the space is left that differs from all that were tried, in some parameter, by its resolution, "
         "or "
         "by 1/10,000 of its range where it has none";
}

}  // namespace

Engine::Engine(const Campaign& campaign, const Lab& lab, State state, Options options)
    : campaign_(campaign),
      measurands_(campaign.problem.measurands()),
      lab_(lab),
      options_(std::move(options)),
      state_(std::move(state)),
      watched_(lab.watched()) {
  procedure_steps_ = static_cast<std::size_t>(
      std::count_if(campaign_.steps.begin(), campaign_.steps.end(), [](const Step& step) { return !step.cleans; }));
  for (const LabPlaces& places : lab_.places) {
    for (long i = 1; i <= places.count; ++i) places_.push_back(fmt::format("{}-{}", places.name, i));
  }
  for (const auto& [id, instrument] : state_.instruments) offers_[id] = tighten(lab_, instrument.description);
}

Decision Engine::handle(const Event& event) {
  now_ = std::max(event.time, state_.last);
  decision_ = {};
  std::visit([this](const auto& what) { on(what); }, event.what);
  if (started_) advance();
  return std::move(decision_);
}

// ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::on(const ControllerStarted& started) {
  started_ = true;
  started_at_ = now_;
  Record fresh;
  fresh.mutable_started()->set_program(started.program);
  record(std::move(fresh));
  forget_interlocks();
  const bool resume = state_.status != CampaignState::kFinished || !enough();
  if (resume) move_campaign(CampaignEvent::kStart, "");
  // The planner's answer was lost with the process; the same question gets the same answer.
  if (resume && state_.asking) question_planner();
}

void Engine::on(const DriverSaid& said) {
  const wire::FromDriver& message = said.message;
  end_silence(message);
  switch (message.body_case()) {
    case wire::FromDriver::kWelcome:
      return on_welcome(message);
    case wire::FromDriver::kAccepted: {
      const auto command = state_.commands.find(message.accepted().id());
      if (command == state_.commands.end() || command->second.state != CommandState::kIntended) return;
      move(command->first, CommandEvent::kAccept, "", nullptr, message.accepted().expected_s());
      return;
    }
    case wire::FromDriver::kOutcome:
      return on_outcome(message.outcome());
    case wire::FromDriver::kAnswer:
      for (const wire::CommandState& answer : message.answer().states()) on_answer(answer);
      return;
    case wire::FromDriver::kRefused:
      return on_refused(message.driver(), message.refused());
    case wire::FromDriver::kStopped:
      return on_stopped(message.stopped());
    case wire::FromDriver::kTelemetry:
      return on_telemetry(message);
    case wire::FromDriver::kProgress:
    case wire::FromDriver::kHeartbeat:
    case wire::FromDriver::BODY_NOT_SET:
      return;
  }
}

void Engine::on_welcome(const wire::FromDriver& message) {
  Record seen;
  seen.mutable_driver_seen()->set_driver(message.driver());
  seen.mutable_driver_seen()->set_boot(message.boot());
  seen.mutable_driver_seen()->set_ledger(message.welcome().ledger());
  for (const wire::Instrument& instrument : message.welcome().instruments()) {
    const LabInstrument* known = lab_.find(instrument.id());
    if (known == nullptr || known->driver != message.driver()) continue;  // not of this laboratory
    *seen.mutable_driver_seen()->add_instruments() = instrument;
    offers_[instrument.id()] = tighten(lab_, instrument);
  }
  const auto before = state_.drivers.find(message.driver());
  const bool is_new = before == state_.drivers.end();
  const bool started = is_new || before->second.boot != message.boot();
  const bool forgot = !is_new && is_another_ledger(before->second.ledger, message.welcome().ledger());
  record(std::move(seen));
  if (started) {
    for (const auto& [id, text] : missing_from(message, lab_)) alarm(id, text);
  }
  if (is_new && message.welcome().ledger().empty()) {
    alarm(message.driver(),
          fmt::format("driver {} is of before ledgers had names: should its ledger be lost, what was under way may be "
                      "begun a second time. Renew it when you can",
                      message.driver()));
  }
  if (forgot) {
    alarm(message.driver(),
          fmt::format("driver {} came back with another ledger than before, and what the other one knew is lost to it: "
                      "its instruments are brought to their safe state, and what may not be repeated and may have been "
                      "begun is not begun again",
                      message.driver()));
  }
  for (const LabInterlock& interlock : lab_.interlocks) {
    if (interlock.driver == message.driver()) watches_[interlock.name].heard = now_;
  }
  for (const auto& [id, instrument] : state_.instruments) {
    if (instrument.driver == message.driver() && safety_asked_.contains(id)) send_stop(id);
  }
  // Every link that comes up is a recovery: ask what became of each command. What waited for its deadline while nobody
  // could look is looked at soon, not when the next of ever rarer questions was due.
  std::vector<std::string> open;
  for (const auto& [id, command] : state_.commands) {
    if (!command.open() || state_.instruments.at(command.command.instrument()).driver != message.driver()) continue;
    check_at_.erase(id);
    silent_.erase(id);
    open.push_back(id);
  }
  if (!open.empty()) question(message.driver(), open);
}

void Engine::on_outcome(const wire::Outcome& outcome) {
  const auto command = state_.commands.find(outcome.id());
  if (command == state_.commands.end() || !command->second.open()) return;  // late or doubled: it was recorded long ago
  if (command->second.experiment == 0) return on_self_test(command->second, outcome);
  move(outcome.id(), event_of(outcome), outcome.message(), &outcome);
}

void Engine::on_answer(const wire::CommandState& answer) {
  const auto found = state_.commands.find(answer.id());
  if (found == state_.commands.end() || !found->second.open()) return;
  const CommandEntry& command = found->second;
  if (answer.has_command() && answer.command().SerializeAsString() != command.command.SerializeAsString()) {
    const std::string why = fmt::format(
        "the driver of {} knows “{}” as another command than this journal does: the journal is older than what was "
        "done, "
        "such as a copy that was put back. Put the newest one back, or begin another journal",
        command.command.instrument(), answer.id());
    alarm(command.command.instrument(), why);
    move(answer.id(), CommandEvent::kDoubt, "its id was used for another command");
    if (!stopping()) move_campaign(CampaignEvent::kAskStop, why);
    return;
  }
  static_assert(static_cast<int>(wire::CommandState::NEVER_SEEN) == 0);
  Answer says = Answer::kNeverSeen;
  if (answer.standing() == wire::CommandState::FINISHED) says = Answer::kFinished;
  if (answer.standing() == wire::CommandState::RUNNING) says = Answer::kRunning;
  if (answer.standing() == wire::CommandState::INTERRUPTED) says = Answer::kInterrupted;
  const char* what = "the driver restarted while it ran";
  if (says == Answer::kNeverSeen && state_.ledger_lost(command)) {
    says = Answer::kInterrupted;
    what = "the driver came back with another ledger, and cannot tell whether it was begun";
    if (state_.instruments.at(command.command.instrument()).safe != SafeState::kSafe) {
      check_at_[answer.id()] = now_ + options_.answer_within;
      return;  // nothing may act on the sample while its instrument may be at work
    }
  }
  switch (recovery(says, repeatable(command))) {
    case Recovery::kRecordOutcome:
      return on_outcome(answer.outcome());
    case Recovery::kWait:
      if (command.state == CommandState::kIntended)
        move(answer.id(), CommandEvent::kAccept, "the driver says it is running");
      check_at_[answer.id()] = std::max(check_at_[answer.id()], look_at(command));
      return;
    case Recovery::kSendAgain: {
      if (unwritable_) return;  // it waits here for its intent to be written
      const bool held =
          !held_by(command.command.instrument()).empty() || !refused_by(command.command.capability()).empty();
      if (unwanted(command) || (held && stopping()))
        return cancel(command);  // which keeps it from being begun, should it still come
      if (held) {
        check_at_[answer.id()] = now_ + options_.answer_within;
        return;
      }
      move(answer.id(), CommandEvent::kSendAgain, "the driver never saw it");
      wire::ToDriver message = to_driver();
      message.set_ledger(command.ledger);
      *message.mutable_command() = command.command;
      check_at_[answer.id()] = now_ + options_.answer_within;
      return send(state_.instruments.at(command.command.instrument()).driver, std::move(message));
    }
    case Recovery::kRepeat:
      return move(answer.id(), CommandEvent::kInterrupt, what);
    case Recovery::kDoubt:
      return move(answer.id(), CommandEvent::kDoubt, fmt::format("{}, and it may not be repeated", what));
    case Recovery::kAlarm:
      ATHANOR_CHECK(false, "an answer is not silence");
  }
}

void Engine::on(const DriverLost& lost) {
  const auto driver = state_.drivers.find(lost.driver);
  if (driver == state_.drivers.end() || !driver->second.up) {
    return alarm(lost.driver, fmt::format("driver {} does not answer yet; its instruments are waited for{}",
                                          lost.driver, options_.driver_hint));
  }
  Record fresh;
  fresh.mutable_driver_lost()->set_driver(lost.driver);
  record(std::move(fresh));
  std::erase_if(silent_, [&](const auto& item) {
    return state_.instruments.at(state_.commands.at(item.first).command.instrument()).driver == lost.driver;
  });
  alarm(lost.driver, fmt::format("driver {} does not answer; its commands are asked about when it does", lost.driver));
}

void Engine::on(const StopAsked& asked) {
  if (state_.status == CampaignState::kRunning || state_.status == CampaignState::kPaused)
    move_campaign(CampaignEvent::kAskStop, asked.why);
}

void Engine::on(const StoreChanged& changed) {
  unwritable_ = !changed.fault.empty();
  // What was kept back leaves only now, and is waited for from now on.
  for (auto& [id, check_at] : check_at_) {
    if (state_.commands.at(id).state == CommandState::kIntended)
      check_at = std::min(check_at, now_ + options_.answer_within);
  }
  alarm("journal", unwritable_
                       ? fmt::format("nothing new is begun, since it could not be recorded; what runs goes on, "
                                     "and is recorded when that is possible again: {}",
                                     changed.fault)
                       : "the journal can be written again, and nothing is missing in it; the campaign goes on");
}

void Engine::on(const TimePassed&) {
  ask_the_silent();
  std::map<std::string, std::vector<std::string>> unanswered;  // driver → commands
  for (auto& [id, check_at] : check_at_) {
    if (check_at > now_) continue;
    const CommandEntry& command = state_.commands.at(id);
    unanswered[state_.instruments.at(command.command.instrument()).driver].push_back(id);
    // Asked again and again, but ever less often; the command itself is never repeated.
    check_at = now_ + std::max(options_.answer_within, std::min(now_ - command.since, kLongestSilence));
    if (command.state != CommandState::kAccepted) continue;
    if (const Time due = deadline(command); now_ < due) {
      check_at = std::min(check_at, due);
    } else {
      overdue(id, command);
    }
  }
  tell_of_silence();
  for (const auto& [driver, ids] : unanswered) question(driver, ids);
  remind_of_safety();
}

// A command past its deadline is cancelled, which ends it if its instrument still listens; if it does not, nothing
// waits for it any more.
void Engine::overdue(const std::string& id, const CommandEntry& command) {
  const std::string& instrument = command.command.instrument();
  if (state_.instruments.at(instrument).state != InstrumentState::kBusy) return;  // not heard: its driver is the matter
  if (!(expected_s(command) > 0)) {
    // It may be right, for all that anybody said.
    if (!overdue_.emplace(id, 1).second) return;
    return alarm(
        instrument,
        fmt::format("{} has been at “{}” for {} min, and nobody says how long it takes; look at it", instrument,
                    command.command.capability(), pretty_number(seconds(options_.unknown_within) / 60, 3)));
  }
  const int reminders = overdue_[id]++;
  if (reminders == 0) {
    alarm(instrument, fmt::format("{} takes longer than expected over “{}” ({} s were expected); it is cancelled",
                                  instrument, command.command.capability(), pretty_number(expected_s(command), 3)));
    cancel(command);
  } else if (reminders == 1) {
    alarm(instrument, fmt::format("{} does not end “{}”, though it was told to; look at it", instrument,
                                  command.command.capability()));
  }
  if (const auto silence = silent_.find(id); silence != silent_.end()) silence->second.told |= reminders <= 1;
}

// ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────────

// Whatever has become possible, until nothing more is: one thing's end may be another's beginning.
void Engine::advance() {
  std::size_t before = 0;
  do {
    before = decision_.records.size();
    retries_at_ = tests_at_ = kNever;
    watch_interlocks();
    set_aside_faulty();
    end_experiments();
    make_safe();
    test_instruments();
    stop_if_spoilt();
    ask_for_more();
    begin_experiments();
    dispatch_steps();
    complete_or_drain();
  } while (decision_.records.size() > before);
}

void Engine::end_experiments() {
  for (auto number = state_.next_live(0); number != 0; number = state_.next_live(number)) {
    const ExperimentEntry& experiment = state_.experiment(number);
    if (experiment.in_use) continue;
    if (experiment.hold > HoldState::kPaused) {
      abandon(number, experiment.held_why);
    } else if (experiment.state == ExperimentState::kRunning) {
      settle(experiment);
    }
  }
}

void Engine::stop_if_spoilt() {
  if (stopping() || state_.abandoned_in_a_row < kAbandonedInARow) return;
  const ExperimentEntry* last = nullptr;
  for (const ExperimentEntry& one : state_.experiments) {
    if (one.state == ExperimentState::kAbandoned && (last == nullptr || one.ended >= last->ended)) last = &one;
  }
  const std::string why = last == nullptr ? "" : fmt::format(", the last one (number {}): {}", last->number, last->why);
  move_campaign(CampaignEvent::kAskStop,
                fmt::format("{} experiments in a row were spoilt{}", state_.abandoned_in_a_row, why));
}

void Engine::complete_or_drain() {
  if (over() || state_.status == CampaignState::kNew || state_.status == CampaignState::kPaused) return;
  // Nothing waits for instruments that do not end or do not become safe, and a stop not for drivers that do not answer
  // or begin nothing: their commands are asked about at the next start.
  const CommandEntry* stuck = nullptr;
  for (const auto& [id, command] : state_.commands) {
    if (!command.open()) continue;
    const auto reminders = overdue_.find(id);
    const auto unsafe = safety_asked_.find(command.command.instrument());
    const bool forgotten = state_.ledger_lost(command) && unsafe != safety_asked_.end() && unsafe->second.reminders > 0;
    if (forgotten || (reminders != overdue_.end() && reminders->second > 1)) {
      stuck = &command;
    } else if (!stopping() || word_expected(id, command)) {
      return;
    }
  }
  const bool tried_all = state_.exhausted && state_.planning.prepared.empty();
  if (under_way() == 0 && (enough() || tried_all)) {
    for (auto number = state_.next_live(0); number != 0; number = state_.next_live(number))
      abandon(number, "the campaign was complete before a person had answered");
    return move_campaign(CampaignEvent::kComplete, enough() ? "" : nothing_left(campaign_.problem.space));
  }
  if (stopping()) return waits_for_safety() ? void() : move_campaign(CampaignEvent::kDrained, state_.why);
  if (state_.asking || retries_at_ < kNever || waits_for_interlock()) return;
  const std::string* broken = past_hope();
  if (stuck != nullptr && (tests_at_ == kNever || broken != nullptr)) {
    move_campaign(CampaignEvent::kAskStop,
                  fmt::format("nothing can go on before {} ends “{}”; look at it, and run again",
                              stuck->command.instrument(), stuck->command.capability()));
  } else if (broken != nullptr && under_way() > 0 && !waits_for_people()) {
    move_campaign(CampaignEvent::kAskStop, fmt::format("nothing can go on without {}, which fails its self-test again "
                                                       "and again; repair it, and run again",
                                                       *broken));
  }
}

/// Somebody may say the word that lets something go on.
bool Engine::waits_for_people() const {
  if (state_.lab_hold != HoldState::kFree || asked_for_places_) return true;
  const bool held = std::any_of(state_.instruments.begin(), state_.instruments.end(),
                                [](const auto& item) { return item.second.hold != HoldState::kFree; });
  return held || std::any_of(state_.live.begin(), state_.live.end(), [&](auto number) {
           const ExperimentEntry& experiment = state_.experiment(number);
           return experiment.help || experiment.hold != HoldState::kFree || experiment.waits_for_approval();
         });
}

// ── Small helps ──────────────────────────────────────────────────────────────────────────────────────────────────────

Time Engine::wakes_at() const {
  Time earliest = std::min(retries_at_, tests_at_);
  for (const auto& [id, check_at] : check_at_) earliest = std::min(earliest, check_at);
  for (const auto& [id, asked] : safety_asked_) earliest = std::min(earliest, asked.again);
  for (const auto& [id, silence] : silent_) {
    if (!silence.told) earliest = std::min(earliest, silence.since + options_.answer_within);
  }
  for (const LabInterlock& interlock : lab_.interlocks) earliest = std::min(earliest, silent_at(interlock));
  const bool limited = state_.status == CampaignState::kRunning && campaign_.stop.lab_time && !enough();
  return limited ? std::min(earliest, state_.opened + state_.paused_for + *campaign_.stop.lab_time) : earliest;
}

bool Engine::stopping() const {
  return state_.status != CampaignState::kRunning;
}

// Whatever the campaign would do next, it does not now.
bool Engine::begins_nothing() const {
  return stopping() || unwritable_ || state_.lab_hold != HoldState::kFree;
}

bool Engine::enough() const {
  const StopRule& stop = campaign_.stop;
  return (stop.experiments && state_.done() >= *stop.experiments) ||
         (stop.lab_time && state_.worked_until(now_) >= *stop.lab_time);
}

std::string Engine::free_place() const {
  const auto free =
      std::find_if(places_.begin(), places_.end(), [&](const auto& p) { return !state_.places_taken.contains(p); });
  return free == places_.end() ? "" : *free;
}

bool Engine::repeatable(const CommandEntry& command) const {
  const wire::Capability* capability =
      find_capability(state_.instruments.at(command.command.instrument()).description, command.command.capability());
  return capability != nullptr && (capability->repeatable() || ATHANOR_CANARY("retry a non-repeatable step"));
}

void Engine::record(Record record) {
  record.set_time_us(now_.time_since_epoch().count());
  try {
    state_.apply(record);
  } catch (const UnfitRecord& unfit) {
    check_failed(__FILE__, __LINE__, "what was decided can be applied", unfit.what());
  }
  decision_.records.push_back(std::move(record));
}

void Engine::send(const std::string& driver, wire::ToDriver message) {
  decision_.effects.emplace_back(SendToDriver{driver, std::move(message)});
}

void Engine::move(const std::string& id, CommandEvent event, const std::string& why, const wire::Outcome* outcome,
                  double expected_s) {
  Record fresh;
  auto& moved = *fresh.mutable_command();
  moved.set_id(id);
  moved.set_event(static_cast<std::uint32_t>(event));
  moved.set_why(why);
  moved.set_expected_s(expected_s);
  if (outcome != nullptr) {
    *moved.mutable_outcome() = *outcome;
    moved.set_instrument_fault(instrument_fault(id, event, *outcome));
    flag_results(state_.commands.at(id), moved);
  }
  record(std::move(fresh));
  const auto found = state_.commands.find(id);  // that of a self-test is not kept
  if (found == state_.commands.end() || !found->second.open()) {
    check_at_.erase(id);
    overdue_.erase(id);
    silent_.erase(id);
    refused_.erase(id);
  } else if (event == CommandEvent::kAccept) {
    refused_.erase(id);
    check_at_[id] = look_at(found->second);
  } else if (event == CommandEvent::kSendAgain) {
    overdue_.erase(id);  // it has not begun after all, and has its whole time once more
  }
}

// When an accepted command should have ended by all means, which its driver or else its description says. Counted from
// the start of this process at the earliest: how long a time without it lasted, only a clock says that may have been
// set.
Time Engine::deadline(const CommandEntry& command) const {
  const Time since = ATHANOR_CANARY("trust the wall clock") ? command.since : std::max(command.since, started_at_);
  const double expected = expected_s(command);
  return since +
         (expected > 0 ? options_.answer_within + from_seconds(options_.patience * expected) : options_.unknown_within);
}

// When a command is looked at that runs: at its deadline, or soon and ever less often where it has none of its own.
Time Engine::look_at(const CommandEntry& command) const {
  return expected_s(command) > 0 ? deadline(command) : now_ + options_.answer_within;
}

double Engine::expected_s(const CommandEntry& command) const {
  if (command.expected_s > 0) return command.expected_s;
  const wire::Capability* capability =
      find_capability(state_.instruments.at(command.command.instrument()).description, command.command.capability());
  return capability == nullptr ? 0 : expected_seconds(*capability, command.command);
}

void Engine::move_campaign(CampaignEvent event, const std::string& why) {
  Record fresh;
  fresh.mutable_campaign()->set_event(static_cast<std::uint32_t>(event));
  fresh.mutable_campaign()->set_why(why);
  record(std::move(fresh));
}

void Engine::alarm(const std::string& about, const std::string& text) {
  Record fresh;
  fresh.mutable_alarm()->set_about(about);
  fresh.mutable_alarm()->set_text(text);
  record(std::move(fresh));
}

void Engine::question(const std::string& driver, const std::vector<std::string>& ids) {
  wire::ToDriver message = to_driver();
  for (const std::string& id : ids) {
    if (message.question().ids_size() == kMostAsked) send(driver, std::exchange(message, to_driver()));
    message.mutable_question()->add_ids(id);
    expect_word(id);
    check_at_[id] = std::max(check_at_[id], now_ + options_.answer_within);
  }
  send(driver, std::move(message));
}

}  // namespace athanor
