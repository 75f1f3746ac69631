// Goal: large arrays over real sockets, through all that breaks there. Method: drivers in threads, a data link with a
// store in memory that can be full, a controller that dies in the middle, strangers at the data socket.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "core/error.h"
#include "instruments/address.h"
#include "tests/instruments/array_site.h"

using namespace athanor;
using Catch::Matchers::Contains;
using rig::check_whole;
using rig::HeldStore;
using rig::kRow;
using Controller = rig::ArrayController;
using Served = rig::ServedCamera;

namespace {

std::string data_socket_of(const std::string& address, const wire::FromDriver& welcome) {
  return data_address(address, welcome.welcome().data()).value();
}

}  // namespace

TEST_CASE("arrays of several drivers come over their data sockets, more than the windows hold", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string tcp = rig::free_tcp_address(), ipc = "ipc://" + (folder / "b");
  Served a("a", tcp, clock), b("b", ipc, clock);
  rig::MemoryStore store;
  Controller controller({{"a", tcp}, {"b", ipc}}, clock, store);
  std::set<std::string> up;
  controller.await([&](const auto& message) {
    if (message.has_welcome()) up.insert(message.driver());
    return up.size() == 2;
  });
  constexpr double kFrames = 200;  // 100 MiB
  controller.film("a", "film-1", kFrames);
  controller.film("b", "film-2", kFrames);
  std::map<std::string, wire::Outcome> ended;
  controller.await([&](const auto& message) {
    if (message.has_outcome()) ended[message.outcome().id()] = message.outcome();
    return ended.size() == 2;
  });
  check_whole(store, ended["film-1"], "camera-a", 200);
  check_whole(store, ended["film-2"], "camera-b", 200);
  CHECK(controller.told == "");
  CHECK(store.appended() == 400 * kRow);  // nothing came twice
}

TEST_CASE("an array goes on where the disk left it, whether the controller died or the disk was full",
          "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = "ipc://" + (folder / "a");
  Served driver("a", address, clock);
  rig::MemoryStore store;
  constexpr double kFrames = 300;  // 150 MiB
  auto controller = std::make_unique<Controller>(std::vector<Endpoint>{{"a", address}}, clock, store);
  controller->await_up("a");
  const bool fills_up = GENERATE(false, true);  // otherwise the controller dies, three times
  CAPTURE(fills_up);
  if (fills_up) store.fill_up_at(60 << 20);
  controller->film("a", "film-1", kFrames);
  const ArrayName name{"camera-a", "film-1", "image"};
  if (!fills_up) {
    std::uint64_t had = 0;
    for (int life = 0; life < 3; ++life) {
      store.await_durable(name, had + (8 << 20));
      controller.reset();
      store.crash();
      had = store.durable(name);
      CHECK(driver.held() <= ArrayWindow::kBytes);
      controller = std::make_unique<Controller>(std::vector<Endpoint>{{"a", address}}, clock, store);
      controller->instruments["film-1"] = "camera-a";
      controller->await_up("a");
    }
    check_whole(store, controller->outcome("film-1"), "camera-a", 300);
  } else {
    controller->await([](const auto& message) {
      return message.has_refused() && message.refused().why().find("cannot be stored now") != std::string::npos;
    });
    store.set_full(false);
    check_whole(store, controller->outcome("film-1"), "camera-a", 300);
    CHECK_THAT(controller->told, Contains("stored again"));
    CHECK(std::count(controller->told.begin(), controller->told.end(), '\n') == 2);  // once each
  }
  CHECK(driver.device.starts["film-1"] == 1);
  CHECK(driver.held() == 0);
}

