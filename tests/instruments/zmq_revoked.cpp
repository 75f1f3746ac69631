// Goal: a key that is revoked is of no more use from that moment on, to whoever holds it, and the others notice
// nothing. Method: real sockets on the loopback interface.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/instruments/secure_site.h"

using namespace athanor;
using Catch::Contains;
using Site = rig::SecureSite;
using rig::complaint;
using rig::works;

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
