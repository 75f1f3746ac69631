#include "controller/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "controller/observed.h"
#include "core/canary.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr std::size_t kRecentAlarms = 8;  // for those who ask where the campaign stands; all are in the journal

void require(bool condition, const char* otherwise) {
  if (!condition) throw UnfitRecord(otherwise);
}

/// Where `event` leads, of a record that may be anybody's.
template <class State, class Event>
State after(const TransitionTable<State, Event>& table, State state, Event event) {
  const auto number = static_cast<std::size_t>(event);
  if (number >= table.kEvents || table.at(state, event).kind == Cell::Kind::kForbidden)
    throw UnfitRecord(fmt::format("event {} in state “{}”", number, to_string(state)));
  return next(table, state, event);
}

}  // namespace

const ExperimentEntry& State::experiment(std::uint64_t number) const {
  require(number >= 1 && number <= experiments.size(), "a record names an experiment that was never proposed");
  return experiments[number - 1];
}

ExperimentEntry& State::entry(std::uint64_t number) {
  experiment(number);
  return experiments[number - 1];
}

void State::move(ExperimentEntry& moved, ExperimentEvent event) {
  moved.state = after(kExperimentTable, moved.state, event);
}

void State::end(ExperimentEntry& ended, ExperimentEvent event, Time time, bool unclean, bool ordered) {
  move(ended, event);
  ended.ended = time;
  bool doubtful = unclean;
  for (const auto& [step, id] : ended.commands) {
    doubtful = doubtful || commands.at(id).state == CommandState::kDoubtful;
  }
  std::erase_if(commands, [&](const auto& item) { return item.second.experiment == ended.number; });
  ended.commands.clear();
  ended.permits.clear();
  ended.help.reset();
  ended.clean_up.reset();
  // A doubtful sample stays where it is until a person has looked.
  if (!doubtful) places_taken.erase(ended.place);
  live.erase(std::lower_bound(live.begin(), live.end(), ended.number));
  const bool by_person = ordered || ended.hold > HoldState::kPaused;  // nothing need be broken
  if (!by_person) abandoned_in_a_row = event == ExperimentEvent::kAbandon ? abandoned_in_a_row + 1 : 0;
}

void State::learn(const ExperimentEntry& ended) {
  ++planning.results;
  planning.experiments_took += ended.ended - ended.begun;
}

std::size_t State::kept() const {
  if (!asking || answer_outdated()) return 0;
  const std::uint64_t proposed_since = experiments.size() - planning.asked_after;
  return std::min<std::size_t>(planning.prepared.size(), asking->ahead().kept() - proposed_since);
}

bool State::answer_outdated() const {
  return asking && experiments.size() - planning.asked_after > asking->ahead().kept();
}

// From now on the question is as the state is: so it is when it is asked anew, after a start.
void State::apply_asked(const journal::v1::Asked& asked, Time time) {
  asking = asked;
  planning.asked_at = time;
  planning.asked_knows = planning.results;
  planning.asked_after = experiments.size();
}

void State::apply_answered(const journal::v1::Answered& answered, Time time) {
  const bool used = answered.fault().empty() && !answered.unused();
  if (used) {
    auto& prepared = planning.prepared;
    prepared.erase(prepared.begin() + static_cast<std::ptrdiff_t>(kept()), prepared.end());
    prepared.insert(prepared.end(), answered.suggestions().begin(), answered.suggestions().end());
    planning.prepared_knows = planning.asked_knows;
  }
  if (answered.fault().empty()) {
    planning.took = time - planning.asked_at;
    planning.took_after = planning.asked_after;
  }
  exhausted = answered.count() == 0 && used;
  asking.reset();
}

