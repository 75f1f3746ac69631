// Goal: the link and the driver keep the protocol over real sockets. Method: a driver in a thread on an ipc address, a
// raw socket for what no link would do, and events instead of waiting.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "core/error.h"
#include "instruments/description.h"
#include "tests/instruments/zmq_rig.h"

using namespace athanor;
using Catch::Contains;
using rig::accepted;
using rig::kRefused;
using rig::outcome_of;

namespace {

struct Site {
  explicit Site(double speed = 1000) : clock(rig::running_clock(speed)) {}
  std::unique_ptr<DriverLink> link(const std::string& name = "test", double silence_s = 5) {
    return make_zmq_link({{"hot", rig::address_in(folder)}}, name, clock, silence_s);
  }
  rig::TemporaryFolder folder;
  ScaledClock clock;
};

/// A driver's side of the socket, saying whatever the test wants.
struct FakeDriver {
  explicit FakeDriver(const std::string& address) { socket.bind(address); }
  /// Waits for a message from the controller, and gives its routing id.
  std::string hear() {
    for (;;) {
      if (const auto frames = socket.receive()) return frames->at(0);
      ZmqWait waits[] = {{&socket, -1, false, false}};
      wait_for_any(waits, 20);
    }
  }
  void welcome(const std::string& to, const std::string& name, unsigned version, const std::string& boot = "boot-1",
               const wire::Welcome& welcome = {}) {
    wire::FromDriver message;
    message.set_version(version);
    message.set_driver(name);
    message.set_boot(boot);
    *message.mutable_welcome() = welcome;
    REQUIRE(socket.send({to, message.SerializeAsString()}));
  }
  ZmqContext context;
  ZmqSocket socket{context, ZmqSocket::Kind::kRouter};
};

}  // namespace

TEST_CASE("a command goes to the driver and its outcome comes back") {
  // Goal: the ordinary course over sockets. Method: Hello … outcome at a thousand times real time.
  Site site;
  auto link = site.link();  // before there is a driver: it keeps trying
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  const DriverArrivals first = rig::await_up(*link, site.clock);
  REQUIRE(first.messages.size() == 1);
  CHECK(first.messages[0].message.boot() == "boot-1");
  CHECK(first.messages[0].message.welcome().instruments(0).id() == "heater-1");
  link->send("hot", rig::say(rig::heat("a")));
  CHECK(rig::await_message(*link, site.clock, accepted("a")).accepted().expected_s() == 60);
  const auto outcome = rig::await_message(*link, site.clock, outcome_of("a")).outcome();
  CHECK(outcome.done());
  CHECK(outcome.took_s() >= 60);
  link->send("hot", rig::say(rig::heat("a")));
  CHECK(rig::await_message(*link, site.clock, outcome_of("a")).outcome().SerializeAsString() ==
        outcome.SerializeAsString());
  CHECK(served.device.starts["a"] == 1);
  CHECK(link->dropped() == 0);
}

TEST_CASE("whoever listens is told what the sensors show, again and again") {
  Site site;
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  auto link = site.link();
  rig::await_up(*link, site.clock);
  for (int i = 0; i < 2; ++i) {
    const auto said =
        rig::await_message(*link, site.clock, [](const wire::FromDriver& message) { return message.has_telemetry(); });
    CHECK(said.telemetry().instrument() == "heater-1");
    REQUIRE(said.telemetry().values_size() == 1);
    CHECK(said.telemetry().values(0).number() == 21.5);
    CHECK(said.telemetry().values(0).unit() == "degC");
  }
}

TEST_CASE("a link waits until the laboratory time that was asked for, or until its caller's descriptor") {
  // Goal: the run time's loop. Method: 100 × real time; a readable pipe; nothing else to hear.
  Site site(100);
  auto link = site.link();
  const Time until = site.clock.now() + from_seconds(5);
  CHECK(link->receive(until, -1).empty());
  CHECK(site.clock.now() >= until);
  int ends[2];
  REQUIRE((::pipe(ends) == 0 && ::write(ends[1], "x", 1) == 1));
  CHECK(link->receive(kNever, ends[0]).empty());
  ::close(ends[0]);
  ::close(ends[1]);
  link->send("hot", rig::say(rig::heat("a")));  // down: dropped
  link->send("nobody", rig::say(rig::heat("a")));
}

