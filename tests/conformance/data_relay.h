// The data socket of a driver behind a front: hands everything on, or breaks a promise.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "instruments/zmq_socket.h"

namespace athanor {

class DataRelay {
 public:
  /// inner: the sound driver's data socket. one_collect: who collects a second time is not heard.
  DataRelay(const std::string& address, std::string inner, bool one_collect);
  void serve(int stop_fd);

 private:
  ZmqSocket& way_of(const std::string& client);

  std::string inner_;
  const bool one_collect_;
  int collects_ = 0;
  ZmqContext context_;
  ZmqSocket router_{context_, ZmqSocket::Kind::kRouter};
  std::map<std::string, std::unique_ptr<ZmqSocket>> ways_;
};

}  // namespace athanor
