// ZeroMQ as this program uses it: sockets that never block, closed without lingering, and one place to wait on all of
// them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "instruments/shared_bytes.h"

namespace athanor {

using Frames = std::vector<std::string>;

/// Larger frames are dropped by ZeroMQ together with the connection that they came over.
constexpr std::size_t kLargestFrame = std::size_t{16} << 20;
constexpr int kReceiveQueue = 100;  ///< messages from one peer; more wait in its own memory

/// Who is at the other end of a connection, as far as that is known.
struct ZmqPeer {
  std::string host;     ///< for people: "10.0.0.7", "this machine", or that it was gone before it could be asked
  std::string key;      ///< the public key, in Z85, that it has proved to hold; empty where the link is plain
  int connection = -1;  ///< tells it from others until it ends; routers only
};

/// The end of a connection.
struct ZmqEnd {
  enum class Why {
    kLost,            ///< closed by the other end, or a frame was too large
    kOtherMechanism,  ///< one end is plain and the other one encrypted
    kNotAllowed,      ///< the driver's list does not have our key
    kBroken,     ///< in the handshake another key than the one that is expected; at any time, forged or replayed bytes
    kUnfinished  ///< closed, or silent for too long, before the handshake's end
  };
  Why why = Why::kLost;
  ZmqPeer peer;
  bool spoke = false;  ///< a whole message came over it
};

class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;

 private:
  friend class ZmqSocket;
  void* context_;
  int watched_ = 0;  ///< sockets whose connection was ever watched
};

class ZmqSocket {
 public:
  enum class Kind {
    kDealer,  ///< at the controller; queues nothing while it is not connected
    kRouter,  ///< at the driver; the first frame of what it sends and receives is the peer's routing id
    kReply    ///< answers one question at a time, within the process
  };

  /// largest_frame: a larger one that arrives ends its connection.
  ZmqSocket(ZmqContext& context, Kind kind, std::size_t largest_frame = kLargestFrame,
            int receive_queue = kReceiveQueue);
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  /// Before `bind` and `connect`: the link is encrypted with CURVE. A driver's end shows that it holds `secret` and
  /// asks who may enter (zmq_gate.h); a controller's end shows that too, and talks to nobody but the holder of
  /// `server_key`.
  void guard(const std::string& secret);
  void trust(const std::string& secret, const std::string& key, const std::string& server_key);

  /// Both throw InputError for a text that is no address, EnvironmentError (in use, not permitted, path too long, no
  /// such folder) naming the address and the way out.
  void bind(const std::string& address);
  void connect(const std::string& address);

  /// What it is bound to: of a port that the system was to choose, which one.
  std::string bound_to() const;
  /// Before `bind`, of a guarded router: ends connections within seconds that something forged made deaf. It has a
  /// price where the other end may send more than is read (zmq_socket.cpp).
  void watch_for_forgery();

  /// Before `bind` and `connect`: `ends` tells of connections that ended, and waiting for the socket ends with each of
  /// them until that was asked.
  void watch_ends();

  /// False if it has nowhere to go now: not connected, peer gone, or its queue full.
  bool send(const Frames& frames) { return offer(frames) == Sent::kSent; }
  enum class Sent { kSent, kFull, kGone };
  Sent offer(const Frames& frames);
  /// The same of `frames` and then, as one more, `bytes`, which are not copied.
  Sent offer(const Frames& frames, const SharedBytes& bytes);
  /// The next message; none if there is none. from: set to who sent it; routers only.
  std::optional<Frames> receive(ZmqPeer* from = nullptr);
  /// The same without a copy: the bytes of each frame are ZeroMQ's own.
  std::optional<std::vector<SharedBytes>> receive_shared(ZmqPeer* from = nullptr);
  /// The connections that ended since this was asked last. throws std::logic_error without `watch_ends`.
  std::vector<ZmqEnd> ends();

 private:
  friend struct ZmqPoll;
  Sent offer(const Frames& frames, bool more_follows);
  struct Connection {
    ZmqPeer peer;
    bool spoke = false;
  };
  ZmqContext& context_;
  Kind kind_;
  void* socket_;
  void* monitor_ = nullptr;                ///< where it tells of connections, if that is watched
  std::map<int, Connection> connections_;  ///< by file descriptor; watched routers only
  std::optional<ZmqEnd::Why> failed_;      ///< why the connection that ends next does so
};

/// What `wait_for_any` waits on: a socket or a file descriptor, to be readable (or for a watched socket to know of a
/// connection that ended), and where `until_writable`, to be writable.
struct ZmqWait {
  ZmqSocket* socket = nullptr;
  int fd = -1;
  bool until_writable = false;
  bool ready = false;  ///< set on return
};

/// Waits until one of them is ready or `seconds` of wall time have passed (negative: for ever); a signal ends it too.
void wait_for_any(std::span<ZmqWait> waits, double seconds);

}  // namespace athanor
