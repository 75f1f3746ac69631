// The contract of an instrument: describe yourself, start a command, cancel, stop safely. Nothing here ever blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/outcome.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

class ArrayWindow;

class Instrument {
 public:
  /// What the device itself remembers of a command, asked after its driver was restarted.
  struct Memory {
    enum class Kind { kNeverStarted, kRunning, kFinished, kCannotTell };
    Kind kind = Kind::kCannotTell;
    wire::Outcome outcome;  ///< for kFinished
  };

  virtual ~Instrument() = default;

  virtual wire::Instrument describe() const = 0;

  /// Begins `command`, whose parameters were checked against the description, at `now`. Gives the time it is expected
  /// to take, or the fault for which it was not begun. Reports arrive through `poll`.
  virtual Outcome<Duration> start(const wire::Command& command, Time now) = 0;

  /// Where the rows of its arrays go: said once, before the first command, to an instrument that describes any. Its
  /// `poll` puts them in as far as there is room, and is called again when there is more.
  virtual void send_arrays_to(ArrayWindow&) {}

  /// When `poll` will have something to report; kNever if nothing is running.
  virtual Time wakes_at() const = 0;

  /// Becomes readable when there is something to report that `wakes_at` could not foresee, until `poll` has given it:
  /// for devices that are spoken to by a thread of their own. −1: there is no such thing.
  virtual int wake_fd() const { return -1; }

  /// The progress reports and outcomes due by `now`; a Refused without an id tells a person what else is the matter.
  virtual std::vector<wire::FromDriver> poll(Time now) = 0;

  /// Ends the command if it is running; its outcome (INTERRUPTED) arrives through `poll`.
  virtual void cancel(const std::string& command_id, Time now) = 0;

  /// Brings the device to its safe state, or sets about it; whatever ran ends as INTERRUPTED.
  virtual void make_safe(Time now) = 0;

  /// Whether the device has reached the safe state that it was brought to last. One that needs time for it says false
  /// meanwhile, goes on trying by itself, and gets no command.
  virtual bool is_safe() const { return true; }

  /// What is the matter with the device as far as is known now, in words for a person; empty: nothing.
  virtual std::string trouble() const { return ""; }

  /// What its sensors show now, for telemetry: asked about once a second while a controller listens. None as a rule.
  virtual std::vector<wire::Value> readings(Time) { return {}; }

  /// After a restart of the driver: a device that numbers its own jobs can tell what became of one.
  /// After kRunning, the command goes on as if it had been started here, at `began`, when an earlier process of the
  /// driver started it.
  virtual Memory recall(const wire::Command& command, Time began, Time now) = 0;
};

}  // namespace athanor