TEST_CASE("a controller that comes back is told what happened without it") {
  // Goal: no outcome is lost. Method: the first link dies in mid-command, the second asks.
  Site site;
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  auto link = site.link();
  rig::await_up(*link, site.clock);
  link->send("hot", rig::say(rig::heat("a", "heater-1", 80, 30)));
  rig::await_message(*link, site.clock, accepted("a"));
  link.reset();
  link = site.link();
  rig::await_up(*link, site.clock);
  wire::CommandState state;
  do {
    link->send("hot", rig::ask({"a", "b"}));
    state = rig::await_message(*link, site.clock, [](const auto& message) { return message.has_answer(); })
                .answer()
                .states(0);
  } while (state.standing() == wire::CommandState::RUNNING);
  CHECK(state.standing() == wire::CommandState::FINISHED);
  CHECK(state.outcome().done());
}

TEST_CASE("garbage changes nothing for the others") {
  // Goal: bytes from anybody. Method: random, empty, many-framed, truncated and oversized frames, both ways.
  Site site;
  SECTION("to the driver") {
    rig::ServedDriver served(rig::address_in(site.folder), site.clock);
    auto link = site.link();
    rig::await_up(*link, site.clock);
    rig::RawController raw(rig::address_in(site.folder));
    const std::string whole = rig::say(rig::heat("a")).SerializeAsString();
    raw.send(Frames{std::string("\xff\xff\xff garbage \0", 12)});
    CHECK_THAT(raw.await(kRefused).refused().why(), Contains("1 such so far"));
    raw.send(Frames{""});
    CHECK_THAT(raw.await(kRefused).refused().why(), Contains("version 0"));
    raw.send(Frames{"one", "two"});
    CHECK_THAT(raw.await(kRefused).refused().why(), Contains("2 frames"));
    raw.send(Frames{whole.substr(0, whole.size() - 3)});
    raw.await(kRefused);
    raw.send(Frames{std::string(kLargestFrame + 1, 'x')});  // ends the connection; the next one is a new one
    link->send("hot", rig::say(rig::heat("b")));
    CHECK(rig::await_message(*link, site.clock, outcome_of("b")).outcome().done());
    CHECK(served.device.starts.size() == 1);
  }
  SECTION("to the controller") {
    FakeDriver fake(rig::address_in(site.folder));
    auto link = site.link();
    CHECK(link->receive(site.clock.now() + from_seconds(1), -1).empty());
    std::string controller;
    std::thread hearing([&] { controller = fake.hear(); });
    link->receive(site.clock.now() + from_seconds(100), -1);
    hearing.join();
    REQUIRE(fake.socket.send({controller, "\xff\xfe garbage"}));
    REQUIRE(fake.socket.send({controller, "two", "frames"}));
    fake.welcome(controller, "hot", kProtocolVersion);
    rig::await_up(*link, site.clock);
    CHECK(link->dropped() == 2);
  }
}

TEST_CASE("a driver of another name or version never comes up, and it is said once") {
  // Goal: a wrong endpoint is found out. Method: a fake driver; then the right one, then a new boot of it.
  Site site;
  FakeDriver fake(rig::address_in(site.folder));
  auto link = site.link();
  std::string controller;
  std::thread hearing([&] { controller = fake.hear(); });
  link->receive(site.clock.now() + from_seconds(100), -1);
  hearing.join();
  fake.welcome(controller, "cold", kProtocolVersion);
  fake.welcome(controller, "cold", kProtocolVersion);
  CHECK_THAT(rig::await_message(*link, site.clock, kRefused).refused().why(), Contains("“cold”") && Contains("“hot”"));
  fake.welcome(controller, "hot", 9);
  CHECK_THAT(rig::await_message(*link, site.clock, kRefused).refused().why(), Contains("version 9"));
  fake.welcome(controller, "hot", kProtocolVersion);
  rig::await_up(*link, site.clock);
  fake.welcome(controller, "hot", kProtocolVersion, "boot-2");
  const DriverArrivals again = rig::await_up(*link, site.clock);
  REQUIRE(again.changes.size() == 2);
  CHECK_FALSE(again.changes[0].up);
  CHECK(again.messages.at(0).message.boot() == "boot-2");
  CHECK(link->dropped() == 3);
}

