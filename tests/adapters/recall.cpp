// Goal: `recall` and `finish` bring a command that an earlier driver began to its end, and never begin it again.
// Method: a station that is new, as after a restart, before a device that says what it is at.
#include <catch2/catch.hpp>

#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

const std::string kOven = R"(
profile: oven
text: {timeout: 200 ms}
safe: [{do: "OFF", expect: "^OFF"}]
capabilities:
  heat:
    with: {temperature: {unit: degC}}
    gives: {final_temperature: {unit: degC}}
    do: [{do: "HEAT {temperature in degC} {tag}", expect: "^OK"}]
    finish:
      - {ask: "DONE?", take: {done: {unit: "%"}}, until: {done: {is: 100 %}}, progress: done, every: 20 ms, within: 1 min}
      - {ask: "T?", take: {final_temperature: {unit: degC}}}
    recall: [{ask: "JOB?", take: {job: all}, expect: {job: {is: "{tag}"}}}]
  cool: {do: [{do: "COOL", expect: "^OK"}]}
)";

wire::Command heat() {
  return command("k1", "heat", {number_value("temperature", 80, "degC")});
}

/// The number that the device was given for `heat`.
std::string tag() {
  LineDevice device([](const std::string& line) -> Reaction {
    return {.text = line == "DONE?" ? "100\n" : line == "T?" ? "80\n" : "OK\n"};
  });
  Station station(kOven, device.address());
  REQUIRE(station.carry_out(heat()).done());
  return device.heard().front().substr(std::string("HEAT 80 ").size());
}

LineDevice::Script oven(const std::string& job, const std::string& done) {
  return table({{"JOB?", job}, {"DONE?", done}, {"T?", "79.5"}, {"OFF", "OFF"}, {"COOL", "OK"}});
}

int begun(const LineDevice& device) {
  int count = 0;
  for (const std::string& line : device.heard()) count += line.starts_with("HEAT") ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("What the device is still at is waited for, with its progress, and its results are read", "[recall]") {
  LineDevice device(oven(tag(), "25"));
  Station station(kOven, device.address());
  CHECK(station.device->recall(heat(), station.clock.now(), station.clock.now()).kind ==
        Instrument::Memory::Kind::kRunning);
  device.await("DONE?", 3);
  device.set_script(oven(tag(), "100"));
  const wire::Outcome outcome = station.outcome("k1");
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "final_temperature") == 79.5);
  CHECK(begun(device) == 0);
  CHECK(device.times("OFF") == 0);
  REQUIRE(station.reports.front().has_progress());
  CHECK(station.reports.front().progress().fraction() == Approx(0.25));
}

TEST_CASE("What the device has done meanwhile gives its results at once, and has taken all the time since",
          "[recall]") {
  LineDevice device(oven(tag(), "100"));
  Station station(kOven, device.address());
  const Time now = station.clock.now();
  CHECK(station.device->recall(heat(), now - std::chrono::hours(1), now).kind == Instrument::Memory::Kind::kRunning);
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(number(outcome, "final_temperature") == 79.5);
  CHECK(outcome.took_s() >= 3600);
  CHECK(begun(device) == 0);
}

TEST_CASE("A device that is at another command, at none, or says nothing, is made safe; nobody knows", "[recall]") {
  const std::string job = GENERATE("12345", "", "no number", "silent");
  LineDevice device([job](const std::string& line) -> Reaction {
    if (line == "JOB?" && job == "silent") return {};
    return oven(job, "100")(line);
  });
  Station station(kOven, device.address());
  CHECK(station.device->recall(heat(), station.clock.now(), station.clock.now()).kind ==
        Instrument::Memory::Kind::kCannotTell);
  station.await_safe();
  CHECK(device.times("OFF") == 1);
  CHECK(begun(device) == 0);
}

TEST_CASE("A capability without recall is not asked for", "[recall]") {
  LineDevice device(oven(tag(), "100"));
  Station station(kOven, device.address());
  CHECK(station.device->recall(command("k1", "cool"), station.clock.now(), station.clock.now()).kind ==
        Instrument::Memory::Kind::kCannotTell);
  station.await_safe();
  CHECK(device.times("JOB?") == 0);
  CHECK(device.times("COOL") == 0);
}

TEST_CASE("A fault while what was recalled comes to its end brings the device to its safe state", "[recall]") {
  LineDevice device(oven(tag(), "25"));
  Station station(kOven, device.address());
  CHECK(station.device->recall(heat(), station.clock.now(), station.clock.now()).kind ==
        Instrument::Memory::Kind::kRunning);
  device.await("DONE?");
  device.set_script(oven(tag(), "broken"));
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(outcome.fault() == wire::DEVICE);
  CHECK(!outcome.not_begun());
  CHECK(device.times("OFF") == 1);
  CHECK(begun(device) == 0);
}

TEST_CASE("A recalled command can be cancelled", "[recall]") {
  LineDevice device(oven(tag(), "25"));
  Station station(kOven, device.address());
  CHECK(station.device->recall(heat(), station.clock.now(), station.clock.now()).kind ==
        Instrument::Memory::Kind::kRunning);
  device.await("DONE?");
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(device.times("OFF") == 1);
}
