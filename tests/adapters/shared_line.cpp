// Goal: several devices at one line are spoken to in turn, each by its own address, and what one of them does harms no
// other. Method: devices that count what runs into an answer that is due; silent ones; cancels while others speak.
#include "adapters/shared_line.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "tests/adapters/modbus_device.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

constexpr const char* kPump = R"(
profile: pump
text: {address: "00", ends: "\r", answer_starts: "{address}", timeout: 300 ms}
hello: [{ask: "{address}VER", expect: "^PUMP$"}]
safe: [{do: "{address}STP", expect: "^OK$"}]
readings: [{ask: "{address}VOL", take: {volume: {unit: mL}}}]
capabilities:
  infuse: {do: [{do: "{address}RUN {sample}", timeout: 60 s, expect: "^OK$"}, {ask: "{address}VOL", take: {volume: {unit: mL}}}]}
)";

std::string answer_to(const std::string& line) {
  const std::string what = line.substr(2);
  return line.substr(0, 2) + (what == "VER" ? "PUMP" : what == "VOL" ? "1.5" : "OK") + "\r";
}

/// Pumps at one line. Whoever speaks while an answer is due runs into it.
struct Pumps {
  explicit Pumps(LineDevice::Kind kind)
      : device(
            [this](const std::string& line) {
              const double now = monotonic_seconds();
              if (now < due) ++collisions;
              due = now + kSlow;
              return Reaction{.text = answer_to(line), .after_s = kSlow};
            },
            kind, "\r") {}

  static constexpr double kSlow = 0.002;
  double due = 0;
  std::atomic<int> collisions = 0;
  LineDevice device;
};

}  // namespace

TEST_CASE("Devices at a link that comes while a driver starts share one line", "[shared]") {
  Pumps pumps(LineDevice::Kind::kSerial);
  const std::string serial = "serial:", port = pumps.device.address().substr(serial.size());
  const TemporaryFolder folder;
  const std::string link = std::filesystem::path(folder.path) / "pumps.tty";
  Lines lines;
  Station first(kPump, serial + link + "#01", lines);
  std::filesystem::create_symlink(port, link);
  Station second(kPump, serial + link + "#02", lines);
  for (int i = 0; i < 5; ++i) {
    for (Station* station : {&first, &second}) {
      const wire::Outcome outcome = station->carry_out(command(fmt::format("k{}", i), "infuse"));
      INFO(outcome.message());
      CHECK(outcome.done());
    }
  }
  CHECK(pumps.collisions == 0);
}

TEST_CASE("Devices at one line are spoken to in turn, each by its address", "[shared]") {
  Pumps pumps(GENERATE(LineDevice::Kind::kSerial, LineDevice::Kind::kTcp));
  Lines lines;
  Station first(kPump, pumps.device.address() + "#01", lines), second(kPump, pumps.device.address() + "#02", lines);
  for (int i = 0; i < 20; ++i) {
    const std::string id = fmt::format("k{}", i);
    first.start(command(id, "infuse"));
    second.start(command(id, "infuse"));
    for (Station* station : {&first, &second}) {
      const wire::Outcome outcome = station->outcome(id);
      INFO(outcome.message());
      CHECK(outcome.done());
    }
  }
  CHECK(pumps.collisions == 0);
  CHECK(pumps.device.times("01RUN sample-7") == 20);
  CHECK(pumps.device.times("02RUN sample-7") == 20);
}

TEST_CASE("An `at` without an address means the profile's", "[shared]") {
  Pumps pumps(LineDevice::Kind::kTcp);
  Station station(kPump, pumps.device.address());
  CHECK(station.carry_out(command("k1", "infuse")).done());
  CHECK(pumps.device.times("00RUN sample-7") == 1);
}

TEST_CASE("The late answer of one device at a line is not taken for another one's", "[shared]") {
  const LineDevice::Kind kind = GENERATE(LineDevice::Kind::kSerial, LineDevice::Kind::kTcp);
  std::atomic<bool> late = true;
  // Neither says whose answer it is.
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        if (line == "1?" && late.exchange(false)) return {.text = "11\n", .after_s = 0.6};
        return {.text = line == "1?" ? "1\n" : "2\n"};
      },
      kind);
  const std::string profile =
      "profile: p\ntext: {address: 1, timeout: 500 ms}\nsafe: nothing\n"
      "capabilities: {look: {gives: {x: {}}, do: [{ask: '{address}?', take: {x: all}}]}}\n";
  Lines lines;
  Station first(profile, device.address() + "#1", lines), second(profile, device.address() + "#2", lines);
  first.start(command("k1", "look"));
  device.await("1?");
  second.start(command("k1", "look"));
  first.outcome("k1");
  const wire::Outcome outcome = second.outcome("k1");
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "x") == 2);
}