// Goal: what a driver says of itself is bounded, whoever wrote it. Method: Welcomes just beyond each bound, then a good
// one.
TEST_CASE("a driver that describes more than is taken never comes up") {
  const auto welcome = [](const std::function<void(wire::Instrument&)>& change) {
    wire::Welcome made;
    wire::Instrument& one = *made.add_instruments();
    one.set_id("heater-1");
    one.add_capabilities()->set_name("heat");
    change(one);
    return made;
  };
  const std::string name(kLongestName + 1, 'n');
  const auto field = [](wire::Instrument& one) { return one.mutable_capabilities(0)->add_parameters(); };
  const std::vector<std::pair<wire::Welcome, std::string>> hostile = {
      {welcome([&](auto& one) { one.set_kind(name); }), "has 201 bytes; expected 200 at most"},
      {welcome([&](auto& one) { one.mutable_capabilities(0)->set_name(name); }), "has 201 bytes; expected 200 at most"},
      {welcome([&](auto& one) { field(one)->set_unit(name); }), "has 201 bytes; expected 200 at most"},
      {welcome([&](auto& one) { field(one)->add_choices(std::string(kLongestChoice + 1, 'c')); }),
       "has 1001 bytes; expected 1000 at most"},
      {welcome([&](auto& one) {
         wire::Field& levels = *field(one);
         for (std::size_t i = 0; i <= kMostChoices; ++i) levels.add_levels(1);
       }),
       "10001 choices or levels; expected 10000 at most"},
      {welcome([&](auto& one) {
         for (std::size_t i = 0; i <= kMostFields; ++i) field(one);
       }),
       "1001 parameters or results; expected 1000 at most"},
      {welcome([](auto& one) {
         for (std::size_t i = 0; i < kMostCapabilities; ++i) one.add_capabilities();
       }),
       "1001 capabilities; expected 1000 at most"}};
  Site site;
  FakeDriver fake(rig::address_in(site.folder));
  auto link = site.link();
  std::string controller;
  std::thread hearing([&] { controller = fake.hear(); });
  link->receive(site.clock.now() + from_seconds(100), -1);
  hearing.join();
  for (const auto& [said, why] : hostile) {
    INFO(why);
    fake.welcome(controller, "hot", kProtocolVersion, "boot-1", said);
    CHECK_THAT(rig::await_message(*link, site.clock,
                                  [&, part = why](const wire::FromDriver& message) {
                                    return message.has_refused() &&
                                           message.refused().why().find(part) != std::string::npos;
                                  })
                   .refused()
                   .why(),
               Contains("describes more than is taken"));
  }
  fake.welcome(controller, "hot", kProtocolVersion, "boot-1", welcome([](auto&) {}));
  CHECK(rig::await_up(*link, site.clock).messages.size() == 1);
}

TEST_CASE("the controller that said Hello last commands, anybody may ask and stop") {
  // Goal: one controller at a time, and a stop from whoever sees the smoke. Method: two links.
  Site site(1);
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  auto first = site.link("first"), second = site.link("second");
  rig::await_up(*first, site.clock);
  rig::await_up(*second, site.clock);
  first->send("hot", rig::say(rig::heat("a")));
  const auto refused = rig::await_message(*first, site.clock, kRefused).refused();
  CHECK_THAT(refused.why(), Contains("“second”"));
  CHECK(refused.id() == "a");
  second->send("hot", rig::say(rig::heat("b")));
  rig::await_message(*second, site.clock, accepted("b"));
  first->send("hot", rig::cancel("b"));
  CHECK(rig::await_message(*first, site.clock, kRefused).refused().id() == "b");
  first->send("hot", rig::ask({"b"}));
  const auto answer =
      rig::await_message(*first, site.clock, [](const auto& message) { return message.has_answer(); }).answer();
  CHECK(answer.states(0).standing() == wire::CommandState::RUNNING);
  first->send("hot", rig::stop());
  rig::await_message(*first, site.clock, [](const auto& message) { return message.has_stopped(); });
  CHECK(rig::await_message(*second, site.clock, outcome_of("b")).outcome().fault() == wire::INTERRUPTED);
  CHECK(served.device.starts.count("a") == 0);
}

