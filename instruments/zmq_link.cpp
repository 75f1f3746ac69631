// The link of production: one DEALER socket to each driver, Hello until it is answered, heartbeats both ways.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "instruments/address.h"
#include "instruments/description.h"
#include "instruments/driver_link.h"
#include "instruments/heartbeat.h"
#include "instruments/messages.h"
#include "instruments/quiet_log.h"
#include "instruments/turned_away.h"
#include "instruments/zmq_socket.h"

namespace athanor {

namespace {

/// Seconds of wall time after which an unanswered Hello is said again.
constexpr double kHelloAgain = 0.5;
constexpr int kMessagesPerTurn = 100;  // of one driver before the others are looked at
// What one driver is heard of in a second; the rest waits, at last in the driver itself. A driver of a hundred
// instruments at eight commands a second each says 2000 messages.
constexpr int kMessagesPerSecond = 5000;
constexpr std::size_t kBytesPerSecond = std::size_t{64} << 20;
constexpr int kProgressPerSecond = 1000;  // of one driver; a hundred instruments that keep to one a second say a tenth
constexpr int kNoticesPerMinute = 20;     // refusals that belong to no command: each is an alarm
constexpr double kOpenAgain = 1;    // seconds after a connection ended: ZeroMQ gives up for good what broke a rule
constexpr int kFailuresInARow = 3;  // handshakes that break off before a person is told

class ZmqLink final : public DriverLink {
 public:
  ZmqLink(const std::vector<Endpoint>& endpoints, const std::string& name, const ScaledClock& clock, double silence_s,
          const std::optional<LinkKeys>& keys, bool only_if_free, bool takes_arrays)
      : clock_(clock),
        silence_s_(silence_s),
        keys_(keys),
        log_([this](const std::string& driver, const std::string& what) { tell(driver, what); }) {
    hello_.mutable_hello()->set_controller(name);
    hello_.mutable_hello()->set_only_if_free(only_if_free);
    hello_.mutable_hello()->set_takes_arrays(takes_arrays);
    heartbeat_.mutable_heartbeat();
    for (const Endpoint& endpoint : endpoints) {
      require_key(endpoint.address, !endpoint.key.empty(), fmt::format("driver “{}”", endpoint.driver));
      Peer& peer = *peers_.emplace_back(std::make_unique<Peer>(endpoint));
      peer.heard_at = monotonic_seconds();  // from now on its silence counts
      if (!endpoint.key.empty()) {
        ATHANOR_CHECK(keys_.has_value(), "an endpoint with a key and a link without");
        peer.key = keys_->allowed.key_of(endpoint.key);
      }
      open(peer);
    }
  }

  void send(const std::string& driver, const wire::ToDriver& message) override {
    const auto peer =
        std::find_if(peers_.begin(), peers_.end(), [&](const auto& each) { return each->at.driver == driver; });
    if (peer != peers_.end() && (*peer)->up && !say(**peer, message)) down(**peer);
  }

  DriverArrivals receive(Time until, int wake_fd) override {
    for (;;) {
      // Hear first, judge silence after: the caller may have been away for long, and what it missed lies in the
      // sockets.
      for (auto& peer : peers_) hear(*peer);
      for (auto& peer : peers_) tend(*peer);
      log_.catch_up(monotonic_seconds());
      if (!arrived_.empty()) return give();
      const Time now = clock_.now();
      if (now >= until || wait(until, now, wake_fd)) return give();
    }
  }

  std::uint64_t dropped() const override { return dropped_; }

 private:
  struct Peer {
    explicit Peer(Endpoint endpoint) : at(std::move(endpoint)) {}
    Endpoint at;
    std::unique_ptr<ZmqSocket> socket;
    bool up = false;
    bool missed = false;       ///< that it never came up was told
    bool unconnected = false;  ///< a Hello is due and has nowhere to go yet
    double hello_at = 0;       ///< monotonic seconds, as all below
    double heard_at = 0;
    double said_at = 0;
    double open_at = HUGE_VAL;  ///< when the socket is made anew, if it is not up by then
    std::string boot;
    std::string complaint;  ///< said already
    std::string key;        ///< of the driver, Z85; empty: the link is plain
    bool revoked = false;
    int failures = 0;  ///< handshakes that broke off since the last one that did not
    // What it said in this second, and its notices in this minute.
    double second_began = 0, minute_began = 0;
    int messages = 0, progress = 0, notices = 0;
    std::size_t bytes = 0;
    bool too_loud() const { return messages >= kMessagesPerSecond || bytes >= kBytesPerSecond; }
  };

