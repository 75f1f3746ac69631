// A driver's main loop behind a ROUTER socket: who may speak, one controller at a time, heartbeats, the dead-man time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "instruments/address.h"
#include "instruments/address_lock.h"
#include "instruments/data_server.h"
#include "instruments/driver_link.h"
#include "instruments/heartbeat.h"
#include "instruments/messages.h"
#include "instruments/progress_pace.h"
#include "instruments/quiet_log.h"
#include "instruments/zmq_curve.h"
#include "instruments/zmq_gate.h"
#include "instruments/zmq_socket.h"

namespace athanor {

namespace {

constexpr int kMessagesPerTurn = 100;     // before the instruments are looked at again
constexpr int kStrangersPerSecond = 100;  // messages of one who is not the controller; the rest is dropped
constexpr double kTelemetryEvery = 1;     // seconds
constexpr double kLongestWatch = 60;      // seconds; whoever stays says Visit again
constexpr std::size_t kMostWatchers = 16;
constexpr std::size_t kMostStoppers = 1000;  // strangers whose stops may not have been confirmed yet

class DriverServer {
 public:
  DriverServer(Driver& driver, const std::string& address, const ScaledClock& clock,
               const std::optional<LinkKeys>& keys, const DriverLog& log, unsigned data_port)
      : driver_(driver),
        clock_(clock),
        keys_(keys),
        log_([log](const std::string& source, const std::string& what) { log(source + ": " + what); }),
        lock_(require_key(address, keys.has_value(), fmt::format("driver “{}”", driver.name()))),
        router_(context_, ZmqSocket::Kind::kRouter) {
    router_.watch_ends();
    if (keys_) {
      gate_ = std::make_unique<ZmqGate>(context_, keys_->allowed, log_);
      router_.guard(keys_->own.secret);
      router_.watch_for_forgery();
    }
    router_.bind(address);
    if (driver_.arrays() != nullptr)
      data_ = std::make_unique<DataServer>(*driver_.arrays(), address, data_port, keys, log);
    heard_at_ = monotonic_seconds();
    lab_now_ = clock_.now();
  }

  void serve(int stop_fd, double linger_s) {
    for (;;) {
      look_at_instruments();
      const double now = monotonic_seconds();
      look_at_connections(now);
      for (const wire::FromDriver& report : pace_.take(now)) send_to_controller(report);
      if (linger_s > 0 && now - heard_at_ > linger_s) return;
      const double dead_man_s = driver_.options().dead_man_s;
      if (dead_man_s > 0 && !abandoned_ && now - heard_at_ > dead_man_s) {
        abandoned_ = true;
        driver_.controller_lost(lab_now_);
        continue;
      }
      std::erase_if(watchers_, [&](const auto& watcher) { return watcher.second.until < now; });
      if (is_watched() && now - measured_at_ >= kTelemetryEvery) {
        measured_at_ = now;
        show(driver_.telemetry(lab_now()));
      }
      if (!controller_.empty() && now - said_at_ >= kHeartbeatEvery) say_here();
      std::vector<ZmqWait> waits = {{&router_, -1, false, false},
                                    {nullptr, stop_fd, false, false},
                                    {gate_ ? &gate_->socket() : nullptr, -1, false, false}};
      for (const int fd : driver_.wake_fds()) waits.push_back({nullptr, fd, false, false});
      if (data_) waits.push_back({nullptr, driver_.arrays()->driver_wake().fd(), false, false});
      wait_for_any(waits, timeout(linger_s, dead_man_s));
      if (data_) driver_.arrays()->driver_wake().clear();
      if (waits[1].ready) return;
      for (int i = 0; i < kMessagesPerTurn; ++i) {
        note_ends();  // also learns where a new connection comes from, which cannot be told once it has ended
        ZmqPeer peer;
        const auto frames = router_.receive(&peer);
        if (!frames) break;
        if (may_speak(frames->front(), peer)) hear(*frames, peer);
      }
    }
  }

 private:
  /// Laboratory time never runs backwards for the instruments, whatever the system's clock does.
  Time lab_now() { return lab_now_ = std::max(lab_now_, clock_.now()); }