TEST_CASE("before anybody said Hello a driver takes no commands") {
  // Goal: outcomes always have somebody to go to. Method: a raw socket that forgets its manners.
  Site site;
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  rig::RawController raw(rig::address_in(site.folder));
  raw.send(rig::say(rig::heat("a")));
  CHECK_THAT(raw.await(kRefused).refused().why(), Contains("say Hello first"));
}

TEST_CASE("a driver whose controller goes silent makes its instruments safe by itself") {
  // Goal: the dead-man time. Method: Hello and a command from a raw socket that never sends a heartbeat.
  Site site(1);
  rig::ServedDriver served(rig::address_in(site.folder), site.clock, {.dead_man_s = 0.2});
  rig::RawController raw(rig::address_in(site.folder));
  raw.send(rig::hello());
  raw.send(rig::say(rig::heat("a")));
  CHECK(raw.await([](const auto& message) { return message.has_welcome(); }).welcome().dead_man_s() == 0.2);
  CHECK(raw.await(outcome_of("a")).outcome().fault() == wire::INTERRUPTED);
}

TEST_CASE("a driver that lingers ends by itself when its controller is gone") {
  // Goal: twins that a run started do not stay for ever. Method: nobody ever calls.
  Site site;
  rig::ServedDriver served(rig::address_in(site.folder), site.clock, {}, 0.1);
  CHECK(served.wait_for_end().empty());
}

TEST_CASE("an address that cannot be used is refused by name, with the way out") {
  // Goal: two drivers never share an address. Method: each reason.
  Site site;
  const std::string address = rig::address_in(site.folder);
  const auto why = [&](const std::string& at) { return rig::ServedDriver(at, site.clock, {}, 20).wait_for_end(); };
  SECTION("ipc in use") {
    rig::ServedDriver served(address, site.clock);
    auto link = site.link();
    rig::await_up(*link, site.clock);
    CHECK_THAT(why(address), Contains(address) && Contains("in use"));
    link->send("hot", rig::say(rig::heat("a")));
    CHECK(rig::await_message(*link, site.clock, outcome_of("a")).outcome().done());
  }
  SECTION("ipc in use by another program, which keeps it") {
    FakeDriver fake(address);
    CHECK_THAT(why(address), Contains(address) && Contains("another program"));
  }
  SECTION("tcp in use") {
    const std::string tcp = "tcp://127.0.0.1:45713";
    FakeDriver fake(tcp);
    CHECK_THAT(why(tcp), Contains(tcp) && Contains("in use"));
  }
  SECTION("a path that is too long") {
    const std::string path = site.folder / std::string(120, 'x');
    CHECK_THAT(why("ipc://" + path), Contains(path) && Contains("107"));
    CHECK_THROWS_AS(make_zmq_link({{"hot", "ipc://" + path}}, "test", site.clock), EnvironmentError);
  }
  SECTION("a folder that is not there") {
    CHECK_THAT(why("ipc://" + (site.folder / "no/socket")), Contains("not there"));
  }
  SECTION("a file that is no socket, which stays") {
    std::ofstream(site.folder / "socket") << "data";
    CHECK_THAT(why(address), Contains("no socket"));
    CHECK(std::filesystem::file_size(site.folder / "socket") == 4);
  }
  SECTION("not an address") {
    CHECK_THAT(why("nonsense"), Contains("“nonsense” is no address"));
    CHECK_THROWS_AS(make_zmq_link({{"hot", "tcp://nowhere"}}, "test", site.clock), InputError);
  }
  SECTION("a name where a number is needed") {
    CHECK_THAT(why("tcp://localhost:5571"),
               Contains("“tcp://localhost:5571”") && Contains("such as tcp://127.0.0.1:5571"));
  }
  SECTION("after a clean end it is free again, and nothing is left behind") {
    CHECK(rig::ServedDriver(address, site.clock, {}, 0.05).wait_for_end().empty());
    CHECK_FALSE(std::filesystem::exists(site.folder / "socket.lock"));
    CHECK(rig::ServedDriver(address, site.clock, {}, 0.05).wait_for_end().empty());
  }
}

