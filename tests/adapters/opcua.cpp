// Goal: an `opcua` profile is held against what it names, and its client is asked as the profile says, restarted when
// it ends, and not waited for when a command is broken off. Method: a client that follows a script in the shell;
// python/athanor_opcua itself meets a server in tests/peers/opcua_test.py.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

const std::string kFurnace = R"(profile: furnace
opcua:
  namespace: "urn:example:furnace"
  timeout: 20 s
  nodes:
    temperature: {id: s=Temperature, type: Double}
    program: {id: "nsu=urn:other;i=7", type: String}
    on: {id: ns=2;s=On, type: Boolean}
  methods: {heat: {object: s=Furnace, id: s=Heat}}
safe: [{write: {on: false}}]
capabilities:
  heat:
    with: {temperature: {unit: degC}, program: {text: true, optional: true}}
    gives: {reached: {unit: degC}}
    do:
      - {write: {program: "{program}"}}
      - {call: heat, arguments: {Target: "{temperature in K}", Job: "{id}"}, take: {number: {at: Number}}}
      - {read: temperature, take: {reached: {at: temperature, unit: degC}}}
)";

/// Puts a client in the shell first in PATH: it writes what it hears to `heard`, and answers by `script`, which has the
/// request in $line and its id in $id.
struct Client {
  explicit Client(const std::string& script) {
    write_file(folder / "athanor-opcua",
               fmt::format("#!/bin/bash\necho '{{\"ready\": true}}'\nwhile read -r line; do\n  echo \"$line\" >> {}\n  "
                           "id=${{line##*\\\"id\\\":}}; id=${{id%%[!0-9]*}}\n  {}\ndone\n",
                           folder / "heard", script));
    std::filesystem::permissions(folder / "athanor-opcua", std::filesystem::perms::owner_all);
    setenv("PATH", (folder.path.string() + ":" + before).c_str(), 1);
  }
  ~Client() { setenv("PATH", before.c_str(), 1); }
  std::vector<std::string> heard() const {
    std::vector<std::string> lines;
    std::ifstream file(folder / "heard");
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  TemporaryFolder folder;
  const std::string before = std::getenv("PATH");
};

const std::string kGood = R"(case "$line" in
    *'"call"'*) echo "{\"id\": $id, \"answer\": {\"Number\": 3}}";;
    *'"read"'*) echo "{\"id\": $id, \"answer\": {\"temperature\": 80.5}}";;
    *) echo "{\"id\": $id, \"answer\": null}";;
  esac)";

wire::Command heat(const std::string& id = "k1") {
  return command(id, "heat", {number_value("temperature", 80, "degC")});
}