TEST_CASE("A cancel does not wait for its turn, and leaves who speaks alone", "[shared]") {
  std::atomic<bool> hold = true;
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        if (line == "01RUN sample-7" && hold) return {};
        return {.text = answer_to(line)};
      },
      LineDevice::Kind::kTcp, "\r");
  Lines lines;
  Station first(kPump, device.address() + "#01", lines), second(kPump, device.address() + "#02", lines);
  first.start(command("k1", "infuse"));
  device.await("01RUN sample-7");
  second.start(command("k2", "infuse"));
  second.cancel("k2");
  const wire::Outcome cancelled = second.outcome("k2");
  CHECK(cancelled.fault() == wire::INTERRUPTED);
  CHECK(cancelled.not_begun());
  device.say("01OK\r");
  CHECK(first.outcome("k1").done());
  CHECK(device.times("02RUN sample-7") == 0);
  // And one who speaks is broken off alone.
  first.start(command("k3", "infuse"));
  device.await("01RUN sample-7", 2);
  second.start(command("k4", "infuse"));
  first.cancel("k3");
  CHECK(first.outcome("k3").fault() == wire::INTERRUPTED);
  CHECK(second.outcome("k4").done());
}

TEST_CASE("A neighbour that never answers keeps nobody from his promises", "[shared]") {
  std::atomic<bool> hold = false;
  std::atomic<int> wrong = 0;
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        if (line.size() < 5) ++wrong;
        if (line.starts_with("01") || (line == "02RUN sample-7" && hold)) return {};
        return {.text = answer_to(line)};
      },
      GENERATE(LineDevice::Kind::kSerial, LineDevice::Kind::kTcp), "\r");
  const auto waits = [](const std::string& time) {
    std::string profile = kPump;
    return profile.replace(profile.find("timeout: 300 ms"), 15, "timeout: " + time);
  };
  Lines lines;
  Station silent(waits("50 ms"), device.address() + "#01", lines), pump(waits("5 s"), device.address() + "#02", lines);
  // It is spoken to all the time: a command that fails, its safe state, which is tried again and again, and once more.
  silent.device->make_safe(silent.clock.now());
  CHECK(silent.told().find("could not be brought to its safe state") != std::string::npos);
  CHECK(silent.told().find("the device at " + device.address() + "#01 gave no whole answer") != std::string::npos);
  silent.start(command("s0", "infuse"));
  for (int i = 0; i < 20; ++i) {
    const wire::Outcome outcome = pump.carry_out(command(fmt::format("k{}", i), "infuse"));
    INFO(outcome.message());
    CHECK(outcome.done());
    if (i % 5 != 0) continue;
    CHECK(silent.outcome(fmt::format("s{}", i / 5)).fault() == wire::LINK);
    silent.start(command(fmt::format("s{}", i / 5 + 1), "infuse"));
  }
  CHECK(!pump.readings().empty());
  hold = true;
  pump.start(command("cancelled", "infuse"));
  device.await("02RUN sample-7", 21);
  pump.cancel("cancelled");
  CHECK(pump.outcome("cancelled").fault() == wire::INTERRUPTED);
  pump.await_safe();
  pump.device->make_safe(pump.clock.now());
  pump.await_safe();
  CHECK(device.times("02STP") >= 2);
  CHECK(!silent.device->is_safe());
  CHECK(wrong == 0);
}

TEST_CASE("Units of Modbus share a connection", "[shared]") {
  ModbusDevice device(false);  // it has room for one
  const std::string profile =
      "profile: plate\nmodbus: {unit: 9, timeout: 5 s, registers: {now: {holding: 1}}}\nsafe: nothing\n"
      "capabilities: {look: {do: [{read: now}]}}\n";
  Lines lines;
  Station first(profile, device.address + "#3", lines), second(profile, device.address + "#4", lines),
      third(profile, device.address + "#9", lines);
  for (int i = 0; i < 20; ++i) {
    const std::string id = fmt::format("k{}", i);
    for (Station* station : {&first, &second, &third}) station->start(command(id, "look"));
    for (Station* station : {&first, &second, &third}) {
      const wire::Outcome outcome = station->outcome(id);
      INFO(outcome.message());
      CHECK(outcome.done());
    }
  }
  CHECK(device.units() == std::set<int>{3, 4, 9});
}