TEST_CASE("a visitor is told everything and takes nothing") {
  // Goal: looking does not disturb. Method: a visitor with a controller, without one, and one that says Hello only if
  // it is free.
  Site site(1);
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  const auto welcome = [](const wire::FromDriver& message) { return message.has_welcome(); };
  wire::ToDriver visit = to_driver(), hello_if_free = rig::hello();
  visit.mutable_visit();
  hello_if_free.mutable_hello()->set_only_if_free(true);
  rig::RawController visitor(rig::address_in(site.folder));
  visitor.send(visit);
  CHECK(visitor.await(welcome).welcome().controller().empty());
  auto link = site.link("first");
  rig::await_up(*link, site.clock);
  visitor.send(visit);
  const wire::Welcome told = visitor.await(welcome).welcome();
  CHECK(told.controller() == "first");
  CHECK(told.instruments_size() == 1);
  visitor.send(hello_if_free);
  CHECK_THAT(visitor.await(kRefused).refused().why(), Contains("“first”"));
  link->send("hot", rig::say(rig::heat("a")));
  rig::await_message(*link, site.clock, accepted("a"));
  link.reset();
  // The driver finds its controller gone when it has something to tell it: within a second.
  for (bool taken = false; !taken;) {
    visitor.send(hello_if_free);
    taken = visitor.await([&](const auto& message) { return kRefused(message) || welcome(message); }).has_welcome();
  }
  visitor.send(rig::cancel("a"));
  CHECK(visitor.await(outcome_of("a")).outcome().fault() == wire::INTERRUPTED);
}

// Goal: a driver's owner is told who commands it, not who looked. Method: a visitor and a controller that come and go;
// the log's next line after the visitor left must be the controller's.
TEST_CASE("a visitor who leaves is no lost connection") {
  Site site(1);
  rig::ServedDriver served(rig::address_in(site.folder), site.clock);
  for (int i = 0; i < 3; ++i) {
    rig::RawController visitor(rig::address_in(site.folder));
    wire::ToDriver visit = to_driver();
    visit.mutable_visit();
    visitor.send(visit);
    visitor.await([](const auto& message) { return message.has_welcome(); });
  }
  auto link = site.link("first");
  rig::await_up(*link, site.clock);
  served.await_log({"first", "is the controller now"});
  link.reset();
  served.await_log({"first", "its connection ended"});
  CHECK(served.log_lines() == 2);
}

// Goal: nobody is flooded by a device that tells of its progress. Method: an instrument that does so whenever it is
// asked, behind a real socket; how often it is heard until its end, against how long that took.
TEST_CASE("a chatty instrument is heard once a second") {
  class Chatty final : public Instrument {
   public:
    wire::Instrument describe() const override {
      wire::Instrument described;
      described.set_id("chatty-1");
      described.set_kind("chatty");
      *described.add_capabilities() = capability("chat").description();
      return described;
    }
    Outcome<Duration> start(const wire::Command& command, Time) override {
      id_ = command.id();
      return Duration{0};
    }
    Time wakes_at() const override { return id_.empty() ? kNever : Time{}; }
    std::vector<wire::FromDriver> poll(Time) override {
      std::vector<wire::FromDriver> all(1);
      if (++said_ < 5000) {
        all[0].mutable_progress()->set_id(id_);
      } else {
        all[0].mutable_outcome()->set_id(std::exchange(id_, ""));
        all[0].mutable_outcome()->set_done(true);
      }
      return all;
    }
    void cancel(const std::string&, Time) override {}
    void make_safe(Time) override {}
    Memory recall(const wire::Command&, Time, Time) override { return {}; }

   private:
    std::string id_;
    int said_ = 0;
  };
  Site site(1);
  Ledger ledger("");
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(std::make_unique<Chatty>());
  Driver driver("hot", "boot", std::move(instruments), ledger, {}, site.clock.now());
  Wake stop;
  std::thread serving([&] {
    serve_driver(driver, rig::address_in(site.folder), site.clock, stop.fd(), {.log = [](const std::string&) {}});
  });
  {
    auto link = site.link();
    rig::await_up(*link, site.clock);
    wire::Command chat;
    chat.set_id("a");
    chat.set_instrument("chatty-1");
    chat.set_capability("chat");
    const double began = monotonic_seconds();
    link->send("hot", rig::say(chat));
    int reports = 0;
    rig::await_message(*link, site.clock, [&](const wire::FromDriver& message) {
      reports += message.has_progress();
      return message.outcome().id() == "a";
    });
    CHECK(reports >= 1);
    CHECK(reports <= 2 + monotonic_seconds() - began);
  }
  stop.notify();
  serving.join();
}
