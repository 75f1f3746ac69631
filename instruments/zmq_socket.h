// ZeroMQ as this program uses it: sockets that never block, closed without lingering, and one place to wait on all of
// them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor {

using Frames = std::vector<std::string>;

/// Larger frames are dropped by ZeroMQ together with the connection that they came over.
constexpr std::size_t kLargestFrame = std::size_t{16} << 20;

class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;

 private:
  friend class ZmqSocket;
  void* context_;
};

class ZmqSocket {
 public:
  enum class Kind {
    kDealer,  ///< at the controller; queues nothing while it is not connected, and knows when the connection is lost
    kRouter   ///< at the driver; the first frame of what it sends and receives is the peer's routing id
  };

  ZmqSocket(ZmqContext& context, Kind kind);
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  /// Both throw InputError for a text that is no address, EnvironmentError (in use, not permitted, path too long, no
  /// such folder) naming the address and the way out.
  void bind(const std::string& address);
  void connect(const std::string& address);

  /// False if it has nowhere to go now: not connected, peer gone, or its queue full.
  bool send(const Frames& frames);
  /// The next message; none if there is none.
  std::optional<Frames> receive();
  /// Whether the connection was lost since this was asked last. Dealers only.
  bool lost_connection();

 private:
  friend struct ZmqPoll;
  void* socket_;
  void* monitor_ = nullptr;
};

/// What `wait_for_any` waits on: a socket or a file descriptor, to be readable (or for a socket to know of a lost
/// connection), and where `until_writable`, to be writable.
struct ZmqWait {
  ZmqSocket* socket = nullptr;
  int fd = -1;
  bool until_writable = false;
  bool ready = false;  ///< set on return
};

/// Waits until one of them is ready or `seconds` of wall time have passed (negative: for ever); a signal ends it too.
void wait_for_any(std::span<ZmqWait> waits, double seconds);

/// The file of an "ipc://" address; none for other addresses and for names outside the file system ("ipc://@name").
/// throws EnvironmentError if the path is longer than a socket's may be.
std::optional<std::string> ipc_path(const std::string& address);

}  // namespace athanor
