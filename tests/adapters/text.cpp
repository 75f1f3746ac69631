// Goal: over a line of text, results are the device's answers, and whatever goes wrong on the line is the right fault.
// Method: a scripted device over TCP and at a pseudo-terminal.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/adapters/rig.h"
#include "tests/core/messages.h"

using namespace athanor;
using namespace athanor::rig;
using Then = Reaction::Then;

namespace {

const std::string kMeter = R"(
profile: meter
text: {timeout: 300 ms}
hello: [{ask: "ID?", expect: "^METER"}]
safe: [{send: "OFF"}]
capabilities:
  measure:
    with: {range: {unit: V, min: 0 V, max: 10 V}, label: {text: true, optional: true}}
    gives: {voltage: {unit: V}, state: {text: true}}
    usual: 2 s
    do:
      - {send: "LABEL {label}"}
      - {do: "RANGE {range in mV:.0f}", expect: "^OK"}
      - {ask: "READ?", take: {voltage: {field: 1, unit: mV}, state: {field: 2}},
         faults: [{answer: "^CLOG", kind: sample, say: clogged}, {answer: "^EMPTY", kind: stock}, {answer: "^ERR"}]}
  look: {gives: {voltage: {unit: V}}, do: [{ask: "READ?", take: {voltage: {field: 1, unit: mV}}}]}
)";

const std::map<std::string, std::string> kGood = {{"ID?", "METER 1.0"}, {"RANGE 2000", "OK"}, {"READ?", "1500,fine"}};

wire::Command measure(const std::string& id = "k1") {
  return command(id, "measure", {number_value("range", 2, "V")});
}

LineDevice::Script but(const std::string& line, const Reaction& reaction) {
  return [line, reaction, others = table(kGood)](const std::string& said) {
    return said == line ? reaction : others(said);
  };
}

}  // namespace

TEST_CASE("A command is said line by line, and its results are what the device answered", "[text]") {
  const auto kind = GENERATE(LineDevice::Kind::kTcp, LineDevice::Kind::kSerial);
  LineDevice device(table(kGood), kind);
  Station station(kMeter, device.address());
  const wire::Outcome outcome = station.carry_out(measure());
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "voltage") == Approx(1.5).epsilon(1e-12));
  CHECK(outcome.results(0).unit() == "V");
  CHECK(outcome.results(1).text() == "fine");
  // The step of a parameter that was not given is left out.
  CHECK(device.heard() == std::vector<std::string>{"ID?", "RANGE 2000", "READ?"});
  wire::Command labelled = measure("k2");
  *labelled.add_with() = text_value("label", "α 7");
  REQUIRE(station.carry_out(labelled).done());
  CHECK(device.times("LABEL α 7") == 1);
  CHECK(device.times("ID?") == 1);  // one connection
}

TEST_CASE("What the device answers can be a fault of its kind", "[text]") {
  struct Case {
    std::string answer;
    wire::FaultKind kind;
    std::string words;
  };
  for (const Case& wrong : {Case{"CLOG", wire::SAMPLE, "clogged: the device answered “CLOG” (device.yaml:14)"},
                            Case{"EMPTY", wire::STOCK, "the device answered “EMPTY”"},
                            Case{"ERR 5", wire::DEVICE, "the device answered “ERR 5”"},
                            Case{"x\x02", wire::DEVICE, "“x\\x02”, in which “x\\x02” is no number for “voltage”"},
                            Case{"12", wire::DEVICE, "there is no field 2 for “state”"}}) {
    LineDevice device(but("READ?", {.text = wrong.answer + "\n"}));
    Station station(kMeter, device.address());
    const wire::Outcome outcome = station.carry_out(measure());
    INFO(outcome.message());
    CHECK(!outcome.done());
    CHECK(outcome.fault() == wrong.kind);
    CHECK(outcome.message().find(wrong.words) != std::string::npos);
    CHECK(!outcome.not_begun());  // RANGE had been said
    device.await("OFF");
  }
}

