// What the tests of this folder share: a device that counts what it physically does and outlives its driver, and
// messages.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "instruments/driver.h"
#include "instruments/kit.h"
#include "instruments/messages.h"

namespace athanor::rig {

constexpr Time kStart{Duration{1'700'000'000'000'000}};
inline Time at(double after_s) {
  return kStart + from_seconds(after_s);
}

/// A folder of its own, deleted at the end.
struct TemporaryFolder {
  TemporaryFolder();
  ~TemporaryFolder();
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

/// Thrown by a device in the middle of something: the driver's process died there.
struct Crash {};

/// The hardware: it goes on while its driver is dead, and remembers its jobs if it is of that kind.
struct Device {
  struct Job {
    Time began{};
    Duration duration{};
    bool interrupted = false;
  };
  std::map<std::string, int> starts;  ///< by command id: how often it physically began
  std::map<std::string, Job> jobs;
  bool remembers = true;
  bool safe = false;
  enum class Die { kNo, kBeforeStart, kAfterStart, kAtEnd };
  Die die = Die::kNo;
  std::optional<Fault> broken;  ///< refuses to start
  std::optional<Fault> spoils;  ///< ends with this
};

/// "heat": temperature (degC, 20 … 150), duration (s, 1 … 36000), stirring (rpm, may be missing), gas (air | argon, may
/// be missing).
std::unique_ptr<Instrument> heater(const std::string& id, Device& device);

wire::Command heat(const std::string& id, const std::string& instrument = "heater-1", double temperature_c = 80,
                   double duration_s = 60);
wire::ToDriver say(const wire::Command& command);
wire::ToDriver hello();
wire::ToDriver ask(const std::vector<std::string>& ids);
wire::ToDriver cancel(const std::string& id);
wire::ToDriver stop();

/// The one answer of its kind among `messages`, null if there is none.
const wire::Outcome* outcome_in(const std::vector<wire::FromDriver>& messages, const std::string& id);
const wire::Accepted* accepted_in(const std::vector<wire::FromDriver>& messages, const std::string& id);
/// What the driver knows of `id`.
wire::CommandState state_of(Driver& driver, const std::string& id, Time now);

}  // namespace athanor::rig
