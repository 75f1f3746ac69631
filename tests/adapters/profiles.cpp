// Goal: every profile that ships can be used: each of its capabilities says to its device what the maker's manual says,
// and understands what it answers. Method: a device that knows these lines alone; a file without a case fails.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "instruments/description.h"
#include "tests/adapters/http_device.h"
#include "tests/adapters/modbus_device.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(std::string(ATHANOR_SOURCE_DIR) + "/profiles/" + file + ".yaml").rdbuf();
  return text.str();
}

using Said = std::vector<std::string>;

/// Carries out one command, and gives what the device has heard since.
struct Spoken {
  Station& station;
  LineDevice& device;
  std::size_t before = 0;

  wire::Outcome done(const wire::Command& what) {
    before = device.heard().size();
    const wire::Outcome outcome = station.carry_out(what);
    INFO(outcome.message());
    REQUIRE(outcome.done());
    return outcome;
  }
  Said lines() const {
    const Said heard = device.heard();
    return Said(heard.begin() + static_cast<long>(before), heard.end());
  }
  void safe() {
    before = device.heard().size();
    station.device->make_safe(station.clock.now());
    station.await_safe();
  }
};

std::vector<std::uint16_t> words_of(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  return {static_cast<std::uint16_t>(bits >> 16), static_cast<std::uint16_t>(bits & 0xffff)};
}

}  // namespace

TEST_CASE("Every profile that ships can be read, and is tried below", "[profiles]") {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(ATHANOR_SOURCE_DIR) + "/profiles")) {
    if (entry.is_directory()) continue;  // twin/: tests/lab_twin
    const Profile profile = load_profile(entry.path());
    CHECK(profile.name == entry.path().stem());
    CHECK(mistakes_in(describe(profile, "device-1")).empty());
    found.insert(profile.name);
  }
  CHECK(found == std::set<std::string>{"balance", "furnace", "mass_flow_controller", "opentrons", "result_folder",
                                       "source_meter", "syringe_pump", "temperature_controller", "vendor_program"});
}

TEST_CASE("Profile: balance", "[profiles]") {
  std::map<std::string, std::string> answers = {{"I4", "I4 A \"B021002593\""},
                                                {"SI", "S D      99.98 g"},
                                                {"S", "S S     100.25 g"},
                                                {"T", "T S     100.00 g"},
                                                {"Z", "Z A"}};
  const auto ended = [&answers] {
    return [answers](const std::string& line) {
      const auto found = answers.find(line);
      return found == answers.end() ? Reaction{} : Reaction{.text = found->second + "\r\n"};
    };
  };
  LineDevice device(ended(), LineDevice::Kind::kSerial, "\r\n");
  Station station(text_of("balance"), device.address());
  Spoken spoken{station, device};
  CHECK(number(spoken.done(command("k1", "weigh")), "mass") == 100.25);
  CHECK(spoken.lines() == Said{"I4", "S"});
  spoken.done(command("k2", "tare"));
  CHECK(spoken.lines() == Said{"T"});
  spoken.done(command("k3", "zero"));
  CHECK(spoken.lines() == Said{"Z"});
  spoken.done(command("k4", "self_test"));
  CHECK(station.readings()[0].number() == 99.98);
  for (const auto& [line, answer, capability, fault] :
       std::vector<std::tuple<std::string, std::string, std::string, wire::FaultKind>>{
           {"S", "S I", "weigh", wire::DEVICE},
           {"S", "S +", "weigh", wire::SAMPLE},
           {"T", "T I", "tare", wire::DEVICE},
           {"Z", "Z -", "zero", wire::DEVICE},
           {"S", "S S  10 mg", "weigh", wire::DEVICE},
           {"S", "ES", "weigh", wire::DEVICE}}) {
    auto bad = answers;
    bad[line] = answer;
    device.set_script([bad](const std::string& said) { return Reaction{.text = bad.at(said) + "\r\n"}; });
    INFO(answer);
    CHECK(station.carry_out(command("f" + answer, capability)).fault() == fault);
  }
}

