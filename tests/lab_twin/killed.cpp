// Goal: a driver process killed at any moment leaves a world that the next one can trust: nothing twice, nothing lost.
// Method: a child process carries out a long list of commands and is killed (SIGKILL) after a random number of them,
// told by a pipe, in the midst of the next; the parent takes the list up again, asking by id first, until all is done;
// fifteen times. On a machine too busy for the parent to be in time the child waits for its end two commands later.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

constexpr int kCommands = 240;

wire::Command nth(int i) {
  const std::string id = fmt::format("c{}", i), s = fmt::format("s{}", i / 3);
  if (i % 3 == 0) return dispense(id, s, "substrates", 0.5);
  return i % 3 == 1 ? heat(id, s, 70, 300) : measure(id, s);
}

/// Carries on with the list from wherever the drivers say it stands, for at most `most` commands; writes a byte to
/// `pipe` as each command is begun.
void carry_on(const std::string& folder, int boot, int pipe, std::uint64_t most) {
  const Time now = world_time(folder).value_or(start_time());
  Rig rig(exact_bench(), folder, now, std::to_string(boot));
  for (int i = 0; i < kCommands; ++i) {
    const auto command = nth(i);
    switch (rig.ask(command.instrument(), command.id()).standing()) {
      case wire::CommandState::FINISHED:
        continue;
      case wire::CommandState::NEVER_SEEN:
        rig.send(command);
        break;
      case wire::CommandState::RUNNING:
        break;
      default:
        std::_Exit(3);  // a device of this bench can always tell
    }
    if (most-- == 0) pause();
    if (write(pipe, "x", 1) != 1) std::_Exit(4);
    rig.advance();
    if (rig.ask(command.instrument(), command.id()).standing() != wire::CommandState::FINISHED) std::_Exit(5);
  }
}

TEST_CASE("a killed process loses nothing and doubles nothing") {
  RandomStream random(2, "killed");
  Folder folder;
  int boot = 0, kills = 0;
  for (bool finished = false; !finished;) {
    REQUIRE(++boot < 40);
    const auto begun = kills < 15 ? random.below(6) : std::uint64_t{kCommands};
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(ends[0]);
      carry_on(folder.path(), boot, ends[1], begun + 2);
      std::_Exit(0);
    }
    close(ends[1]);
    char byte = 0;
    for (std::uint64_t i = 0; i < begun && read(ends[0], &byte, 1) == 1; ++i) {
    }
    if (kills < 15) kill(child, SIGKILL);
    ++kills;
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    close(ends[0]);
    finished = WIFEXITED(status);
    if (finished) REQUIRE(WEXITSTATUS(status) == 0);
  }
  CHECK(kills == 16);  // fifteen, and the last that went through
  const auto actions = physical_actions(folder.path());
  CHECK(actions.size() == kCommands);
  for (const auto& action : actions) {
    INFO(action.command);
    CHECK(action.begun == 1);
    CHECK(action.completed);
  }
}

}  // namespace
}  // namespace athanor
