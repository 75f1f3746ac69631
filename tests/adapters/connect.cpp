// Goal: nothing on the way to a device takes longer than it may, not even the system's resolver, and all of it can be
// broken off. Method: a resolver of our own that waits until it is let go.
#include "adapters/connect.h"

#include <netdb.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

/// Held by the resolver's thread, too, which may outlive the test.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool asked = false, open = false;

  void pass() {
    std::unique_lock lock(mutex);
    asked = true;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
  }
  void await_asked() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return asked; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
};

}  // namespace

TEST_CASE("A resolver that does not answer is waited for no longer than the timeout", "[connect]") {
  const auto gate = std::make_shared<Gate>();
  const Interrupt interrupt;
  Descriptor made;
  const auto fault = connect_tcp({"reactor", "5025"}, 0.05, interrupt, made, [gate](const auto&, auto&) {
    gate->pass();
    return 0;
  });
  REQUIRE(fault);
  CHECK(fault->kind == Fault::Kind::kLink);
  CHECK(fault->message == "no address was found for the name “reactor” within 0.05 s");
  gate->let_go();
}

TEST_CASE("Waiting for a resolver can be broken off", "[connect]") {
  const auto gate = std::make_shared<Gate>();
  Interrupt interrupt;
  Descriptor made;
  std::thread stopper([&] {
    gate->await_asked();
    interrupt.set();
  });
  const auto fault = connect_tcp({"reactor", "5025"}, 3600, interrupt, made, [gate](const auto&, auto&) {
    gate->pass();
    return 0;
  });
  stopper.join();
  gate->let_go();
  REQUIRE(fault);
  CHECK(fault->kind == Fault::Kind::kInterrupted);
}

TEST_CASE("A name that is none is told in the system's words", "[connect]") {
  const Interrupt interrupt;
  Descriptor made;
  const auto fault =
      connect_tcp({"reactor", "5025"}, 10, interrupt, made, [](const auto&, auto&) { return EAI_NONAME; });
  REQUIRE(fault);
  CHECK(fault->message == "the name “reactor”: Name or service not known");
}

TEST_CASE("The second address is tried where the first refuses", "[connect]") {
  LineDevice device(table({}));
  const HostAndPort there = *tcp_address(device.address());
  std::string nobody;
  {
    LineDevice gone(table({}));
    nobody = tcp_address(gone.address())->port;
  }
  const Interrupt interrupt;
  Descriptor made;
  const auto both = [&](const HostAndPort&, std::vector<SocketAddress>& found) {
    return system_lookup({"127.0.0.1", nobody}, found) + system_lookup(there, found);
  };
  CHECK(!connect_tcp({"reactor", "5025"}, 10, interrupt, made, both));
  CHECK(made.get() >= 0);
}