TEST_CASE("Profile: syringe_pump", "[profiles]") {
  std::string state = "S";
  int asked = 0;
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        const auto say = [](const std::string& text) {
          return Reaction{.text =
                              "\x02"
                              "07" +
                              text + "\x03"};
        };
        if (line == "07VER") return say("SNE1000V3.61");
        if (line == "07RUN") {
          asked = 0;
          return say(state = "I");
        }
        if (line == "07STP") return state == "S" ? say("S?NA") : say(state = state == "I" ? "P" : "S");
        if (line == "07DIS") {
          if (state == "I" && ++asked == 3) state = "S";
          return say(state + (state == "I" ? "I100.5W0.000UL" : "I250.0W0.000UL"));
        }
        return say(state);
      },
      LineDevice::Kind::kSerial, "\r");
  Station station(text_of("syringe_pump"), device.address() + "#07");
  Spoken spoken{station, device};
  const auto infuse = [](const std::string& id) {
    return command(id, "infuse", {number_value("volume", 0.25, "mL"), number_value("rate", 1.5, "mL/min")});
  };
  CHECK(number(spoken.done(infuse("k1")), "infused") == Approx(0.25));
  CHECK(spoken.lines() == Said{"07VER", "07PHN1", "07FUNRAT", "07VOLUL", "07VOL250", "07RAT1500UM", "07DIRINF",
                               "07CLDINF", "07RUN", "07DIS", "07DIS", "07DIS"});
  spoken.done(command("k2", "self_test"));
  spoken.safe();
  CHECK(spoken.lines() == Said{"07STP", "07STP"});
  // The pump stalls.
  device.set_script([](const std::string& line) {
    const std::string what = line == "07RUN" ? "I" : line == "07DIS" ? "A?S" : line == "07VER" ? "SNE1000V3.61" : "S";
    return Reaction{.text =
                        "\x02"
                        "07" +
                        what + "\x03"};
  });
  const wire::Outcome stalled = station.carry_out(infuse("k3"));
  CHECK(stalled.fault() == wire::DEVICE);
  CHECK(stalled.message().find("it stalled: the device answered “A?S”") == 0);
}

TEST_CASE("Profile: source_meter", "[profiles]") {
  LineDevice device(table({{"*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04089762,1.6.7c"},
                           {"SYST:ERR?", "0,\"No error;0;0 0\""},
                           {":READ?", "1.234567E-03"},
                           {"*OPC?", "1"},
                           {":OUTP?", "0"}}));
  Station station(text_of("source_meter"), device.address());
  Spoken spoken{station, device};
  const auto without_errors = [&] {
    Said lines = spoken.lines();
    std::erase(lines, "SYST:ERR?");
    return lines;
  };
  const auto measured = spoken.done(command(
      "k1", "measure_current",
      {number_value("voltage", 500, "mV"), number_value("current_limit", 10, "mA"), number_value("settle", 0, "s")}));
  CHECK(number(measured, "current") == 1.234567e-3);
  CHECK(without_errors() == Said{"*IDN?", ":SOUR:FUNC VOLT", ":SOUR:VOLT 0.5", ":SOUR:VOLT:ILIM 0.01",
                                 ":SENS:FUNC \"CURR\"", ":OUTP ON", ":READ?", ":OUTP OFF", "*OPC?"});
  const auto other = spoken.done(command(
      "k2", "measure_voltage",
      {number_value("current", 1, "mA"), number_value("voltage_limit", 2, "V"), number_value("settle", 0, "s")}));
  CHECK(number(other, "voltage") == 1.234567e-3);
  CHECK(without_errors() == Said{":SOUR:FUNC CURR", ":SOUR:CURR 0.001", ":SOUR:CURR:VLIM 2", ":SENS:FUNC \"VOLT\"",
                                 ":OUTP ON", ":READ?", ":OUTP OFF", "*OPC?"});
  spoken.done(command("k3", "self_test"));
  spoken.safe();
  CHECK(without_errors() == Said{":OUTP OFF"});
}

TEST_CASE("Profile: temperature_controller", "[profiles]") {
  std::map<std::string, std::string> answers = {{"*IDN?", "LSCI,MODEL336,LSA2202,2.7"},
                                                {"KRDG? A", "+77.350"},
                                                {"HTR? 1", "+12.5"},
                                                {"RDGST? A", "000"},
                                                {"HTRST? 1", "0"}};
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        const auto found = answers.find(line);
        if (found != answers.end()) return {.text = found->second + "\r\n"};
        return line.ends_with("*OPC?") ? Reaction{.text = "1\r\n"} : Reaction{};
      },
      LineDevice::Kind::kTcp, "\r\n");
  Station station(text_of("temperature_controller"), device.address());
  Spoken spoken{station, device};
  const auto held = spoken.done(command(
      "k1", "regulate",
      {number_value("temperature", 77.35, "K"), number_value("duration", 0, "min"), number_value("ramp", 5, "K/min")}));
  CHECK(number(held, "final_temperature") == 77.35);
  CHECK(spoken.lines() == Said{"*IDN?", "RDGST? A", "RAMP 1,0,0;*OPC?", "RAMP 1,1,5.0;*OPC?",
                               "SETP 1,77.3500;RANGE 1,3;*OPC?", "KRDG? A", "HTRST? 1", "KRDG? A", "RANGE 1,0;*OPC?"});
  spoken.done(command("k2", "self_test"));
  spoken.safe();
  CHECK(spoken.lines() == Said{"RANGE 1,0;RANGE 2,0;*OPC?"});
  const auto readings = station.readings();
  REQUIRE(readings.size() == 2);
  CHECK(readings[0].number() == 77.35);
  CHECK(readings[1].unit() == "%");
}

