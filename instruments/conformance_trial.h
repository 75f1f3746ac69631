// What the single checks of a driver share: its socket, its process, the commands that were chosen, and words for what
// does not hold.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "instruments/conformance_plan.h"
#include "instruments/data_link.h"
#include "instruments/driver_process.h"
#include "instruments/probe.h"
#include "instruments/trial_store.h"

namespace athanor {

/// Thrown by a check: the promise does not hold, and what was found and expected.
struct Broken {
  std::string what;
  bool by_death = false;  ///< the driver's process ended by itself in the middle of a command
};
/// Thrown by a check: it cannot be tried, and why.
struct NotTried {
  std::string why;
};
/// Thrown by a check: the driver has nothing of which it could hold.
struct NotApplicable {
  std::string why;
};

constexpr double kAnswerSeconds = 5;  // within which a driver answers anything, and stops
constexpr double kBegins = 0.3;       // … and until what it accepted has begun in the device, too
constexpr const char* kTrialName = "athanor instrument check";

class Trial {
 public:
  explicit Trial(const ConformanceOptions& options);

  const ConformanceOptions& options() const { return options_; }
  Probe& probe() { return probe_; }
  /// Whoever is not the controller, over a connection of its own.
  Probe stranger() const { return Probe(options_.at, options_.keys, options_.stop_fd); }

  // ── What is known of the driver ──
  const std::string& driver() const { return driver_; }
  const std::string& boot() const { return boot_; }
  double dead_man_s() const { return dead_man_s_; }
  bool knows_visits() const { return knows_visits_; }
  const std::vector<wire::Instrument>& instruments() const { return instruments_; }
  const TrialPlan& plan() const { return plan_; }

  /// What came of arrays; of a driver that makes none, nothing does.
  TrialStore& store() { return store_; }

  bool device_fails = false;  ///< it could not carry out what it was to carry out to its end

  // ── Causes, so that what only follows from one is not called broken, too ──
  /// Whether a cancel, a stop, and time end what runs, as `cancel-running`, `stop` and `carried-out` found.
  std::optional<bool> cancel_ends, stop_ends, ends_by_itself;
  /// For a check in which something was not ended: throws NotTried if the controller's own cancel or stop ends nothing
  /// either, which is tried where it is not known.
  void rule_out_deaf_to_cancel();
  void rule_out_deaf_to_stop();
  /// Its process has ended by itself in the middle of a command.
  bool died() const { return process_ && !process_->end().empty() && !open_.empty(); }
  std::string death_found_by;  ///< the first promise that is broken by that; empty: none yet

  // ── Commands ──
  std::string fresh_id();
  const Chosen& quick() const;     ///< throws NotTried where there is none, as those below
  const Chosen& lasting();         ///< found by trying: does it run for as long as it says?
  const Chosen* lasting_if_any();  ///< null: there is none
  const Chosen& any() const;       ///< to be refused, or cancelled at once
  /// Of the plan's: it was carried out, in so many seconds of wall time, and others were not.
  void prefer_quick(std::size_t i, std::optional<double> took_s = {});
  const Endurance& endurance() const;
  double wall_s(const Chosen& chosen) const { return chosen.expected_s / speed_; }
  /// Seconds of wall time within which it must have ended.
  double patience_s(const Chosen& chosen) const;
  /// How fast laboratory time passes, once that was seen.
  void learn_speed(double lab_s, double wall_s);

  // ── Talking; what does not come as it must is thrown as Broken ──
  /// Hello until it is answered; its Welcome.
  wire::Welcome hello(double within_s = kAnswerSeconds);
  /// What it answers about the command: Accepted, Outcome, Refused or Answer.
  wire::FromDriver give(const wire::Command& command);
  void begin(const wire::Command& command);
  wire::Outcome outcome(const std::string& id, double within_s = kAnswerSeconds);
  wire::Outcome refused(const wire::Command& command, wire::FaultKind fault, const std::string& what);
  wire::FromDriver say_cancel(const std::string& id);  ///< its Outcome, or the Answer that it was interrupted
  wire::Outcome cancel(const std::string& id);
  /// The same where a promise about something else is tried, and goes on after that: what no cancel ends is for
  /// `cancel-running` to find, and thrown as NotTried. At the end of a check, what runs is left to `settle`.
  wire::Outcome end_early(const std::string& id);
  std::vector<wire::CommandState> ask(const std::vector<std::string>& ids);
  wire::CommandState ask(const std::string& id) { return ask(std::vector<std::string>{id}).front(); }
  /// A command that has ended, carried out or cancelled, and how.
  std::pair<wire::Command, wire::Outcome> ended();
  /// `command` once more: must be answered by exactly `known`.
  void expect_same(const wire::Command& command, const wire::Outcome& known, const std::string& when);
  wire::FromDriver expect(const Probe::Wanted& wanted, double within_s, const std::string& expected);