TEST_CASE("A line that is lost in mid-command is a fault of the link, and the device is made safe", "[text]") {
  std::vector<std::pair<Reaction, std::string>> wrongs;
  wrongs.emplace_back(Reaction{}, "gave no whole answer to “READ?” within 0.3 s, but nothing");
  wrongs.emplace_back(Reaction{.text = "15"}, "within 0.3 s, but “15”");
  wrongs.emplace_back(Reaction{.text = "15", .then = Then::kClose}, "broke off its answer to “READ?” after “15”");
  wrongs.emplace_back(Reaction{.then = Then::kReset}, "broke off its answer to “READ?” after nothing");
  wrongs.emplace_back(Reaction{.then = Then::kHalfClose}, "broke off its answer to “READ?” after nothing");
  wrongs.emplace_back(Reaction{.text = std::string((1 << 20) + 10, 'x')}, "and no end");
  for (const auto& [reaction, words] : wrongs) {
    LineDevice device(but("READ?", reaction));
    Station station(kMeter, device.address());
    const wire::Outcome outcome = station.carry_out(measure());
    INFO(outcome.message());
    CHECK(outcome.fault() == wire::LINK);
    CHECK(outcome.message().find(words) != std::string::npos);
    CHECK(outcome.message().size() < 1000);
    CHECK(!outcome.not_begun());
    device.await("OFF");
    CHECK(station.device->is_safe());
    device.set_script(table(kGood));
    CHECK(station.carry_out(measure("k2")).done());  // over a connection that was made anew, and greeted
    CHECK(device.times("ID?") >= 2);
  }
}

TEST_CASE("What failed before anything was said is not begun", "[text]") {
  std::string nobody;
  {
    LineDevice device(table(kGood));
    nobody = device.address();
  }
  Station station(kMeter, nobody);
  const wire::Outcome outcome = station.carry_out(measure());
  CHECK(outcome.fault() == wire::LINK);
  CHECK(outcome.not_begun());
  CHECK(outcome.message().find("cannot be reached") != std::string::npos);

  LineDevice other(table({{"ID?", "SCALE 2.0"}}));
  Station wrong(kMeter, other.address());
  const wire::Outcome refused = wrong.carry_out(measure());
  CHECK(refused.fault() == wire::DEVICE);
  CHECK(refused.not_begun());
  CHECK(refused.message() ==
        "the device answered “SCALE 2.0”, which is not what was expected: “^METER” (device.yaml:4)");
  CHECK(other.times("OFF") == 0);

  LineDevice silent(table({}));
  Station unheard(kMeter, silent.address());
  CHECK(unheard.carry_out(measure()).not_begun());
}

TEST_CASE("A text that could end the line is refused, and nothing is said", "[text]") {
  LineDevice device(table(kGood));
  Station station(kMeter, device.address());
  wire::Command evil = measure();
  *evil.add_with() = text_value("label", "x\nRANGE 9999");
  const auto refused = station.device->start(evil, station.clock.now());
  REQUIRE(!refused.ok());
  CHECK(refused.fault().kind == Fault::Kind::kLimit);
  CHECK(refused.fault().message.find("“label” holds the character \\x0a") != std::string::npos);
  CHECK(device.heard().empty());
  CHECK(station.carry_out(measure("k2")).done());
}

TEST_CASE("What a device says unasked is not its next answer", "[text]") {
  const auto kind = GENERATE(LineDevice::Kind::kTcp, LineDevice::Kind::kSerial);
  // The answer comes twice in one piece: the second is there when the next question is asked.
  LineDevice device(but("RANGE 2000", {.text = "OK\n9999,wrong\n8888,wrong\n"}), kind);
  Station station(kMeter, device.address());
  const wire::Outcome outcome = station.carry_out(measure());
  INFO(outcome.message());
  REQUIRE(outcome.done());
  CHECK(number(outcome, "voltage") == Approx(1.5));
}

TEST_CASE("An answer has the start that it should have, which is taken off", "[text]") {
  const std::string pump = R"(
profile: pump
text: {ends: "\r", answer_starts: "\x02", answer_ends: "\x03", timeout: 300 ms}
safe: nothing
capabilities:
  look: {gives: {volume: {unit: mL}}, do: [{ask: "DIS", take: {volume: {match: '^00S([0-9.]+)ML$', unit: mL}}}]}
)";
  LineDevice device(
      [](const std::string&) {
        return Reaction{.text =
                            "\x02"
                            "00S1.25ML\x03"};
      },
      LineDevice::Kind::kTcp, "\r");
  Station station(pump, device.address());
  CHECK(number(station.carry_out(command("k1", "look")), "volume") == 1.25);
  device.set_script([](const std::string&) { return Reaction{.text = "S1.25ML\x03"}; });
  const wire::Outcome torn = station.carry_out(command("k2", "look"));
  CHECK(torn.fault() == wire::LINK);
  CHECK(torn.message().find("“S1.25ML”, which does not begin with “\\x02”") != std::string::npos);
}

