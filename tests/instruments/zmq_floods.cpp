// Goal: an end that says whatever fits into its socket keeps nobody waiting, fills no journal, and is told. Method:
// floods from threads of the test, and a driver that is nothing but a socket.
#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "core/clock.h"
#include "tests/instruments/secure_site.h"

using namespace athanor;
using Catch::Contains;
using Site = rig::SecureSite;
using rig::works;

namespace {

/// A driver that is nothing but a socket, and whose controller has said Hello.
struct Babbler {
  explicit Babbler(Site& site) : socket(context, ZmqSocket::Kind::kRouter) {
    socket.bind(site.address);
    link = make_zmq_link({{"hot", site.address}}, "ann", site.clock);
    while (controller.empty()) {
      link->receive(site.clock.now() + from_seconds(10), -1);  // it says Hello
      if (const auto frames = socket.receive()) controller = frames->at(0);
    }
  }
  wire::FromDriver message() const {
    wire::FromDriver message;
    message.set_version(kProtocolVersion);
    message.set_driver("hot");
    return message;
  }
  void say(const wire::FromDriver& message) { REQUIRE(socket.send({controller, message.SerializeAsString()})); }

  ZmqContext context;
  ZmqSocket socket;
  std::unique_ptr<DriverLink> link;
  std::string controller;
};

}  // namespace

TEST_CASE("a flood from somebody who may only ask does not keep the controller waiting") {
  Site site;
  site.there.allow(site.here.make("wild", ""));
  auto served = site.serve();
  auto link = site.link();
  const PrivateKey wild = site.here.own("wild");
  const std::string bench = AllowList(site.here.path()).key_of("bench");
  const std::jthread flood([&](const std::stop_token& over) {
    ZmqContext context;
    ZmqSocket socket(context, ZmqSocket::Kind::kDealer);
    socket.trust(wild.secret, wild.key, bench);
    socket.connect(site.address);
    const std::string question = rig::ask({"a"}).SerializeAsString();
    while (!over.stop_requested()) {
      if (socket.send({question})) continue;
      ZmqWait waits[] = {{&socket, -1, true, false}};
      wait_for_any(waits, 0.1);
    }
  });
  rig::await_up(*link, site.clock);
  served->await_log({"key “wild” at 127.0.0.1", "messages a second"});
  for (int i = 0; i < 20; ++i) works(*link, site.clock, std::to_string(i));
  served.reset();  // before the flood ends, of which a slow machine has much to read yet (zmq_socket.cpp: pings)
}

TEST_CASE("a flood from one driver does not keep the others waiting, and is told") {
  // Goal: fair turns, and an end to what is read of one driver. Method: a driver that says whatever fits into its
  // socket, understood or not, while another one works.
  Site site;
  const auto served = site.serve();
  const bool garbage = GENERATE(false, true);
  const std::string loud = rig::free_tcp_address();
  std::atomic<long> said{0};
  const std::jthread flood([&](const std::stop_token& over) {
    ZmqContext context;
    ZmqSocket socket(context, ZmqSocket::Kind::kRouter);
    socket.bind(loud);
    std::string controller;
    wire::FromDriver message;
    message.set_version(kProtocolVersion);
    message.set_driver("loud");
    message.set_boot("boot-1");
    message.mutable_progress()->set_id("nobody's");
    const std::string progress = garbage ? "\xff\xff garbage" : message.SerializeAsString();
    while (!over.stop_requested()) {
      while (const auto frames = socket.receive()) controller = frames->at(0);
      if (!controller.empty() && socket.send({controller, progress})) {
        ++said;
        continue;
      }
      ZmqWait waits[] = {{&socket, -1, false, false}};
      wait_for_any(waits, 0.01);
    }
  });
  auto link = make_zmq_link({{"loud", loud}, {"hot", site.address, "bench"}}, "ann", site.clock, 5,
                            Site::keys(site.here, "laptop"));
  std::string told;
  bool up = false;
  rig::await(*link, site.clock, [&](const DriverArrivals& arrived) {  // in either order, and each is said once
    for (const LinkChange& change : arrived.changes) up = up || (change.up && change.driver == "hot");
    for (const auto& [message] : arrived.messages) {
      if (message.has_refused() && Contains("floods").match(message.refused().why())) told = message.driver();
    }
    return up && !told.empty();
  });
  CHECK(told == "loud");
  for (int i = 0; i < 20; ++i) works(*link, site.clock, std::to_string(i));
  CHECK(said > 5000);
  CHECK((link->dropped() > 0) == garbage);
}