TEST_CASE("Another unit at a serial line is another device", "[shared]") {
  ModbusDevice device(true);  // unit 1
  const std::string profile =
      "profile: plate\nmodbus: {unit: 9, timeout: 200 ms, registers: {now: {holding: 1}}}\nsafe: nothing\n"
      "capabilities: {look: {do: [{read: now}]}}\n";
  Lines lines;
  Station there(profile, device.address + "#1", lines), nobody(profile, device.address + "#2", lines);
  CHECK(there.carry_out(command("k1", "look")).done());
  CHECK(nobody.carry_out(command("k1", "look")).fault() == wire::LINK);
}

TEST_CASE("A serial port belongs to one driver", "[shared]") {
  Pumps pumps(LineDevice::Kind::kSerial);
  Station ours(kPump, pumps.device.address() + "#01"), theirs(kPump, pumps.device.address() + "#02");
  REQUIRE(ours.carry_out(command("k1", "infuse")).done());
  const wire::Outcome refused = theirs.carry_out(command("k1", "infuse"));
  CHECK(refused.fault() == wire::LINK);
  CHECK(refused.not_begun());
  CHECK(refused.message().find("cannot be reached: another program has the port") != std::string::npos);
  CHECK(ours.carry_out(command("k2", "infuse")).done());
}

TEST_CASE("What does not go together at a line is bad input", "[shared]") {
  const auto adapter = [](const std::string& settings, const std::string& step) {
    return parse_profile(
        fmt::format("profile: p\n{}\nsafe: nothing\ncapabilities: {{go: {{do: [{}]}}}}\n", settings, step), "p.yaml");
  };
  const Profile plain = adapter("text: {}", "{ask: x}");
  const Profile addressed = adapter("text: {address: 1, serial: {baud: 19200}}", R"({ask: "{address}x"})");
  const Profile modbus = adapter("modbus: {registers: {a: {coil: 1}}}", "{read: a}");
  Lines lines;
  const auto refused = [&](const Profile& profile, const std::string& address) -> std::string {
    try {
      profile.adapter->bus_to(address, lines);
      return "";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  CHECK(refused(plain, "tcp://host:1#2").find("its profile speaks to any; write “address:”") != std::string::npos);
  CHECK(refused(addressed, "tcp://host:1#").find("expected “tcp://HOST:PORT”") != std::string::npos);
  CHECK(refused(addressed, "tcp://host:1#02#03").find("names two devices") != std::string::npos);
  CHECK(refused(modbus, "tcp://host:1#2#3").find("names two devices") != std::string::npos);
  CHECK(refused(modbus, "tcp://host:1#248").find("“248” behind the “#” is no unit of Modbus; expected 0 to 247") !=
        std::string::npos);
  CHECK(refused(modbus, "tcp://host:1#x") != "");
  CHECK(refused(addressed, "serial:/dev/ttyUSB0#2").empty());
  CHECK(refused(addressed, "serial:/dev/ttyUSB0#3").empty());
  CHECK(refused(plain, "serial:/dev/ttyUSB0").find("is set to 9600 baud, 8 data bits") != std::string::npos);
  CHECK(refused(modbus, "serial:/dev/ttyUSB0#2").find("another language") != std::string::npos);
  CHECK(refused(plain, "tcp://host:9").empty());
  CHECK(refused(addressed, "tcp://host:9#1").empty());  // no serial port of ours
  CHECK(refused(modbus, "tcp://host:9").empty());       // a connection of its own
}

// Goal: what the lab file leaves out of an address counts when devices are compared. Method: each kind of profile, with
// the device's own address in both places.
TEST_CASE("A profile's own address is part of where its device is", "[shared]") {
  const auto whole = [](const std::string& settings, const std::string& step, const std::string& address) {
    return parse_profile(
               fmt::format("profile: p\n{}\nsafe: nothing\ncapabilities: {{go: {{do: [{}]}}}}\n", settings, step),
               "p.yaml")
        .adapter->whole_address(address);
  };
  const std::string modbus = "modbus: {unit: 3, registers: {a: {coil: 1}}}", pump = "text: {address: \"00\"}";
  CHECK(whole(modbus, "{read: a}", "tcp://host:502") == "tcp://host:502#3");
  CHECK(whole(modbus, "{read: a}", "tcp://host:502#004") == "tcp://host:502#4");
  CHECK(whole(pump, "{ask: \"{address}?\"}", "serial:/dev/ttyS0") == "serial:/dev/ttyS0#00");
  CHECK(whole(pump, "{ask: \"{address}?\"}", "serial:/dev/ttyS0#01") == "serial:/dev/ttyS0#01");
  CHECK(whole("text: {}", "{ask: x}", "tcp://host:5025") == "tcp://host:5025");
}
