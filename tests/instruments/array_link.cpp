// Goal: large arrays over real sockets, through all that breaks there. Method: drivers in threads, a data link with a
// store in memory that can be full, a controller that dies in the middle, strangers at the data socket.
#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.h"
#include "instruments/address.h"
#include "instruments/data_link.h"
#include "instruments/stored_arrays.h"
#include "tests/instruments/array_rig.h"
#include "tests/instruments/zmq_rig.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr double kPatience = 300;  // seconds of wall time; reached only when something is wrong
constexpr std::uint64_t kRow = 512 * 512 * 2;

/// A driver with one camera in a thread of its own.
class Served {
 public:
  Served(const std::string& name, const std::string& address, const ScaledClock& clock,
         const std::optional<LinkKeys>& keys = {}) {
    device.row_shape = {512, 512};
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(rig::camera("camera-" + name, device));
    driver_ = std::make_unique<Driver>(name, "boot-1", std::move(instruments), ledger_, Driver::Options{}, clock.now());
    thread_ = std::thread([this, address, &clock, keys] {
      const DriverLog log = [this](const std::string& line) {
        const std::lock_guard lock(mutex_);
        log_ += line + "\n";
      };
      serve_driver(*driver_, address, clock, stop_.fd(), {.keys = keys, .log = log});
    });
  }
  ~Served() {
    stop_.notify();
    thread_.join();
  }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::size_t held() { return driver_->arrays()->held(); }
  rig::Camera device;

 private:
  Ledger ledger_{""};
  std::unique_ptr<Driver> driver_;
  Wake stop_;
  std::mutex mutex_;
  std::string log_;
  std::thread thread_;
};

/// A controller: both links, and what it heard.
struct Controller {
  Controller(const std::vector<Endpoint>& endpoints, const ScaledClock& lab_clock, ArrayStore& store,
             const std::optional<LinkKeys>& keys = {})
      : clock(lab_clock),
        link(make_zmq_link(endpoints, "test", clock, 5, keys, false, true)),
        data(store, {endpoints, keys, [](const std::string&, const wire::Open&) { return true; }}, wake) {}

  /// The first of what was not awaited yet that is `wanted`.
  wire::FromDriver await(const std::function<bool(const wire::FromDriver&)>& wanted) {
    for (const double start = monotonic_seconds(); monotonic_seconds() - start < kPatience; listen()) {
      for (; next_ < heard_.size();) {
        const wire::FromDriver& message = heard_[next_++];
        if (message.has_refused()) told += message.refused().why() + "\n";
        if (wanted(message)) return message;
      }
    }
    FAIL("waited in vain; told: " << told);
    return {};
  }
  void await_up(const std::string& driver) {
    await([&](const auto& message) { return message.has_welcome() && message.driver() == driver; });
  }
  void film(const std::string& driver, const std::string& id, double frames) {
    instruments[id] = "camera-" + driver;
    link->send(driver, rig::say(rig::film(id, frames, "camera-" + driver)));
  }
  wire::Outcome outcome(const std::string& id) {
    return await([&](const auto& message) { return message.outcome().id() == id; }).outcome();
  }

  /// What arrives within a second.
  void listen() {
    const DriverArrivals arrived = link->receive(clock.now() + from_seconds(1), wake.fd());
    wake.clear();
    for (wire::FromDriver& message : data.take()) heard_.push_back(std::move(message));
    for (const DriverMessage& each : arrived.messages) {
      data.meet(each.message);
      if (names_arrays(each.message)) {
        data.verify(each.message, [&](const std::string& id) { return instruments.at(id); });
      } else {
        heard_.push_back(each.message);
      }
    }
  }

  const ScaledClock& clock;
  Wake wake;
  std::unique_ptr<DriverLink> link;
  DataLink data;
  std::map<std::string, std::string> instruments;
  std::string told;

 private:
  std::vector<wire::FromDriver> heard_;
  std::size_t next_ = 0;
};

void check_whole(rig::MemoryStore& store, const wire::Outcome& outcome, const std::string& instrument,
                 std::uint64_t frames) {
  CAPTURE(outcome.ShortDebugString());
  REQUIRE(outcome.done());
  REQUIRE(outcome.results_size() == 2);
  const wire::Array& image = outcome.results(1).array();
  CHECK(image.rows() == frames);
  CHECK(image.file() == "memory");
  CHECK(image.sha256() == rig::sha256_of(rig::kSeed, frames * kRow));
  CHECK(store.of({instrument, outcome.id(), "image"}).bytes.size() == frames * kRow);
}

/// A store that takes nothing more in once it has so many bytes, until it is let go.
class HeldStore final : public ArrayStore {
 public:
  HeldStore(rig::MemoryStore& store, std::uint64_t at) : store_(store), at_(at) {}
  ~HeldStore() override { let_go(); }
  void let_go() {
    const std::lock_guard lock(mutex_);
    at_ = UINT64_MAX;
    freed_.notify_all();
  }

  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override { return store_.begin(name, type); }
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return store_.appended() < at_; });
    store_.append(name, offset, bytes);
  }
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override { return store_.commit(); }
  StoredArray finish(const ArrayName& name, const std::string& hash) override { return store_.finish(name, hash); }
  void abandon(const ArrayName& name) override { store_.abandon(name); }
  std::optional<StoredArray> find(const ArrayName& name) override { return store_.find(name); }

 private:
  rig::MemoryStore& store_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t at_;
};

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
