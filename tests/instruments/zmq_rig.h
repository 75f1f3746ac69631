// Drivers behind real sockets: in a thread of the test, or in a process of their own that can be killed.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "instruments/driver_link.h"
#include "instruments/zmq_socket.h"
#include "tests/instruments/rig.h"

namespace athanor::rig {

/// Laboratory time at `speed` times the wall clock.
ScaledClock running_clock(double speed);

/// A driver "hot" with heater-1, served by a thread of its own until the end.
class ServedDriver {
 public:
  ServedDriver(const std::string& address, const ScaledClock& clock, Driver::Options options = {}, double linger_s = 0,
               const std::optional<LinkKeys>& keys = {});
  ~ServedDriver();
  /// Waits until it returned by itself; the message of the exception that ended it, if one did.
  std::string wait_for_end();
  /// Waits until a line of its log has all of `words`, and gives it.
  std::string await_log(const std::vector<std::string>& words);
  std::size_t log_lines();

  Device device;

 private:
  Ledger ledger_{""};
  std::unique_ptr<Driver> driver_;
  int stop_[2];
  std::string failure_;
  std::mutex mutex_;
  std::condition_variable said_;
  std::vector<std::string> log_;
  std::thread thread_;
};

/// An address on the loopback interface that nobody used a moment ago.
std::string free_tcp_address();

/// The same driver in a process of its own, its device remembering (or not) in `folder`. The address is
/// ipc://FOLDER/socket.
class DriverProcess {
 public:
  DriverProcess(const TemporaryFolder& folder, const std::string& boot, bool remembers);
  ~DriverProcess() { kill(); }
  void kill();
  void pause();
  void go_on();

 private:
  pid_t pid_ = -1;
};
std::string address_in(const TemporaryFolder& folder);
/// How often the device in `folder` physically began `id`.
int starts_in(const TemporaryFolder& folder, const std::string& id);

/// What arrives until `wanted` is among it; fails after 20 s of wall time. `wanted` sees every message and change once.
DriverArrivals await(DriverLink& link, const ScaledClock& clock,
                     const std::function<bool(const DriverArrivals&)>& wanted);
DriverArrivals await_up(DriverLink& link, const ScaledClock& clock, const std::string& driver = "hot");
DriverArrivals await_down(DriverLink& link, const ScaledClock& clock, const std::string& driver = "hot");
wire::FromDriver await_message(DriverLink& link, const ScaledClock& clock,
                               const std::function<bool(const wire::FromDriver&)>& wanted);

/// What to wait for.
inline const auto kRefused = [](const wire::FromDriver& message) { return message.has_refused(); };
inline auto outcome_of(const std::string& id) {
  return [id](const wire::FromDriver& message) { return message.has_outcome() && message.outcome().id() == id; };
}
inline auto accepted(const std::string& id) {
  return [id](const wire::FromDriver& message) { return message.has_accepted() && message.accepted().id() == id; };
}

/// A controller that knows only the socket: for what no link would do.
class RawController {
 public:
  /// secure: what is done to the socket before it connects.
  explicit RawController(const std::string& address, const std::function<void(ZmqSocket&)>& secure = nullptr);
  void send(const Frames& frames);
  void send(const wire::ToDriver& message) { send(Frames{message.SerializeAsString()}); }
  wire::FromDriver await(const std::function<bool(const wire::FromDriver&)>& wanted);

 private:
  ZmqContext context_;
  ZmqSocket socket_{context_, ZmqSocket::Kind::kDealer};
};

}  // namespace athanor::rig
