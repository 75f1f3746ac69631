// Goal: numbers and texts from outside do no harm, however long they are and whatever they hold.
// Method: a pump by a profile whose times and words come from the command, and what it hears.
#include <catch2/catch.hpp>

#include "instruments/messages.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

const std::string kPump = R"(
profile: pump
text: {timeout: 2 s}
safe: [{do: STP, expect: "^OK"}]
capabilities:
  hold:
    with: {time: {unit: s}}
    do: [{wait: "{time in s} s"}, {do: RUN, expect: "^OK"}]
  run:
    with: {time: {unit: s}}
    do: [{do: RUN, expect: "^OK"}, {wait: "{time in s} s"}]
  watch:
    with: {time: {unit: s}}
    do: [{ask: "V?", take: {volume: all}, until: {volume: {min: 3}}, within: "{time in s} s"}]
  ask:
    with: {time: {unit: s}}
    do: [{do: RUN, timeout: "{time in s} s", expect: "^OK"}]
)";

LineDevice::Script pump() {
  return table({{"RUN", "OK"}, {"STP", "OK"}, {"V?", "1"}});
}

wire::Outcome carry_out(Station& station, const std::string& id, const std::string& capability, double time_s) {
  return station.carry_out(command(id, capability, {number_value("time", time_s, "s")}));
}

}  // namespace

TEST_CASE("A time that no clock can count is refused before anything is begun", "[bounds]") {
  LineDevice device(pump());
  Station station(kPump, device.address());
  const double time_s = GENERATE(1e10, 1e300, 365.001 * 86400, -1);
  for (const char* capability : {"hold", "watch", "ask"}) {
    INFO(capability);
    const wire::Outcome outcome = carry_out(station, capability, capability, time_s);
    INFO(outcome.message());
    CHECK(outcome.fault() == wire::LIMIT);
    CHECK(outcome.not_begun());
    CHECK(outcome.message().find("expected 0 s to 365 d") != std::string::npos);
  }
  CHECK(device.heard().empty());
  CHECK(station.device->is_safe());
}

TEST_CASE("In the middle of a command it ends the command, and the device is made safe", "[bounds]") {
  LineDevice device(pump());
  Station station(kPump, device.address());
  const wire::Outcome outcome = carry_out(station, "k1", "run", 1e10);
  CHECK(outcome.fault() == wire::LIMIT);
  CHECK(!outcome.not_begun());
  CHECK(device.times("STP") == 1);
}

TEST_CASE("The longest wait that is allowed can be cancelled", "[bounds]") {
  LineDevice device(pump());
  Station station(kPump, device.address());
  station.start(command("k1", "run", {number_value("time", 365 * 86400., "s")}));
  device.await("RUN");
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
}

TEST_CASE("A text that holds an end of the device's lines is refused, and nothing is said", "[bounds]") {
  LineDevice device(table({{"SAY hi", "OK"}}));
  const auto refused = [&](const std::string& settings, const std::string& text) {
    Station station("profile: display\ntext: {" + settings +
                        "}\nsafe: nothing\ncapabilities: {show: {with: {text: {text: true}}, do: [{send: \"SAY "
                        "{text}\"}]}}\n",
                    device.address());
    const auto begun = station.device->start(command("k1", "show", {text_value("text", text)}), station.clock.now());
    if (begun.ok()) return std::string();
    CHECK(begun.fault().kind == Fault::Kind::kLimit);
    return begun.fault().message;
  };
  for (const char* settings : {"ends: ';'", "answer_ends: ';'"})
    CHECK(refused(settings, "hi;HEAT 900").find("“text” holds “;”") != std::string::npos);
  CHECK(refused("ends: '##'", "a##b").find("“text” holds “##”") != std::string::npos);
  CHECK(device.heard().empty());
  CHECK(refused("ends: \"\\n\"", "hi").empty());
}