TEST_CASE("Profile: furnace", "[profiles]") {
  ModbusDevice device(true);
  Station station(text_of("furnace"), device.address);
  device.hold(1, {449});
  const auto anneal = [](const std::string& id) {
    return command(id, "anneal",
                   {number_value("temperature", 450, "degC"), number_value("duration", 0, "min"),
                    number_value("ramp", 10, "K/min")});
  };
  const wire::Outcome outcome = station.carry_out(anneal("k1"));
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "final_temperature") == 449);
  using Written = ModbusDevice::Written;
  const std::vector<Written> written = {{35, {0}}, {35, {100}}, {2, {450}}, {35, {0}}, {2, {0}}};
  CHECK(device.written() == written);
  CHECK(station.carry_out(command("k2", "self_test")).done());
  CHECK(station.readings()[0].number() == 449);
  device.hold(75, {1 << 5});  // the sensor breaks
  CHECK(
      station.carry_out(command("k3", "self_test")).message().find("sensor_broken 1 is not what was expected (is 0)") ==
      0);
  const wire::Outcome cold = station.carry_out(anneal("k4"));
  CHECK(cold.fault() == wire::DEVICE);
  CHECK(cold.not_begun());
}

TEST_CASE("Profile: mass_flow_controller", "[profiles]") {
  ModbusDevice device(false);
  Station station(text_of("mass_flow_controller"), device.address);
  device.hold(1208, words_of(99.5F));
  device.hold(1202, words_of(14.7F));
  device.hold(1204, words_of(24.0F));
  const wire::Outcome set = station.carry_out(command("k1", "set_flow", {number_value("flow", 0.1, "L/min")}));
  INFO(set.message());
  REQUIRE(set.done());
  CHECK(number(set, "flow_reached") == Approx(99.5));
  CHECK(
      station.carry_out(command("k2", "purge", {number_value("flow", 100, "mL/min"), number_value("duration", 1, "s")}))
          .done());
  const std::vector<ModbusDevice::Written> written = {
      {1009, words_of(100)}, {1009, words_of(100)}, {1009, words_of(0)}};
  CHECK(device.written() == written);
  CHECK(station.carry_out(command("k3", "self_test")).done());
  CHECK(station.readings().size() == 3);
  device.hold(1200, {0, 1 << 9});
  CHECK(station.carry_out(command("k4", "self_test")).fault() == wire::DEVICE);
}

