// Goal: whatever happens in mid-command, the device ends in its safe state, the command has one outcome, and nothing is
// begun meanwhile. Method: a scripted device that is held at a step, and stopped, cancelled, unplugged there.
#include <catch2/catch.hpp>

#include "instruments/ledger.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

// READY? is answered with 0 for ever unless the script says otherwise: commands wait there.
const std::string kStage = R"(
profile: stage
text: {timeout: 20 s}
safe: [{ask: "STOP", expect: "^STOPPED"}, {send: "PARK"}]
readings: [{ask: "POS?", take: {reached: {unit: mm}}}]
capabilities:
  move:
    with: {to: {unit: mm}}
    gives: {reached: {unit: mm}}
    do:
      - {send: "GO {to in mm}"}
      - {ask: "READY?", take: {ready: all}, until: {ready: {is: 1}}, every: 20 ms, within: 1 h}
      - {ask: "POS?", take: {reached: all}}
  creep:
    with: {to: {unit: mm}}
    do:
      - {send: "GO {to in mm}"}
      - {ask: "READY?", take: {ready: all}, until: {ready: {is: 1}}, every: 20 ms, within: 1 h}
    cancel: [{ask: "BRAKE {to in mm}", expect: "^BRAKED"}]
  rest: {do: [{send: "LIE"}, {wait: 1 h}]}
  hear: {do: [{do: "SPEAK", expect: "."}]}
)";

const std::map<std::string, std::string> kMoving = {
    {"READY?", "0"}, {"POS?", "12.5"}, {"STOP", "STOPPED"}, {"BRAKE 5", "BRAKED"}};

wire::Command move(const std::string& id = "k1", const std::string& capability = "move") {
  return command(id, capability, {number_value("to", 5, "mm")});
}

LineDevice::Script with(const std::string& line, const std::string& answer) {
  auto answers = kMoving;
  answers[line] = answer;
  return table(answers);
}

}  // namespace

TEST_CASE("A cancel ends a command in the safe state, or by the steps that it names", "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  station.start(move());
  device.await("READY?");
  station.cancel("another");
  station.cancel("k1");
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(outcome.fault() == wire::INTERRUPTED);
  CHECK(outcome.message() == "cancelled");
  CHECK(!outcome.not_begun());
  CHECK(station.device->is_safe());
  device.await("PARK");
  CHECK(device.times("STOP") == 1);

  station.start(move("k2", "creep"));
  device.await("GO 5", 2);
  station.cancel("k2");
  station.cancel("k2");  // doubled on its way
  CHECK(station.outcome("k2").message() == "cancelled");
  CHECK(device.times("BRAKE 5") == 1);
  CHECK(device.times("STOP") == 1);  // gently: not to the safe state
}

TEST_CASE("Where the steps of a cancel fail, the safe state is what remains", "[device]") {
  LineDevice device(with("BRAKE 5", "JAMMED"));
  Station station(kStage, device.address());
  station.start(move("k1", "creep"));
  device.await("READY?");
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(device.times("STOP") == 1);
  CHECK(station.device->is_safe());
}

TEST_CASE("Cancelled before a word was said, a command was not begun", "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  station.device->readings(station.clock.now());
  station.start(move());
  station.cancel("k1");
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(outcome.fault() == wire::INTERRUPTED);
  CHECK(outcome.not_begun() == (device.times("GO 5") == 0));
}

TEST_CASE("A stop breaks off a wait, a question and an `until`", "[device]") {
  for (const char* capability : {"move", "rest", "hear"}) {
    INFO(capability);
    LineDevice device(table(kMoving));  // SPEAK is never answered
    Station station(kStage, device.address());
    wire::Command held = command("k1", capability);
    if (held.capability() == "move") held = move();
    station.start(held);
    device.await(held.capability() == "move" ? "READY?" : held.capability() == "rest" ? "LIE" : "SPEAK");
    const double began = monotonic_seconds();
    station.device->make_safe(station.clock.now());
    const wire::Outcome outcome = station.outcome("k1");
    CHECK(outcome.fault() == wire::INTERRUPTED);
    CHECK(outcome.message() == "the instrument was to be made safe");
    CHECK(station.device->is_safe());
    CHECK(monotonic_seconds() - began < 15);  // not the 20 s of the device's timeout, let alone an hour
    device.await("PARK");
    CHECK(device.times("STOP") == 1);
  }
}

