#include "instruments/zmq_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/check.h"
#include "core/error.h"
#include "instruments/address.h"
#include "instruments/driver_link.h"

namespace athanor {

namespace {

constexpr int kReconnectMs = 20, kReconnectGuardedMs = 250;  // a handshake costs both ends a millisecond
constexpr int kHandshakeMs = 10'000;                         // whoever says nothing for so long is cut off
// ZeroMQ 4.3 leaves a connection standing, deaf, over which something forged came; its own pings find that out. But it
// ends the whole process where a ping is due over a connection that ended while more had come than was read, so that
// nothing that reads a flood only so fast has any: drivers do, over whose command links everything is read at once.
constexpr int kPingMs = 1000, kPongMs = 5000;
constexpr int kSendQueue = 10'000;  // messages waiting for one slow peer; more are dropped and asked about later

void set(void* socket, int option, int value) {
  ATHANOR_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0, zmq_strerror(errno));
}

void set(void* socket, int option, const std::string& value) {
  ATHANOR_CHECK(zmq_setsockopt(socket, option, value.data(), value.size()) == 0, zmq_strerror(errno));
}

struct Frame {
  Frame() { zmq_msg_init(&message); }
  ~Frame() { zmq_msg_close(&message); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool receive(void* socket) { return zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0; }
  bool more() { return zmq_msg_more(&message) != 0; }
  std::string text() { return {static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message)}; }
  std::span<const std::byte> bytes() {
    return {static_cast<const std::byte*>(zmq_msg_data(&message)), zmq_msg_size(&message)};
  }
  /// What ZeroMQ knows of the connection that it came over; empty: nothing.
  std::string property(const char* name) {
    const char* value = zmq_msg_gets(&message, name);
    return value != nullptr ? value : "";
  }
  int connection() { return zmq_msg_get(&message, ZMQ_SRCFD); }

  zmq_msg_t message;
};

constexpr const char* kLocal = "this machine";
constexpr const char* kGone = "somebody who left at once";

std::string host_at(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  char text[INET6_ADDRSTRLEN] = "";
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return kGone;
  if (peer.ss_family == AF_UNIX) return kLocal;
  if (peer.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&peer)->sin_addr, text, sizeof text);
  if (peer.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&peer)->sin6_addr, text, sizeof text);
  return text;
}

/// What ZeroMQ calls the other end. Over ipc that is “localhost:UID:GID:PID”.
std::string for_people(const std::string& peer) {
  constexpr std::string_view kIpc = "localhost:";
  if (peer.empty()) return kLocal;
  return peer.starts_with(kIpc) ? fmt::format("{} (process {})", kLocal, peer.substr(peer.rfind(':') + 1)) : peer;
}

[[noreturn]] void fail(const std::string& address, int error) {
  switch (error) {
    case EADDRINUSE:
      throw EnvironmentError(fmt::format(
          "the address {} is in use: another driver or program listens there. Stop it, or choose another address",
          address));
    case EADDRNOTAVAIL:
    case ENODEV:
      throw EnvironmentError(fmt::format(
          "“{}” is no place to listen at on this machine; write the host in numbers, not as a name: such as "
          "tcp://127.0.0.1:5571 (from this machine alone) or tcp://0.0.0.0:5571 (from all its networks)",
          address));
    case EINVAL:
    case EPROTONOSUPPORT:
    case ENOCOMPATPROTO:
      throw InputError(fmt::format("“{}” is no address; expected “tcp://HOST:PORT” or “ipc://FILE”", address));
    default:
      throw EnvironmentError(fmt::format("the address {} cannot be used: {}", address, zmq_strerror(error)));
  }
}

}  // namespace

// ── Context and sockets ──────────────────────────────────────────────────────────────────────────────────────────────