TEST_CASE("Profile: opentrons", "[profiles]") {
  int polls = 0;
  bool fails = false;
  HttpDevice device([&](const HttpDevice::Request& request) -> HttpDevice::Answer {
    const std::string what = request.method + " " + request.path;
    if (what == "GET /health") return {.body = R"({"name": "Otto", "robot_model": "OT-2 Standard"})"};
    if (what == "GET /runs?pageLength=1") return {.body = R"({"data": [{"id": "run-1", "status": "idle"}]})"};
    if (what == "POST /runs/run-1/commands")
      return {.status = 201, .body = R"({"data": {"id": "c-1", "status": "queued"}})"};
    if (what == "GET /runs/run-1/commands/c-1")
      return {.body = fails ? R"({"data": {"id": "c-1", "status": "failed", "error": {"detail": "no tip"}}})"
                      : ++polls % 2 == 1 ? R"({"data": {"id": "c-1", "status": "running"}})"
                                         : R"({"data": {"id": "c-1", "status": "succeeded"}})"};
    if (what == "POST /runs/run-1/actions")
      return {.status = 409, .body = R"({"errors": [{"id": "RunActionNotAllowed"}]})"};
    return {.status = 404};
  });
  Station station(text_of("opentrons"), device.address());
  const auto texts = [](std::vector<std::pair<std::string, std::string>> given) {
    std::vector<wire::Value> values;
    for (const auto& [name, text] : given) values.push_back(text_value(name, text));
    return values;
  };
  const auto aspirate = [&](const std::string& id, const std::string& capability) {
    auto values = texts({{"pipette", "p-1"}, {"labware", "l-1"}, {"well", "A1"}});
    values.push_back(number_value("volume", 0.05, "mL"));
    values.push_back(number_value("rate", 100, "uL/s"));
    return command(id, capability, values);
  };
  for (const auto& what : {command("k1", "pick_up_tip", texts({{"pipette", "p-1"}, {"rack", "r-1"}, {"well", "1"}})),
                           aspirate("k2", "aspirate"), aspirate("k3", "dispense"),
                           command("k4", "drop_tip", texts({{"pipette", "p-1"}, {"trash", "t-1"}, {"well", "A1"}})),
                           command("k5", "self_test")}) {
    const wire::Outcome outcome = station.carry_out(what);
    INFO(what.capability() << ": " << outcome.message());
    REQUIRE(outcome.done());
  }
  std::vector<nlohmann::json> posted;
  for (const auto& request : device.heard()) {
    if (request.method == "POST") posted.push_back(nlohmann::json::parse(request.body));
  }
  REQUIRE(posted.size() == 4);
  CHECK(
      posted[0] ==
      nlohmann::json::parse(
          R"({"data": {"commandType": "pickUpTip", "intent": "setup", "params": {"pipetteId": "p-1", "labwareId": "r-1", "wellName": "1"}}})"));
  CHECK(
      posted[1] ==
      nlohmann::json::parse(
          R"({"data": {"commandType": "aspirate", "intent": "setup", "params": {"pipetteId": "p-1", "labwareId": "l-1", "wellName": "A1", "volume": 50, "flowRate": 100}}})"));
  CHECK(device.heard()[0].headers.find("Opentrons-Version: 3\r\n") != std::string::npos);
  fails = true;
  const wire::Outcome failed = station.carry_out(aspirate("k6", "aspirate"));
  CHECK(failed.fault() == wire::DEVICE);
  CHECK(failed.message().find("the robot failed: the device answered") == 0);
  CHECK(failed.message().find("no tip") != std::string::npos);
  CHECK(device.lines().back() == "POST /runs/run-1/actions");
  CHECK(nlohmann::json::parse(device.heard().back().body) ==
        nlohmann::json::parse(R"({"data": {"actionType": "stop"}})"));
  CHECK(station.device->is_safe());  // a run that has ended already is as good
}

TEST_CASE("Profile: vendor_program", "[profiles]") {
  TemporaryFolder folder;
  write_file(folder / "reader.py", R"(import json, sys
with open("log", "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
if sys.argv[1] == "status": print(json.dumps({"state": "ready"}))
if sys.argv[1] == "read": print(json.dumps({"absorbance": json.load(sys.stdin)["wavelength_nm"] / 1000}))
)");
  Station station(text_of("vendor_program"), folder.path.string());
  const wire::Outcome read = station.carry_out(
      command("k1", "read_plate", {number_value("wavelength", 0.45, "um"), number_value("shake", 2, "s")}));
  INFO(read.message());
  CHECK(number(read, "absorbance") == Approx(0.45));
  CHECK(station.carry_out(command("k2", "self_test")).done());
  station.device->make_safe(station.clock.now());
  station.await_safe();
  std::ostringstream log;
  log << std::ifstream(folder / "log").rdbuf();
  CHECK(log.str() == "shake 2\nread\nstatus\nstop\n");
}

TEST_CASE("Profile: result_folder", "[profiles]") {
  TemporaryFolder folder;
  Station station(text_of("result_folder"), folder.path.string());
  station.start(command("k1", "measure", {number_value("volume", 5, "uL"), text_value("method", "fast")}));
  wait_until([&] { return std::filesystem::exists(folder / "sample-7-k1.json"); });
  nlohmann::json order;
  std::ifstream(folder / "sample-7-k1.json") >> order;
  CHECK(order == nlohmann::json{{"sample", "sample-7"}, {"vial", "vial-2"}, {"method", "fast"}, {"injection_ul", 5.0}});
  write_file(folder / "sample-7-k1-result.csv", "retention_min,area_percent\n1.5,20\n3.25,80\n");
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(number(outcome, "area_percent") == 80);
  CHECK(number(outcome, "retention") == 3.25);
}
