#include "instruments/zmq_socket.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/check.h"
#include "core/error.h"
#include "instruments/driver_link.h"

namespace athanor {

namespace {

constexpr int kReconnectMs = 20;
constexpr int kQueueLength = 100'000;  // messages waiting for one slow peer; more are dropped and asked about later

void set(void* socket, int option, int value) {
  ATHANOR_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0, zmq_strerror(errno));
}

/// The next frame of the message that is being received, false if there is none.
bool receive_frame(void* socket, std::string& frame, bool& more) {
  zmq_msg_t message;
  zmq_msg_init(&message);
  const int size = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT);
  if (size >= 0) {
    frame.assign(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
    more = zmq_msg_more(&message) != 0;
  }
  zmq_msg_close(&message);
  return size >= 0;
}

[[noreturn]] void fail(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      throw EnvironmentError(fmt::format(
          "the address {} is in use: another driver or program listens there. Stop it, or choose another address",
          address));
    case EADDRNOTAVAIL:
    case ENODEV:
      throw EnvironmentError(fmt::format("{} is not an address of this machine", address));
    case EINVAL:
    case EPROTONOSUPPORT:
    case ENOCOMPATPROTO:
      throw InputError(fmt::format("“{}” is no address; expected “tcp://HOST:PORT” or “ipc://FILE”", address));
    default:
      throw EnvironmentError(fmt::format("the address {} cannot be used: {}", address, zmq_strerror(error)));
  }
}

}  // namespace

// ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────

std::optional<std::string> ipc_path(const std::string& address) {
  constexpr std::string_view kScheme = "ipc://";
  if (!address.starts_with(kScheme)) return std::nullopt;
  std::string path = address.substr(kScheme.size());
  constexpr std::size_t kLimit = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLimit) {
    throw EnvironmentError(
        fmt::format("the path {} is {} bytes long; the path of a local socket may have {} at most. Choose "
                    "a shorter folder",
                    path, path.size(), kLimit));
  }
  if (path.starts_with('@')) return std::nullopt;
  return path;
}

// ── Context and sockets ──────────────────────────────────────────────────────────────────────────────────────────────

ZmqContext::ZmqContext() : context_(zmq_ctx_new()) {
  if (context_ == nullptr) throw EnvironmentError(fmt::format("ZeroMQ cannot start: {}", zmq_strerror(errno)));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

ZmqSocket::ZmqSocket(ZmqContext& context, Kind kind)
    : socket_(zmq_socket(context.context_, kind == Kind::kDealer ? ZMQ_DEALER : ZMQ_ROUTER)) {
  if (socket_ == nullptr) throw EnvironmentError(fmt::format("ZeroMQ cannot make a socket: {}", zmq_strerror(errno)));
  set(socket_, ZMQ_LINGER, 0);
  set(socket_, ZMQ_SNDHWM, kQueueLength);
  set(socket_, ZMQ_RCVHWM, kQueueLength);
  const auto largest = static_cast<std::int64_t>(kLargestFrame);
  ATHANOR_CHECK(zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0, zmq_strerror(errno));
  if (kind == Kind::kRouter) {
    set(socket_, ZMQ_ROUTER_MANDATORY, 1);
    return;
  }
  set(socket_, ZMQ_IMMEDIATE, 1);
  set(socket_, ZMQ_RECONNECT_IVL, kReconnectMs);
  const std::string watched = fmt::format("inproc://watch-{}", fmt::ptr(this));
  ATHANOR_CHECK(zmq_socket_monitor(socket_, watched.c_str(), ZMQ_EVENT_DISCONNECTED) == 0, zmq_strerror(errno));
  monitor_ = zmq_socket(context.context_, ZMQ_PAIR);
  ATHANOR_CHECK(monitor_ != nullptr && zmq_connect(monitor_, watched.c_str()) == 0, zmq_strerror(errno));
  set(monitor_, ZMQ_LINGER, 0);
}

ZmqSocket::~ZmqSocket() {
  if (monitor_ != nullptr) {
    zmq_socket_monitor(socket_, nullptr, 0);
    zmq_close(monitor_);
  }
  zmq_close(socket_);
}

void ZmqSocket::bind(const std::string& address) {
  ipc_path(address);
  if (zmq_bind(socket_, address.c_str()) != 0) fail(address, errno);
}

void ZmqSocket::connect(const std::string& address) {
  ipc_path(address);
  if (zmq_connect(socket_, address.c_str()) != 0) fail(address, errno);
}

bool ZmqSocket::send(const Frames& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    while (zmq_send(socket_, frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more) < 0) {
      if (errno == EINTR) continue;
      ATHANOR_CHECK(errno == EAGAIN || errno == EHOSTUNREACH, zmq_strerror(errno));
      return false;
    }
  }
  return true;
}

std::optional<Frames> ZmqSocket::receive() {
  Frames frames;
  for (bool more = true; more;) {
    std::string frame;
    if (!receive_frame(socket_, frame, more)) return std::nullopt;
    frames.push_back(std::move(frame));
  }
  return frames;
}

bool ZmqSocket::lost_connection() {
  bool lost = false, more = false;
  for (std::string frame; receive_frame(monitor_, frame, more);) {
    std::uint16_t event = 0;  // the first frame of an event begins with its number, the second is an address
    if (more && frame.size() >= sizeof event) std::memcpy(&event, frame.data(), sizeof event);
    lost = lost || event == ZMQ_EVENT_DISCONNECTED;
  }
  return lost;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

struct ZmqPoll {
  static void wait(std::span<ZmqWait> waits, long timeout_ms) {
    std::vector<zmq_pollitem_t> items;
    std::vector<std::size_t> owner;
    const auto add = [&](std::size_t i, void* socket, int fd, bool writable) {
      items.push_back({socket, fd, static_cast<short>(writable ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN), 0});
      owner.push_back(i);
    };
    for (std::size_t i = 0; i < waits.size(); ++i) {
      waits[i].ready = false;
      if (waits[i].socket == nullptr) {
        if (waits[i].fd >= 0) add(i, nullptr, waits[i].fd, false);
        continue;
      }
      add(i, waits[i].socket->socket_, 0, waits[i].until_writable);
      if (waits[i].socket->monitor_ != nullptr) add(i, waits[i].socket->monitor_, 0, false);
    }
    if (zmq_poll(items.data(), static_cast<int>(items.size()), timeout_ms) <= 0) return;
    for (std::size_t i = 0; i < items.size(); ++i) waits[owner[i]].ready |= items[i].revents != 0;
  }
};

void wait_for_any(std::span<ZmqWait> waits, double seconds) {
  // Rounded up: waking a moment too early would only mean to wait again.
  const double timeout_ms = std::ceil(std::min(seconds * 1e3, 1e9));
  ZmqPoll::wait(waits, seconds < 0 ? -1 : static_cast<long>(timeout_ms));
}

std::string transport_version() {
  int major = 0, minor = 0, patch = 0;
  zmq_version(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace athanor