std::string mistakes(const std::string& from, const std::string& to) {
  std::string text = kFurnace;
  REQUIRE(text.find(from) != std::string::npos);
  text.replace(text.find(from), from.size(), to);
  try {
    parse_profile(text, "p.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

}  // namespace

TEST_CASE("An OPC UA profile is held against what it names", "[opcua]") {
  CHECK(mistakes("call: heat", "call: heet")
            .find("p.yaml:17:16: there is no “heet” among the profile's methods (did you mean “heat”?)") == 0);
  CHECK(mistakes("read: temperature", "read: temprature")
            .find("among the profile's nodes (did you mean “temperature”?)") != std::string::npos);
  CHECK(mistakes("id: s=Temperature", "id: Temperature").find("p.yaml:6:23: “Temperature” is no node id") == 0);
  CHECK(mistakes("id: s=Temperature", "id: p=Furnace/Temperature") == "(nothing was thrown)");
  CHECK(mistakes("id: s=Temperature", "id: p=/Temperature").find("is no node id") != std::string::npos);
  CHECK(mistakes("type: Double", "type: double").find("Double") != std::string::npos);
  CHECK(
      mistakes("{write: {on: false}}", "{write: {on: warm}}").find("\"warm\" is no Boolean, which the node “on” is") !=
      std::string::npos);
  CHECK(mistakes("{write: {program: \"{program}\"}}", "{write: {temperature: \"{temperature in degC:.0f}\"}}") ==
        "(nothing was thrown)");
  CHECK(mistakes("{write: {program: \"{program}\"}}", "{write: {temperature: \"{id}K\"}}").find("is no Double") !=
        std::string::npos);
  CHECK(mistakes("{write: {on: false}}", "{write: {on: false, program: x}}").find("several are several steps") !=
        std::string::npos);
  CHECK(mistakes("safe: [{write: {on: false}}]\n", "").find("the profile has no safe state") != std::string::npos);
  CHECK(mistakes("timeout: 20 s", "user: {name: a, password_file: /dev/null}").find("a password over an open line") !=
        std::string::npos);
  CHECK(
      mistakes("timeout: 20 s", "security: {certificate: nowhere.pem, private_key: nowhere.pem, server_certificate: x}")
          .find("nowhere.pem cannot be read: No such file") != std::string::npos);
  Lines lines;
  const Profile profile = parse_profile(kFurnace, "p.yaml");
  CHECK_THROWS_WITH(profile.adapter->bus_to("tcp://host:4840", lines),
                    Catch::Contains("expected “opc.tcp://HOST:PORT”"));
}

TEST_CASE("The client is told what the profile names, and asked for each step", "[opcua]") {
  Client client(kGood);
  Station station(kFurnace, "opc.tcp://nowhere:4840");
  const wire::Outcome outcome = station.carry_out(heat());
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "reached") == 80.5);
  const auto heard = client.heard();
  REQUIRE(heard.size() == 3);
  CHECK(heard[0].find(R"("temperature":{"id":"s=Temperature","place":"device.yaml:6","type":"Double"})") !=
        std::string::npos);
  CHECK(heard[0].find(R"("url":"opc.tcp://nowhere:4840")") != std::string::npos);
  CHECK(heard[1].find(R"("arguments":{"Job":"k1","Target":353.15},"call":"heat")") != std::string::npos);
  CHECK(heard[2].find(R"("read":["temperature"])") != std::string::npos);
}

TEST_CASE("The client's faults are the command's, with the place in the profile", "[opcua]") {
  Client client(R"(case "$line" in
    *'"call"'*) echo "{\"id\": $id, \"fault\": \"device\", \"message\": \"answered BadOutOfRange (0x803C0000)\"}";;
    *) echo "{\"id\": $id, \"answer\": null}";;
  esac)");
  Station station(kFurnace, "opc.tcp://nowhere:4840");
  const wire::Outcome outcome = station.carry_out(heat());
  CHECK(outcome.fault() == wire::DEVICE);
  CHECK(outcome.message() == "answered BadOutOfRange (0x803C0000) (device.yaml:17)");
  CHECK(client.heard().back().find(R"("write":{"on":false})") != std::string::npos);
}

TEST_CASE("A client that ends in the middle of a call is a lost link, and the call is not said again", "[opcua]") {
  Client client(R"(case "$line" in
    *'"call"'*) echo oh >&2; exit 3;;
    *) echo "{\"id\": $id, \"answer\": null}";;
  esac)");
  Station station(kFurnace, "opc.tcp://nowhere:4840");
  const wire::Outcome outcome = station.carry_out(heat());
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.message() == "the OPC UA client ended with status 3; it said “oh\\x0a” (device.yaml:17)");
  int calls = 0;
  for (const std::string& line : client.heard()) calls += line.find("\"call\"") != std::string::npos ? 1 : 0;
  CHECK(calls == 1);
  CHECK(station.device->is_safe());  // by a new client
}

TEST_CASE("A client that is not there, or is another program, says what to do", "[opcua]") {
  const std::string before = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  Station alone(kFurnace, "opc.tcp://nowhere:4840");
  const wire::Outcome outcome = alone.carry_out(heat());
  setenv("PATH", before.c_str(), 1);
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.not_begun());
  CHECK(outcome.message().find("“athanor-opcua” cannot be started (No such file or directory); install it") !=
        std::string::npos);
}

TEST_CASE("A cancel does not wait for a call that is not answered; its late answer is nobody's", "[opcua]") {
  // The first call is answered when the next request comes, with the old id.
  Client client(R"(case "$line" in
    *'"call"'*) late=$id;;
    *) [ -n "$late" ] && echo "{\"id\": $late, \"answer\": {\"Number\": 7}}" && late=
       echo "{\"id\": $id, \"answer\": null}";;
  esac)");
  Station station(kFurnace, "opc.tcp://nowhere:4840");
  station.start(heat());
  wait_until([&] { return client.heard().size() == 2; });
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  CHECK(station.device->is_safe());
}
