// Goal: an encrypted link is for the keys that are allowed, and what anybody else does changes nothing for the others
// and is logged with its source. Method: real sockets on the loopback interface, and a proxy that records and repeats
// bytes. Keys that are revoked have zmq_revoked.cpp, and too much has zmq_floods.cpp.
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "tests/instruments/bare_tcp.h"
#include "tests/instruments/secure_site.h"

using namespace athanor;
using Catch::Contains;
using Site = rig::SecureSite;
using rig::complaint;
using rig::kRefused;
using rig::works;

namespace {

/// Waits until the driver has taken the connection and noted whose it is: it looks at connections and at messages in
/// turn, so that between two answers it has looked at both.
void is_known(const rig::Tcp& visitor, DriverLink& link, const ScaledClock& clock) {
  REQUIRE(visitor.connected);
  REQUIRE_FALSE(visitor.receive().empty());
  for (const std::string id : {"before", "after"}) {
    link.send("hot", rig::ask({id}));
    rig::await_message(link, clock, [&](const auto& message) {
      return message.has_answer() && message.answer().states(0).id() == id;
    });
  }
}

}  // namespace

// ── Who gets in ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("keys that allow each other make a link") {
  Site site;
  if (GENERATE(false, true)) site.address = rig::address_in(site.folder);  // a local socket, with keys all the same
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  works(*link, site.clock, "a");
  CHECK_THAT(served->await_log({"is the controller now"}), Contains("ann (key “laptop” at "));
  CHECK(link->dropped() == 0);
}

TEST_CASE("a key that is not allowed gets nothing, and both sides are told why") {
  Site site;
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  const PublicKey stranger = site.here.make("stranger", "");
  auto strange = site.link("stranger");
  CHECK_THAT(complaint(*strange, site.clock), Contains("does not allow our key “stranger”") && Contains(stranger.key));
  served->await_log({"127.0.0.1", "turned away", stranger.key});
  strange->send("hot", rig::say(rig::heat("s")));
  works(*link, site.clock, "a");
  CHECK(served->device.starts.count("s") == 0);
  // Once it is allowed it gets in, without a restart of anything.
  site.there.allow(stranger);
  rig::await_up(*strange, site.clock);
  works(*strange, site.clock, "b");
}

TEST_CASE("a driver that holds another key than the one that is allowed is told nothing") {
  Site site;
  const auto served = site.serve();
  site.here.revoke("bench", "now");
  site.here.allow({"bench", site.here.make("other", "").key, ""});
  auto link = site.link();
  CHECK_THAT(complaint(*link, site.clock), Contains("does not hold the key") && Contains("“bench”"));
  served->await_log({"turned away", "another key"});
  CHECK(served->device.starts.empty());
}

TEST_CASE("a plain controller at an encrypted driver, and the other way round, are told apart") {
  Site site;
  SECTION("plain controller") {
    const auto served = site.serve();
    auto link = make_zmq_link({{"hot", site.address}}, "plain", site.clock);
    CHECK_THAT(complaint(*link, site.clock), Contains("keys that it allows") && Contains("key: NAME"));
    // The end that sees the other's greeting first breaks off, and the driver then knows only that it was left: chance.
    served->await_log({": "});
    CHECK(served->device.starts.empty());
  }
  SECTION("plain driver") {
    rig::ServedDriver served(site.address, site.clock);
    auto link = site.link();
    // Which of the two ends sees it first is chance; what it says names it in any case.
    CHECK_THAT(complaint(*link, site.clock), Contains("speaks without encryption") && Contains("“bench”"));
    served.await_log({": "});
  }
}

TEST_CASE("off this machine nothing is plain, on either side") {
  const Site site;
  CHECK_THAT(rig::ServedDriver("tcp://0.0.0.0:5571", site.clock).wait_for_end(),
             Contains("tcp://0.0.0.0:5571") && Contains("has no key") && Contains("athanor keys new"));
  CHECK_THROWS_WITH(make_zmq_link({{"hot", "tcp://192.0.2.1:5571"}}, "ann", site.clock), Contains("has no key"));
}

TEST_CASE("a driver whose key nobody allowed is refused before anything is said") {
  const Site site;
  CHECK_THROWS_WITH(
      make_zmq_link({{"hot", site.address, "unknown"}}, "ann", site.clock, 5, Site::keys(site.here, "laptop")),
      Contains("“unknown”") && Contains("athanor keys allow"));
}

// ── What is forged, broken or too large ──────────────────────────────────────────────────────────────────────────────

