// The controller's way to its drivers. One interface; over ZeroMQ in production, in process on a virtual clock in
// simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "instruments/driver.h"
#include "instruments/heartbeat.h"
#include "instruments/keys.h"

namespace athanor {

struct DriverMessage {
  wire::FromDriver message;
};
/// The link to a driver came up (its Hello was answered) or went down (silent for longer than the bound).
struct LinkChange {
  std::string driver;
  bool up = false;
};

struct DriverArrivals {
  std::vector<DriverMessage> messages;
  std::vector<LinkChange> changes;
  bool empty() const { return messages.empty() && changes.empty(); }
};

class DriverLink {
 public:
  virtual ~DriverLink() = default;
  /// Never blocks. A message to a driver that is down is dropped: the engine asks again when the link is up.
  virtual void send(const std::string& driver, const wire::ToDriver& message) = 0;
  /// Waits until something arrives, laboratory time `until` is reached, or `wake_fd` (−1: none) becomes readable; gives
  /// what arrived. Over a virtual clock it moves the clock instead of waiting.
  virtual DriverArrivals receive(Time until, int wake_fd) = 0;
  /// How many arrivals could not be understood and were dropped.
  virtual std::uint64_t dropped() const { return 0; }
};

/// Drivers in this process, on a clock that this link moves: straight to the next moment at which anything happens.
/// Of the instruments in `watched`, readings arrive once a second of that clock, until nothing is under way and they
/// stay the same: then only a person can go on.
/// store: keeps the arrays that the drivers make, and outlives the link, as the drivers do; none: they refuse to make
/// them. Its exceptions go through: nobody can be waited for on a virtual clock, who would make room on a disk.
std::unique_ptr<DriverLink> make_local_link(std::vector<Driver*> drivers, ManualClock& clock,
                                            std::set<std::string> watched = {}, ArrayStore* store = nullptr);

struct Endpoint {
  std::string driver;
  std::string address;   ///< ZeroMQ: "ipc:///run/athanor/liquids.sock", "tcp://127.0.0.1:5571"
  std::string key = "";  ///< the name under which its public key is allowed here; empty: the link is plain
};
/// Drivers behind ZeroMQ sockets (DEALER to each driver's ROUTER). Says Hello until answered, sends heartbeats, and
/// reports a driver that was silent for `silence_s` (wall time) as down. Errors in what arrives are dropped and
/// counted, never thrown; they are told as a `Refused` of that driver, and so is a driver that is not the right one.
/// What a driver floods is read at a bounded rate, the others first.
/// only_if_free: takes no driver away from another controller; its link stays down, and its Refused arrives.
/// takes_arrays: what drivers send over their data sockets is stored (data_link.h); otherwise they refuse to make it.
/// keys: needed where an endpoint names one. throws InputError if an address leaves this machine and has none.
std::unique_ptr<DriverLink> make_zmq_link(const std::vector<Endpoint>& endpoints, const std::string& controller_name,
                                          const ScaledClock& clock, double silence_s = kSilence,
                                          const std::optional<LinkKeys>& keys = {}, bool only_if_free = false,
                                          bool takes_arrays = false);

/// Where a driver says who came, who was turned away and what could not be understood; none: on standard error.
using DriverLog = std::function<void(const std::string& line)>;

struct ServeOptions {
  double linger_s = 0;                ///< above 0: ends, too, once no controller was heard for that long
  std::optional<LinkKeys> keys = {};  ///< then encrypted, and only for controllers whose key is allowed at that moment
  /// Of a driver that makes arrays also called in the thread of its data socket.
  DriverLog log = {};
  unsigned data_port = 0;                ///< of the data socket, over tcp; 0: one that the system chooses
  std::function<void()> listening = {};  ///< called once, when controllers can connect
};
/// Serves `driver` at `address` until `stop_fd` becomes readable: the process's main loop. Keeps the dead-man time by
/// wall clock.
/// throws EnvironmentError naming the address if it is in use; InputError if it leaves this machine and has no keys.
void serve_driver(Driver& driver, const std::string& address, const ScaledClock& clock, int stop_fd,
                  ServeOptions options = {});

/// The ZeroMQ library's version: "4.3.4".
std::string transport_version();

}  // namespace athanor