  void open(Peer& peer) {
    auto fresh = std::make_unique<ZmqSocket>(context_, ZmqSocket::Kind::kDealer);
    fresh->watch_ends();
    if (!peer.key.empty()) fresh->trust(keys_->own.secret, keys_->own.key, peer.key);
    fresh->connect(peer.at.address);
    peer.socket = std::move(fresh);
    peer.open_at = HUGE_VAL;
  }

  bool say(Peer& peer, const wire::ToDriver& message) {
    peer.said_at = monotonic_seconds();
    return peer.socket->send({message.SerializeAsString()});
  }

  void down(Peer& peer) {
    if (!std::exchange(peer.up, false)) return;
    arrived_.changes.push_back({peer.at.driver, false});
    peer.hello_at = 0;
  }

  // ── Hearing ──
  void hear(Peer& peer) {
    for (const ZmqEnd& end : peer.socket->ends()) on_end(peer, end.why);
    check_key(peer);
    const double now = monotonic_seconds();
    if (now - peer.second_began >= 1) {
      peer.second_began = now;
      peer.messages = peer.progress = 0;
      peer.bytes = 0;
    }
    if (peer.too_loud()) return;
    for (int i = 0; i < kMessagesPerTurn && !peer.too_loud(); ++i) {
      const auto frames = peer.socket->receive();
      if (!frames) return;
      ++peer.messages;
      for (const std::string& frame : *frames) peer.bytes += frame.size();
      wire::FromDriver message;
      if (frames->size() == 1 && message.ParseFromString(frames->front())) {
        on_message(peer, std::move(message));
      } else {
        ++dropped_;
        log_.note(peer.at.driver,
                  fmt::format("the driver at {} sent a message that could not be understood; it was dropped",
                              peer.at.address),
                  now);
      }
    }
    if (peer.too_loud()) {
      log_.note(peer.at.driver,
                fmt::format("the driver at {} floods: more than {} messages or {} MiB in a second. The rest is read "
                            "later, the other drivers first",
                            peer.at.address, kMessagesPerSecond, kBytesPerSecond >> 20),
                now);
    }
  }

  void check_key(Peer& peer) {
    peer.revoked = !peer.key.empty() && !keys_->allowed.name_of(peer.key);
    if (!peer.revoked) return;
    complain(peer,
             fmt::format("the key “{}” of the driver at {} was revoked here; nothing is said to it and nothing "
                         "taken from it",
                         peer.at.key, peer.at.address),
             true);
  }

  /// A connection that was there, or was about to be, is no more; the socket makes a new one by itself.
  void on_end(Peer& peer, ZmqEnd::Why why) {
    down(peer);
    peer.hello_at = 0;  // a Hello that was under way is lost too
    peer.open_at = monotonic_seconds() + kOpenAgain;
    const bool breaks = why == ZmqEnd::Why::kBroken || why == ZmqEnd::Why::kUnfinished;
    if (breaks && ++peer.failures < kFailuresInARow) return;  // a driver that just then ended does so, too
    if (const std::string said = why_turned_away(why, peer.at, keys_); !said.empty())
      complain(peer, said, why == ZmqEnd::Why::kNotAllowed);
  }

  void on_message(Peer& peer, wire::FromDriver message) {
    if (message.version() != kProtocolVersion) {
      ++dropped_;
      return complain(peer, fmt::format("the driver at {} speaks protocol version {}, this program speaks version {}",
                                        peer.at.address, message.version(), kProtocolVersion));
    }
    if (message.driver() != peer.at.driver) {
      ++dropped_;
      return complain(peer, fmt::format("the driver at {} calls itself “{}”; the lab file expects “{}” there",
                                        peer.at.address, message.driver(), peer.at.driver));
    }
    if (peer.revoked) return;
    peer.heard_at = monotonic_seconds();
    if (peer.up && message.boot() != peer.boot)
      down(peer);  // it restarted between two messages: begin again with Hello
    if (message.has_welcome()) {
      if (peer.up) return;  // the answer to a Hello that was said twice
      if (const std::string why = beyond_bounds(message.welcome()); !why.empty()) {
        ++dropped_;
        return complain(peer, fmt::format("the driver at {} describes more than is taken: {}", peer.at.address, why));
      }
      peer.up = peer.missed = true;
      peer.failures = 0;
      peer.open_at = HUGE_VAL;
      peer.boot = message.boot();
      peer.complaint.clear();
      arrived_.changes.push_back({peer.at.driver, true});
    }
    if (message.has_heartbeat() || (message.has_progress() && is_one_progress_too_many(peer))) return;
    if (message.refused().not_allowed()) return complain(peer, message.refused().why(), true);
    if (message.has_refused() && message.refused().id().empty()) return note(peer, message.refused().why());
    arrived_.messages.push_back({std::move(message)});
  }