  void look_at_instruments() {
    if (driver_.wakes_at() > lab_now()) return;
    for (const wire::FromDriver& report : driver_.advance(lab_now_)) {
      tell_controller(report);
      // A device takes its time to be safe: whoever stopped it is told, too.
      const auto stopper = report.has_stopped() ? stoppers_.find(report.stopped().id()) : stoppers_.end();
      if (stopper != stoppers_.end()) router_.send({stopper->second, report.SerializeAsString()});
    }
  }

  double timeout(double linger_s, double dead_man_s) {
    const double now = monotonic_seconds();
    double next = controller_.empty() ? HUGE_VAL : said_at_ + kHeartbeatEvery;
    if (is_watched()) next = std::min(next, measured_at_ + kTelemetryEvery);
    if (linger_s > 0) next = std::min(next, heard_at_ + linger_s);
    if (dead_man_s > 0 && !abandoned_) next = std::min(next, heard_at_ + dead_man_s);
    if (const Time wakes_at = driver_.wakes_at(); wakes_at != kNever) {
      next = std::min(next, now + seconds(clock_.wall(wakes_at - lab_now())));
    }
    next = std::min({next, log_.due(), pace_.due()});
    return next == HUGE_VAL ? -1 : std::max(0.0, next - now);
  }

  // ── Who may speak ──
  void look_at_connections(double now) {
    if (gate_) gate_->answer(now);
    note_ends();
    if (keys_ && !controller_.empty() && !keys_->allowed.name_of(controller_key_)) {
      log_.note(controller_name_, "its key was revoked; it commands no more", now);
      controller_.clear();
      if (data_) data_->admit("");
    }
    if (keys_) {
      std::erase_if(watchers_, [&](const auto& watcher) {
        const bool revoked = !keys_->allowed.name_of(watcher.second.key);
        if (revoked) log_.note(watcher.second.key, "its key was revoked; it watches no more", now);
        return revoked;
      });
      for (const std::string& mistake : keys_->allowed.take_mistakes()) log_.note("the list of keys", mistake, now);
    }
    log_.catch_up(now);
  }

  /// Whose key was revoked after it had connected gets no further than this, and is told so once a second.
  bool may_speak(const std::string& from, const ZmqPeer& peer) {
    if (!keys_ || keys_->allowed.name_of(peer.key)) return true;
    log_.note(peer.host, fmt::format("its key {} was revoked; what it says is dropped", peer.key), monotonic_seconds());
    if (is_flood(peer.key, 1)) return false;
    wire::FromDriver answer = message();
    answer.mutable_refused()->set_why("your key was revoked on the machine of this driver; nothing is done for it");
    answer.mutable_refused()->set_not_allowed(true);
    router_.send({from, answer.SerializeAsString()});
    return false;
  }

  void note_ends() {
    for (const ZmqEnd& end : router_.ends()) note_end(end, monotonic_seconds());
  }

  void note_end(const ZmqEnd& end, double now) {
    const std::string& source = end.peer.host;
    const bool visitor = visitors_.erase(end.peer.connection) > 0;
    if (visitor && end.why == ZmqEnd::Why::kLost) return;  // whoever only looks comes and goes
    if (end.spoke && end.peer.connection == controller_connection_ && end.why == ZmqEnd::Why::kLost) {
      controller_connection_ = -1;
      return log_.note(controller_name_, "its connection ended; there is no controller until somebody says Hello", now);
    }
    if (end.spoke) {
      return log_.note(
          name_of(end.peer),
          end.why == ZmqEnd::Why::kBroken
              ? "its connection ended, after something came that was forged or sent a second time"
              : fmt::format("its connection ended: it was closed, or cut because of a frame of more than {} "
                            "MiB",
                            kLargestFrame >> 20),
          now);
    }
    switch (end.why) {
      case ZmqEnd::Why::kNotAllowed:
        return;  // the gate has told
      case ZmqEnd::Why::kOtherMechanism:
        return log_.note(source,
                         keys_ ? "turned away: it speaks without encryption, and this driver talks to keys that are "
                                 "allowed only"
                               : "turned away: it wants an encrypted link, and this driver was given no key",
                         now);
      case ZmqEnd::Why::kBroken:
        return log_.note(source,
                         "turned away: its handshake is for a driver with another key, or was forged or replayed", now);
      case ZmqEnd::Why::kUnfinished:
        return log_.note(source, "it connected, and did not finish the handshake", now);
      case ZmqEnd::Why::kLost:
        return log_.note(source, "it connected and left without a message that could be understood", now);
    }
  }

