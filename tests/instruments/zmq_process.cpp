// Goal: a driver process that is killed or hangs loses nothing and doubles nothing. Method: real processes, SIGKILL,
// SIGSTOP.
#include <catch2/catch.hpp>

#include "tests/instruments/zmq_rig.h"

using namespace athanor;

namespace {

const auto kAnswer = [](const wire::FromDriver& message) { return message.has_answer(); };
const auto kAccepted = [](const wire::FromDriver& message) { return message.has_accepted(); };

}  // namespace

TEST_CASE("a driver that is killed in mid-command is restarted, asked, and starts nothing a second time") {
  // Goal: recovery over sockets. Method: kill -9, a new process with a new boot, a question, the same command again.
  const bool remembers = GENERATE(true, false);
  rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const auto link = make_zmq_link({{"hot", rig::address_in(folder)}}, "test", clock);
  auto process = std::make_unique<rig::DriverProcess>(folder, "boot-1", remembers);
  CHECK(rig::await_up(*link, clock).messages.back().message.boot() == "boot-1");
  link->send("hot", rig::say(rig::heat("a", "heater-1", 80, 3600)));
  rig::await_message(*link, clock, kAccepted);
  process->kill();
  rig::await_down(*link, clock);
  process = std::make_unique<rig::DriverProcess>(folder, "boot-2", remembers);  // in place of the stale socket file
  CHECK(rig::await_up(*link, clock).messages.back().message.boot() == "boot-2");
  link->send("hot", rig::ask({"a", "b"}));
  const auto answer = rig::await_message(*link, clock, kAnswer).answer();
  CHECK(answer.states(0).standing() == (remembers ? wire::CommandState::RUNNING : wire::CommandState::INTERRUPTED));
  CHECK(answer.states(1).standing() == wire::CommandState::NEVER_SEEN);
  link->send("hot", rig::say(rig::heat("a", "heater-1", 80, 3600)));
  if (remembers) {
    CHECK(rig::await_message(*link, clock, kAccepted).accepted().id() == "a");
    link->send("hot", rig::cancel("a"));
    rig::await_message(*link, clock, [](const auto& message) { return message.has_outcome(); });
  } else {
    CHECK(rig::await_message(*link, clock, kAnswer).answer().states(0).standing() == wire::CommandState::INTERRUPTED);
  }
  CHECK(rig::starts_in(folder, "a") == 1);
}

TEST_CASE("a driver that hangs is reported as down within the bound, and comes up when it goes on") {
  // Goal: silence is noticed where no connection breaks. Method: SIGSTOP and SIGCONT.
  rig::TemporaryFolder folder;
  const ScaledClock clock = rig::running_clock(1);
  const auto link = make_zmq_link({{"hot", rig::address_in(folder)}}, "test", clock, 1.3);
  rig::DriverProcess process(folder, "boot-1", true);
  rig::await_up(*link, clock);
  process.pause();
  const double paused_at = monotonic_seconds();
  rig::await_down(*link, clock);
  CHECK(monotonic_seconds() - paused_at < 10);  // the bound and what a loaded machine adds
  process.go_on();
  const auto again = rig::await_up(*link, clock);
  CHECK(again.changes.size() == 1);
  CHECK(again.messages.back().message.boot() == "boot-1");
  link->send("hot", rig::say(rig::heat("a")));
  CHECK(rig::await_message(*link, clock, kAccepted).accepted().id() == "a");
}