void State::apply_driver_seen(const journal::v1::DriverSeen& seen) {
  DriverEntry& driver = drivers[seen.driver()];
  const bool forgot = is_another_ledger(driver.ledger, seen.ledger());
  driver = {seen.boot(), true, seen.ledger()};
  for (const wire::Instrument& description : seen.instruments()) {
    InstrumentEntry& instrument = instruments[description.id()];
    instrument.description = description;
    instrument.driver = seen.driver();
    instrument.state = after(kInstrumentTable, instrument.state, InstrumentEvent::kLinkUp);
  }
  // Their driver does not know what they are at, nor that they were left unsafe, and so does not end it by itself. (Nor
  // does one that did not speak for them before.)
  for (auto& [id, instrument] : instruments) {
    if (instrument.driver != seen.driver()) continue;
    const auto command = commands.find(instrument.command);
    const bool lost = command != commands.end() && command->second.open() && ledger_lost(command->second);
    if (!forgot && !(lost && instrument.safe != SafeState::kSafe)) continue;
    instrument.safe = SafeState::kAtOnce;
    instrument.forgotten = true;
  }
}

void State::apply_intended(const journal::v1::Intended& intended, Time time) {
  const wire::Command& command = intended.command();
  InstrumentEntry& instrument = instruments.at(command.instrument());
  instrument.state = after(kInstrumentTable, instrument.state, InstrumentEvent::kTake);
  instrument.safe = SafeState::kInUse;
  instrument.forgotten = false;
  instrument.command = command.id();
  CommandEntry fresh;
  fresh.command = command;
  fresh.experiment = intended.experiment();
  fresh.step = intended.step();
  fresh.attempt = intended.attempt();
  fresh.since = time;
  fresh.ledger = drivers.at(instrument.driver).ledger;
  const bool is_new = commands.emplace(command.id(), std::move(fresh)).second;
  require(is_new, "a command id was used twice");
  if (intended.experiment() == 0) {
    ++instrument.tests;
    return;
  }
  ExperimentEntry& experiment = entry(intended.experiment());
  require(!experiment.in_use, "two steps at once on one sample");
  experiment.commands[intended.step()] = command.id();
  experiment.permits.erase(intended.step());  // a word holds for one attempt
  experiment.in_use = true;
}

void State::apply_command(const journal::v1::CommandMoved& moved, Time time) {
  CommandEntry& moving = commands.at(moved.id());
  const bool was_open = moving.open();
  moving.state = after(kCommandTable, moving.state, static_cast<CommandEvent>(moved.event()));
  moving.since = time;
  if (moved.has_outcome()) moving.outcome = moved.outcome();
  if (moved.expected_s() > 0) moving.expected_s = moved.expected_s();
  moving.flags.assign(moved.flags().begin(), moved.flags().end());
  if (was_open && !moving.open()) apply_end_of_command(moving, moved, time);
}

void State::apply_end_of_command(CommandEntry& ended, const journal::v1::CommandMoved& moved, Time time) {
  InstrumentEntry& instrument = instruments.at(ended.command.instrument());
  instrument.state = after(kInstrumentTable, instrument.state, InstrumentEvent::kRelease);
  instrument.command.clear();
  const bool done = ended.state == CommandState::kDone;
  if (moved.instrument_fault()) {
    ++instrument.faults;
  } else if (done) {
    instrument.faults = 0;
  }
  for (const wire::Value& value : ended.outcome.results()) {
    const auto& watched = moved.watched();
    if (std::find(watched.begin(), watched.end(), value.name()) == watched.end()) continue;
    InstrumentEntry::Reading& reading = instrument.readings[ended.command.capability() + "." + value.name()];
    reading.times = reading.times > 0 && reading.number == value.number() ? reading.times + 1 : 1;
    reading.number = value.number();
  }
  if (ended.experiment > 0) {
    entry(ended.experiment).in_use = false;
    return;
  }
  instrument.tested = time;
  if (!done) ++instrument.tests_failed;
  commands.erase(commands.find(moved.id()));
}

void State::set_aside(InstrumentEntry& instrument, Time time) {
  instrument.set_aside = true;
  instrument.tested = time;
  instrument.tests_failed = 0;
  if (instrument.safe == SafeState::kInUse) instrument.safe = SafeState::kWhenIdle;
}

void State::apply_help(const journal::v1::HelpGiven& given) {
  using journal::v1::HelpGiven;
  ExperimentEntry& helped = entry(given.experiment());
  helped.help.reset();
  CommandEntry& command = commands.at(helped.commands.at(given.step()));
  const bool done = given.verdict() == HelpGiven::DONE;
  command.state = after(kCommandTable, command.state, done ? CommandEvent::kVouch : CommandEvent::kSettle);
  command.again = given.verdict() == HelpGiven::RETRY;
  for (const wire::Value& reagent : given.stock()) stock_used[reagent.name()] += reagent.number();
}