TEST_CASE("an outcome that names an array which is not in the store is a fault of the device", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = "ipc://" + (folder / "a");
  Served driver("a", address, clock);
  {
    rig::MemoryStore store;
    Controller controller({{"a", address}}, clock, store);
    controller.await_up("a");
    controller.film("a", "film-1", 3);
    check_whole(store, controller.outcome("film-1"), "camera-a", 3);
  }
  rig::MemoryStore another;
  Controller controller({{"a", address}}, clock, another);
  controller.await_up("a");
  controller.film("a", "film-1", 3);  // the same command once more: answered from the ledger
  const wire::Outcome outcome = controller.outcome("film-1");
  CHECK_FALSE(outcome.done());
  CHECK(outcome.fault() == wire::DEVICE);
  CHECK_THAT(outcome.message(), Contains("not in the data store"));
  wire::ToDriver question = rig::ask({"film-1"});
  controller.link->send("a", question);
  const auto answer = controller.await([](const auto& message) { return message.has_answer(); });
  CHECK_THAT(answer.answer().states(0).outcome().message(), Contains("not in the data store"));
}

TEST_CASE("strangers at the data socket get nothing, change nothing, and are logged", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = "ipc://" + (folder / "a");
  Served driver("a", address, clock);
  rig::MemoryStore store;
  Controller controller({{"a", address}}, clock, store);
  wire::FromDriver welcome = controller.await([](const auto& message) { return message.has_welcome(); });
  ZmqContext context;
  ZmqSocket stranger(context, ZmqSocket::Kind::kDealer);
  stranger.connect(data_socket_of(address, welcome));
  const auto say = [&](const Frames& frames) {
    while (!stranger.send(frames)) {
      ZmqWait waits[] = {{&stranger, -1, true, false}};
      wait_for_any(waits, 1);
    }
  };
  wire::DataToDriver stored, collect;
  stored.set_version(1);
  stored.mutable_stored()->set_stream(1);
  collect.set_version(1);
  collect.mutable_collect()->set_ticket("guessed");
  controller.film("a", "film-1", 100);
  for (int i = 0; i < 1000; ++i) {
    say({"garbage"});
    say({"two", "frames"});
    say({stored.SerializeAsString()});
    say({collect.SerializeAsString()});
  }
  check_whole(store, controller.outcome("film-1"), "camera-a", 100);
  while (driver.log().find("no ticket") == std::string::npos) std::this_thread::yield();
  const std::string log = driver.log();
  CHECK_THAT(log, Contains("could not be understood"));
  CHECK(std::count(log.begin(), log.end(), '\n') < 20);
  while (const auto frames = stranger.receive()) {
    wire::DataFromDriver said;
    REQUIRE(frames->size() == 1);
    REQUIRE(said.ParseFromString(frames->front()));
    CHECK(said.has_refused());
  }
}

TEST_CASE("where the link is encrypted, so is the data socket, and only allowed keys enter", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = rig::free_tcp_address();
  const KeyFolder here(folder / "here"), there(folder / "there"), elsewhere(folder / "elsewhere");
  there.allow(here.make("controller", ""));
  here.allow(there.make("driver", ""));
  elsewhere.make("stranger", "");
  const auto keys = [](const KeyFolder& whose, const char* own) {
    return LinkKeys{whose.own(own), AllowList(whose.path())};
  };
  Served driver("a", address, clock, keys(there, "driver"));
  rig::MemoryStore store;
  Controller controller({{"a", address, "driver"}}, clock, store, keys(here, "controller"));
  const wire::FromDriver welcome = controller.await([](const auto& message) { return message.has_welcome(); });
  ZmqContext context;
  ZmqSocket plain(context, ZmqSocket::Kind::kDealer), unknown(context, ZmqSocket::Kind::kDealer);
  plain.watch_ends();
  unknown.watch_ends();
  plain.connect(data_socket_of(address, welcome));
  const LinkKeys strange = keys(elsewhere, "stranger");
  unknown.trust(strange.own.secret, strange.own.key, there.own("driver").key);
  unknown.connect(data_socket_of(address, welcome));
  controller.film("a", "film-1", 100);
  check_whole(store, controller.outcome("film-1"), "camera-a", 100);
  for (ZmqSocket* socket : {&plain, &unknown}) {
    std::vector<ZmqEnd> ends;
    while (ends.empty()) {
      ZmqWait waits[] = {{socket, -1, false, false}};
      wait_for_any(waits, 1);
      ends = socket->ends();
    }
    if (socket == &unknown) CHECK(ends.front().why == ZmqEnd::Why::kNotAllowed);
    CHECK_FALSE(socket->receive());
  }
}