ZmqContext::ZmqContext() : context_(zmq_ctx_new()) {
  if (context_ == nullptr) throw EnvironmentError(fmt::format("ZeroMQ cannot start: {}", zmq_strerror(errno)));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

ZmqSocket::ZmqSocket(ZmqContext& context, Kind kind, std::size_t largest_frame, int receive_queue)
    : context_(context),
      kind_(kind),
      socket_(zmq_socket(context.context_, kind == Kind::kDealer   ? ZMQ_DEALER
                                           : kind == Kind::kRouter ? ZMQ_ROUTER
                                                                   : ZMQ_REP)) {
  if (socket_ == nullptr) throw EnvironmentError(fmt::format("ZeroMQ cannot make a socket: {}", zmq_strerror(errno)));
  set(socket_, ZMQ_LINGER, 0);
  if (kind == Kind::kReply) return;
  set(socket_, ZMQ_SNDHWM, kSendQueue);
  set(socket_, ZMQ_RCVHWM, receive_queue);
  set(socket_, ZMQ_HANDSHAKE_IVL, kHandshakeMs);
  const auto largest = static_cast<std::int64_t>(largest_frame);
  ATHANOR_CHECK(zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0, zmq_strerror(errno));
  if (kind == Kind::kRouter) {
    set(socket_, ZMQ_ROUTER_MANDATORY, 1);
  } else {
    set(socket_, ZMQ_IMMEDIATE, 1);
    set(socket_, ZMQ_RECONNECT_IVL, kReconnectMs);
  }
}

ZmqSocket::~ZmqSocket() {
  if (monitor_ != nullptr) {
    zmq_socket_monitor(socket_, nullptr, 0);
    zmq_close(monitor_);
  }
  zmq_close(socket_);
}

void ZmqSocket::watch_ends() {
  const int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                     (kind_ == Kind::kRouter ? ZMQ_EVENT_ACCEPTED : 0);
  const std::string watched = fmt::format("inproc://watch-{}", ++context_.watched_);
  ATHANOR_CHECK(zmq_socket_monitor(socket_, watched.c_str(), events) == 0, zmq_strerror(errno));
  monitor_ = zmq_socket(context_.context_, ZMQ_PAIR);
  ATHANOR_CHECK(monitor_ != nullptr && zmq_connect(monitor_, watched.c_str()) == 0, zmq_strerror(errno));
  set(monitor_, ZMQ_LINGER, 0);
}

void ZmqSocket::guard(const std::string& secret) {
  set(socket_, ZMQ_CURVE_SERVER, 1);
  set(socket_, ZMQ_CURVE_SECRETKEY, secret);
  set(socket_, ZMQ_ZAP_DOMAIN, "athanor");
}

void ZmqSocket::trust(const std::string& secret, const std::string& key, const std::string& server_key) {
  set(socket_, ZMQ_CURVE_SECRETKEY, secret);
  set(socket_, ZMQ_CURVE_PUBLICKEY, key);
  set(socket_, ZMQ_CURVE_SERVERKEY, server_key);
  set(socket_, ZMQ_RECONNECT_IVL, kReconnectGuardedMs);
}

void ZmqSocket::watch_for_forgery() {
  set(socket_, ZMQ_HEARTBEAT_IVL, kPingMs);
  set(socket_, ZMQ_HEARTBEAT_TIMEOUT, kPongMs);
}

void ZmqSocket::bind(const std::string& address) {
  ipc_path(address);
  if (address.find('[') != std::string::npos) set(socket_, ZMQ_IPV6, 1);
  if (zmq_bind(socket_, address.c_str()) != 0) fail(address, errno);
}

void ZmqSocket::connect(const std::string& address) {
  ipc_path(address);
  if (address.find('[') != std::string::npos) set(socket_, ZMQ_IPV6, 1);
  if (zmq_connect(socket_, address.c_str()) != 0) fail(address, errno);
}

std::string ZmqSocket::bound_to() const {
  char text[256];
  std::size_t size = sizeof text;
  ATHANOR_CHECK(zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, text, &size) == 0 && size > 0, zmq_strerror(errno));
  return {text, size - 1};
}

