#include "instruments/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/clock.h"
#include "instruments/address.h"
#include "instruments/driver.h"
#include "instruments/heartbeat.h"
#include "instruments/in_words.h"
#include "instruments/turned_away.h"

namespace athanor {

namespace {

constexpr double kConnectSeconds = 5;  // for a connection before anything can be said
constexpr std::size_t kMostTalk = 400;

}  // namespace

Probe::Probe(Endpoint at, std::optional<LinkKeys> keys, int stop_fd)
    : at_(std::move(at)), keys_(std::move(keys)), stop_fd_(stop_fd), began_(monotonic_seconds()) {
  require_key(at_.address, !at_.key.empty(), "the driver");
  ATHANOR_CHECK(at_.key.empty() || keys_, "an endpoint with a key and a probe without");
  connect_anew();
}

void Probe::connect_anew() {
  socket_.emplace(context_, ZmqSocket::Kind::kDealer);
  socket_->watch_ends();
  if (!at_.key.empty()) socket_->trust(keys_->own.secret, keys_->own.key, keys_->allowed.key_of(at_.key));
  socket_->connect(at_.address);
  said_hello_ = false;
  heard_at_ = monotonic_seconds();
}

double Probe::silent_for() const {
  return monotonic_seconds() - heard_at_;
}

void Probe::note(const char* arrow, const std::string& words) {
  talk_.push_back(fmt::format("{:7.3f} s {} {}", monotonic_seconds() - began_, arrow, words));
  if (talk_.size() > kMostTalk) talk_.pop_front();
}

bool Probe::say(wire::ToDriver message) {
  if (message.version() == 0) message.set_version(kProtocolVersion);
  said_hello_ = said_hello_ || message.has_hello();
  return send({message.SerializeAsString()}, message.has_heartbeat() ? "" : in_words(message));
}

bool Probe::hello(const std::string& controller) {
  wire::ToDriver message;
  message.mutable_hello()->set_controller(controller);
  message.mutable_hello()->set_takes_arrays(takes_arrays);
  return say(message);
}

bool Probe::send(const Frames& frames, const std::string& what) {
  if (!what.empty()) note("→", what);
  for (const double until = monotonic_seconds() + kConnectSeconds; !socket_->send(frames);) {
    ZmqWait waits[] = {{&*socket_, -1, true, false}, {nullptr, stop_fd_, false, false}};
    wait_for_any(waits, until - monotonic_seconds());
    look_at_ends();
    if (waits[1].ready) throw BrokenOff{};
    if (monotonic_seconds() < until) continue;
    note("!", "there was no connection to say that over");
    return false;
  }
  said_at_ = monotonic_seconds();
  return true;
}

/// Nothing follows from them but words: a driver is found missing by its silence.
void Probe::look_at_ends() {
  for (const ZmqEnd& end : socket_->ends()) {
    if (std::string why = why_turned_away(end.why, at_, keys_); !why.empty()) trouble_ = std::move(why);
  }
}

bool Probe::wait(double until) {
  const double now = monotonic_seconds();
  if (now >= until) return false;
  if (keeps_alive && said_hello_ && now - said_at_ >= kHeartbeatEvery) {
    wire::ToDriver heartbeat;
    heartbeat.set_version(kProtocolVersion);
    heartbeat.mutable_heartbeat();
    socket_->send({heartbeat.SerializeAsString()});
    said_at_ = now;
  }
  ZmqWait waits[] = {{&*socket_, -1, false, false}, {nullptr, stop_fd_, false, false}};
  wait_for_any(waits, std::min(until - now, kHeartbeatEvery));
  look_at_ends();  // what woke us, perhaps
  if (waits[1].ready) throw BrokenOff{};
  return true;
}

std::optional<wire::FromDriver> Probe::await(const Wanted& wanted, double seconds) {
  const double until = monotonic_seconds() + seconds;
  do {
    while (const auto frames = socket_->receive()) {
      heard_at_ = monotonic_seconds();
      wire::FromDriver message;
      const bool read = frames->size() == 1 && message.ParseFromString(frames->front());
      if (on_arrival) on_arrival(read ? &message : nullptr);
      if (!read) {
        note("←", fmt::format("{} frames that are no message", frames->size()));
        continue;
      }
      if (!message.has_heartbeat() && !message.has_telemetry()) note("←", in_words(message));
      if (wanted(message)) return message;
    }
  } while (wait(until));
  return std::nullopt;
}

std::vector<wire::FromDriver> Probe::listen(double seconds) {
  std::vector<wire::FromDriver> heard;
  await(
      [&](const wire::FromDriver& message) {
        heard.push_back(message);
        return false;
      },
      seconds);
  return heard;
}

}  // namespace athanor
