// The twin as the lab file describes it: read and checked, and not yet brought to life.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instruments/lab.h"
#include "lab_twin/device.h"
#include "lab_twin/model.h"

namespace athanor {

/// How a device speaks over the wire, and what may be wrong with its line: shares of its answers.
struct WireManners {
  std::string speaks = "scpi";
  double no_answer = 0;
  double late = 0, late_by_s = 2;  ///< wall time
  double garbled = 0;    ///< a byte lost or changed; of Modbus, the answer to another question, or of another unit
  double truncated = 0;  ///< half of it, and no more
  double resets = 0;     ///< the connection ends instead
  double restarts = 0;   ///< the device goes off and on again: what it did is broken off and forgotten
  double checksum = 0;   ///< its checksum is wrong; of Modbus RTU, since the other languages have none
};

/// The path of "serial:/PATH", also of a device at that line (“#3”); none of another address.
std::optional<std::string> serial_path(const std::string& at);
/// Whether the device at this address frames what it says as Modbus RTU.
bool speaks_rtu(const WireManners& manners, const std::string& at);

struct PlannedDevice {
  std::string driver;
  std::string at;  ///< where it listens, if it is spoken to over the wire
  wire::Instrument description;
  std::shared_ptr<const Behaviours> behaviours;
  Temper temper;
  WireManners wire;
};

struct Blueprint {
  std::string model;
  std::optional<std::uint64_t> seed;
  double dead_man_s = 0;
  std::vector<PlannedDevice> devices;
};

/// throws InputError with all mistakes.
Blueprint read_blueprint(const Lab& lab);

/// Opens or makes the world in `folder`, with the lab file's stock. throws as Twin does.
std::shared_ptr<World> open_world(const Lab& lab, const Blueprint& blueprint, const std::string& folder,
                                  std::optional<std::uint64_t> seed);

/// throws InputError if the laboratory has no driver of this name; the empty one stands for all.
void require_driver(const Lab& lab, const std::string& name);

}  // namespace athanor
