// A driver's main loop behind a ROUTER socket: one controller at a time, heartbeats, and the dead-man time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "instruments/address_lock.h"
#include "instruments/driver_link.h"
#include "instruments/heartbeat.h"
#include "instruments/messages.h"
#include "instruments/zmq_socket.h"

namespace athanor {

namespace {

constexpr int kMessagesPerTurn = 1000;  // before the instruments are looked at again
constexpr double kTelemetryEvery = 1;   // seconds

class DriverServer {
 public:
  DriverServer(Driver& driver, const std::string& address, const ScaledClock& clock)
      : driver_(driver), clock_(clock), lock_(address), router_(context_, ZmqSocket::Kind::kRouter) {
    router_.bind(address);
    heard_at_ = monotonic_seconds();
    lab_now_ = clock_.now();
  }

  void serve(int stop_fd, double linger_s) {
    for (;;) {
      look_at_instruments();
      const double now = monotonic_seconds();
      if (linger_s > 0 && now - heard_at_ > linger_s) return;
      const double dead_man_s = driver_.options().dead_man_s;
      if (dead_man_s > 0 && !abandoned_ && now - heard_at_ > dead_man_s) {
        abandoned_ = true;
        driver_.controller_lost(lab_now_);
        continue;
      }
      if (!controller_.empty() && now - measured_at_ >= kTelemetryEvery) {
        measured_at_ = now;
        for (const wire::FromDriver& telemetry : driver_.telemetry(lab_now())) tell_controller(telemetry);
      }
      if (!controller_.empty() && now - said_at_ >= kHeartbeatEvery) {
        wire::FromDriver heartbeat = message();
        heartbeat.mutable_heartbeat();
        tell_controller(heartbeat);
      }
      std::vector<ZmqWait> waits = {{&router_, -1, false, false}, {nullptr, stop_fd, false, false}};
      for (const int fd : driver_.wake_fds()) waits.push_back({nullptr, fd, false, false});
      wait_for_any(waits, timeout(linger_s, dead_man_s));
      if (waits[1].ready) return;
      for (int i = 0; i < kMessagesPerTurn; ++i) {
        const auto frames = router_.receive();
        if (!frames) break;
        hear(*frames);
      }
    }
  }

 private:
  /// Laboratory time never runs backwards for the instruments, whatever the system's clock does.
  Time lab_now() { return lab_now_ = std::max(lab_now_, clock_.now()); }

  void look_at_instruments() {
    if (driver_.wakes_at() > lab_now()) return;
    for (const wire::FromDriver& report : driver_.advance(lab_now_)) tell_controller(report);
  }

  double timeout(double linger_s, double dead_man_s) {
    const double now = monotonic_seconds();
    double next = controller_.empty() ? HUGE_VAL : std::min(said_at_ + kHeartbeatEvery, measured_at_ + kTelemetryEvery);
    if (linger_s > 0) next = std::min(next, heard_at_ + linger_s);
    if (dead_man_s > 0 && !abandoned_) next = std::min(next, heard_at_ + dead_man_s);
    if (const Time wakes_at = driver_.wakes_at(); wakes_at != kNever) {
      next = std::min(next, now + seconds(clock_.wall(wakes_at - lab_now())));
    }
    return next == HUGE_VAL ? -1 : std::max(0.0, next - now);
  }

  void hear(const Frames& frames) {
    wire::ToDriver said;
    if (frames.size() != 2 || !said.ParseFromString(frames[1])) {
      ++dropped_;
      return refuse(frames.front(),
                    fmt::format("a message of {} frames that is none of protocol version {} ({} such so far)",
                                frames.size() - 1, kProtocolVersion, dropped_));
    }
    const std::string& from = frames.front();
    if (said.has_hello() && said.version() == kProtocolVersion) {
      controller_ = from;
      measured_at_ = monotonic_seconds();  // the Welcome comes first
      controller_name_ = said.hello().controller();
    }
    if (from != controller_) return hear_stranger(from, said);
    heard_at_ = monotonic_seconds();
    abandoned_ = false;
    if (said.has_heartbeat()) return;  // ours go out by themselves
    for (const wire::FromDriver& answer : driver_.receive(said, lab_now())) tell_controller(answer);
  }

  /// Somebody who did not say Hello last: may ask and may stop, not command.
  void hear_stranger(const std::string& from, const wire::ToDriver& said) {
    if (said.has_command() || said.has_cancel()) {
      return refuse(from,
                    controller_.empty()
                        ? fmt::format("driver “{}” has no controller; say Hello first", driver_.name())
                        : fmt::format("driver “{}” takes commands from “{}”, which said Hello after you",
                                      driver_.name(), controller_name_),
                    said.has_command() ? said.command().id() : said.cancel().id());
    }
    // Without a controller there is no answer, so that whoever believes to be it goes silent and says Hello again.
    if (said.has_heartbeat() && controller_.empty()) return;
    for (const wire::FromDriver& answer : driver_.receive(said, lab_now())) {
      if (answer.has_outcome() || answer.has_progress()) {
        tell_controller(answer);
      } else {
        router_.send({from, answer.SerializeAsString()});
      }
    }
  }

  void tell_controller(const wire::FromDriver& message) {
    if (controller_.empty()) return;  // it will ask when it is back
    said_at_ = monotonic_seconds();
    if (!router_.send({controller_, message.SerializeAsString()})) controller_.clear();
  }

  void refuse(const std::string& to, const std::string& why, const std::string& id = "") {
    wire::FromDriver answer = message();
    answer.mutable_refused()->set_why(why);
    answer.mutable_refused()->set_id(id);
    router_.send({to, answer.SerializeAsString()});
  }

  wire::FromDriver message() const {
    wire::FromDriver fresh;
    fresh.set_version(kProtocolVersion);
    fresh.set_driver(driver_.name());
    fresh.set_boot(driver_.boot());
    return fresh;
  }

  Driver& driver_;
  const ScaledClock& clock_;
  AddressLock lock_;  // released last, when the socket is gone
  ZmqContext context_;
  ZmqSocket router_;
  std::string controller_, controller_name_;  ///< its routing id; empty: none
  double heard_at_ = 0, said_at_ = 0;         ///< monotonic seconds, as is the next
  double measured_at_ = 0;                    ///< when telemetry was sent last
  bool abandoned_ = false;                    ///< the dead-man time is over and the instruments are safe
  Time lab_now_{};
  std::uint64_t dropped_ = 0;
};

}  // namespace

void serve_driver(Driver& driver, const std::string& address, const ScaledClock& clock, int stop_fd, double linger_s) {
  DriverServer(driver, address, clock).serve(stop_fd, linger_s);
}

}  // namespace athanor