void State::move_campaign(CampaignEvent event, const std::string& reason, Time time) {
  const CampaignState before = status;
  status = after(kCampaignTable, status, event);
  if (before != CampaignState::kPaused && status == CampaignState::kPaused) paused_at = time;
  if (before == CampaignState::kPaused && status != CampaignState::kPaused) paused_for += time - paused_at;
  if (before == CampaignState::kPaused && event == CampaignEvent::kStart) return;  // it stays so, and for its reason
  why = reason;
  if (status == CampaignState::kRunning) abandoned_in_a_row = 0;
}

void State::apply_order(const journal::v1::Order& order, Time time) {
  using journal::v1::Order;
  const std::string reason = order.who() + ": " + order.why();
  const auto verb = static_cast<HoldEvent>(order.verb());
  static_assert(static_cast<int>(Order::PAUSE) == static_cast<int>(HoldEvent::kPause) &&
                static_cast<int>(Order::HALT) == static_cast<int>(HoldEvent::kHalt));
  const auto hold = [&](HoldState& held, std::string* held_why) {
    held = after(kHoldTable, held, verb);
    if (held_why) *held_why = held == HoldState::kFree ? "" : reason;
  };
  const auto make_safe = [&](InstrumentEntry& instrument) {
    if (verb == HoldEvent::kHalt) instrument.safe = SafeState::kAtOnce;
    if ((verb == HoldEvent::kStop || verb == HoldEvent::kAbort) && instrument.safe == SafeState::kInUse)
      instrument.safe = SafeState::kWhenIdle;
  };
  switch (order.scope()) {
    case Order::EXPERIMENT: {
      ExperimentEntry& experiment = entry(order.experiment());
      hold(experiment.hold, &experiment.held_why);
      const auto acts = std::find_if(instruments.begin(), instruments.end(), [&](const auto& item) {
        const auto command = commands.find(item.second.command);
        return command != commands.end() && command->second.experiment == order.experiment();
      });
      if (verb == HoldEvent::kHalt && acts != instruments.end()) make_safe(acts->second);
      return;
    }
    case Order::INSTRUMENT: {
      InstrumentEntry& instrument = instruments.at(order.instrument());
      hold(instrument.hold, nullptr);
      if (verb == HoldEvent::kResume && instrument.set_aside) {
        instrument.set_aside = false;
        instrument.faults = 0;
      }
      return make_safe(instrument);
    }
    case Order::PLACE:
      places_taken.erase(order.place());
      return;
    case Order::LABORATORY:
      hold(lab_hold, &lab_held_why);
      [[fallthrough]];
    default:
      break;
  }
  const bool ends = verb == HoldEvent::kStop || verb == HoldEvent::kAbort || verb == HoldEvent::kHalt;
  if (ends) {
    move_campaign(CampaignEvent::kAskStop, reason, time);
  } else if (order.scope() == Order::CAMPAIGN) {
    move_campaign(verb == HoldEvent::kPause ? CampaignEvent::kPause : CampaignEvent::kResume,
                  verb == HoldEvent::kPause ? reason : "", time);
  }
  if (verb == HoldEvent::kAbort) {
    for (const std::uint64_t number : live) {
      ExperimentEntry& experiment = entry(number);
      if (experiment.state == ExperimentState::kRunning) hold(experiment.hold, &experiment.held_why);
    }
  }
  // A stopped campaign leaves its instruments as they are, since it goes on with the next start.
  if (verb != HoldEvent::kStop || order.scope() == Order::LABORATORY) {
    for (auto& [id, instrument] : instruments) make_safe(instrument);
  }
}

