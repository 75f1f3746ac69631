// A driver without its sockets: answers messages, carries each command out at most once, enforces limits last.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "instruments/array_window.h"
#include "instruments/instrument.h"
#include "instruments/ledger.h"

namespace athanor {

constexpr unsigned kProtocolVersion = 1;

/// Single-threaded and pure but for its ledger and its instruments: messages and the time go in, messages come out. The
/// same object stands behind a ZeroMQ socket (driver_server.h) and behind an in-process link (local_link.h).
class Driver {
 public:
  struct Options {
    using Within = std::function<wire::Instrument(const wire::Instrument& described)>;
    double dead_man_s = 0;  ///< told to the controller in Welcome; kept by the shell, which calls controller_lost()
    std::size_t window = ArrayWindow::kBytes;  ///< of arrays that are not on the controller's disk yet
    Within within = {};  ///< what its laboratory allows of an instrument (tighten()); none: all that it describes
    /// Instruments that it should speak for and cannot, and why: told to whoever asks.
    std::map<std::string, std::string> set_aside = {};
    /// Where it says which commands it begins and how they end, for its owner; none: nowhere.
    std::function<void(const std::string& line)> log = {};
  };

  /// `boot` must differ at every start of the driver. Commands that the ledger shows as begun and not ended are looked
  /// up in their instruments (Instrument::recall): those still running go on, those finished are entered in the ledger,
  /// those never started are forgotten, and the rest are INTERRUPTED for good and their instruments made safe, as are
  /// those that the ledger shows as left unsafe. A ledger that is new is known by `boot` from then on. throws
  /// InputError if an instrument describes itself wrongly, or all of them at greater length than a message has,
  /// EnvironmentError if the ledger cannot be written.
  Driver(std::string name, std::string boot, std::vector<std::unique_ptr<Instrument>> instruments, Ledger& ledger,
         Options options, Time now);

  const std::string& name() const { return name_; }
  const std::string& boot() const { return boot_; }
  const Options& options() const { return options_; }
  std::vector<wire::Instrument> describe() const;

  /// The answers to one message. A command: known to the ledger → answered from it; otherwise checked against limits,
  /// entered in the ledger (synced), and only then started. What is refused is entered too, so that its id keeps its
  /// answer; if the ledger cannot be written, the command is not started and the answer is Refused with its id. A
  /// Cancel of an id that was never seen enters it as interrupted: it will not be started by a command that comes late.
  std::vector<wire::FromDriver> receive(const wire::ToDriver& message, Time now);

  /// What it knows of an id: the answer to a Question. throws EnvironmentError if the ledger cannot be read.
  wire::CommandState state_of(const std::string& id);

  /// When `advance` will have something to say; kNever if nothing is under way.
  Time wakes_at() const;
  /// What its instruments may be woken by before that (Instrument::wake_fd).
  std::vector<int> wake_fds() const;
  /// Outcomes (entered in the ledger, synced, before they are returned) and progress due by `now`. An outcome that
  /// cannot be entered is kept, its command answered as running, and tried again every second until it can.
  std::vector<wire::FromDriver> advance(Time now);

  /// Where its arrays wait for the controller; null where no instrument makes any. A command that makes one is carried
  /// out only for a controller that takes arrays, and its outcome waits until they are stored.
  ArrayWindow* arrays() { return arrays_.get(); }

  /// What the sensors of its instruments show. What is too long to be sent is left out, and told of once.
  std::vector<wire::FromDriver> telemetry(Time now);

  /// No controller was heard for longer than the dead-man time: every instrument goes to its safe state.
  void controller_lost(Time now);

 private:
  struct Running {
    wire::Command command;
    double expected_s = 0;
    std::optional<wire::Outcome> storing;    ///< it ended, and its arrays are on their way
    std::optional<wire::Outcome> unwritten;  ///< it ended, and the ledger could not be written
  };
  using Messages = std::vector<wire::FromDriver>;

  void make_safe_what_was_left(Time now);
  void recover(const Ledger::Entry& entry, Time now);
  void note_unsafe(const std::string& instrument);
  void note_who_is_safe(Time now);
  void on_command(const wire::Command& command, Time now, Messages& out);
  void on_cancel(const std::string& id, Time now, Messages& out);
  void on_stop(const wire::Stop& stop, Time now, Messages& out);
  void say_who_is_safe(Messages& out);
  void on_question(const wire::Question& question, Messages& out);
  bool is_for_another_ledger(const wire::ToDriver& message, const std::string& id, Messages& out) const;
  void welcome(Messages& out) const;
  void begin(const wire::Command& command, Time now, Messages& out);
  std::optional<Fault> why_not(const wire::Command& command, Time now) const;

  void collect(Instrument& instrument, Time now, Messages& out);
  void finish(const wire::Outcome& outcome, Time now, Messages& out);
  void look_at_arrays(Time now, Messages& out);
  void enter(const wire::Outcome& outcome, Time now, Messages& out);
  const wire::Capability& capability_of(const wire::Command& command) const;
  void log(const std::string& line) const;
  void log_end(const wire::Command& command, const wire::Outcome& outcome) const;
  void say_standing(const Ledger::Entry& entry, Messages& out) const;
  void refuse(const std::string& why, const std::string& id, Messages& out) const;
  wire::FromDriver& say(Messages& out) const;

  std::string name_, boot_;
  std::string ledger_name_;
  std::map<std::string, std::unique_ptr<Instrument>> instruments_;
  std::map<std::string, wire::Instrument> descriptions_;
  Ledger& ledger_;
  Options options_;
  std::unique_ptr<ArrayWindow> arrays_;
  bool takes_arrays_ = false;                ///< the controller does
  std::map<std::string, Running> running_;   ///< by command id
  std::map<std::string, std::string> busy_;  ///< instrument → the command it is busy with
  std::set<std::string> unsafe_;             ///< instruments that the ledger shows as left unsafe
  std::vector<wire::Stopped> stopping_;      ///< by stop, the instruments that have not reached their safe state yet
  Time retry_at_ = kNever;                   ///< when what could not be written is tried again
  std::set<std::string> too_telling_;        ///< instruments whose readings are too long, as was told
};

/// Why `command` is outside what `capability` allows (an unknown, missing or ill-typed parameter, a wrong unit, a
/// limit), in words that name parameter, value and bound; empty if it is allowed. Units are converted before limits are
/// compared.
std::string why_refused(const wire::Capability& capability, const wire::Command& command);
/// The same of one parameter: "“speed” is 3 m/s, above the limit of 2 m/s".
std::string why_refused(const wire::Field& field, const wire::Value& value);
/// The number that is allowed for `field`, in the field's unit and within its limits.
double in_unit_of(const wire::Field& field, const wire::Value& value);

}  // namespace athanor
