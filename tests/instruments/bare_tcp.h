// TCP without ZeroMQ: connections that say what they like, and a proxy that records and repeats what a controller said.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "tests/instruments/zmq_rig.h"

namespace athanor::rig {

/// A connection to `address`, “tcp://127.0.0.1:PORT”.
struct Tcp {
  explicit Tcp(const std::string& address);
  ~Tcp();
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  void send(const std::string& bytes) const;
  std::string receive() const;  ///< empty at the end
  void read_to_end() const;
  int fd;
  bool connected = false;
};

/// Between a controller and its driver: passes everything on, and keeps what either said. One connection at a time.
class Proxy {
 public:
  explicit Proxy(const std::string& to);
  ~Proxy();
  std::string said();      ///< by the controller
  std::string answered();  ///< by the driver
  /// Says `bytes` to the driver once more, over the connection that stands, even while the controller takes nothing.
  void say_again(const std::string& bytes);
  /// The same to the controller.
  void answer_again(const std::string& bytes);

  const std::string address = free_tcp_address();

 private:
  void run();
  void stands(int client, int server);
  void send_over(const int& end, const std::string& bytes);
  void pass(int client, const Tcp& server);

  int listener_;
  std::string to_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::string said_, answered_;    // guarded by it
  int client_ = -1, server_ = -1;  // likewise; while a connection stands
  std::thread thread_;
};

}  // namespace athanor::rig
