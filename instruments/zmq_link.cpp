// The link of production: one DEALER socket to each driver, Hello until it is answered, heartbeats both ways.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "instruments/driver_link.h"
#include "instruments/heartbeat.h"
#include "instruments/messages.h"
#include "instruments/zmq_socket.h"

namespace athanor {

namespace {

/// Seconds of wall time after which an unanswered Hello is said again.
constexpr double kHelloAgain = 0.5;
constexpr int kMessagesPerTurn = 1000;  // of one driver before the others are looked at

class ZmqLink final : public DriverLink {
 public:
  ZmqLink(const std::vector<Endpoint>& endpoints, const std::string& name, const ScaledClock& clock, double silence_s)
      : clock_(clock), silence_s_(silence_s) {
    hello_.mutable_hello()->set_controller(name);
    heartbeat_.mutable_heartbeat();
    for (const Endpoint& endpoint : endpoints) {
      Peer& peer = *peers_.emplace_back(std::make_unique<Peer>(endpoint, context_));
      peer.heard_at = monotonic_seconds();  // from now on its silence counts
      peer.socket.connect(endpoint.address);
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
      if (!arrived_.empty()) return give();
      const Time now = clock_.now();
      if (now >= until || wait(until, now, wake_fd)) return give();
    }
  }

  std::uint64_t dropped() const override { return dropped_; }

 private:
  struct Peer {
    Peer(const Endpoint& endpoint, ZmqContext& context) : at(endpoint), socket(context, ZmqSocket::Kind::kDealer) {}
    Endpoint at;
    ZmqSocket socket;
    bool up = false;
    bool missed = false;       ///< that it never came up was told
    bool unconnected = false;  ///< a Hello is due and has nowhere to go yet
    double hello_at = 0;       ///< monotonic seconds, as all below
    double heard_at = 0;
    double said_at = 0;
    std::string boot;
    std::string complaint;  ///< said already
  };

  bool say(Peer& peer, const wire::ToDriver& message) {
    peer.said_at = monotonic_seconds();
    return peer.socket.send({message.SerializeAsString()});
  }

  void down(Peer& peer) {
    if (!std::exchange(peer.up, false)) return;
    arrived_.changes.push_back({peer.at.driver, false});
    peer.hello_at = 0;
  }

  // ── Hearing ──
  void hear(Peer& peer) {
    if (peer.socket.lost_connection()) {
      down(peer);
      peer.hello_at = 0;  // a Hello that was under way is lost too
    }
    for (int i = 0; i < kMessagesPerTurn; ++i) {
      const auto frames = peer.socket.receive();
      if (!frames) return;
      wire::FromDriver message;
      if (frames->size() == 1 && message.ParseFromString(frames->front())) {
        on_message(peer, std::move(message));
      } else {
        ++dropped_;
      }
    }
  }

  void on_message(Peer& peer, wire::FromDriver message) {
    if (message.version() != kProtocolVersion) {
      return complain(peer, fmt::format("the driver at {} speaks protocol version {}, this program speaks version {}",
                                        peer.at.address, message.version(), kProtocolVersion));
    }
    if (message.driver() != peer.at.driver) {
      return complain(peer, fmt::format("the driver at {} calls itself “{}”; the lab file expects “{}” there",
                                        peer.at.address, message.driver(), peer.at.driver));
    }
    peer.heard_at = monotonic_seconds();
    if (peer.up && message.boot() != peer.boot)
      down(peer);  // it restarted between two messages: begin again with Hello
    if (message.has_welcome()) {
      if (peer.up) return;  // the answer to a Hello that was said twice
      peer.up = peer.missed = true;
      peer.boot = message.boot();
      peer.complaint.clear();
      arrived_.changes.push_back({peer.at.driver, true});
    }
    if (!message.has_heartbeat()) arrived_.messages.push_back({std::move(message)});
  }

  /// Tells of a driver that is not the right one, once; it never comes up.
  void complain(Peer& peer, const std::string& why) {
    ++dropped_;
    down(peer);
    if (std::exchange(peer.complaint, why) == why) return;
    wire::FromDriver message;
    message.set_version(kProtocolVersion);
    message.set_driver(peer.at.driver);
    message.mutable_refused()->set_why(why);
    arrived_.messages.push_back({std::move(message)});
  }

  // ── Tending ──
  void tend(Peer& peer) {
    const double now = monotonic_seconds();
    if (peer.up && now - peer.heard_at > silence_s_) down(peer);
    if (peer.up && now - peer.said_at >= kHeartbeatEvery && !say(peer, heartbeat_)) down(peer);
    if (!peer.up && !peer.missed && now - peer.heard_at > silence_s_) {
      peer.missed = true;
      arrived_.changes.push_back({peer.at.driver, false});
    }
    if (!peer.up && now >= peer.hello_at) {
      peer.unconnected = !say(peer, hello_);
      if (!peer.unconnected) peer.hello_at = now + kHelloAgain;
    }
  }

  /// When `tend` has something to do, monotonic seconds.
  double due(const Peer& peer) const {
    if (peer.up) return std::min(peer.heard_at + silence_s_, peer.said_at + kHeartbeatEvery);
    const double missed_at = peer.missed ? HUGE_VAL : peer.heard_at + silence_s_;
    return std::min(missed_at, peer.unconnected ? HUGE_VAL : peer.hello_at);
  }

  /// True if the caller's own descriptor became readable.
  bool wait(Time until, Time now, int wake_fd) {
    std::vector<ZmqWait> waits;
    double next = HUGE_VAL;
    for (const auto& peer : peers_) {
      waits.push_back({&peer->socket, -1, !peer->up && peer->unconnected, false});
      next = std::min(next, due(*peer));
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
  wire::ToDriver hello_ = to_driver(), heartbeat_ = to_driver();
  ZmqContext context_;
  std::vector<std::unique_ptr<Peer>> peers_;
  DriverArrivals arrived_;
  std::uint64_t dropped_ = 0;
};

}  // namespace

std::unique_ptr<DriverLink> make_zmq_link(const std::vector<Endpoint>& endpoints, const std::string& controller_name,
                                          const ScaledClock& clock, double silence_s) {
  return std::make_unique<ZmqLink>(endpoints, controller_name, clock, silence_s);
}

}  // namespace athanor