// Goal: a revocation counts at once, for arrays too (docs/security.md). Method: a store that is held up in the middle
// of a film, so that the connection stands; the key is revoked, the store let go, and no more may come than was on its
// way. Another controller of the same laboratory, with its own key, gets the rest.
TEST_CASE("a key that is revoked in mid-session gets no more of an array", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = rig::free_tcp_address();
  const KeyFolder here(folder / "here"), there(folder / "there");
  there.allow(here.make("laptop", ""));
  there.allow(here.make("desk", ""));
  here.allow(there.make("driver", ""));
  const auto keys = [](const KeyFolder& whose, const char* own) {
    return LinkKeys{whose.own(own), AllowList(whose.path())};
  };
  Served driver("a", address, clock, keys(there, "driver"));
  const std::vector<Endpoint> at = {{"a", address, "driver"}};
  constexpr double kFrames = 400;  // 200 MiB; at most 64 MiB of it are on their way, or kept
  rig::MemoryStore store;
  HeldStore held(store, 20 << 20);
  {
    Controller laptop(at, clock, held, keys(here, "laptop"));
    const std::shared_ptr<void> at_the_end(nullptr, [&](void*) { held.let_go(); });  // or its thread would never end
    laptop.await_up("a");
    laptop.film("a", "film-1", kFrames);
    while (store.appended() < 20 << 20) laptop.listen();
    there.revoke("laptop", "now");
    laptop.await([](const auto& message) { return Contains("your key was revoked").match(message.refused().why()); });
    while (driver.log().find("it commands no more") == std::string::npos) laptop.listen();
    held.let_go();
    // So long that a driver which went on would have sent all of it, on any machine that is not very slow.
    for (const double began = monotonic_seconds(); monotonic_seconds() - began < 4;) laptop.listen();
    CHECK(store.appended() < 100 << 20);
  }
  store.crash();
  Controller desk(at, clock, store, keys(here, "desk"));
  desk.await_up("a");
  desk.instruments["film-1"] = "camera-a";
  check_whole(store, desk.outcome("film-1"), "camera-a", static_cast<std::uint64_t>(kFrames));
}

TEST_CASE("a data socket that is none harms nobody but its own driver", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string good = "ipc://" + (folder / "good"), bad = "ipc://" + (folder / "bad");
  Served driver("good", good, clock);
  ZmqContext context;
  ZmqSocket liar(context, ZmqSocket::Kind::kRouter);
  liar.bind(bad + ".data");
  std::atomic<bool> ending = false;
  std::thread floods([&] {
    std::string collector;
    while (!ending) {
      while (const auto frames = liar.receive()) collector = frames->front();
      if (!collector.empty()) liar.send({collector, "garbage", std::string(1000, 'x'), "and more"});
    }
  });
  rig::MemoryStore store;
  Controller controller({{"good", good}, {"bad", bad}}, clock, store);
  wire::FromDriver welcome;
  welcome.set_driver("bad");
  welcome.mutable_welcome()->set_data(".data");
  welcome.mutable_welcome()->set_data_ticket("ticket");
  controller.data.meet(welcome);
  controller.await_up("good");
  controller.film("good", "film-1", 100);
  check_whole(store, controller.outcome("film-1"), "camera-good", 100);
  while (controller.told.find("does not keep to the protocol") == std::string::npos)
    controller.await([](const auto&) { return true; });
  ending = true;
  floods.join();
  CHECK(data_address("tcp://127.0.0.1:5571", "40123") == "tcp://127.0.0.1:40123");
  CHECK_FALSE(data_address("tcp://127.0.0.1:5571", "0"));
  CHECK_FALSE(data_address("tcp://127.0.0.1:5571", "70000"));
  CHECK_FALSE(data_address("tcp://127.0.0.1:5571", "40123/x"));
  CHECK_FALSE(data_address("ipc:///run/a", "/../b"));
}