  /// For logs: the name of its key, where that is known, and its address.
  std::string name_of(const ZmqPeer& peer) {
    const auto name = keys_ ? keys_->allowed.name_of(peer.key) : std::nullopt;
    return name ? fmt::format("key “{}” at {}", *name, peer.host) : peer.host;
  }

  /// Whether `who` has said more than `most` messages in this second.
  bool is_flood(const std::string& who, int most) {
    const double now = monotonic_seconds();
    if (now - second_began_ >= 1) {
      second_began_ = now;
      said_.clear();
    }
    return ++said_[who] > most;
  }

  // ── What is said ──
  void hear(const Frames& frames, const ZmqPeer& peer) {
    const std::string& from = frames.front();
    wire::ToDriver said;
    const bool understood = frames.size() == 2 && said.ParseFromString(frames[1]);
    const bool stop = understood && said.has_stop();  // is heard in any flood
    if (from != controller_ && !stop && is_flood(name_of(peer), kStrangersPerSecond)) {
      return log_.note(name_of(peer),
                       fmt::format("it says more than {} messages a second and is not the controller; the rest is "
                                   "dropped",
                                   kStrangersPerSecond),
                       monotonic_seconds());
    }
    if (!understood) {
      ++dropped_;
      log_.note(name_of(peer), "a message that could not be understood was dropped", monotonic_seconds());
      return refuse(from, fmt::format("a message of {} frames that is none of protocol version {} ({} such so far)",
                                      frames.size() - 1, kProtocolVersion, dropped_));
    }
    if (said.has_hello() && said.version() == kProtocolVersion) {
      if (said.hello().only_if_free() && from != controller_ && in_charge()) {
        return refuse(from, fmt::format("driver “{}” takes commands from “{}”", driver_.name(), controller_name_));
      }
      const bool is_new = from != controller_;
      if (data_ && is_new) {
        ticket_ = new_curve_pair().secret;  // 40 characters that nobody can guess
        data_->admit(ticket_);
      }
      controller_ = from;
      controller_key_ = peer.key;
      controller_connection_ = peer.connection;
      visitors_.erase(peer.connection);
      measured_at_ = monotonic_seconds();  // the Welcome comes first
      // What it calls itself is a courtesy; its key is who it is.
      controller_name_ =
          keys_ ? fmt::format("{} ({})", said.hello().controller(), name_of(peer)) : said.hello().controller();
      if (is_new) log_.note(controller_name_, "is the controller now", monotonic_seconds());
    }
    if (from != controller_) return hear_stranger(from, peer, said);
    heard_at_ = monotonic_seconds();
    abandoned_ = false;
    if (said.has_heartbeat()) return;  // ours go out by themselves
    for (wire::FromDriver& answer : driver_.receive(said, lab_now())) {
      name_controller(said, answer);
      if (data_ && said.has_hello() && answer.has_welcome()) {
        answer.mutable_welcome()->set_data(data_->place());
        answer.mutable_welcome()->set_data_ticket(ticket_);
        answer.mutable_welcome()->set_data_heartbeats(true);
      }
      tell_controller(answer);
    }
  }

  /// Whether a controller is there: one that has gone is found out by a word to it, and one that was not heard for long
  /// may be cut off without either end's knowing.
  bool in_charge() {
    say_here();
    return !controller_.empty() && monotonic_seconds() - heard_at_ <= kSilence;
  }
  bool is_watched() const { return !controller_.empty() || !watchers_.empty(); }