  // ── The process ──
  DriverProcess& process();  ///< throws NotTried where it is not ours
  /// Starts it (again) and says Hello; throws Broken if that is not answered.
  void restart();

  // ── Between checks ──
  /// The driver answers, and nothing of ours runs: cancels, stops, or starts it anew. False if it cannot be brought
  /// back.
  bool settle();
  /// The same at the end, which nobody breaks off.
  void leave();
  /// What was wrong with single messages, whatever they said: version, name, boot.
  const std::set<std::string>& odd_messages() const { return odd_; }

 private:
  void inspect(const wire::FromDriver* message);
  void stop_all();
  std::string why_not_lasting(const Chosen& chosen);
  std::string in_the_middle_of(const std::string& name);
  bool ends_what_runs(wire::ToDriver order);

  ConformanceOptions options_;
  std::unique_ptr<DriverProcess> process_;
  Probe probe_;
  std::string driver_, boot_;
  bool knows_visits_ = false;
  double dead_man_s_ = 0, speed_;
  std::vector<wire::Instrument> instruments_;
  TrialPlan plan_;
  std::size_t quick_ = 0;  ///< which of the plan's
  std::optional<double> quick_took_s_;
  std::optional<Chosen> lasting_;
  std::string why_none_lasts_;  ///< empty: not sought yet
  std::string death_;           ///< of a driver that ended while such a one was sought
  TrialStore store_;
  Wake data_wake_;
  std::unique_ptr<DataLink> data_;    ///< null: the driver makes no arrays
  std::set<std::string> open_, odd_;  ///< ids that were begun and have not ended; see odd_messages
  bool restless_ = false;             ///< something was broken off since all was safe
  int ids_ = 0;
};

/// Whether the message speaks of the command `id`.
bool is_about(const wire::FromDriver& message, const std::string& id);
bool same(const wire::Outcome& a, const wire::Outcome& b);

// ── The checks, a function each: returns what was measured; throws Broken or NotTried ──
namespace conformance {

using Check = std::string (*)(Trial&);

// conformance_describe.cpp
std::string hello(Trial&), description(Trial&), heartbeats(Trial&), questions(Trial&), visits(Trial&),
    envelopes(Trial&);
// conformance_arrays.cpp
std::string arrays_whole(Trial&), arrays_resumed(Trial&), arrays_doubled(Trial&);
// conformance_commands.cpp
std::string carried_out(Trial&), doubled_at_once(Trial&), doubled_while_running(Trial&), doubled_after_end(Trial&),
    id_reuse(Trial&), busy(Trial&), progress(Trial&), cancel_running(Trial&), cancel_ended(Trial&),
    cancel_before(Trial&), stop(Trial&), stop_one(Trial&), dead_man(Trial&);
// conformance_refusals.cpp
std::string limits(Trial&), units(Trial&), units_converted(Trial&), unknown_names(Trial&), values(Trial&),
    missing(Trial&), refusal_kept(Trial&), bounds(Trial&), hazardous(Trial&);
// conformance_frames.cpp
std::string garbage(Trial&), large_frame(Trial&), other_version(Trial&), strangers(Trial&), last_hello(Trial&);
// conformance_restarts.cpp
std::string new_boot(Trial&), killed_running(Trial&), killed_after_accepted(Trial&), killed_before_accepted(Trial&),
    other_ledger(Trial&), killed_after_end(Trial&), terminated(Trial&), endurance(Trial&);

}  // namespace conformance

}  // namespace athanor