TEST_CASE("A stop that comes again, or a cancel, does not break off the way to the safe state", "[device]") {
  LineDevice device(with("STOP", ""));
  device.set_script([](const std::string& line) -> Reaction {
    if (line == "STOP") return {.text = "STOPPED\n", .after_s = 0.3};
    return table(kMoving)(line);
  });
  Station station(kStage, device.address());
  station.start(move());
  device.await("READY?");
  station.device->make_safe(station.clock.now());
  device.await("STOP");
  station.device->make_safe(station.clock.now());
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  station.await_safe();
  CHECK(device.times("STOP") == 1);
  device.await("PARK");
  for (const wire::FromDriver& report : station.reports) CHECK(!report.has_refused());
}

TEST_CASE("An idle device is made safe, too", "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  station.device->make_safe(station.clock.now());
  station.await_safe();
  device.await("PARK");
}

TEST_CASE("After a restart of its driver a device is made safe, and cannot tell what became of the command",
          "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  const Instrument::Memory memory = station.device->recall(move(), station.clock.now(), station.clock.now());
  CHECK(memory.kind == Instrument::Memory::Kind::kCannotTell);
  device.await("PARK");
  station.await_safe();
}

TEST_CASE("A device that cannot be made safe is named once, and tried again until it can", "[device]") {
  LineDevice device(with("STOP", "NO"));
  Station station(kStage, device.address());
  station.device->make_safe(station.clock.now());
  const std::string why = station.told();
  CHECK(why.find("instrument “device-1” could not be brought to its safe state, which is tried again every 2 s: the "
                 "device answered “NO”, which is not what was expected: “^STOPPED” (device.yaml:4)") == 0);
  CHECK(!station.device->is_safe());
  device.await("STOP", 2);
  device.set_script(table(kMoving));
  station.await_safe();
  int told = 0;
  for (const wire::FromDriver& report : station.reports) told += report.has_refused() ? 1 : 0;
  CHECK(told == 1);
}

TEST_CASE("What ends in mid-command, ends in the safe state", "[device]") {
  LineDevice device(table(kMoving));
  {
    Station station(kStage, device.address());
    station.start(move());
    device.await("READY?");
  }
  CHECK(device.times("STOP") == 1);
  device.await("PARK");
  { Station idle(kStage, device.address()); }
  CHECK(device.times("STOP") == 1);  // there was nothing to end
}

TEST_CASE("Ended on the way to the safe state, a device still reaches it", "[device]") {
  LineDevice device([](const std::string& line) -> Reaction {
    if (line == "STOP") return {.text = "STOPPED\n", .after_s = 0.2};
    return table(kMoving)(line);
  });
  {
    Station station(kStage, device.address());
    station.device->make_safe(station.clock.now());
    device.await("STOP");
  }
  device.await("PARK");
}

TEST_CASE("Readings come while idle, during an `until` and during a wait", "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  const auto check = [&] {
    const auto values = station.readings();
    REQUIRE(values.size() == 1);
    CHECK(values[0].name() == "reached");
    CHECK(values[0].number() == 12.5);
    CHECK(values[0].unit() == "mm");
  };
  check();
  station.start(move());
  device.await("READY?");
  check();
  station.cancel("k1");
  station.outcome("k1");
  station.start(command("k2", "rest"));
  device.await("LIE");
  check();
}

TEST_CASE("What was read when somebody listened last is none of now", "[device]") {
  LineDevice device(table(kMoving));
  Station station(kStage, device.address());
  station.device->readings(station.clock.now());
  device.await("POS?");
  idle(4);  // a slower machine only makes it older
  CHECK(station.device->readings(station.clock.now()).empty());
}

TEST_CASE("Readings that cannot be had are told once, and disturb no command", "[device]") {
  LineDevice device(with("POS?", "?"));
  Station station(kStage, device.address());
  station.device->readings(station.clock.now());
  CHECK(station.told().find("instrument “device-1” gives no readings: the device answered “?”") == 0);
  station.start(move("k1", "creep"));
  device.await("READY?");
  device.set_script(with("READY?", "1"));
  CHECK(station.outcome("k1").done());
}

// ── Behind the real driver ───────────────────────────────────────────────────────────────────────────────────────────