  /// Somebody who did not say Hello last: may ask, look and stop, not command.
  void hear_stranger(const std::string& from, const ZmqPeer& peer, const wire::ToDriver& said) {
    if (said.has_visit()) visitors_.insert(peer.connection);
    if (said.has_command() || said.has_cancel()) {
      return refuse(from,
                    controller_.empty()
                        ? fmt::format("driver “{}” has no controller; say Hello first", driver_.name())
                        : fmt::format("driver “{}” takes commands from “{}”, which said Hello after you",
                                      driver_.name(), controller_name_),
                    said.has_command() ? said.command().id() : said.cancel().id());
    }
    if (said.has_visit() && said.version() == kProtocolVersion && said.visit().watch_s() > 0) {
      if (watchers_.size() >= kMostWatchers && !watchers_.contains(from))
        return refuse(from, fmt::format("{} watch driver “{}” already", watchers_.size(), driver_.name()));
      watchers_[from] = {monotonic_seconds() + std::min(said.visit().watch_s(), kLongestWatch), peer.key};
    }
    if (said.has_stop()) {
      if (stoppers_.size() >= kMostStoppers) stoppers_.clear();
      stoppers_[said.stop().id()] = from;
    }
    // Without a controller there is no answer, so that whoever believes to be it goes silent and says Hello again.
    if (said.has_heartbeat() && controller_.empty()) return;
    for (wire::FromDriver& answer : driver_.receive(said, lab_now())) {
      name_controller(said, answer);
      if (answer.has_outcome() || answer.has_progress()) {
        tell_controller(answer);
      } else {
        router_.send({from, answer.SerializeAsString()});
      }
    }
  }

  void say_here() {
    wire::FromDriver heartbeat = message();
    heartbeat.mutable_heartbeat();
    tell_controller(heartbeat);
  }

  void name_controller(const wire::ToDriver& said, wire::FromDriver& answer) {
    if (said.has_visit() && answer.has_welcome() && in_charge())
      answer.mutable_welcome()->set_controller(controller_name_);
  }

  void show(const std::vector<wire::FromDriver>& telemetry) {
    for (const wire::FromDriver& reading : telemetry) {
      tell_controller(reading);
      const std::string frame = reading.SerializeAsString();
      std::erase_if(watchers_, [&](const auto& watcher) { return !router_.send({watcher.first, frame}); });
    }
  }

  void tell_controller(const wire::FromDriver& message) {
    if (message.has_outcome()) pace_.forget(message.outcome().id());
    if (message.has_progress() && !pace_.may_pass(message, monotonic_seconds())) return;
    send_to_controller(message);
  }

  void send_to_controller(const wire::FromDriver& message) {
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

  struct Watcher {
    double until = 0;  ///< monotonic seconds
    std::string key;
  };

  Driver& driver_;
  const ScaledClock& clock_;
  std::optional<LinkKeys> keys_;
  QuietLog log_;
  AddressLock lock_;  // released last, when the socket is gone
  ZmqContext context_;
  std::unique_ptr<ZmqGate> gate_;
  ZmqSocket router_;
  std::unique_ptr<DataServer> data_;  ///< null: the driver makes no arrays
  std::string ticket_;                ///< of the controller, for the data socket
  std::string controller_;            ///< its routing id; empty: none
  std::string controller_name_, controller_key_;
  int controller_connection_ = -1;
  std::set<int> visitors_;  ///< connections of those who only look
  ProgressPace pace_;
  std::map<std::string, std::string> stoppers_;  ///< a Stop's id → the routing id of the stranger who said it
  std::map<std::string, Watcher> watchers_;      ///< by routing id
  double heard_at_ = 0, said_at_ = 0;            ///< monotonic seconds, as is the next
  double measured_at_ = 0;                       ///< when telemetry was sent last
  bool abandoned_ = false;                       ///< the dead-man time is over and the instruments are safe
  Time lab_now_{};
  std::uint64_t dropped_ = 0;
  double second_began_ = 0;
  std::map<std::string, int> said_;  ///< by whom, messages in this second
};

}  // namespace

void serve_driver(Driver& driver, const std::string& address, const ScaledClock& clock, int stop_fd,
                  ServeOptions options) {
  if (!options.log) {
    options.log = [&driver](const std::string& line) {
      std::fputs(fmt::format("driver {}: {}\n", driver.name(), line).c_str(),
                 stderr);  // which throws nothing where it fails
    };
  }
  DriverServer server(driver, address, clock, options.keys, options.log, options.data_port);
  if (options.listening) options.listening();
  server.serve(stop_fd, options.linger_s);
}

}  // namespace athanor