void State::apply_observed(const journal::v1::Observed& observed) {
  if (observed.experiment() > 0) {
    ExperimentEntry& experiment = entry(observed.experiment());
    require(experiment.ended_already(), "an observation of an experiment that has not ended");
    experiment.corrected = correction_of(observed);
    return;
  }
  require(observed.added() >= 1 && observed.added() <= added.size() + 1, "added ones are numbered without gaps");
  if (observed.added() > added.size()) added.emplace_back();
  added[observed.added() - 1] = {{observed.at().begin(), observed.at().end()}, correction_of(observed)};
}

// What a stop brings about is what a person's halt of the instrument does, so that a person's resume ends it.
void State::apply_interlock(const journal::v1::Interlock& interlock, Time time) {
  if (!interlock.tripped()) {
    interlocks.erase(interlock.name());
    return;
  }
  InterlockEntry& tripped = interlocks.try_emplace(interlock.name()).first->second;
  if (tripped.since == Time{}) tripped.since = time;
  tripped.reading = interlock.reading();
  tripped.why = interlock.why();
  for (const std::string& id : interlock.stops()) {
    InstrumentEntry& instrument = instruments.at(id);
    instrument.hold = after(kHoldTable, instrument.hold, HoldEvent::kHalt);
    instrument.safe = SafeState::kAtOnce;
    tripped.stopped.insert(id);
  }
}

Duration State::worked_until(Time now) const {
  return (status == CampaignState::kPaused ? paused_at : now) - opened - paused_for;
}

void State::apply(const Record& record) {
  try {
    apply_body(record);
  } catch (const std::out_of_range&) {
    throw UnfitRecord("it tells of something that no record began");
  }
}

