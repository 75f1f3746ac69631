// One process a command: `cat`, which gives the JSON back that it is given. Bare: posix_spawn with two pipes, and
// waitpid.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "bench/adapters/way.h"
#include "core/check.h"

namespace athanor {
namespace {

void spawn_and_read() {
  int in[2], out[2];
  ATHANOR_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  char name[] = "cat";
  char* const argv[] = {name, nullptr};
  pid_t pid = 0;
  ATHANOR_CHECK(posix_spawnp(&pid, name, &actions, nullptr, argv, environ) == 0, "not started");
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  const std::string input = nlohmann::json{{"v", 1.25}}.dump() + "\n";
  ATHANOR_CHECK(write(in[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()), "not given");
  close(in[1]);
  std::string said;
  char bytes[4096];
  for (ssize_t count = 0; (count = read(out[0], bytes, sizeof bytes)) > 0;)
    said.append(bytes, static_cast<std::size_t>(count));
  close(out[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  ATHANOR_CHECK(status == 0 && nlohmann::json::parse(said).at("v") == 1.25, "another answer");
}

}  // namespace

void measure_program(int times) {
  const TemporaryFolder folder;
  OurSide ours(
      "profile: meter\nprogram: {}\nsafe: nothing\n"
      "capabilities: {look: {gives: {v: {}}, do: [{run: [cat], input: {v: 1.25}, take: {v: /v}}]}}\n",
      folder.path.string());
  measure("program", times,
          {timed("bare posix_spawn", spawn_and_read),
           ours.adapter({{"run", {{"run", {"cat"}}, {"input", {{"v", 1.25}}}}}}), ours.whole()});
}

}  // namespace athanor