  /// Nobody needs to know so often, and whoever listens has other things to do.
  bool is_one_progress_too_many(Peer& peer) {
    if (++peer.progress <= kProgressPerSecond) return false;
    log_.note(peer.at.driver,
              fmt::format("the driver at {} tells of progress more than {} times a second; the rest is dropped",
                          peer.at.address, kProgressPerSecond),
              monotonic_seconds());
    return true;
  }

  /// What belongs to no command is told to a person and journaled: the same thing ever less often, and no driver fills
  /// the journal with things that differ.
  void note(Peer& peer, const std::string& what) {
    const double now = monotonic_seconds();
    if (log_.knows(peer.at.driver, what)) return log_.note(peer.at.driver, what, now);
    if (now - peer.minute_began >= 60) {
      peer.minute_began = now;
      peer.notices = 0;
    }
    const bool too_many = ++peer.notices > kNoticesPerMinute;
    log_.note(peer.at.driver,
              too_many ? fmt::format("the driver at {} complains more than {} times a minute; the rest is left out",
                                     peer.at.address, kNoticesPerMinute)
                       : what,
              now);
  }

  /// Tells of a driver that is not the right one, or one end of which does not allow the other (`not_allowed`), once;
  /// it does not come up.
  void complain(Peer& peer, const std::string& why, bool not_allowed = false) {
    down(peer);
    if (std::exchange(peer.complaint, why) != why) tell(peer.at.driver, why, not_allowed);
  }

  void tell(const std::string& driver, const std::string& what, bool not_allowed = false) {
    wire::FromDriver message;
    message.set_version(kProtocolVersion);
    message.set_driver(driver);
    message.mutable_refused()->set_why(what);
    message.mutable_refused()->set_not_allowed(not_allowed);
    arrived_.messages.push_back({std::move(message)});
  }

  // ── Tending ──
  void tend(Peer& peer) {
    const double now = monotonic_seconds();
    if (peer.up && now - peer.heard_at > silence_s_) {
      down(peer);
      if (!peer.key.empty()) peer.open_at = now;  // something forged may have made the connection deaf
    }
    if (peer.up && now - peer.said_at >= kHeartbeatEvery && !say(peer, heartbeat_)) down(peer);
    if (!peer.up && !peer.missed && now - peer.heard_at > silence_s_) {
      peer.missed = true;
      arrived_.changes.push_back({peer.at.driver, false});
    }
    if (now >= peer.open_at) open(peer);
    if (!peer.up && !peer.revoked && now >= peer.hello_at) {
      peer.unconnected = !say(peer, hello_);
      if (!peer.unconnected) peer.hello_at = now + kHelloAgain;
    }
  }

  /// When `tend` has something to do, monotonic seconds.
  double due(const Peer& peer) const {
    if (peer.too_loud()) return peer.second_began + 1;
    if (peer.up) return std::min(peer.heard_at + silence_s_, peer.said_at + kHeartbeatEvery);
    const double missed_at = peer.missed ? HUGE_VAL : peer.heard_at + silence_s_;
    return std::min({missed_at, peer.open_at, peer.unconnected || peer.revoked ? HUGE_VAL : peer.hello_at});
  }

  /// True if the caller's own descriptor became readable.
  bool wait(Time until, Time now, int wake_fd) {
    std::vector<ZmqWait> waits;
    double next = log_.due();
    for (const auto& peer : peers_) {
      next = std::min(next, due(*peer));
      if (peer->too_loud()) continue;
      waits.push_back({peer->socket.get(), -1, !peer->up && peer->unconnected, false});
    }
    waits.push_back({nullptr, wake_fd, false, false});
    double timeout = std::max(0.0, next - monotonic_seconds());
    if (until != kNever) timeout = std::min(timeout, seconds(clock_.wall(until - now)));
    wait_for_any(waits, timeout == HUGE_VAL ? -1 : timeout);
    return waits.back().ready;
  }

  DriverArrivals give() { return std::exchange(arrived_, {}); }

  const ScaledClock& clock_;
  const double silence_s_;
  std::optional<LinkKeys> keys_;
  QuietLog log_;
  wire::ToDriver hello_ = to_driver(), heartbeat_ = to_driver();
  ZmqContext context_;
  std::vector<std::unique_ptr<Peer>> peers_;
  DriverArrivals arrived_;
  std::uint64_t dropped_ = 0;
};

}  // namespace

std::unique_ptr<DriverLink> make_zmq_link(const std::vector<Endpoint>& endpoints, const std::string& controller_name,
                                          const ScaledClock& clock, double silence_s,
                                          const std::optional<LinkKeys>& keys, bool only_if_free, bool takes_arrays) {
  return std::make_unique<ZmqLink>(endpoints, controller_name, clock, silence_s, keys, only_if_free, takes_arrays);
}

}  // namespace athanor
