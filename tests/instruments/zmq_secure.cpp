// Goal: an encrypted link is for the keys that are allowed, and what anybody else does, or a driver that runs wild,
// changes nothing for the others and is logged with its source. Method: real sockets on the loopback interface, a proxy
// that records and repeats bytes, and floods from threads of the test.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <stop_token>
#include <thread>

#include "tests/instruments/zmq_rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

const auto kRefused = [](const wire::FromDriver& message) { return message.has_refused(); };

auto outcome_of(const std::string& id) {
  return [id](const wire::FromDriver& message) { return message.has_outcome() && message.outcome().id() == id; };
}

/// Two machines: the driver's keys and the controllers', which know each other.
struct Site {
  explicit Site(double speed = 1000) : clock(rig::running_clock(speed)) {
    there.allow(here.make("laptop", ""));
    here.allow(there.make("bench", ""));
  }
  std::unique_ptr<rig::ServedDriver> serve() {
    return std::make_unique<rig::ServedDriver>(address, clock, Driver::Options{}, 0, keys(there, "bench"));
  }
  static LinkKeys keys(const KeyFolder& folder, const std::string& own) {
    return {folder.own(own), AllowList(folder.path())};
  }
  std::unique_ptr<DriverLink> link(const std::string& own = "laptop", const std::string& at = "") {
    return make_zmq_link({{"hot", at.empty() ? address : at, "bench"}}, "ann", clock, 5, keys(here, own));
  }

  rig::TemporaryFolder folder;
  KeyFolder here{folder / "here"}, there{folder / "there"};
  ScaledClock clock;
  std::string address = rig::free_tcp_address();
};

void works(DriverLink& link, const ScaledClock& clock, const std::string& id) {
  link.send("hot", rig::say(rig::heat(id)));
  CHECK(rig::await_message(link, clock, outcome_of(id)).outcome().done());
}

std::string complaint(DriverLink& link, const ScaledClock& clock) {
  return rig::await_message(link, clock, kRefused).refused().why();
}

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

// ── Revocation ───────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a controller whose key is revoked commands no more from that moment on") {
  Site site(1);
  site.there.allow(site.here.make("desk", ""));
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  link->send("hot", rig::say(rig::heat("long", "heater-1", 80, 3600)));
  rig::await_message(*link, site.clock, [](const auto& message) { return message.has_accepted(); });
  site.there.revoke("laptop", "now");
  link->send("hot", rig::cancel("long"));
  CHECK_THAT(complaint(*link, site.clock), Contains("your key was revoked"));
  served->await_log({"ann (key “laptop” at 127.0.0.1)", "revoked"});
  // Another controller finds everything as it was, and the first one does not get in again.
  auto second = site.link("desk");
  rig::await_up(*second, site.clock);
  second->send("hot", rig::ask({"long"}));
  const auto answer =
      rig::await_message(*second, site.clock, [](const auto& message) { return message.has_answer(); }).answer();
  CHECK(answer.states(0).standing() == wire::CommandState::RUNNING);
  auto again = site.link();
  CHECK_THAT(complaint(*again, site.clock), Contains("does not allow our key “laptop”"));
}

TEST_CASE("a silent controller is heeded no longer, too, once its key is revoked") {
  // Goal: nobody has to say anything for it. Method: the driver's own heartbeat finds it out.
  Site site(1);
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  site.there.revoke("laptop", "now");
  served->await_log({"key “laptop”", "commands no more"});
}

TEST_CASE("a key that is revoked watches no more") {
  Site site(1);
  site.there.allow(site.here.make("desk", ""));
  const auto served = site.serve();
  auto watcher = site.link();
  rig::await_up(*watcher, site.clock);
  auto controller = site.link("desk");
  rig::await_up(*controller, site.clock);
  wire::ToDriver visit = to_driver();
  visit.mutable_visit()->set_watch_s(60);
  watcher->send("hot", visit);
  rig::await_message(*watcher, site.clock, [](const auto& message) { return message.has_telemetry(); });
  const PublicKey laptop = site.there.revoke("laptop", "now");
  served->await_log({laptop.key, "watches no more"});
}

TEST_CASE("a driver whose key is revoked at the controller is down, and comes back when it is allowed") {
  Site site;
  const auto served = site.serve();
  auto link = site.link();
  rig::await_up(*link, site.clock);
  const PublicKey bench = site.here.revoke("bench", "now");
  bool told = false;
  rig::await(*link, site.clock, [&](const DriverArrivals& arrived) {
    for (const auto& each : arrived.messages)
      told = told || (each.message.has_refused() && Contains("was revoked here").match(each.message.refused().why()));
    return std::any_of(arrived.changes.begin(), arrived.changes.end(), [](const auto& change) { return !change.up; });
  });
  CHECK(told);
  link->send("hot", rig::say(rig::heat("a")));
  std::filesystem::remove(site.here.path() + "/revoked");
  site.here.allow(bench);
  rig::await_up(*link, site.clock);
  works(*link, site.clock, "b");
  CHECK(served->device.starts.count("a") == 0);
}

// ── What is forged, broken, or too much ──────────────────────────────────────────────────────────────────────────────

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

TEST_CASE("a flood from somebody who may only ask does not keep the controller waiting") {
  Site site;
  site.there.allow(site.here.make("wild", ""));
  const auto served = site.serve();
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
