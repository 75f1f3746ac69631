// The simulated laboratory: a durable world, and the drivers of the instruments that act on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "instruments/driver.h"
#include "instruments/lab.h"

namespace athanor {

/// Opens the world that a lab file describes and brings up the drivers of its instruments. What has happened physically
/// is in the folder, not in this object: it survives the death of any process, and several processes may share one
/// folder, each with other drivers.
class Twin {
 public:
  /// Opens or makes the world of `lab` in `folder` (world.db, and one ledger a driver); the folder is made if it is not
  /// there. seed   replaces the lab file's; a world that exists keeps its own, and another one asked for is an error.
  /// only   just this driver (one process a driver); empty: all of them.
  /// boot   tells this start of the drivers from every other one.
  /// now    the laboratory time, not before world_time(folder).
  /// `lab` must outlive the call only.
  /// throws InputError as describe_twin does, for a driver that the lab does not have, and for a folder with another
  /// world; EnvironmentError for a folder or file that cannot be used.
  Twin(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& only,
       const std::string& boot, Time now);
  ~Twin();
  Twin(Twin&&) noexcept;
  Twin& operator=(Twin&&) noexcept;

  std::vector<Driver*> drivers();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The simulated devices of `driver` on real sockets and serial lines: each is where its instrument's `at` says, and
/// speaks the language of its settings, until `stop_fd` becomes readable or, with `linger_s` > 0, nobody was connected
/// for so long. Those of instruments in `without` are left out. throws as Twin does; InputError also for an instrument
/// without an address, EnvironmentError for one that is in use.
void serve_wire(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& driver,
                const ScaledClock& clock, int stop_fd, double linger_s = 0, const std::set<std::string>& without = {});

/// What the twin's instruments will say of themselves, within the laboratory's limits, in the order of the lab file;
/// nothing is opened or made. For checking files. throws InputError with all mistakes and their places in the lab file:
/// no twin, an unknown model, instrument kind or setting, a missing table or column.
std::vector<driver::v1::Instrument> describe_twin(const Lab& lab);

/// The last laboratory time that the world in `folder` has seen; none if there is no world. Clocks go on from there.
std::optional<Time> world_time(const std::string& folder);
/// Whether a simulated world was ever made in `folder`.
bool world_exists(const std::string& folder);

/// One command id and what a device physically did under it. Nothing but devices writes this: it is the yardstick for
/// "never twice, never lost".
struct PhysicalAction {
  std::string command, instrument, capability, sample;
  int begun = 0;           ///< how often a device began it; more than 1 is a doubled action
  bool completed = false;  ///< carried out to its end (whatever the result), not interrupted and not still running
};

/// All of them, in the order in which they were first begun. throws EnvironmentError if `folder` holds no world.
std::vector<PhysicalAction> physical_actions(const std::string& folder);

}  // namespace athanor
