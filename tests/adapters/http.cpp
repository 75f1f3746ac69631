// Goal: requests are what the profile says, answers are read by pointer, and what acts is sent once, whatever the
// connection does. Method: a small HTTP server that follows a script.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/adapters/http_device.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

const std::string kArm = R"(
profile: arm
http: {timeout: 500 ms, headers: {Device-Version: "3"}}
safe: [{post: /stop}]
capabilities:
  move:
    with: {x: {unit: mm}, tool: {text: true, optional: true}}
    gives: {reached: {unit: mm}}
    do:
      - {put: "/tools/{tool}", body: {name: "{tool}"}}
      - {post: /moves, body: {x: "{x in m}", fast: true, tags: [a, "{sample}"]}, take: {move: {at: /data/id, text: true}}}
      - {get: "/moves/{move}", take: {state: {at: /data/state, text: true}, reached: {at: /data/x, unit: m}},
         until: {state: {is: done}}, every: 10 ms, within: 10 s}
)";

wire::Command move(const std::string& id = "k1") {
  return command(id, "move", {number_value("x", 120, "mm")});
}

long count(const HttpDevice& device, const std::string& line) {
  const auto lines = device.lines();
  return std::count(lines.begin(), lines.end(), line);
}

}  // namespace

TEST_CASE("A command is posted, polled and read by pointer", "[http]") {
  int polls = 0;
  HttpDevice device([&](const HttpDevice::Request& request) -> HttpDevice::Answer {
    if (request.method == "POST") return {.status = 201, .body = R"({"data": {"id": "m 1"}})"};
    if (request.method == "GET")
      return {.body = ++polls < 3 ? R"({"data": {"state": "moving", "x": 0.05}})"
                                  : R"({"data": {"state": "done", "x": 0.12}})"};
    return {};
  });
  Station station(kArm, device.address() + "/");
  wire::Command with_tool = move();
  *with_tool.add_with() = text_value("tool", "a/b?c=ü");
  const wire::Outcome outcome = station.carry_out(with_tool);
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "reached") == Approx(120));
  const auto heard = device.heard();
  // In a path, a text is one word whatever it holds; in a body it stands as it is.
  CHECK(device.lines() == std::vector<std::string>{"PUT /tools/a%2Fb%3Fc%3D%C3%BC", "POST /moves", "GET /moves/m%201",
                                                   "GET /moves/m%201", "GET /moves/m%201"});
  CHECK(nlohmann::json::parse(heard[0].body) == nlohmann::json{{"name", "a/b?c=ü"}});
  CHECK(nlohmann::json::parse(heard[1].body) ==
        nlohmann::json{{"x", 0.12}, {"fast", true}, {"tags", {"a", "sample-7"}}});
  CHECK(heard[1].headers.find("Device-Version: 3\r\n") != std::string::npos);
  CHECK(heard[1].headers.find("Content-Type: application/json\r\n") != std::string::npos);
}

TEST_CASE("A status that is no success, and an answer that is something else, are faults that quote it", "[http]") {
  HttpDevice device([](const HttpDevice::Request& request) -> HttpDevice::Answer {
    if (request.path == "/moves") return {.status = 409, .body = "busy"};
    return {};
  });
  Station station(kArm, device.address());
  const wire::Outcome busy = station.carry_out(move());
  CHECK(busy.fault() == wire::DEVICE);
  CHECK(busy.message().find("POST " + device.address() + "/moves was answered with status 409: “busy”") == 0);
  CHECK(count(device, "POST /stop") == 1);

  HttpDevice other([](const HttpDevice::Request&) -> HttpDevice::Answer { return {.body = "<html>hello</html>"}; });
  Station lost(kArm, other.address());
  CHECK(lost.carry_out(move()).message().find(
            "the device answered “<html>hello</html>”, which is a text and no JSON: there is no “/data/id” for "
            "“move”") == 0);
}

TEST_CASE("What comes in place of an answer is told in words: elsewhere, nothing, half, too much, nobody", "[http]") {
  const std::string profile = R"(
profile: arm
http: {timeout: 5 s}
safe: nothing
capabilities: {go: {gives: {x: {}}, do: [{get: /x, take: {x: /x}}]}}
)";
  struct Case {
    HttpDevice::Answer answer;
    wire::FaultKind kind;
    std::string says;
  };
  const Case cases[] = {
      {{.status = 302, .headers = "Location: http://10.0.0.9/x\r\n"},
       wire::DEVICE,
       "was answered with status 302: “”; the device refers to “http://10.0.0.9/x”, and is not followed there"},
      {{}, wire::DEVICE, "the device answered “”, which is a text and no JSON"},
      {{.body = R"({"x": "zu kühl"})"},
       wire::DEVICE,
       "the device answered “{\"x\":\"zu kühl\"}”, in which “zu kühl” is no number"},
      {{.hang_up = true}, wire::LINK, "got no whole answer before the connection ended, but nothing"},
      {{.body = std::string((std::size_t{64} << 20) + 1, 'x')},
       wire::DEVICE,
       "was answered with more than 64 MiB, which begin “xxx"},
  };
  for (const Case& one : cases) {
    HttpDevice device([&](const HttpDevice::Request&) { return one.answer; });
    Station station(profile, device.address());
    const wire::Outcome outcome = station.carry_out(command("k1", "go"));
    INFO(outcome.message());
    CHECK(outcome.fault() == one.kind);
    CHECK(outcome.message().find(one.says) != std::string::npos);
  }
  Station nobody(profile, "http://127.0.0.1:1");
  CHECK(nobody.carry_out(command("k1", "go"))
            .message()
            .find("GET http://127.0.0.1:1/x got no answer: nobody can be reached there: Connection refused") == 0);
}

TEST_CASE("What acts is sent once, also when a connection that was kept dies under it", "[http]") {
  HttpDevice device([](const HttpDevice::Request& request) -> HttpDevice::Answer {
    if (request.method == "GET") return {.body = R"({"data": {"state": "done", "x": 0.12}})"};
    return {.hang_up = request.path == "/moves"};
  });
  const std::string profile = R"(
profile: arm
http: {timeout: 5 s}
safe: [{post: /stop}]
capabilities: {go: {do: [{get: /x}, {post: /moves, body: {x: 1}}]}}
)";
  Station station(profile, device.address());
  CHECK(station.carry_out(command("k1", "go")).fault() == wire::LINK);
  CHECK(count(device, "POST /moves") == 1);
}

TEST_CASE("A device that is not there, or says nothing, is a fault of the link; a stop does not wait for it",
          "[http]") {
  HttpDevice device(
      [](const HttpDevice::Request& request) -> HttpDevice::Answer { return {.silent = request.path == "/moves"}; });
  Station station(kArm, device.address());
  const wire::Outcome outcome = station.carry_out(move());
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.message().find("POST " + device.address() + "/moves got no whole answer within 0.5 s, but nothing") ==
        0);
  CHECK(!outcome.not_begun());

  const std::string patient = R"(
profile: arm
http: {timeout: 1 h}
safe: [{post: /stop}]
capabilities: {go: {do: [{post: /moves, body: {x: 1}}]}}
)";
  Station held(patient, device.address());
  held.start(command("k2", "go"));
  wait_until([&] { return count(device, "POST /moves") == 2; });
  held.cancel("k2");
  CHECK(held.outcome("k2").fault() == wire::INTERRUPTED);
  CHECK(held.device->is_safe());
  CHECK(count(device, "POST /stop") == 2);
}