void State::apply_body(const Record& record) {
  const Time time{Duration{record.time_us()}};
  last = std::max(last, time);
  switch (record.body_case()) {
    case Record::kOpened:
      campaign = record.opened().campaign();
      nonce = record.opened().nonce();
      seed = record.opened().seed();
      opened = last = time;
      break;
    case Record::kStarted:
      // A controller that starts knows of no link yet: each driver must be heard again.
      for (auto& [name, driver] : drivers) driver.up = false;
      for (auto& [id, instrument] : instruments) {
        instrument.state = after(kInstrumentTable, instrument.state, InstrumentEvent::kLinkDown);
      }
      if (asking) {
        journal::v1::Asked again = *asking;
        if (again.has_ahead()) again.mutable_ahead()->set_kept(static_cast<std::uint32_t>(kept()));
        apply_asked(again, time);
      }
      break;
    case Record::kRevised:
      exhausted = false;
      planning.prepared.clear();  // by the planner's settings before
      break;
    case Record::kCampaign:
      move_campaign(static_cast<CampaignEvent>(record.campaign().event()), record.campaign().why(), time);
      break;
    case Record::kDriverSeen:
      apply_driver_seen(record.driver_seen());
      break;
    case Record::kDriverLost:
      drivers[record.driver_lost().driver()].up = false;
      for (auto& [id, instrument] : instruments) {
        if (instrument.driver != record.driver_lost().driver()) continue;
        instrument.state = after(kInstrumentTable, instrument.state, InstrumentEvent::kLinkDown);
      }
      break;
    case Record::kAsked:
      asks = record.asked().ask();
      apply_asked(record.asked(), time);
      break;
    case Record::kAnswered:
      apply_answered(record.answered(), time);
      break;
    case Record::kProposed: {
      const auto& proposed = record.proposed();
      require(proposed.experiment() == experiments.size() + 1, "experiments are numbered without gaps");
      ExperimentEntry fresh;
      fresh.number = proposed.experiment();
      fresh.at.assign(proposed.at().begin(), proposed.at().end());
      fresh.predicted.assign(proposed.predicted().begin(), proposed.predicted().end());
      if (!planning.prepared.empty()) planning.prepared.pop_front();
      experiments.push_back(std::move(fresh));
      live.push_back(proposed.experiment());
      break;
    }
    case Record::kApproved:
      move(entry(record.approved().experiment()), ExperimentEvent::kApprove);
      break;
    case Record::kBegun: {
      ExperimentEntry& begun = entry(record.begun().experiment());
      move(begun, ExperimentEvent::kBegin);
      begun.begun = time;
      begun.place = record.begun().place();
      if (!begun.place.empty() && !ATHANOR_CANARY("lose a reservation")) {
        const bool free = places_taken.insert(begun.place).second;
        require(free, "a place was given to two samples");
      }
      for (const wire::Value& reagent : record.begun().stock()) stock_used[reagent.name()] += reagent.number();
      break;
    }
    case Record::kIntended:
      apply_intended(record.intended(), time);
      break;
    case Record::kCommand:
      apply_command(record.command(), time);
      break;
    case Record::kMeasured: {
      ExperimentEntry& ended = entry(record.measured().experiment());
      ended.measured.assign(record.measured().values().begin(), record.measured().values().end());
      ended.flags.assign(record.measured().flags().begin(), record.measured().flags().end());
      end(ended, ExperimentEvent::kMeasure, time);
      learn(ended);
      ++measured;
      break;
    }
    case Record::kFailed: {
      ExperimentEntry& ended = entry(record.failed().experiment());
      ended.why = record.failed().why();
      end(ended, ExperimentEvent::kFail, time, record.failed().unclean());
      learn(ended);
      ++failed;
      break;
    }
    case Record::kAbandoned: {
      ExperimentEntry& ended = entry(record.abandoned().experiment());
      ended.why = record.abandoned().why();
      end(ended, ExperimentEvent::kAbandon, time, record.abandoned().unclean(), record.abandoned().ordered());
      ++abandoned;
      break;
    }
    case Record::kAlarm:
      ++alarms;
      if (recent_alarms.size() == kRecentAlarms) recent_alarms.erase(recent_alarms.begin());
      recent_alarms.push_back({time, record.alarm().text()});
      break;
    case Record::kOrder:
      apply_order(record.order(), time);
      break;
    case Record::kApprovalAsked: {
      const auto& asked = record.approval_asked();
      entry(asked.experiment()).permits[asked.step()] = {asked.digest(), asked.text(), std::nullopt};
      break;
    }
    case Record::kPermitted:
      entry(record.permitted().experiment()).permits.at(record.permitted().step()).approval =
          record.permitted().approval();
      break;
    case Record::kMadeSafe:
      for (const std::string& id : record.made_safe().instruments()) instruments.at(id).safe = SafeState::kSafe;
      break;
    case Record::kHelpAsked:
      entry(record.help_asked().experiment()).help = record.help_asked();
      break;
    case Record::kHelpGiven:
      apply_help(record.help_given());
      break;
    case Record::kCleanUp:
      entry(record.clean_up().experiment()).clean_up = record.clean_up();
      for (const wire::Value& reagent : record.clean_up().stock()) stock_used[reagent.name()] += reagent.number();
      break;
    case Record::kSetAside:
      set_aside(instruments.at(record.set_aside().instrument()), time);
      break;
    case Record::kReturned: {
      // On probation: one more fault before it has done anything well sets it aside again.
      InstrumentEntry& returned = instruments.at(record.returned().instrument());
      returned.set_aside = false;
      returned.faults = kFaultsInARow - 1;
      break;
    }
    case Record::kObserved:
      apply_observed(record.observed());
      ++planning.results;
      break;
    case Record::kInterlock:
      apply_interlock(record.interlock(), time);
      break;
    case Record::kSnapshot:  // tells of the state, and changes nothing in it
      break;
    case Record::BODY_NOT_SET:
      throw UnfitRecord("a record without a body");
  }
}

std::uint64_t State::next_live(std::uint64_t number) const {
  const auto next = std::upper_bound(live.begin(), live.end(), number);
  return next == live.end() ? 0 : *next;
}

std::size_t State::waiting() const {
  return static_cast<std::size_t>(
      std::count_if(live.begin(), live.end(), [&](auto number) { return experiment(number).help.has_value(); }));
}

bool State::ledger_lost(const CommandEntry& command) const {
  const std::string& driver = instruments.at(command.command.instrument()).driver;
  return !ATHANOR_CANARY("trust any ledger") && is_another_ledger(command.ledger, drivers.at(driver).ledger);
}

bool State::commands_open() const {
  return std::any_of(commands.begin(), commands.end(), [](const auto& item) { return item.second.open(); });
}

}  // namespace athanor
