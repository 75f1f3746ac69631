// Goal: numbers in registers are what the profile says, whatever their type, word order and scale, and a device that
// answers with an exception, late or not at all is the right fault. Method: libmodbus's own server, over TCP and, in
// RTU, at a pseudo-terminal.
#include <fmt/format.h>
#include <modbus/modbus.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/adapters/modbus_device.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

std::string furnace(const std::string& words = "high_first") {
  return fmt::format(R"(
profile: furnace
modbus:
  timeout: 200 ms
  words: {}
  registers:
    now: {{holding: 1, type: int16, scale: 0.1}}
    target: {{holding: 2, type: int16}}
    flow: {{holding: 10, type: float32}}
    total: {{holding: 12, type: uint32, scale: 0.001}}
    balance: {{holding: 14, type: int32}}
    heating: {{coil: 3}}
safe: [{{write: {{target: 0}}}}, {{write: {{heating: false}}}}]
capabilities:
  heat:
    with: {{temperature: {{unit: degC}}}}
    do: [{{write: {{heating: true}}}}, {{write: {{target: "{{temperature in degC}}"}}}}]
  look:
    gives: {{temperature: {{unit: degC}}, flow: {{unit: mL/min}}, total: {{unit: L}}, balance: {{}}, heating: {{}}}}
    do:
      - {{read: [now, flow, total, balance], take: {{temperature: {{at: now, unit: degC}}, flow: {{at: flow, unit: L/min}}, total: total, balance: balance}}}}
      - {{read: heating, take: {{heating: heating}}}}
  dose:
    with: {{flow: {{unit: mL/min}}, total: {{unit: L}}, balance: {{}}}}
    do: [{{write: {{flow: "{{flow in L/min}}"}}}}, {{write: {{total: "{{total}}"}}}}, {{write: {{balance: "{{balance}}"}}}}]
)",
                     words);
}

}  // namespace

TEST_CASE("Registers of each type are written and read back, in both word orders, over TCP and RTU", "[modbus]") {
  const bool serial = GENERATE(false, true);
  const std::string words = GENERATE("high_first", "low_first");
  ModbusDevice device(serial);
  Station station(furnace(words), device.address);
  REQUIRE(station.carry_out(command("k1", "heat", {number_value("temperature", 353.15, "K")})).done());
  CHECK(device.held(2) == 80);
  CHECK(device.coil(3));
  const wire::Outcome dosed =
      station.carry_out(command("k2", "dose",
                                {number_value("flow", 1500, "mL/min"), number_value("total", 123.456, "L"),
                                 number_value("balance", -70000, "")}));
  INFO(dosed.message());
  REQUIRE(dosed.done());
  // 1.5f is 0x3fc00000, 123456 is 0x0001e240, −70000 is 0xfffeee90.
  const bool high = words == "high_first";
  CHECK(device.held(high ? 10 : 11) == 0x3fc0);
  CHECK(device.held(high ? 11 : 10) == 0x0000);
  CHECK(device.held(high ? 12 : 13) == 0x0001);
  CHECK(device.held(high ? 13 : 12) == 0xe240);
  CHECK(device.held(high ? 14 : 15) == 0xfffe);
  CHECK(device.held(high ? 15 : 14) == 0xee90);
  device.hold(1, {0xff85});  // −123
  const wire::Outcome seen = station.carry_out(command("k3", "look"));
  INFO(seen.message());
  REQUIRE(seen.done());
  CHECK(number(seen, "temperature") == Approx(-12.3));
  CHECK(number(seen, "flow") == Approx(1500));
  CHECK(number(seen, "total") == Approx(123.456));
  CHECK(number(seen, "balance") == -70000);
  CHECK(number(seen, "heating") == 1);
}

TEST_CASE("An answer whose checksum is wrong is a fault of the line, and the next command works", "[modbus]") {
  ModbusDevice device(true);
  Station station(furnace(), device.address);
  device.garbled = true;
  const wire::Outcome spoilt = station.carry_out(command("k1", "look"));
  CHECK(spoilt.fault() == wire::LINK);
  CHECK(spoilt.not_begun());  // it was only looked at
  CHECK(spoilt.message().find("the device at " + device.address +
                              " did not let the register “now” be read: the checksum of its answer is wrong") == 0);
  CHECK(station.carry_out(command("k2", "look")).done());
  // Of what acts, it cannot be told whether it was done.
  device.garbled = true;
  const wire::Outcome doubtful = station.carry_out(command("k3", "heat", {number_value("temperature", 80, "degC")}));
  CHECK(doubtful.fault() == wire::LINK);
  CHECK_FALSE(doubtful.not_begun());
  CHECK(doubtful.message().find("did not let the register “heating” be written: the checksum of its answer is wrong") !=
        std::string::npos);
  station.await_safe();
  CHECK(station.carry_out(command("k4", "heat", {number_value("temperature", 80, "degC")})).done());
  CHECK(device.held(2) == 80);
}

