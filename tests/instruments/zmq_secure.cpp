// Goal: an encrypted link is for the keys that are allowed, and what anybody else does changes nothing for the others
// and is logged with its source. Method: real sockets on the loopback interface, and a proxy that records and repeats
// bytes. Keys that are revoked have zmq_revoked.cpp, and too much has zmq_floods.cpp.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "tests/instruments/secure_site.h"

using namespace athanor;
using Catch::Contains;
using Site = rig::SecureSite;
using rig::complaint;
using rig::kRefused;
using rig::works;

namespace {

// ── Bare TCP ──────────

sockaddr_in tcp(const std::string& address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  return at;
}

struct Tcp {
  explicit Tcp(const std::string& address) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in at = tcp(address);
    connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  ~Tcp() { ::close(fd); }
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;
  void send(const std::string& bytes) const { CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
  std::string receive() const {
    char block[4096];
    const ssize_t size = ::recv(fd, block, sizeof block, 0);
    return {block, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  void read_to_end() const {
    while (!receive().empty()) {
    }
  }
  int fd;
  bool connected = false;
};

/// Waits until the driver has taken the connection and noted whose it is: it looks at connections and at messages in
/// turn, so that between two answers it has looked at both.
void is_known(const Tcp& visitor, DriverLink& link, const ScaledClock& clock) {
  REQUIRE(visitor.connected);
  REQUIRE_FALSE(visitor.receive().empty());
  for (const std::string id : {"before", "after"}) {
    link.send("hot", rig::ask({id}));
    rig::await_message(link, clock, [&](const auto& message) {
      return message.has_answer() && message.answer().states(0).id() == id;
    });
  }
}

/// Between a controller and its driver: passes everything on, and keeps what the controller said.
class Proxy {
 public:
  explicit Proxy(const std::string& to) : listener_(::socket(AF_INET, SOCK_STREAM, 0)), to_(to) {
    const sockaddr_in at = tcp(address);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener_, 5) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~Proxy() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  /// Says `bytes` to the driver once more, over the connection that stands.
  void say_again(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    again_ = bytes;
  }

  const std::string address = rig::free_tcp_address();

 private:
  void run() {
    while (!over_) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      const Tcp server(to_);
      if (server.connected) pass(client, server);  // otherwise the driver is not there yet
      ::close(client);
    }
  }
  void pass(int client, const Tcp& server) {
    char block[1 << 16];
    for (pollfd ends[] = {{client, POLLIN, 0}, {server.fd, POLLIN, 0}}; !over_;) {
      ::poll(ends, 2, 10);
      for (int i = 0; i < 2; ++i) {
        if (ends[i].revents == 0) continue;
        const ssize_t size = ::recv(ends[i].fd, block, sizeof block, 0);
        if (size <= 0) return;
        const std::string bytes(block, static_cast<std::size_t>(size));
        if (::send(ends[1 - i].fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) <= 0) return;
        const std::lock_guard lock(mutex_);
        if (i == 0) said_ += bytes;
      }
      const std::lock_guard lock(mutex_);
      if (!again_.empty()) server.send(std::exchange(again_, ""));
    }
  }

  int listener_;
  std::string to_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::string said_, again_;
  std::thread thread_;
};

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
  Proxy proxy(site.address);
  auto link = site.link("laptop", proxy.address);
  auto other = site.link();
  rig::await_up(*link, site.clock);
  const std::string before = proxy.said();
  works(*link, site.clock, "a");
  const std::string session = proxy.said();
  SECTION("over a new connection") {
    rig::await_up(*other, site.clock);
    const Tcp thief(site.address);
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

TEST_CASE("whatever else connects is logged and does nothing") {
  Site site;
  const auto served = site.serve();
  auto link = site.link();
  const auto [bytes, said] =
      GENERATE(std::pair<std::string, std::string>("GET / HTTP/1.1\r\n\r\n", "without a message"),
               std::pair<std::string, std::string>(std::string(64, '\xff'), "turned away"),
               std::pair<std::string, std::string>("", "did not finish the handshake"));
  rig::await_up(*link, site.clock);
  const Tcp visitor(site.address);
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