ZmqSocket::Sent ZmqSocket::offer(const Frames& frames, bool more_follows) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int more = more_follows || i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    while (zmq_send(socket_, frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more) < 0) {
      if (errno == EINTR) continue;
      ATHANOR_CHECK(errno == EAGAIN || errno == EHOSTUNREACH, zmq_strerror(errno));
      return errno == EAGAIN ? Sent::kFull : Sent::kGone;
    }
  }
  return Sent::kSent;
}

ZmqSocket::Sent ZmqSocket::offer(const Frames& frames) {
  return offer(frames, false);
}

ZmqSocket::Sent ZmqSocket::offer(const Frames& frames, const SharedBytes& bytes) {
  if (const Sent sent = offer(frames, true); sent != Sent::kSent) return sent;
  // ZeroMQ lets go of them when they are on their way, in a thread of its own.
  auto* kept = new SharedBytes(bytes);
  const auto let_go = [](void*, void* hint) { delete static_cast<SharedBytes*>(hint); };
  Frame frame;
  ATHANOR_CHECK(
      zmq_msg_init_data(&frame.message, const_cast<std::byte*>(kept->bytes().data()), kept->size(), let_go, kept) == 0,
      zmq_strerror(errno));
  // Where the first frame went, the others do.
  while (zmq_msg_send(&frame.message, socket_, ZMQ_DONTWAIT) < 0) ATHANOR_CHECK(errno == EINTR, zmq_strerror(errno));
  return Sent::kSent;
}

std::optional<std::vector<SharedBytes>> ZmqSocket::receive_shared(ZmqPeer* from) {
  std::vector<SharedBytes> frames;
  for (bool more = true; more;) {
    const auto frame = std::make_shared<Frame>();
    if (!frame->receive(socket_)) return std::nullopt;
    more = frame->more();
    // Of the last frame: the first one, the routing id, is ZeroMQ's own and not always marked.
    if (from != nullptr && !more) {
      *from = {for_people(frame->property("Peer-Address")), frame->property("User-Id"), frame->connection()};
      if (monitor_ != nullptr) connections_[from->connection] = {*from, true};
    }
    frames.emplace_back(frame, frame->bytes());
  }
  return frames;
}

std::optional<Frames> ZmqSocket::receive(ZmqPeer* from) {
  const auto shared = receive_shared(from);
  if (!shared) return std::nullopt;
  Frames frames;
  for (const SharedBytes& frame : *shared)
    frames.emplace_back(reinterpret_cast<const char*>(frame.bytes().data()), frame.size());
  return frames;
}

std::vector<ZmqEnd> ZmqSocket::ends() {
  ATHANOR_CHECK(monitor_ != nullptr, "ends of a socket that does not watch for them");
  std::vector<ZmqEnd> ends;
  for (;;) {
    // zmq_socket_monitor(3): 16 bits of event and 32 of value, then a frame with our own address.
    Frame event, endpoint;
    if (!event.receive(monitor_) || !event.more() || !endpoint.receive(monitor_)) return ends;
    const std::string bytes = event.text();
    std::uint16_t what = 0;
    std::uint32_t value = 0;
    if (bytes.size() < sizeof what + sizeof value) continue;
    std::memcpy(&what, bytes.data(), sizeof what);
    std::memcpy(&value, bytes.data() + sizeof what, sizeof value);
    const int fd = static_cast<int>(value);
    switch (what) {
      case ZMQ_EVENT_ACCEPTED:
        connections_[fd] = {{host_at(fd), "", fd}, false};
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        failed_ =
            value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? ZmqEnd::Why::kOtherMechanism : ZmqEnd::Why::kBroken;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        failed_ = ZmqEnd::Why::kNotAllowed;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        failed_ = ZmqEnd::Why::kUnfinished;
        break;
      case ZMQ_EVENT_DISCONNECTED: {
        const auto known = connections_.extract(fd);
        const Connection connection = known.empty() ? Connection{{kGone, "", fd}, false} : known.mapped();
        ends.push_back(
            {std::exchange(failed_, std::nullopt).value_or(ZmqEnd::Why::kLost), connection.peer, connection.spoke});
        break;
      }
      default:
        break;
    }
  }
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