TEST_CASE("SCPI: each exchange is followed by the device's queue of errors, emptied", "[text]") {
  const std::string source = R"(
profile: source
scpi: {timeout: 300 ms}
hello: [{ask: "*IDN?", expect: "KEITHLEY"}]
safe: [{send: ":OUTP OFF"}]
capabilities:
  set: {with: {voltage: {unit: V}, label: {text: true, optional: true}}, do: [{send: ":SOUR:VOLT {voltage}"}, {send: ":DISP '{label}'"}]}
)";
  std::vector<std::string> errors;
  std::mutex mutex;
  LineDevice device([&](const std::string& line) -> Reaction {
    const std::lock_guard lock(mutex);
    if (line == "*IDN?") return {.text = "KEITHLEY INSTRUMENTS,MODEL 2450\n"};
    if (line == ":SOUR:VOLT 300") errors = {"-222,\"Parameter data out of range\"", "-221,\"Settings conflict\""};
    if (line != "SYST:ERR?") return {};
    if (errors.empty()) return {.text = "0,\"No error\"\n"};
    const std::string first = errors.front();
    errors.erase(errors.begin());
    return {.text = first + "\n"};
  });
  Station station(source, device.address());
  CHECK(station.carry_out(command("k1", "set", {number_value("voltage", 3, "V")})).done());
  // What is there before a command begins is dropped; a hello leaves it.
  CHECK(device.heard() == std::vector<std::string>{"*IDN?", "SYST:ERR?", ":SOUR:VOLT 3", "SYST:ERR?"});
  const wire::Outcome refused = station.carry_out(command("k2", "set", {number_value("voltage", 0.3, "kV")}));
  CHECK(refused.fault() == wire::DEVICE);
  CHECK(refused.message().find("after “:SOUR:VOLT 300” the device reports “-222,\"Parameter data out of range\"”, "
                               "“-221,\"Settings conflict\"”") != std::string::npos);
  device.await(":OUTP OFF");
  // A quote would end the text that the device is to show.
  wire::Command evil = command("k3", "set", {number_value("voltage", 1, "V"), text_value("label", "x'; :OUTP ON")});
  CHECK(!station.device->start(evil, station.clock.now()).ok());
}

TEST_CASE("SCPI: errors of before a command are not its own; those of its time are, over whichever connection",
          "[text]") {
  const std::string source = R"(
profile: heater
scpi: {timeout: 300 ms}
hello: [{ask: "*IDN?", expect: "HEATER"}]
safe: [{send: ":OUTP OFF"}]
readings: [{ask: ":TEMP?", take: {temperature: {unit: degC}}}]
capabilities:
  heat:
    do: [{send: ":OUTP ON"}, {ask: ":BUSY?", take: {busy: all}, until: {busy: {is: 0}}, every: 10 ms, within: 1 h}]
)";
  std::vector<std::string> errors = {"-350,\"Queue overflow\""};  // it was there when we came
  int asked = 0;
  std::mutex mutex;
  LineDevice device([&](const std::string& line) -> Reaction {
    const std::lock_guard lock(mutex);
    if (line == "*IDN?") return {.text = "HEATER\n"};
    if (line == ":TEMP?") return {.text = "20\n"};
    if (line == ":BUSY?" && ++asked == 2) {
      errors = {"-240,\"Hardware error\""};
      return {.then = Reaction::Then::kClose};
    }
    if (line == ":BUSY?") return {.text = asked == 1 ? "1\n" : "0\n"};
    if (line != "SYST:ERR?") return {};
    if (errors.empty()) return {.text = "0,\"No error\"\n"};
    const std::string first = errors.front();
    errors.erase(errors.begin());
    return {.text = first + "\n"};
  });
  Station station(source, device.address());
  CHECK(!station.readings().empty());
  CHECK(device.times("SYST:ERR?") == 0);  // they would be taken from a command under way
  const wire::Outcome failed = station.carry_out(command("k1", "heat"));
  CHECK(failed.fault() == wire::DEVICE);
  CHECK(failed.message().find("after “:BUSY?” the device reports “-240,\"Hardware error\"”") == 0);
  CHECK(device.times("*IDN?") == 2);
  CHECK(station.carry_out(command("k2", "heat")).done());
}