TEST_CASE("A number that does not fit into its register is not written", "[modbus]") {
  ModbusDevice device(false);
  Station station(furnace(), device.address);
  const wire::Outcome outcome = station.carry_out(command("k1", "heat", {number_value("temperature", 40000, "degC")}));
  CHECK(outcome.fault() == wire::LIMIT);
  CHECK(outcome.message().find("40000 does not fit into the register “target” (int16 × 1)") != std::string::npos);
  CHECK(device.held(2) == 0);
}

TEST_CASE("An exception, a silence and a register that holds no number are the right faults", "[modbus]") {
  const bool serial = GENERATE(false, true);
  ModbusDevice device(serial);
  Station station(furnace(), device.address);
  device.exception = MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS;
  const wire::Outcome illegal = station.carry_out(command("k1", "look"));
  CHECK(illegal.fault() == wire::DEVICE);
  CHECK(illegal.message().find("the register “now” of the device at " + device.address +
                               " could not be read: it answered exception 2 (Illegal data address)") == 0);
  CHECK(illegal.not_begun());  // it was only looked at
  device.silent_for = 1;
  const wire::Outcome silent = station.carry_out(command("k2", "look"));
  CHECK(silent.fault() == wire::LINK);
  CHECK(silent.message().find("did not let the register “now” be read: no whole answer within ") != std::string::npos);
  device.hold(10, {0x7fc0, 0});
  CHECK(station.carry_out(command("k3", "look")).message().find("the register “flow” of the device at") == 0);
  device.hold(10, {0, 0});
  CHECK(station.carry_out(command("k4", "look")).done());
}

TEST_CASE("A late answer of a register is not taken for that of another", "[modbus]") {
  const bool serial = GENERATE(false, true);
  ModbusDevice device(serial);
  device.hold(1, {500});
  Station station(furnace(), device.address);
  for (int i = 0; i < 5; ++i) {
    device.hold(1, {static_cast<std::uint16_t>(500 + 10 * i)});
    device.late_s = 0.3;  // the timeout is 0.2 s
    const wire::Outcome late = station.carry_out(command(fmt::format("l{}", i), "look"));
    CHECK(late.fault() == wire::LINK);
    device.hold(1, {static_cast<std::uint16_t>(505 + 10 * i)});
    const wire::Outcome next = station.carry_out(command(fmt::format("n{}", i), "look"));
    INFO(next.message());
    if (next.done()) CHECK(number(next, "temperature") == Approx((505 + 10 * i) / 10.0));
  }
}

TEST_CASE("A Modbus device that is not there leaves a command not begun", "[modbus]") {
  std::string nobody;
  {
    LineDevice gone(table({}));
    nobody = gone.address();
  }
  Station station(furnace(), nobody);
  const wire::Outcome outcome = station.carry_out(command("k1", "heat", {number_value("temperature", 80, "degC")}));
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.not_begun());
  CHECK(outcome.message().find("cannot be reached: Connection refused") != std::string::npos);
}

TEST_CASE("After a cancel over a serial line the answer that is due is waited for, and nothing more is asked",
          "[modbus]") {
  ModbusDevice device(true);
  Station station(R"(
profile: furnace
modbus: {timeout: 10 s, registers: {a: {holding: 1}, b: {holding: 2}, c: {holding: 3}}}
safe: nothing
capabilities: {look: {do: [{read: [a, b, c], take: {a: a}, until: {a: {is: 1}}, within: 1 h}]}}
)",
                  device.address);
  device.paused = true;
  station.start(command("k1", "look"));
  wait_until([&] { return device.heard == 1; });
  station.cancel("k1");
  device.paused = false;
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(device.heard == 1);
}

TEST_CASE("A serial line that is listened to after a lost answer can be left at once", "[modbus]") {
  ModbusDevice device(true);
  // For longer than a test's patience.
  const Profile profile = parse_profile(R"(
profile: furnace
modbus: {timeout: 60 s, registers: {now: {holding: 1}}}
safe: nothing
capabilities: {look: {do: [{read: now}]}}
)",
                                        "furnace.yaml");
  Lines lines;
  const auto bus = profile.adapter->bus_to(device.address, lines);
  REQUIRE(!bus->connect(false));
  device.garbled = true;
  REQUIRE(bus->exchange("read", {{"read", "now"}}).fault().kind == Fault::Kind::kLink);
  std::thread other([&] {
    idle(0.05);  // so that it is listened to, most likely
    bus->interrupt();
  });
  const auto broken_off = bus->connect(false);
  other.join();
  REQUIRE(broken_off);
  CHECK(broken_off->kind == Fault::Kind::kInterrupted);
  bus->resume();
  CHECK(!bus->connect(true));
  CHECK(bus->exchange("read", {{"read", "now"}}));
}

TEST_CASE("A cancel over TCP does not wait for an answer that does not come", "[modbus]") {
  ModbusDevice device(false);
  // The timeout is twice the test's patience.
  Station station(R"(
profile: furnace
modbus: {timeout: 60 s, registers: {now: {holding: 1}}}
safe: nothing
capabilities: {look: {do: [{read: now, take: {now: now}}]}}
)",
                  device.address);
  device.silent_for = 1;
  station.start(command("k1", "look"));
  wait_until([&] { return device.silent_for == 0; });
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(station.carry_out(command("k2", "look")).done());
}
