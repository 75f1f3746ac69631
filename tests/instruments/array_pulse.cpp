// Goal: an array link that has gone deaf is made anew, one that is merely idle stands, and an older driver hears
// nothing that it does not know. Method: a data socket of the test's own that answers as long as it pleases; a film
// through a proxy that says a part of the session once more, after which ZeroMQ leaves the connection standing, deaf.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "instruments/heartbeat.h"
#include "tests/instruments/array_site.h"
#include "tests/instruments/bare_tcp.h"

using namespace athanor;

namespace {

/// A driver's data socket, and the link of a controller that was told of it.
class DataSocket {
 public:
  explicit DataSocket(bool answers) {
    router_.bind(address_ + ".data");
    wire::FromDriver welcome;
    welcome.set_driver("a");
    welcome.mutable_welcome()->set_data(".data");
    welcome.mutable_welcome()->set_data_ticket("ticket");
    welcome.mutable_welcome()->set_data_heartbeats(answers);
    link_.meet(welcome);
  }

  /// Hears what is said until `enough`, and answers heartbeats if it is to.
  void hear(bool answering, const std::function<bool()>& enough) {
    const double began = monotonic_seconds();
    while (!enough() && monotonic_seconds() - began < rig::kArrayPatience) {
      const double slept_at = monotonic_seconds();
      ZmqWait waits[] = {{&router_, -1, false, false}};
      wait_for_any(waits, 0.1);
      longest_absence = std::max(longest_absence, monotonic_seconds() - slept_at);
      while (const auto frames = router_.receive()) hear_one(*frames, answering);
    }
    REQUIRE(enough());
  }

  int collects = 0, heartbeats = 0;
  double longest_absence = 0;  ///< seconds in which this machine did not come to it

 private:
  void hear_one(const Frames& frames, bool answering) {
    wire::DataToDriver said;
    REQUIRE(frames.size() == 2);
    REQUIRE(said.ParseFromString(frames[1]));
    collects += said.has_collect();
    heartbeats += said.has_heartbeat();
    if (said.has_collect()) CHECK(said.collect().ticket() == "ticket");
    if (!said.has_heartbeat() || !answering) return;
    wire::DataFromDriver answer;
    answer.set_version(1);
    answer.mutable_heartbeat();
    router_.send({frames[0], answer.SerializeAsString()});
  }

  rig::TemporaryFolder folder_;
  std::string address_ = "ipc://" + (folder_ / "a");
  ZmqContext context_;
  ZmqSocket router_{context_, ZmqSocket::Kind::kRouter};
  rig::MemoryStore store_;
  Wake wake_;
  DataLink link_{
      store_, {{{"a", address_, ""}}, {}, [](const std::string&, const wire::Open&) { return true; }}, wake_};
};

}  // namespace

TEST_CASE("an array link that answers stands, and one that falls silent is made anew", "[arrays][zmq]") {
  DataSocket socket(true);
  socket.hear(true, [&] { return socket.heartbeats == 7; });  // longer than a silence
  if (socket.longest_absence < kSilence / 2) CHECK(socket.collects == 1);
  const int before = socket.collects;
  socket.hear(false, [&] { return socket.collects > before; });
}

TEST_CASE("a driver that does not know heartbeats in its array link is sent none, however silent", "[arrays][zmq]") {
  DataSocket socket(false);
  const double until = monotonic_seconds() + kHeartbeatEvery + kSilence + 2;
  socket.hear(false, [&] { return monotonic_seconds() > until; });
  CHECK(socket.heartbeats == 0);
  CHECK(socket.collects == 1);
}

TEST_CASE("a film goes on after something was said a second time over its guarded link", "[arrays][zmq]") {
  const rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const std::string address = rig::free_tcp_address(), data = rig::free_tcp_address();
  const KeyFolder here(folder / "here"), there(folder / "there");
  there.allow(here.make("laptop", ""));
  here.allow(there.make("driver", ""));
  const auto keys = [](const KeyFolder& whose, const char* own) {
    return LinkKeys{whose.own(own), AllowList(whose.path())};
  };
  const auto port_of = [](const std::string& at) { return at.substr(at.rfind(':') + 1); };
  rig::ServedCamera driver("a", address, clock, keys(there, "driver"),
                           static_cast<unsigned>(std::stoul(port_of(data))));
  rig::Proxy proxy(data);
  constexpr double kFrames = 400;  // 200 MiB: more than the driver keeps
  rig::MemoryStore store;
  rig::HeldStore held(store, 20 << 20);
  rig::ArrayController controller({{"a", address, "driver"}}, clock, held, keys(here, "laptop"));
  const std::shared_ptr<void> at_the_end(nullptr, [&](void*) { held.let_go(); });  // or its thread would never end
  controller.data_at = port_of(proxy.address);
  controller.await_up("a");
  controller.film("a", "film-1", 1);
  rig::check_whole(store, controller.outcome("film-1"), "camera-a", 1);
  const std::string before = proxy.said();
  controller.film("a", "film-2", kFrames);
  while (store.appended() < 20 << 20) controller.listen();
  proxy.say_again(proxy.said().substr(before.size()));
  held.let_go();
  rig::check_whole(store, controller.outcome("film-2"), "camera-a", static_cast<std::uint64_t>(kFrames));
  CHECK(driver.device.starts["film-2"] == 1);
}