TEST_CASE("A question that is lost on its way in `until` is asked again; what acts is not", "[text]") {
  const auto profile = [](const std::string& verb) {
    return R"(
profile: stage
text: {timeout: 200 ms}
hello: [{ask: "ID?", expect: "^STAGE"}]
safe: [{send: "HALT"}]
capabilities:
  move:
    do:
      - {send: "GO"}
      - {)" +
           verb + R"(: "BUSY?", take: {busy: all}, until: {busy: {is: 0}}, every: 10 ms, within: 20 s}
)";
  };
  int asked = 0;
  const auto script = [&](const std::string& line) -> Reaction {
    if (line == "ID?") return {.text = "STAGE\n"};
    if (line != "BUSY?") return {};
    ++asked;
    if (asked == 2) return {};
    if (asked == 4) return {.then = Then::kReset};
    return {.text = asked < 6 ? "1\n" : "0\n"};
  };
  {
    LineDevice device(script);
    Station station(profile("ask"), device.address());
    const wire::Outcome outcome = station.carry_out(command("k1", "move"));
    INFO(outcome.message());
    CHECK(outcome.done());
    CHECK(device.times("GO") == 1);
    CHECK(device.times("ID?") == 3);
  }
  asked = 0;
  {
    LineDevice device(script);
    Station station(profile("do"), device.address());
    CHECK(station.carry_out(command("k1", "move")).fault() == wire::LINK);
    device.await("HALT");
    CHECK(device.times("BUSY?") == 2);
  }
}

TEST_CASE("`until` ends with a deadline that says what was found, and progress tells it meanwhile", "[text]") {
  const std::string oven = R"(
profile: oven
text: {timeout: 1 s}
safe: [{send: "OFF"}]
capabilities:
  heat:
    with: {temperature: {unit: degC}}
    usual: 1 min
    do:
      - {send: "SET {temperature in degC}"}
      - ask: "T?"
        take: {now: {unit: degC}}
        until: {now: {near: "{temperature in degC} degC", by: 0.5 K}}
        every: 1 s
        within: 1 min
)";
  LineDevice device(table({{"T?", "54.2"}}));
  Station station(oven, device.address(), 100);  // a hundred times as fast
  const wire::Outcome outcome = station.carry_out(command("k1", "heat", {number_value("temperature", 80, "degC")}));
  CHECK(outcome.fault() == wire::DEADLINE);
  CHECK(outcome.message() == "now 54.2 degC after 60 s, which is not what was waited for (device.yaml:11)");
  CHECK(outcome.took_s() >= 60);
  const auto progress = std::find_if(station.reports.begin(), station.reports.end(),
                                     [](const wire::FromDriver& report) { return report.has_progress(); });
  REQUIRE(progress != station.reports.end());
  CHECK(progress->progress().note() == "now 54.2 degC");
  device.await("OFF");
}

TEST_CASE("A connection that the device closed while idle is made anew before the next command, not in its middle",
          "[text]") {
  const std::string profile = R"(
profile: valve
text: {timeout: 500 ms}
safe: [{do: "SHUT", expect: "^OK"}]
capabilities:
  open: {do: [{do: "OPEN", expect: "^OK"}]}
  twice: {do: [{do: "LAST", expect: "^OK"}, {do: "OPEN", expect: "^OK"}]}
)";
  LineDevice device([](const std::string& line) -> Reaction {
    if (line == "LAST") return {.text = "OK\n", .then = Reaction::Then::kClose};
    return {.text = "OK\n"};
  });
  Station station(profile, device.address());
  device.set_script([](const std::string&) -> Reaction { return {.text = "OK\n", .then = Reaction::Then::kClose}; });
  for (const char* id : {"k1", "k2", "k3"}) {
    const wire::Outcome outcome = station.carry_out(command(id, "open"));
    INFO(outcome.message());
    CHECK(outcome.done());
    device.settle();
  }
  CHECK(device.times("OPEN") == 3);
  const wire::Outcome broken = station.carry_out(command("k4", "twice"));
  CHECK(broken.fault() == wire::LINK);
  CHECK(device.times("OPEN") == 3);
  CHECK(device.times("SHUT") == 1);
}
