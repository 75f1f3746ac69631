// The state of a campaign: what applying the journal's records in order gives. It changes in no other way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "controller/tables.h"
#include "core/clock.h"
#include "proto/journal.pb.h"

namespace athanor {

namespace wire = driver::v1;
using journal::v1::Record;

/// A record that cannot follow those before it: no engine wrote it there.
struct UnfitRecord : std::logic_error {
  using std::logic_error::logic_error;
};

/// So many faults of an instrument in a row set it aside.
constexpr std::uint32_t kFaultsInARow = 3;

/// How far an instrument is on its way to its safe state.
enum class SafeState {
  kInUse,     ///< nobody asked for it
  kWhenIdle,  ///< it is to be asked for when what the instrument does has ended
  kAtOnce,    ///< whatever it does
  kSafe       ///< its driver confirmed it; until it is used again
};

/// A command of an experiment that has not ended yet.
struct CommandEntry {
  wire::Command command;
  std::uint64_t experiment = 0;
  std::uint32_t step = 0;
  std::uint32_t attempt = 1;
  CommandState state = CommandState::kIntended;
  wire::Outcome outcome;
  double expected_s = 0;
  Time since{};                          ///< of the last change
  std::vector<journal::v1::Flag> flags;  ///< results that are not to be believed
  bool again = false;                    ///< a person wants it done once more
  std::string ledger;                    ///< in which its driver enters it, and in no other; empty: it does not say

  bool open() const { return state == CommandState::kIntended || state == CommandState::kAccepted; }
};

/// What a person said that an experiment gave. It counts in place of what was measured, which is kept beside it.
struct Correction {
  std::vector<wire::Value> values;
  std::string failed;      ///< not empty: why; then there are no values
  bool withdrawn = false;  ///< the values do not count, nor does anything else
  std::string who, why;
  Time said{};  ///< by the calendar
};

struct ExperimentEntry {
  std::uint64_t number = 0;
  std::vector<wire::Value> at;
  std::vector<journal::v1::Prediction> predicted;
  ExperimentState state = ExperimentState::kProposed;
  HoldState hold = HoldState::kFree;
  std::string held_why;  ///< "ann: the vial is cracked"
  std::string place;
  /// Of hazardous steps: what was asked of a person, and the answer.
  struct Permit {
    std::string digest, text;
    std::optional<wire::Approval> approval;
  };
  std::map<std::uint32_t, Permit> permits;
  std::map<std::uint32_t, std::string> commands;  ///< step → the id of its latest command; emptied at the end
  bool in_use = false;  ///< one of them is open: a sample is in one place, so one step at a time acts on it
  std::optional<journal::v1::HelpAsked> help;    ///< what a person has not answered yet
  std::optional<journal::v1::CleanUp> clean_up;  ///< it has come to nothing, and is being cleaned up
  std::vector<wire::Value> measured;
  std::vector<journal::v1::Flag> flags;  ///< of what was measured: not told to the planner
  std::string why;                       ///< it failed or was abandoned
  std::optional<Correction> corrected;   ///< the newest; controller/observed.h says what counts
  Time begun{}, ended{};