TEST_CASE("a session that was recorded and is played again does nothing") {
  // Goal: neither over a new connection nor over the one that stands. Method: a proxy; the controller's own bytes.
  Site site;
  const auto served = site.serve();
  rig::Proxy proxy(site.address);
  auto link = site.link("laptop", proxy.address);
  auto other = site.link();
  rig::await_up(*link, site.clock);
  const std::string before = proxy.said();
  works(*link, site.clock, "a");
  const std::string session = proxy.said();
  SECTION("over a new connection") {
    rig::await_up(*other, site.clock);
    const rig::Tcp thief(site.address);
    is_known(thief, *other, site.clock);
    thief.send(session);
    thief.read_to_end();
    served->await_log({"turned away", "replayed"});
  }
  SECTION("over the same connection") {
    proxy.say_again(session.substr(before.size()));
    rig::await_down(*link, site.clock);  // pings find it out: ZeroMQ itself leaves the connection standing, deaf
    served->await_log({"key “laptop” at 127.0.0.1", "sent a second time"});
    rig::await_up(*other, site.clock);
  }
  works(*other, site.clock, "b");
  CHECK(served->device.starts == std::map<std::string, int>{{"a", 1}, {"b", 1}});
}

TEST_CASE("a controller whose driver was said twice hears it again") {
  // ZeroMQ leaves a guarded connection standing, deaf, at the end that was told something a second time.
  Site site;
  const auto served = site.serve();
  rig::Proxy proxy(site.address);
  auto link = site.link("laptop", proxy.address);
  rig::await_up(*link, site.clock);
  const std::string before = proxy.answered();
  works(*link, site.clock, "a");
  proxy.answer_again(proxy.answered().substr(before.size()));
  rig::await_down(*link, site.clock);
  rig::await_up(*link, site.clock);
  works(*link, site.clock, "b");
  CHECK(served->device.starts == std::map<std::string, int>{{"a", 1}, {"b", 1}});
}

TEST_CASE("whatever else connects is logged and does nothing") {
  Site site;
  const auto served = site.serve();
  auto link = site.link();
  const auto [bytes, said] =
      GENERATE(std::pair<std::string, std::string>("GET / HTTP/1.1\r\n\r\n", "without a message"),
               std::pair<std::string, std::string>(std::string(64, '\xff'), "turned away"),
               std::pair<std::string, std::string>("", "did not finish the handshake"));
  rig::await_up(*link, site.clock);
  const rig::Tcp visitor(site.address);
  is_known(visitor, *link, site.clock);
  if (bytes.empty()) {
    ::shutdown(visitor.fd, SHUT_RDWR);
  } else {
    visitor.send(bytes);
  }
  served->await_log({"127.0.0.1", said});
  works(*link, site.clock, "a");
}

TEST_CASE("what an allowed key sends and cannot be understood, or is too large, is logged with its name") {
  Site site;
  site.there.allow(site.here.make("wild", ""));
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  const PrivateKey wild = site.here.own("wild");
  const std::string bench = AllowList(site.here.path()).key_of("bench");
  rig::RawController raw(site.address, [&](ZmqSocket& socket) { socket.trust(wild.secret, wild.key, bench); });
  raw.send(Frames{"\xff\xff garbage"});
  raw.await(kRefused);
  served->await_log({"key “wild” at 127.0.0.1", "could not be understood"});
  raw.send(Frames{std::string(kLargestFrame + 1, 'x')});
  served->await_log({"key “wild” at 127.0.0.1", "its connection ended"});
  works(*link, site.clock, "a");
}

TEST_CASE("a driver whose frame was too large is there again afterwards") {
  // Goal: its link does not stay down, though ZeroMQ gives such a connection up for good. Method: one such frame.
  Site site;
  ZmqContext context;
  ZmqSocket socket(context, ZmqSocket::Kind::kRouter);
  socket.bind(site.address);
  auto link = make_zmq_link({{"hot", site.address}}, "ann", site.clock);
  const auto heard = [&] {
    for (;;) {
      link->receive(site.clock.now() + from_seconds(10), -1);  // it says Hello
      if (const auto frames = socket.receive()) return frames->at(0);
    }
  };
  const std::string first = heard();
  REQUIRE(socket.send({first, std::string(kLargestFrame + 1, 'x')}));
  std::string again;
  do again = heard();
  while (again == first);
  wire::FromDriver message;
  message.set_version(kProtocolVersion);
  message.set_driver("hot");
  message.mutable_welcome();
  REQUIRE(socket.send({again, message.SerializeAsString()}));
  rig::await_up(*link, site.clock);
}
