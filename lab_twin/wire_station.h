// A simulated device at its line: what it answers, and what becomes of that on its way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "lab_twin/blueprint.h"
#include "lab_twin/wire_device.h"

namespace athanor {

/// What is said over the line.
struct WireAnswer {
  std::string bytes;
  double late_s = 0;  ///< wall time
};

class WireStation {
 public:
  /// As a device that was off: it knows nothing of what it did.
  WireStation(const PlannedDevice& planned, std::shared_ptr<World> world, std::vector<std::string> places, Time now);

  struct Said {
    std::vector<WireAnswer> answers;
    bool breaks = false;  ///< then the line does, and nothing follows
  };
  /// Takes whole messages off the front of `heard`; of Modbus, in the form of Modbus TCP, also over a serial line.
  Said hear(std::string& heard, Time now);
  /// What a device does by itself, until `now`.
  void go_on(Time now) { device_.state(now); }

 private:
  enum class Mishap { kNone, kReset, kRestart, kNoAnswer, kGarbled, kTruncated, kLate, kWrongChecksum };
  void restart(Time now);
  Mishap what_befalls();

  const WireManners manners_;
  const bool rtu_;  ///< its answers are frames
  RandomStream mishaps_;
  WireDevice device_;
  std::unique_ptr<WireLanguage> language_;
};

/// What is behind the “#” of an address at a line that several devices share; none where it is a device's own.
/// throws InputError for what a simulated device cannot be.
std::optional<int> unit_of(const PlannedDevice& device);

}  // namespace athanor