TEST_CASE("a driver that complains without end fills nobody's journal") {
  Site site;
  Babbler driver(site);
  wire::FromDriver message = driver.message();
  for (int i = 0; i < 1000; ++i) {
    message.mutable_refused()->set_why("complaint " + std::to_string(i));
    driver.say(message);
  }
  message.mutable_refused()->set_id("the last one");
  driver.say(message);
  int complaints = 0, others = 0;
  rig::await_message(*driver.link, site.clock, [&](const wire::FromDriver& said) {
    (Contains("complaint ").match(said.refused().why()) ? complaints : others) += 1;
    return said.refused().id() == "the last one";
  });
  CHECK(complaints == 20 + 1);  // and the last one, which is about a command
  CHECK(others == 1);
}

TEST_CASE("the same complaint over and over is told once") {
  Site site;
  Babbler driver(site);
  wire::FromDriver message = driver.message();
  message.mutable_refused()->set_why("your key was revoked");
  for (int i = 0; i < 1000; ++i) driver.say(message);
  message.mutable_refused()->set_id("the last one");
  driver.say(message);
  int told = 0;
  rig::await_message(*driver.link, site.clock, [&](const wire::FromDriver& said) {
    ++told;
    return said.refused().id() == "the last one";
  });
  CHECK(told == 1 + 1);
}

TEST_CASE(
    "a driver that tells of its progress without end is heard of it a thousand times a second, and this is told") {
  Site site;
  Babbler driver(site);
  wire::FromDriver message = driver.message();
  for (int i = 0; i < 4000; ++i) {
    message.mutable_progress()->set_id("a");
    driver.say(message);
  }
  message.mutable_outcome()->set_id("a");
  driver.say(message);
  int reports = 0;
  bool told = false;
  const double began = monotonic_seconds();
  rig::await_message(*driver.link, site.clock, [&](const wire::FromDriver& said) {
    reports += said.has_progress();
    told = told || Contains("progress more than 1000 times a second").match(said.refused().why());
    return said.has_outcome();
  });
  CHECK(told);
  CHECK(reports <= 1000 * (1 + static_cast<int>(monotonic_seconds() - began + 1)));
}

TEST_CASE("who floods and leaves while nobody reads ends no process") {
  // Goal: no ping is due over such a connection, which ends the process in ZeroMQ 4.3. Method: longer than its pings.
  const std::string address = rig::free_tcp_address();
  ZmqContext context;
  ZmqSocket reader(context, ZmqSocket::Kind::kDealer, kLargestFrame, 16);
  reader.connect(address);
  REQUIRE(reader.send({"here"}) == false);  // nobody is there yet
  {
    ZmqContext elsewhere;
    ZmqSocket flood(elsewhere, ZmqSocket::Kind::kRouter);
    flood.bind(address);
    std::string to;
    const double until = monotonic_seconds() + 20;
    while (to.empty() && monotonic_seconds() < until) {
      reader.send({"here"});
      while (const auto frames = flood.receive()) to = frames->at(0);
      poll(nullptr, 0, 10);
    }
    REQUIRE_FALSE(to.empty());
    while (flood.send({to, std::string(1000, 'x')})) continue;
    poll(nullptr, 0, 300);
  }
  poll(nullptr, 0, 2500);
  std::size_t came = 0;
  while (reader.receive()) ++came;
  CHECK(came > 0);
}
