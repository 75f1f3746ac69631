// Two machines whose driver and controllers speak over an encrypted link, and know each other's keys.
#pragma once

#include <memory>
#include <string>

#include "tests/instruments/zmq_rig.h"

namespace athanor::rig {

/// Two machines: the driver's keys and the controllers', which know each other.
struct SecureSite {
  explicit SecureSite(double speed = 1000) : clock(running_clock(speed)) {
    there.allow(here.make("laptop", ""));
    here.allow(there.make("bench", ""));
  }
  std::unique_ptr<ServedDriver> serve() {
    return std::make_unique<ServedDriver>(address, clock, Driver::Options{}, 0, keys(there, "bench"));
  }
  static LinkKeys keys(const KeyFolder& folder, const std::string& own) {
    return {folder.own(own), AllowList(folder.path())};
  }
  std::unique_ptr<DriverLink> link(const std::string& own = "laptop", const std::string& at = "") {
    return make_zmq_link({{"hot", at.empty() ? address : at, "bench"}}, "ann", clock, 5, keys(here, own));
  }

  TemporaryFolder folder;
  KeyFolder here{folder / "here"}, there{folder / "there"};
  ScaledClock clock;
  std::string address = free_tcp_address();
};

/// The link carries a command to its end.
void works(DriverLink& link, const ScaledClock& clock, const std::string& id);
/// What the other end, or the link, has to say against it.
std::string complaint(DriverLink& link, const ScaledClock& clock);

}  // namespace athanor::rig
