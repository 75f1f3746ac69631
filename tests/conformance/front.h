// A sound driver behind a front that can tamper with what goes in and out: so that a driver breaks one promise alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "instruments/zmq_socket.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

class Front;

/// What is done to messages on their way. False: the message goes no further.
struct Sabotage {
  const char* name;
  std::function<bool(Front&, const std::string& client, wire::ToDriver&)> inward = {};
  std::function<bool(Front&, const std::string& client, wire::FromDriver&)> outward = {};
  std::function<void(Front&, const Frames&)> not_understood = {};  ///< what came and is no message
};

class Front {
 public:
  /// inner   where the sound driver listens.
  Front(const std::string& address, std::string inner, Sabotage sabotage);

  void serve(int stop_fd);

  // ── For sabotages ──
  void answer(const std::string& client, wire::FromDriver message);
  void pass_on(const std::string& client, const wire::ToDriver& message);
  /// Through everybody's connection to the driver.
  void pass_on_for_all(const wire::ToDriver& message);
  std::string controller;                         ///< who said Hello last
  std::map<std::string, wire::Command> begun;     ///< by id, as first sent
  std::set<std::string> running;                  ///< ids that were accepted and have not ended
  std::map<std::string, wire::Outcome> outcomes;  ///< by id

 private:
  ZmqSocket& way_of(const std::string& client);
  void inward(const Frames& frames);
  void outward(const std::string& client, const Frames& frames);

  std::string inner_;
  Sabotage sabotage_;
  ZmqContext context_;
  ZmqSocket router_{context_, ZmqSocket::Kind::kRouter, 2 * kLargestFrame};  ///< what is too large comes this far
  std::map<std::string, std::unique_ptr<ZmqSocket>> ways_;
  std::vector<std::string> gone_;  ///< clients that were found to have left
  wire::FromDriver last_;          ///< its name and boot, for answers of our own
};

}  // namespace athanor
