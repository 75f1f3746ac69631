// A driver's own durable memory of command ids: what was begun and how it ended. It is why a doubled message is
// harmless.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/database.h"
#include "proto/driver.pb.h"

namespace athanor {

/// What writes is virtual: the simulator's disk is full now and then.
class Ledger {
 public:
  struct Entry {
    driver::v1::Command command;
    std::string boot;           ///< of the driver that began it
    std::optional<Time> began;  ///< laboratory time; none: an older program entered it, or it was refused
    std::optional<driver::v1::Outcome> outcome;
    bool interrupted = false;  ///< what became of it cannot be known any more; then there is no outcome
  };

  /// Opens or makes `file` ("" in memory). throws EnvironmentError (another driver holds it, disk full, not a ledger).
  explicit Ledger(const std::string& file, Database::Sync sync = Database::Sync::kFull);
  virtual ~Ledger();

  // All that write are synced when they return, and have changed nothing if they throw EnvironmentError.

  std::optional<Entry> find(const std::string& id);
  /// What this ledger is known by, for ever: `fresh` if it has no name yet. No other one may be called so.
  virtual std::string identify(const std::string& fresh);
  /// The command is about to be started. An id enters once.
  virtual void begin(const driver::v1::Command& command, const std::string& boot, Time now);
  virtual void end(const driver::v1::Outcome& outcome);
  /// A command that was answered with `outcome` and never started: entered, so that its id keeps that answer.
  virtual void refuse(const driver::v1::Command& command, const std::string& boot, const driver::v1::Outcome& outcome);
  /// A command that was begun under an earlier boot and of which nobody knows what became.
  virtual void mark_interrupted(const std::string& id);
  /// A command that was entered but certainly never started.
  virtual void forget(const std::string& id);
  /// An instrument that is not known to be in its safe state after what it did, or that is again. A second time changes
  /// nothing.
  virtual void note_unsafe(const std::string& instrument);
  virtual void note_safe(const std::string& instrument);
  /// Begun, and neither ended nor marked as interrupted; ordered by id.
  std::vector<Entry> unfinished();
  /// The instruments that were noted as unsafe and not as safe again; ordered by id.
  std::vector<std::string> unsafe();

 private:
  struct Statements;
  Database database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace athanor
