// Goal: one process a command, what it is given and says as JSON, and none is left running. Method: shell scripts.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "adapters/process.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

std::string profile_of(const std::string& steps) {
  return "profile: vendor\nprogram: {timeout: 20 s, grace: 100 ms}\nsafe: [{run: [sh, -c, 'echo safe >> log']}]\n"
         "capabilities:\n  weigh: {with: {volume: {unit: mL}, note: {text: true}}, gives: {mass: "
         "{unit: g}}, do: [" +
         steps + "]}\n";
}

wire::Command weigh(const std::string& note = "") {
  return command("k1", "weigh", {number_value("volume", 0.5, "mL"), text_value("note", note)});
}

wire::Outcome outcome_of(const TemporaryFolder& folder, const std::string& steps, const wire::Command& what = weigh()) {
  Station station(profile_of(steps), folder.path.string());
  return station.carry_out(what);
}

bool runs(int pid) {
  std::string state;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), state);
  return !state.empty() && state.find(") Z ") == std::string::npos;
}

/// Leaves a daemon behind: in a session of its own, without a parent, deaf to polite requests, its number in a file.
constexpr const char* kDaemon =
    "(setsid sh -c 'trap \"\" TERM HUP; echo $$ > daemon.new; mv daemon.new daemon; sleep 1000; sleep 1000' &) &\n"
    "while [ ! -e daemon ]; do sleep 0.01; done\n";

int daemon_of(const TemporaryFolder& folder) {
  int pid = 0;
  std::ifstream(folder / "daemon") >> pid;
  REQUIRE(pid > 0);
  return pid;
}

}  // namespace

TEST_CASE("A program gets its arguments as they stand and its input as JSON; its answer is JSON", "[program]") {
  TemporaryFolder folder;
  write_file(folder / "weigh.sh",
             "cat > input\nprintf '%s|' \"$@\" > arguments\necho talk\necho '{\"mass\": {\"g\": 1.5}}'\n");
  const wire::Outcome outcome = outcome_of(folder,
                                           "{run: [sh, weigh.sh, \"{volume in uL:d}\", 007, \"{note}\"], input: {v: "
                                           "\"{volume}\", to: [\"{place}\"]}, take: {mass: /mass/g}}",
                                           weigh("two words; $(rm -rf x) \"'"));
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "mass") == 1.5);
  std::string input, arguments;
  std::getline(std::ifstream(folder / "input"), input);
  std::getline(std::ifstream(folder / "arguments"), arguments);
  CHECK(input == R"({"to":["vial-2"],"v":0.5})");
  CHECK(arguments == "500|007|two words; $(rm -rf x) \"'|");
}

TEST_CASE("What a program says can be JSON, its last line, or a text", "[program]") {
  TemporaryFolder folder;
  CHECK(number(outcome_of(folder, "{query: [echo, 1.25], take: {mass: all}}"), "mass") == 1.25);
  CHECK(number(outcome_of(folder, "{query: [printf, 'noise\\n{{\"m\": 2}}\\n'], take: {mass: m}}"), "mass") == 2);
  CHECK(number(outcome_of(folder, "{query: [echo, 'mass: 3 g'], take: {mass: {match: 'mass: ([0-9.]+) g'}}}"),
               "mass") == 3);
  const wire::Outcome nothing = outcome_of(folder, "{query: ['true'], take: {mass: all}}");
  CHECK(nothing.fault() == wire::DEVICE);
  CHECK(nothing.message().find("the device answered nothing") == 0);
}

TEST_CASE("A program that fails says how, in its last words", "[program]") {
  TemporaryFolder folder;
  const auto failed = [&](const std::string& steps) {
    const wire::Outcome outcome = outcome_of(folder, steps);
    CHECK(outcome.fault() == wire::DEVICE);
    return outcome.message();
  };
  CHECK(failed("{run: [sh, -c, 'echo no pan >&2; exit 3'], take: {mass: all}}")
            .find("the program sh ended with status 3; it said “no pan\\x0a”") == 0);
  CHECK(failed("{run: [sh, -c, 'kill -SEGV $$'], take: {mass: all}}")
            .find("was ended by signal 11 (Segmentation fault)") != std::string::npos);
  const std::string long_words =
      failed("{run: [sh, -c, 'seq 1 500 >&2; echo the pan is full >&2; exit 1'], take: {mass: all}}");
  CHECK(long_words.find("it said “…") != std::string::npos);
  CHECK(long_words.find("500\\x0athe pan is full\\x0a”") != std::string::npos);
  CHECK(failed("{run: [no-such-program], take: {mass: all}}")
            .find("the program no-such-program cannot be started in " + folder.path.string() +
                  ": No such file or directory") == 0);
  // What never ran did nothing; what ran before it may have.
  CHECK(outcome_of(folder, "{run: [no-such-program], take: {mass: all}}").not_begun());
  write_file(folder / "not-executable", "");
  CHECK(outcome_of(folder, "{run: [./not-executable], take: {mass: all}}").not_begun());
  CHECK_FALSE(outcome_of(folder, "{run: [sh, -c, 'exit 0']}, {run: [no-such-program], take: {mass: all}}").not_begun());
  CHECK_FALSE(outcome_of(folder, "{run: [sh, -c, 'exit 1'], take: {mass: all}}").not_begun());
  Station nowhere(profile_of("{run: [ls], take: {mass: all}}"), folder / "none");
  const wire::Outcome outcome = nowhere.carry_out(weigh());
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.not_begun());
}

