#include "controller/snapshot.h"

#include <google/protobuf/arena.h>

#include "controller/observed.h"
#include "core/error.h"
#include "proto/snapshot.pb.h"

namespace athanor {
namespace {

using namespace journal::v1;

std::int64_t micros(Time time) {
  return time.time_since_epoch().count();
}

Time time_of(std::int64_t micros) {
  return Time{Duration{micros}};
}

// Every entry is taken apart into all its fields: where one is added, this file does not compile until it is written
// down and read here, too.

void write(const Correction& correction, Observed& out) {
  const auto& [values, failed, withdrawn, who, why, said] = correction;
  out.mutable_values()->Add(values.begin(), values.end());
  out.set_failed(failed);
  out.set_withdrawn(withdrawn);
  out.set_who(who);
  out.set_why(why);
  out.set_said_us(micros(said));
}

void write(const ExperimentEntry& entry, ExperimentSnapshot& out) {
  const auto& [number, at, predicted, state, hold, held_why, place, permits, commands, in_use, help, clean_up, measured,
               flags, why, corrected, begun, ended] = entry;
  static_cast<void>(number);
  out.mutable_at()->Add(at.begin(), at.end());
  out.mutable_predicted()->Add(predicted.begin(), predicted.end());
  out.set_state(static_cast<std::uint32_t>(state));
  out.set_place(place);
  for (const auto& [step, id] : commands) {
    StepCommand& one = *out.add_commands();
    one.set_step(step);
    one.set_id(id);
  }
  out.set_in_use(in_use);
  out.mutable_measured()->Add(measured.begin(), measured.end());
  out.set_why(why);
  if (corrected) write(*corrected, *out.mutable_corrected());
  out.set_begun_us(micros(begun));
  out.set_ended_us(micros(ended));
  out.set_hold(static_cast<std::uint32_t>(hold));
  out.set_held_why(held_why);
  for (const auto& [step, permit] : permits) {
    const auto& [digest, text, approval] = permit;
    PermitSnapshot& one = *out.add_permits();
    one.set_step(step);
    one.set_digest(digest);
    one.set_text(text);
    if (approval) *one.mutable_approval() = *approval;
  }
  if (help) *out.mutable_help() = *help;
  if (clean_up) *out.mutable_clean_up() = *clean_up;
  out.mutable_flags()->Add(flags.begin(), flags.end());
}

void read(const ExperimentSnapshot& in, ExperimentEntry& entry) {
  auto& [number, at, predicted, state, hold, held_why, place, permits, commands, in_use, help, clean_up, measured,
         flags, why, corrected, begun, ended] = entry;
  static_cast<void>(number);
  at.assign(in.at().begin(), in.at().end());
  predicted.assign(in.predicted().begin(), in.predicted().end());
  state = static_cast<ExperimentState>(in.state());
  place = in.place();
  for (const StepCommand& one : in.commands()) commands[one.step()] = one.id();
  in_use = in.in_use();
  measured.assign(in.measured().begin(), in.measured().end());
  why = in.why();
  if (in.has_corrected()) corrected = correction_of(in.corrected());
  begun = time_of(in.begun_us());
  ended = time_of(in.ended_us());
  hold = static_cast<HoldState>(in.hold());
  held_why = in.held_why();
  for (const PermitSnapshot& one : in.permits()) {
    permits[one.step()] = {one.digest(), one.text(), one.has_approval() ? std::optional(one.approval()) : std::nullopt};
  }
  if (in.has_help()) help = in.help();
  if (in.has_clean_up()) clean_up = in.clean_up();
  flags.assign(in.flags().begin(), in.flags().end());
}

void write(const CommandEntry& entry, CommandSnapshot& out) {
  const auto& [command, experiment, step, attempt, state, outcome, expected_s, since, flags, again, ledger] = entry;
  *out.mutable_command() = command;
  out.set_experiment(experiment);
  out.set_step(step);
  out.set_attempt(attempt);
  out.set_state(static_cast<std::uint32_t>(state));
  *out.mutable_outcome() = outcome;
  out.set_expected_s(expected_s);
  out.set_since_us(micros(since));
  out.mutable_flags()->Add(flags.begin(), flags.end());
  out.set_again(again);
  out.set_ledger(ledger);
}

void read(const CommandSnapshot& in, CommandEntry& entry) {
  auto& [command, experiment, step, attempt, state, outcome, expected_s, since, flags, again, ledger] = entry;
  command = in.command();
  experiment = in.experiment();
  step = in.step();
  attempt = in.attempt();
  state = static_cast<CommandState>(in.state());
  outcome = in.outcome();
  expected_s = in.expected_s();
  since = time_of(in.since_us());
  flags.assign(in.flags().begin(), in.flags().end());
  again = in.again();
  ledger = in.ledger();
}

void write(const InstrumentEntry& entry, InstrumentSnapshot& out) {
  const auto& [description, driver, state, hold, safe, forgotten, command, faults, set_aside, tested, tests,
               tests_failed, readings] = entry;
  *out.mutable_description() = description;
  out.set_driver(driver);
  out.set_state(static_cast<std::uint32_t>(state));
  out.set_command(command);
  out.set_hold(static_cast<std::uint32_t>(hold));
  out.set_safe(static_cast<std::uint32_t>(safe));
  out.set_forgotten(forgotten);
  out.set_faults(faults);
  out.set_set_aside(set_aside);
  out.set_tested_us(micros(tested));
  out.set_tests(tests);
  out.set_tests_failed(tests_failed);
  for (const auto& [result, reading] : readings) {
    const auto& [number, times] = reading;
    ReadingSnapshot& one = *out.add_readings();
    one.set_result(result);
    one.set_number(number);
    one.set_times(times);
  }
}

void read(const InstrumentSnapshot& in, InstrumentEntry& entry) {
  auto& [description, driver, state, hold, safe, forgotten, command, faults, set_aside, tested, tests, tests_failed,
         readings] = entry;
  description = in.description();
  driver = in.driver();
  state = static_cast<InstrumentState>(in.state());
  command = in.command();
  hold = static_cast<HoldState>(in.hold());
  safe = static_cast<SafeState>(in.safe());
  forgotten = in.forgotten();
  faults = in.faults();
  set_aside = in.set_aside();
  tested = time_of(in.tested_us());
  tests = in.tests();
  tests_failed = in.tests_failed();
  for (const ReadingSnapshot& one : in.readings()) readings[one.result()] = {one.number(), one.times()};
}

void write(const PlanningEntry& entry, PlanningSnapshot& out) {
  const auto& [prepared, prepared_knows, results, asked_at, asked_knows, asked_after, took, took_after,
               experiments_took] = entry;
  out.mutable_prepared()->Add(prepared.begin(), prepared.end());
  out.set_prepared_knows(prepared_knows);
  out.set_results(results);
  out.set_asked_at_us(micros(asked_at));
  out.set_asked_knows(asked_knows);
  out.set_asked_after(asked_after);
  out.set_took_us(took.count());
  out.set_took_after(took_after);
  out.set_experiments_took_us(experiments_took.count());
}

void read(const PlanningSnapshot& in, PlanningEntry& entry) {
  auto& [prepared, prepared_knows, results, asked_at, asked_knows, asked_after, took, took_after, experiments_took] =
      entry;
  prepared.assign(in.prepared().begin(), in.prepared().end());
  prepared_knows = in.prepared_knows();
  results = in.results();
  asked_at = time_of(in.asked_at_us());
  asked_knows = in.asked_knows();
  asked_after = in.asked_after();
  took = Duration{in.took_us()};
  took_after = in.took_after();
  experiments_took = Duration{in.experiments_took_us()};
}

}  // namespace

std::string snapshot_of(const State& from) {
  const auto& [campaign, nonce, seed, status, why, lab_hold, lab_held_why, opened, last, paused_at, paused_for,
               experiments, live, measured, failed, abandoned, added, commands, instruments, drivers, places_taken,
               stock_used, asks, asking, exhausted, planning, abandoned_in_a_row, alarms, recent_alarms, interlocks] =
      from;
  google::protobuf::Arena arena;  // as in state_of
  StateSnapshot& out = *google::protobuf::Arena::CreateMessage<StateSnapshot>(&arena);
  out.set_campaign(campaign);
  out.set_nonce(nonce);
  out.set_seed(seed);
  out.set_status(static_cast<std::uint32_t>(status));
  out.set_why(why);
  out.set_opened_us(micros(opened));
  out.set_last_us(micros(last));
  for (const ExperimentEntry& entry : experiments) write(entry, *out.add_experiments());
  out.mutable_live()->Add(live.begin(), live.end());
  out.set_measured(measured);
  out.set_failed(failed);
  out.set_abandoned(abandoned);
  for (const auto& [at, told] : added) {
    Observed& one = *out.add_added();
    one.mutable_at()->Add(at.begin(), at.end());
    write(told, one);
  }
  for (const auto& [id, entry] : commands) write(entry, *out.add_commands());
  for (const auto& [id, entry] : instruments) write(entry, *out.add_instruments());
  for (const auto& [name, entry] : drivers) {
    const auto& [boot, up, ledger] = entry;
    DriverSnapshot& driver = *out.add_drivers();
    driver.set_name(name);
    driver.set_boot(boot);
    driver.set_up(up);
    driver.set_ledger(ledger);
  }
  out.mutable_places_taken()->Add(places_taken.begin(), places_taken.end());
  for (const auto& [reagent, used] : stock_used) {
    StockSnapshot& stock = *out.add_stock_used();
    stock.set_reagent(reagent);
    stock.set_used(used);
  }
  out.set_asks(asks);
  if (asking) *out.mutable_asking() = *asking;
  out.set_exhausted(exhausted);
  write(planning, *out.mutable_planning());
  out.set_abandoned_in_a_row(abandoned_in_a_row);
  out.set_alarms(alarms);
  for (const auto& [at, text] : recent_alarms) {
    AlarmSnapshot& alarm = *out.add_recent_alarms();
    alarm.set_at_us(micros(at));
    alarm.set_text(text);
  }
  out.set_lab_hold(static_cast<std::uint32_t>(lab_hold));
  out.set_lab_held_why(lab_held_why);
  out.set_paused_at_us(micros(paused_at));
  out.set_paused_for_us(paused_for.count());
  for (const auto& [name, entry] : interlocks) {
    const auto& [reading, entry_why, since, stopped] = entry;
    InterlockSnapshot& one = *out.add_interlocks();
    one.set_name(name);
    one.set_reading(reading);
    one.set_why(entry_why);
    one.set_since_us(micros(since));
    one.mutable_stopped()->Add(stopped.begin(), stopped.end());
  }
  return out.SerializeAsString();
}

State state_of(std::string_view snapshot) {
  // In one piece of memory: a million small ones that come and go between those of the state slow down all that follow.
  google::protobuf::Arena arena;
  StateSnapshot& in = *google::protobuf::Arena::CreateMessage<StateSnapshot>(&arena);
  if (!in.ParseFromArray(snapshot.data(), static_cast<int>(snapshot.size())))
    throw InputError("the snapshot cannot be read");
  State state;
  state.campaign = in.campaign();
  state.nonce = in.nonce();
  state.seed = in.seed();
  state.status = static_cast<CampaignState>(in.status());
  state.why = in.why();
  state.opened = time_of(in.opened_us());
  state.last = time_of(in.last_us());
  state.experiments.resize(static_cast<std::size_t>(in.experiments_size()));
  for (std::size_t i = 0; i < state.experiments.size(); ++i) {
    state.experiments[i].number = i + 1;
    read(in.experiments(static_cast<int>(i)), state.experiments[i]);
  }
  state.live.assign(in.live().begin(), in.live().end());
  state.measured = in.measured();
  state.failed = in.failed();
  state.abandoned = in.abandoned();
  for (const Observed& one : in.added())
    state.added.push_back({{one.at().begin(), one.at().end()}, correction_of(one)});
  for (const CommandSnapshot& one : in.commands()) read(one, state.commands[one.command().id()]);
  for (const InstrumentSnapshot& one : in.instruments()) read(one, state.instruments[one.description().id()]);
  for (const DriverSnapshot& one : in.drivers()) state.drivers[one.name()] = {one.boot(), one.up(), one.ledger()};
  state.places_taken.insert(in.places_taken().begin(), in.places_taken().end());
  for (const StockSnapshot& one : in.stock_used()) state.stock_used[one.reagent()] = one.used();
  state.asks = in.asks();
  if (in.has_asking()) state.asking = in.asking();
  state.exhausted = in.exhausted();
  read(in.planning(), state.planning);
  state.abandoned_in_a_row = in.abandoned_in_a_row();
  state.alarms = in.alarms();
  for (const AlarmSnapshot& alarm : in.recent_alarms())
    state.recent_alarms.push_back({time_of(alarm.at_us()), alarm.text()});
  state.lab_hold = static_cast<HoldState>(in.lab_hold());
  state.lab_held_why = in.lab_held_why();
  state.paused_at = time_of(in.paused_at_us());
  state.paused_for = Duration{in.paused_for_us()};
  for (const InterlockSnapshot& one : in.interlocks()) {
    state.interlocks[one.name()] = {
        one.reading(), one.why(), time_of(one.since_us()), {one.stopped().begin(), one.stopped().end()}};
  }
  return state;
}

}  // namespace athanor