  bool ended_already() const { return state >= ExperimentState::kMeasured; }
  /// A hazardous step of it was not approved yet.
  bool waits_for_approval() const {
    return std::any_of(permits.begin(), permits.end(), [](const auto& item) { return !item.second.approval; });
  }
  /// Measured or failed; what a person says of it may have changed what.
  bool taught() const { return state == ExperimentState::kMeasured || state == ExperimentState::kFailed; }
};

/// An experiment that was done elsewhere, as a person told it last.
struct AddedEntry {
  std::vector<wire::Value> at;
  Correction told;
};

struct InstrumentEntry {
  wire::Instrument description;
  std::string driver;
  InstrumentState state = InstrumentState::kOffline;
  HoldState hold = HoldState::kFree;
  SafeState safe = SafeState::kInUse;
  bool forgotten = false;                     ///< that is because its driver had lost its ledger
  std::string command;                        ///< what it is busy with
  std::uint32_t faults = 0;                   ///< in a row
  bool set_aside = false;                     ///< for them: gets no step before it has passed its self-test
  Time tested{};                              ///< when it was set aside, or failed its last test since
  std::uint32_t tests = 0, tests_failed = 0;  ///< ever, and since it was set aside
  /// What a result was last, and how often in a row: a sensor that says the same for ever measures nothing.
  struct Reading {
    double number = 0;
    std::uint32_t times = 0;
  };
  std::map<std::string, Reading> readings;
};

struct DriverEntry {
  std::string boot;
  bool up = false;
  std::string ledger;  ///< that it keeps; empty: it does not say
};

/// One that is tripped.
struct InterlockEntry {
  std::string reading, why;
  Time since{};
  std::set<std::string> stopped;  ///< instruments that it brought to their safe state
};

/// What is ready for experiments to come, and what tells whether it must be: Engine::ask_for_more.
struct PlanningEntry {
  std::deque<journal::v1::Proposed> prepared;  ///< suggested and not proposed yet, in the order in which they will be
  std::uint64_t prepared_knows = 0;            ///< of so many results the newest of them know
  /// How often what the planner is told of ended experiments has changed: whatever record changes it adds one.
  std::uint64_t results = 0;
  /// The open question: when it was asked, and of how many results and experiments it knows.
  Time asked_at{};
  std::uint64_t asked_knows = 0, asked_after = 0;
  /// The planner's latest answer, and after how many experiments it was asked for. 0: none yet, or on a virtual clock,
  /// where thinking takes no time.
  Duration took{0};
  std::uint64_t took_after = 0;
  Duration experiments_took{0};  ///< measured and failed ones, together
};

struct State {
  std::string campaign, nonce;
  std::uint64_t seed = 0;
  CampaignState status = CampaignState::kNew;
  std::string why;  ///< it stopped, paused or finished
  HoldState lab_hold = HoldState::kFree;
  std::string lab_held_why;
  Time opened{}, last{};
  Time paused_at{};                          ///< while it is paused
  Duration paused_for{0};                    ///< by earlier pauses together
  std::vector<ExperimentEntry> experiments;  ///< number n stands at index n − 1
  std::vector<std::uint64_t> live;           ///< proposed, approved or running, in order
  std::size_t measured = 0, failed = 0, abandoned = 0;
  std::vector<AddedEntry> added;  ///< number n stands at index n − 1
  std::map<std::string, CommandEntry> commands;
  std::map<std::string, InstrumentEntry> instruments;
  std::map<std::string, DriverEntry> drivers;
  std::set<std::string> places_taken;
  std::map<std::string, double> stock_used;
  std::uint64_t asks = 0;                    ///< how many questions the planner was asked
  std::optional<journal::v1::Asked> asking;  ///< the one it has not answered
  bool exhausted = false;                    ///< the planner had nothing left to suggest
  PlanningEntry planning;
  std::uint64_t abandoned_in_a_row = 0;
  std::uint64_t alarms = 0;
  struct Told {
    Time at{};
    std::string text;
  };
  std::vector<Told> recent_alarms;                   ///< the newest last
  std::map<std::string, InterlockEntry> interlocks;  ///< those that are tripped, by name

  /// throws UnfitRecord for what the tables forbid, or what names something that is not there. The state is of no use
  /// afterwards.
  void apply(const Record& record);

  /// Every field in a fixed order, as text: equal texts, equal states.
  std::string canonical() const;
  /// SHA-256 of `canonical`, in hexadecimal.
  std::string hash() const;

  /// With which the id of each of its commands begins, and no other campaign's.
  std::string id_prefix() const { return campaign + "/" + nonce + "/"; }
  const ExperimentEntry& experiment(std::uint64_t number) const;
  /// The least live experiment above `number`, 0 if there is none: a walk that ends of experiments do not disturb.
  std::uint64_t next_live(std::uint64_t number) const;
  /// How many live experiments wait for a person's answer.
  std::size_t waiting() const;
  /// Experiments that taught something: measured or failed.
  std::size_t done() const { return measured + failed; }
  bool commands_open() const;
  /// Whether its driver keeps another ledger than the one in which `command` would be: it never saw it, and that says
  /// nothing.
  bool ledger_lost(const CommandEntry& command) const;
  /// How many of the prepared suggestions stay when the open question is answered: it counts them as pending.
  std::size_t kept() const;
  /// Whether the open question's answer would not know of an experiment that was proposed since, and might double it.
  bool answer_outdated() const;
  Duration lab_time() const { return last - opened; }
  /// Of what a campaign may take: pauses do not count.
  Duration worked_until(Time now) const;
  /// Whether an instrument's way to its safe state has begun and not ended.
  static bool to_be_safe(const InstrumentEntry& instrument) {
    return instrument.safe == SafeState::kWhenIdle || instrument.safe == SafeState::kAtOnce;
  }

 private:
  void apply_body(const Record& record);
  ExperimentEntry& entry(std::uint64_t number);
  void move(ExperimentEntry& experiment, ExperimentEvent event);
  void end(ExperimentEntry& experiment, ExperimentEvent event, Time time, bool unclean = false, bool ordered = false);
  void learn(const ExperimentEntry& ended);
  void apply_asked(const journal::v1::Asked& asked, Time time);
  void apply_answered(const journal::v1::Answered& answered, Time time);
  void apply_driver_seen(const journal::v1::DriverSeen& seen);
  void apply_intended(const journal::v1::Intended& intended, Time time);
  void apply_command(const journal::v1::CommandMoved& moved, Time time);
  void apply_order(const journal::v1::Order& order, Time time);
  void apply_help(const journal::v1::HelpGiven& given);
  void apply_end_of_command(CommandEntry& ended, const journal::v1::CommandMoved& moved, Time time);
  void set_aside(InstrumentEntry& instrument, Time time);
  void apply_observed(const journal::v1::Observed& observed);
  void apply_interlock(const journal::v1::Interlock& interlock, Time time);
  void move_campaign(CampaignEvent event, const std::string& reason, Time time);
};

}  // namespace athanor
