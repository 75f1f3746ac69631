#include "tests/conformance/front.h"

#include <utility>
#include <vector>

namespace athanor {

Front::Front(const std::string& address, std::string inner, Sabotage sabotage)
    : inner_(std::move(inner)), sabotage_(std::move(sabotage)) {
  router_.bind(address);
}

ZmqSocket& Front::way_of(const std::string& client) {
  std::unique_ptr<ZmqSocket>& way = ways_[client];
  if (!way) {
    way = std::make_unique<ZmqSocket>(context_, ZmqSocket::Kind::kDealer);
    way->connect(inner_);
  }
  return *way;
}

void Front::serve(int stop_fd) {
  for (;;) {
    std::vector<ZmqWait> waits = {{nullptr, stop_fd, false, false}, {&router_, -1, false, false}};
    for (auto& [client, way] : ways_) waits.push_back({way.get(), -1, false, false});
    wait_for_any(waits, 0.25);
    if (waits.front().ready) return;
    while (const auto frames = router_.receive()) inward(*frames);
    for (auto& [client, way] : ways_) {
      while (const auto frames = way->receive()) outward(client, *frames);
    }
    for (const std::string& client : std::exchange(gone_, {})) ways_.erase(client);
    if (sabotage_.name == std::string("dead-man")) {
      wire::ToDriver heartbeat;
      heartbeat.set_version(1);
      heartbeat.mutable_heartbeat();
      pass_on_for_all(heartbeat);
    }
  }
}

void Front::inward(const Frames& frames) {
  const std::string& client = frames.front();
  wire::ToDriver message;
  if (frames.size() != 2 || frames[1].size() > kLargestFrame || !message.ParseFromString(frames[1])) {
    if (sabotage_.not_understood) sabotage_.not_understood(*this, frames);
    ZmqSocket& way = way_of(client);
    const Frames rest(frames.begin() + 1, frames.end());
    while (!way.send(rest)) {
      ZmqWait waits[] = {{&way, -1, true, false}};
      wait_for_any(waits, 1);
    }
    return;
  }
  const bool goes_on = !sabotage_.inward || sabotage_.inward(*this, client, message);
  if (message.has_hello()) controller = client;
  if (message.has_command()) begun.emplace(message.command().id(), message.command());
  if (goes_on) pass_on(client, message);
}

void Front::pass_on(const std::string& client, const wire::ToDriver& message) {
  ZmqSocket& way = way_of(client);
  while (!way.send({message.SerializeAsString()})) {
    ZmqWait waits[] = {{&way, -1, true, false}};
    wait_for_any(waits, 1);
  }
}

void Front::pass_on_for_all(const wire::ToDriver& message) {
  for (auto& [client, way] : ways_) way->send({message.SerializeAsString()});
}

void Front::outward(const std::string& client, const Frames& frames) {
  wire::FromDriver message;
  if (!message.ParseFromString(frames.front())) return;
  last_ = message;
  if (message.has_accepted()) running.insert(message.accepted().id());
  if (message.has_outcome()) {
    running.erase(message.outcome().id());
    outcomes[message.outcome().id()] = message.outcome();
  }
  if (sabotage_.outward && !sabotage_.outward(*this, client, message)) return;
  if (!router_.send({client, message.SerializeAsString()})) gone_.push_back(client);
}

void Front::answer(const std::string& client, wire::FromDriver message) {
  message.set_version(last_.version());
  message.set_driver(last_.driver());
  message.set_boot(last_.boot());
  router_.send({client, message.SerializeAsString()});
}

}  // namespace athanor