namespace {

/// A driver "bench" with the stage, and its messages.
struct Bench {
  explicit Bench(const LineDevice& line)
      : profile(parse_profile(kStage, "device.yaml")), clock(SystemClock().now(), 1) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(make_device(profile, "device-1", line.address(), lines, clock));
    driver = std::make_unique<Driver>("bench", "boot", std::move(instruments), ledger, Driver::Options{}, clock.now());
  }
  void take(const std::vector<wire::FromDriver>& messages) {
    said.insert(said.end(), messages.begin(), messages.end());
  }
  void send(const wire::ToDriver& message) { take(driver->receive(message, clock.now())); }
  void send(const wire::Command& what) {
    wire::ToDriver message = to_driver();
    *message.mutable_command() = what;
    send(message);
  }
  template <class Wanted>
  wire::FromDriver await(const Wanted& wanted) {
    const double end = monotonic_seconds() + kPatience;
    for (;;) {
      for (const wire::FromDriver& message : said) {
        if (wanted(message)) return message;
      }
      REQUIRE(monotonic_seconds() < end);
      idle(0.002);
      if (driver->wakes_at() <= clock.now()) take(driver->advance(clock.now()));
    }
  }
  wire::Outcome outcome(const std::string& id) {
    return await([&](const wire::FromDriver& m) { return m.has_outcome() && m.outcome().id() == id; }).outcome();
  }

  Profile profile;
  ScaledClock clock;
  Ledger ledger{""};
  Lines lines;
  std::unique_ptr<Driver> driver;
  std::vector<wire::FromDriver> said;
};

}  // namespace

TEST_CASE("A command that comes twice is said to the device once", "[device]") {
  LineDevice device(table(kMoving));
  Bench bench(device);
  bench.send(move());
  bench.send(move());
  device.await("READY?");
  bench.send(move());
  device.set_script(with("READY?", "1"));
  const wire::Outcome outcome = bench.outcome("k1");
  CHECK(outcome.done());
  CHECK(number(outcome, "reached") == 12.5);
  bench.send(move());
  CHECK(bench.said.back().outcome().SerializeAsString() == outcome.SerializeAsString());
  CHECK(device.times("GO 5") == 1);
}

TEST_CASE("No command is begun until the device is safe, and Stopped says when it is", "[device]") {
  LineDevice device(with("STOP", "NO"));
  Bench bench(device);
  bench.send(move());
  device.await("READY?");
  wire::ToDriver stop = to_driver();
  stop.mutable_stop()->set_id("s1");
  bench.send(stop);
  CHECK(bench.outcome("k1").fault() == wire::INTERRUPTED);
  bench.send(move("k2"));
  const wire::Outcome refused = bench.outcome("k2");
  CHECK(refused.not_begun());
  CHECK(refused.message().find("has not reached its safe state yet") != std::string::npos);
  for (const wire::FromDriver& message : bench.said) CHECK(!message.has_stopped());
  device.set_script(with("READY?", "1"));
  const auto stopped = bench.await([](const wire::FromDriver& message) { return message.has_stopped(); }).stopped();
  CHECK(stopped.id() == "s1");
  CHECK(stopped.instruments_size() == 1);
  bench.send(move("k3"));
  CHECK(bench.outcome("k3").done());
  CHECK(device.times("GO 5") == 2);
}

// Goal: whoever asks learns why a device is of no use now, and no more once it is. Method: a device that is not safe
// when told to, whose sensor answers nonsense, and that does what it should in the end.
TEST_CASE("What is the matter with a device is told while it is", "[device]") {
  LineDevice device(with("STOP", "JAMMED"));
  Station station(kStage, device.address());
  CHECK(station.device->trouble().empty());
  station.device->make_safe(station.clock.now());
  device.await("STOP");
  while (station.device->trouble().empty()) std::this_thread::yield();
  CHECK_THAT(station.device->trouble(),
             Catch::Contains("could not be brought to its safe state") && Catch::Contains("JAMMED"));
  device.set_script(table(kMoving));
  while (!station.device->is_safe()) std::this_thread::yield();
  CHECK(station.device->trouble().empty());
}

// Goal: a device that is well again has no trouble, though nobody has asked for its readings since. Method: a sensor
// that answers nonsense; then a command that is carried out, and no readings wanted.
TEST_CASE("Readings that could not be had are no trouble any more once the device was spoken to with success",
          "[device]") {
  LineDevice device(with("POS?", "?"));
  Station station(kStage, device.address());
  station.device->readings(station.clock.now());
  station.told();
  CHECK_THAT(station.device->trouble(), Catch::StartsWith("gives no readings: the device answered “?”"));
  device.set_script(with("READY?", "1"));
  CHECK(station.carry_out(move()).done());
  CHECK(station.device->trouble().empty());
}