TEST_CASE("A program that takes too long is ended with all that it started", "[program]") {
  TemporaryFolder folder;
  // Deaf to a polite request, and with a child that holds on to its output.
  write_file(folder / "slow.sh", "trap '' TERM\nsleep 1000 &\necho $$ $! > pids\nwait\nwait\nsleep 1000\n");
  const wire::Outcome outcome = outcome_of(folder, "{run: [sh, slow.sh], timeout: 300 ms, take: {mass: all}}");
  CHECK(outcome.fault() == wire::DEADLINE);
  CHECK(outcome.message().find("the program sh took longer than 0.3 s and was ended") == 0);
  int parent = 0, child = 0;
  std::ifstream(folder / "pids") >> parent >> child;
  REQUIRE(parent > 0);
  CHECK(!runs(parent));
  CHECK(!runs(child));
  std::string log;
  std::getline(std::ifstream(folder / "log"), log);
  CHECK(log == "safe");
}

TEST_CASE("A cancel ends a program at once", "[program]") {
  TemporaryFolder folder;
  Station station(profile_of("{run: [sh, -c, 'echo $$ > pid; sleep 1000'], take: {mass: all}}"), folder.path.string());
  station.start(weigh());
  wait_until([&] { return std::filesystem::exists(folder / "pid"); });
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(std::filesystem::exists(folder / "log"));
}

TEST_CASE("What a program leaves behind in the background ends with it", "[program]") {
  TemporaryFolder folder;
  write_file(folder / "weigh.sh", std::string(kDaemon) + "echo 5\n");
  CHECK(number(outcome_of(folder, "{run: [sh, weigh.sh], take: {mass: all}}"), "mass") == 5);
  CHECK(!runs(daemon_of(folder)));
}

TEST_CASE("A cancel ends what a program started in the background", "[program]") {
  TemporaryFolder folder;
  write_file(folder / "weigh.sh", std::string(kDaemon) + "touch waits; wait; sleep 1000\n");
  Station station(profile_of("{run: [sh, weigh.sh], take: {mass: all}}"), folder.path.string());
  station.start(weigh());
  wait_until([&] { return std::filesystem::exists(folder / "waits"); });
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(!runs(daemon_of(folder)));
}

TEST_CASE("A driver that is killed takes with it what its programs started in the background", "[program]") {
  TemporaryFolder folder;
  write_file(folder / "weigh.sh", std::string(kDaemon) + "sleep 1000\n");
  const pid_t driver = fork();
  if (driver == 0) {
    const Process process({"sh", "weigh.sh"}, folder.path.string());
    pause();
    _exit(0);
  }
  wait_until([&] { return std::filesystem::exists(folder / "daemon"); });
  const int daemon = daemon_of(folder);
  CHECK(runs(daemon));
  kill(driver, SIGKILL);
  waitpid(driver, nullptr, 0);
  wait_until([&] { return !runs(daemon); });
}

TEST_CASE("A program that does not read its input, or says far too much, does no harm", "[program]") {
  TemporaryFolder folder;
  const std::string much(1 << 20, 'x');
  wire::Command large = weigh(much);
  CHECK(number(outcome_of(folder, "{run: [sh, -c, 'exec <&-; echo 4'], input: {note: \"{note}\"}, take: {mass: all}}",
                          large),
               "mass") == 4);
  const wire::Outcome flood = outcome_of(folder, "{run: [head, -c, 30000000, /dev/zero], take: {mass: all}}");
  CHECK(flood.fault() == wire::DEVICE);
  CHECK(flood.message().find("the program head said more than 16777216 bytes") == 0);
  const std::string deep = "{run: [sh, -c, 'yes [ | head -n 300000; yes ] | head -n 300000'], take: {mass: m}}";
  CHECK(outcome_of(folder, deep).message().find("nested more than 100 levels deep") != std::string::npos);
}
