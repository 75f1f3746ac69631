// Goal: a profile that is not good is refused with all its mistakes, each with its place and the way out.
// Method: a good profile, and it again with one thing changed, against what must be said; one with many mistakes at
// once.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "instruments/description.h"
#include "tests/core/messages.h"

using namespace athanor;

namespace {

const std::string kGood = R"(profile: pump
kind: syringe_pump
about: a pump
text: {timeout: 1 s}
hello: [{ask: "VER", expect: "^PUMP"}]
safe: [{send: "STP"}]
readings: [{ask: "P?", take: {pressure: {unit: bar}}}]
capabilities:
  dispense:
    with:
      volume: {unit: mL, min: 0.01 mL, max: 10 mL}
      rate: {unit: mL/min, optional: true}
      solvent: {choices: [water, hexane]}
    gives: {dispensed: {unit: mL, min: 0 mL, max: 11 mL}}
    usual: 5 s
    risk: guarded
    uses: {reagent: solvent, amount: volume}
    do:
      - {send: "RAT {rate in uL/min:.0f}"}
      - {do: "RUN {volume in mL:.3f}", expect: "^OK", faults: [{answer: "EMPTY", kind: stock, say: no liquid}]}
      - {wait: 1 s}
      - {ask: "DIS", take: {dispensed: {field: 2, unit: uL}}, until: {dispensed: {near: "{volume} mL", by: 0.01 mL}}, within: 5 min}
    cancel: [{send: "STP"}]
)";

std::string mistakes(const std::string& text) {
  return message_of<InputError>([&] { parse_profile(text, "p.yaml"); });
}

std::string with(const std::string& from, const std::string& to) {
  const std::size_t at = kGood.find(from);
  REQUIRE(at != std::string::npos);
  return mistakes(kGood.substr(0, at) + to + kGood.substr(at + from.size()));
}

}  // namespace

TEST_CASE("A good profile describes its instrument") {
  const Profile profile = parse_profile(kGood, "p.yaml");
  const wire::Instrument described = describe(profile, "pump-1");
  CHECK(mistakes_in(described).empty());
  CHECK(described.id() == "pump-1");
  CHECK(described.kind() == "syringe_pump");
  const wire::Capability& dispense = described.capabilities(0);
  CHECK(dispense.parameters(1).may_be_missing());
  CHECK(dispense.parameters(2).choices_size() == 2);
  CHECK(dispense.results(0).high() == 11);
  CHECK(dispense.usual_duration_s() == 5);
  CHECK(dispense.risk() == wire::GUARDED);
  CHECK(!dispense.repeatable());
  CHECK(dispense.uses(0).reagent() == "solvent");
}

TEST_CASE("Each mistake is told with its place and the way out") {
  struct Case {
    std::string from, to, place, words;
  };
  const std::vector<Case> cases = {
      {"safe: [{send: \"STP\"}]\n", "", "p.yaml:1:1",
       "no safe state; say under “safe:” what brings the device there, or “safe: nothing”"},
      {"safe: [{send: \"STP\"}]", "safe: noting", "p.yaml:6:7", "nothing"},
      {"safe: [{send: \"STP\"}]", "safe: []", "p.yaml:6:7", "no steps; expected at least one"},
      {"text: {timeout: 1 s}", "texts: {timeout: 1 s}", "p.yaml:4:1", "did you mean “text”?"},
      {"text: {timeout: 1 s}", "about_it: x", "p.yaml:1:1",
       "nothing says how the device is spoken to; expected one of the keys"},
      {"text: {timeout: 1 s}", "text: {timeout: 1 s}\nscpi: {}", "p.yaml:4:7",
       "“text” beside “scpi”: a device is spoken to in one way"},
      {"timeout: 1 s", "timeout: 90 s", "p.yaml:4:17", "“timeout” of 90 s; expected more than 0 s and at most 60 s"},
      {"timeout: 1 s", "timeout: 1 bar", "p.yaml:4:17", "bar"},
      {"timeout: 1 s", "answer_ends: ''", "p.yaml:4:7", "answers must end with something"},
      {"timeout: 1 s", "serial: {baud: 96}, serial: {}", "p.yaml:4:", "serial"},
      {"timeout: 1 s", "serial: {parity: odds}", "p.yaml:4:25", "odd"},
      {"unit: mL, min: 0.01 mL", "unit: spoons, min: 0.01 mL", "p.yaml:11:22", "spoons"},
      {"min: 0.01 mL", "min: 0.01 s", "p.yaml:11:31", "“0.01 s” cannot be converted to “mL”"},
      {"min: 0.01 mL, max: 10 mL", "min: 10 mL, max: 1 mL", "p.yaml:11:15", "volume"},
      {"usual: 5 s", "usual: 5 s\n    lasts: rate", "p.yaml:10:5", "rate"},
      {"usual: 5 s", "usual: 5 s\n    lasts: duration", "p.yaml:10:5", "duration"},
      {"risk: guarded", "risk: gaurded", "p.yaml:16:11", "guarded"},
      {"amount: volume", "amount: volum", "p.yaml:10:5", "volum"},
      {"      volume: {unit", "      id: {unit: mL}\n      volume: {unit", "p.yaml:10:5",
       "“id” cannot be the name of a parameter: it is the command's own"},
      {"gives: {dispensed:", "gives: {volume: {unit: mL}, dispensed:", "p.yaml:10:5",
       "“volume” is a parameter and a result; give them two names"},
      {"gives: {dispensed:", "gives: {pressure: {unit: bar}, dispensed:", "p.yaml:10:5",
       "no step of “dispense” takes its result “pressure” from an answer"},
      {"{ask: \"DIS\",", "{ask: \"DIS {rate}\",", "p.yaml:10:5",
       "result “dispensed” of “dispense” is taken only in steps that may be left out"},
      {"{wait: 1 s}", "{wai: 1 s}", "p.yaml:21:9",
       "the step does nothing; expected one of wait, send, ask, do, listen; did you mean “wait” by “wai”?"},
      {"{wait: 1 s}", "{wait: 1 s, send: \"X\"}", "p.yaml:21:", "a step does one thing"},
      {"{wait: 1 s}", "{wait: 1 bar}", "p.yaml:21:16", "bar"},
      {"{wait: 1 s}", "{wait: 366 d}", "p.yaml:21:16", "a time of 31622400 s; expected 0 s to 365 d"},
      {"{wait: 1 s}", "{wait: -1 s}", "p.yaml:21:16", "a time of -1 s; expected 0 s to 365 d"},
      {"{wait: 1 s}", "{ask: x, timeout: 1e300 s}", "p.yaml:21:15",
       "a timeout of 1e+300 s; expected more than 0 s and at most 365 d"},
      {"within: 5 min", "within: 1e300 s", "p.yaml:22:", "a time of 1e+300 s; expected 0 s to 365 d"},
      {"usual: 5 s", "usual: 1e10 s", "p.yaml:15:12", "a usual duration of 10000000000 s; expected 0 s to 365 d"},
      {"{ask: \"P?\", take", "{do: \"P?\", take", "p.yaml:7:17",
       "“do” acts, and the steps of “readings” may only ask; expected one of ask, listen"},
      {"cancel: [{send: \"STP\"}]", "recall: [{do: \"JOB\"}]\n    finish: [{wait: 1 s}]", "p.yaml:23:19",
       "“do” acts, and the steps of “recall” may only ask"},
      {"profile: pump", "profile: ../../x y", "p.yaml:1:10",
       "“../../x y” as the name of a profile; expected letters, digits, “-”, “_” and “.” only"},
      {"  dispense:", "  dis/pense:", "p.yaml:10:5", "“dis/pense” as the name of a capability"},
      {"expect: \"^OK\"", "expect: \"^OK {volume in mL:.1f}$\"", "p.yaml:20:48",
       "holds “{volume in mL:.1f}”, and a pattern is taken as it stands: nothing is filled in"},
      {"answer: \"EMPTY\"", "answer: \"{id} EMPTY\"", "p.yaml:20:", "a brace itself is written “\\{”"},
      {"{wait: 1 s}", "{wait: 1 s, expect: x}", "p.yaml:21:29",
       "“wait” gets no answer, so there is nothing for “expect”"},
      {"{wait: 1 s}", "{send: x, take: {y: all}}", "p.yaml:21:25",
       "“send” gets no answer, so there is nothing for “take”"},
      {"{wait: 1 s}", "{send: [x, y]}", "p.yaml:21:16", "“send” is followed by one text"},
      {"{wait: 1 s}", "{send: x, timeout: 1 s}", "p.yaml:21:", "timeout"},
      {"{wait: 1 s}", "{ask: x, timeout: 0 s}", "p.yaml:21:15", "a timeout of 0 s; expected more than 0 s"},
      {"{wait: 1 s}", "{ask: x, take: {volume: all}}", "p.yaml:21:33",
       "“volume” is a parameter; take the answer under another name"},
      {"{volume in mL:.3f}", "{volum in mL:.3f}", "p.yaml:20:14", "did you mean “volume”?"},
      {"expect: \"^OK\"", "expect: \"(\"", "p.yaml:20:48", "“(” is no regular expression"},
      {"kind: stock", "kind: stocks", "p.yaml:20:88", "stock"},
      {"answer: \"EMPTY\"", "anser: \"EMPTY\"", "p.yaml:20:", "did you mean “answer”?"},
      {"until: {dispensed:", "until: {dispense:", "p.yaml:22:",
       "this step takes no “dispense” from its answer (did you mean “dispensed”?)"},
      {", within: 5 min", "", "p.yaml:22:", "“until” needs “within”: the time after which it is a fault"},
      {"within: 5 min", "within: 5 min, every: 1 ms", "p.yaml:22:", "every 0.001 s; expected 0.01 s to 3600 s"},
      {"until: {dispensed: {near: \"{volume} mL\", by: 0.01 mL}}, ", "",
       "p.yaml:22:", "this goes with “until”, which is not there"},
      {"within: 5 min", "within: 5 min, progress: dispense",
       "p.yaml:22:", "this step takes no “dispense” from its answer (did you mean “dispensed”?)"},
      {"within: 5 min", "within: 5 min, progress: dispensed",
       "p.yaml:22:", "“dispensed” is no part of a whole; expected a number without a unit, from 0 to 1, or in %"},
      {"{wait: 1 s}", "{ask: x, take: {y: all}, progress: y}",
       "p.yaml:21:", "this goes with “until”, which is not there"},
      {"by: 0.01 mL", "by: 0.01 s", "p.yaml:22:", "“0.01 s” cannot be converted to “mL”"},
      {"capabilities:\n", "capabilities: {}\nother:\n", "p.yaml:8:15", "no capabilities; expected at least one"},
      {"profile: pump\n", "", "p.yaml:1:1", "profile"},
  };
  for (const Case& wrong : cases) {
    INFO(wrong.from << " → " << wrong.to);
    const std::string said = with(wrong.from, wrong.to);
    INFO(said);
    CHECK(said.find(wrong.place) != std::string::npos);
    CHECK(said.find(wrong.words) != std::string::npos);
  }
}

TEST_CASE("Repetitions, classes and braces that stand for themselves are no holes of a pattern") {
  for (const char* pattern :
       {"^a{2}b{1,3}c{4,}$", R"(^\\p{Greek}\\x{41}\\P{L}$)", R"(^\\{id\\}$)", "^{\\\"id\\\":1}", "{}"}) {
    INFO(pattern);
    CHECK(with("expect: \"^OK\"", fmt::format("expect: \"{}\"", pattern)) == "(nothing was thrown)");
  }
}

TEST_CASE("One mistake does not bring others in its wake") {
  // What is taken there is known of, though it could not be read.
  const std::string said = with("{field: 2, unit: uL}", "{feld: 2, unit: uL}");
  CHECK(said.find("did you mean “field”?") != std::string::npos);
  CHECK(said.find('\n') == std::string::npos);
  const std::string verb = with("{ask: \"DIS\",", "{aks: \"DIS\",");
  CHECK(verb.find("did you mean “ask” by “aks”?") != std::string::npos);
  CHECK(verb.find('\n') == std::string::npos);
}

TEST_CASE("All mistakes of a profile are told at once, in the order of the file") {
  const std::string said = mistakes(R"(profile: bad
text: {baud: 9600}
hello: [{ask: "ID", expect: "["}]
capabilities:
  go:
    with: {x: {unit: parrots}}
    do:
      - {say: "GO {x}"}
      - {ask: "{y}"}
)");
  INFO(said);
  std::size_t at = 0;
  for (const char* place :
       {"p.yaml:1:1: ", "p.yaml:2:8: ", "p.yaml:3:29: ", "p.yaml:6:22: ", "p.yaml:8:9: ", "p.yaml:9:15: "}) {
    at = said.find(place, at);
    INFO(place);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("What is no profile at all") {
  CHECK(mistakes("profile: [").find("p.yaml:1:") == 0);
  CHECK(mistakes("- x").find("p.yaml:1:1: ") == 0);
  CHECK(mistakes("").find("p.yaml") == 0);
  CHECK(message_of<EnvironmentError>([] { load_profile("/nowhere/p.yaml"); }).find("/nowhere/p.yaml") !=
        std::string::npos);
}

TEST_CASE("Registers, paths, programs and files are held against what the adapter can do") {
  const auto modbus = [](const std::string& registers, const std::string& step) {
    return mistakes(
        fmt::format("profile: m\nmodbus: {{registers: {{{}}}}}\nsafe: nothing\ncapabilities: {{go: {{with: {{x: {{}}, "
                    "t: {{text: true}}}}, do: [{}]}}}}\n",
                    registers, step));
  };
  const std::string registers = "target: {holding: 2, type: int16}, valve: {coil: 0}, now: {input: 1, type: float32}";
  CHECK(modbus(registers, "{write: {targt: 1}}").find("there is no register “targt” (did you mean “target”?)") !=
        std::string::npos);
  CHECK(modbus(registers, "{write: {now: 1}}").find("the register “now” can only be read") != std::string::npos);
  CHECK(modbus(registers, "{write: {target: 1, valve: 0}}").find("several are several steps") != std::string::npos);
  CHECK(modbus(registers, "{write: {target: \"{t}\"}}").find("is no number for the register “target”") !=
        std::string::npos);
  CHECK(modbus(registers, "{read: [now, nowhere]}").find("there is no register “nowhere”") != std::string::npos);
  CHECK(modbus(registers, "{write: {valve: true}}") == "(nothing was thrown)");
  CHECK(modbus(registers, "{write: {target: \"{x}\"}}") == "(nothing was thrown)");
  CHECK(modbus("a: {holding: 70000}", "{read: a}").find("address 70000; expected 0 to 65535, as on the wire") !=
        std::string::npos);
  CHECK(modbus("a: {holding: 65535, type: int32}", "{read: a}").find("ends beyond 65535") != std::string::npos);
  CHECK(modbus("a: {holding: 1, input: 2}", "{read: a}").find("expected one of coil, discrete, holding and input") !=
        std::string::npos);
  CHECK(modbus("a: {coil: 1, type: int16}", "{read: a}").find("is a bit and has no type") != std::string::npos);
  CHECK(modbus("a: {holding: 1, scale: 0}", "{read: a}").find("a scale of 0") != std::string::npos);

  const auto other = [](const std::string& adapter, const std::string& step) {
    return mistakes(
        fmt::format("profile: m\n{}: {{}}\nsafe: nothing\ncapabilities: {{go: {{do: [{}]}}}}\n", adapter, step));
  };
  CHECK(other("http", "{get: status}").find("expected one that begins with “/”") != std::string::npos);
  CHECK(other("http", "{get: /x, body: 1}").find("body") != std::string::npos);
  CHECK(other("program", "{run: ls}").find("expected the program and its arguments as a list") != std::string::npos);
  CHECK(other("program", "{run: []}").find("as a list") != std::string::npos);
  CHECK(other("folder", "{drop: '../{sample}'}").find("“../{sample}” is no name of a file in the folder") !=
        std::string::npos);
  CHECK(other("folder", "{collect: a/b.csv}").find("is no name of a file") != std::string::npos);
}

TEST_CASE("An address that is none of the adapter's is bad input") {
  const auto refused = [](const std::string& adapter, const std::string& address) {
    const std::string settings = adapter == "modbus" ? "{registers: {a: {coil: 1}}}" : "{}";
    const std::string step = adapter == "modbus"    ? "{read: a}"
                             : adapter == "http"    ? "{get: /}"
                             : adapter == "program" ? "{run: [ls]}"
                             : adapter == "folder"  ? "{collect: x}"
                                                    : "{ask: x}";
    const Profile profile = parse_profile(
        fmt::format("profile: m\n{}: {}\nsafe: nothing\ncapabilities: {{go: {{do: [{}]}}}}\n", adapter, settings, step),
        "p");
    return message_of<InputError>([&] {
      Lines lines;
      profile.adapter->bus_to(address, lines);
    });
  };
  for (const char* adapter : {"text", "scpi", "modbus"}) {
    for (const char* address : {"", "tcp://host", "tcp://:5025", "tcp://host:port", "tcp://host:0", "tcp://host:65536",
                                "host:5025", "serial:ttyUSB0", "http://host:1"}) {
      INFO(adapter << " " << address);
      CHECK(refused(adapter, address).find("expected “tcp://HOST:PORT” or “serial:/dev/ttyUSB0”") != std::string::npos);
    }
    CHECK(refused(adapter, "tcp://[::1]:5025") == "(nothing was thrown)");
    CHECK(refused(adapter, "serial:/dev/ttyUSB0") == "(nothing was thrown)");
  }
  CHECK(refused("http", "tcp://host:80").find("expected “http://HOST:PORT”") != std::string::npos);
  CHECK(refused("program", "").find("is no folder; expected the path") != std::string::npos);
  CHECK(refused("folder", "tcp://10.0.0.5:5025").find("“tcp://10.0.0.5:5025” is no folder") != std::string::npos);
  CHECK(refused("program", "serial:/dev/ttyUSB0").find("is no folder") != std::string::npos);
  CHECK(refused("folder", "").find("is no folder; expected the path") != std::string::npos);
}

// Goal: a mistake is told once, and not what only follows from it. Method: an unknown unit of a parameter, a result and
// what a step takes, each of which is used further on.
TEST_CASE("Of an unknown unit that alone is told") {
  const auto only = [](const std::string& said, const std::string& unit) {
    INFO(said);
    CHECK(said.find(unit + "” is no unit") != std::string::npos);
    CHECK(std::count(said.begin(), said.end(), '\n') == 0);
  };
  only(with("volume: {unit: mL, min: 0.01 mL, max: 10 mL}", "volume: {unit: parrots, min: 0.01 mL, max: 3 parrots}"),
       "parrots");
  only(with("dispensed: {unit: mL, min: 0 mL, max: 11 mL}", "dispensed: {unit: florps, min: 0 mL, max: 1 florps}"),
       "florps");
  only(with(R"({wait: 1 s})", R"({ask: "T?", take: {t: {unit: frobs}}, expect: {t: {near: 3 frobs, by: 1 K}}})"),
       "frobs");
}

// Goal: a wrong formula of a duration, and what else concerns several parts, is told with the other mistakes. Method:
// one of each kind beside a step that is wrong.
TEST_CASE("What does not go together is told with the other mistakes") {
  const std::string said = mistakes(R"(profile: m
text: {}
safe: nothing
capabilities:
  go:
    with: {volume: {unit: mL, min: 2 mL, max: 1 mL}, time: {unit: s}}
    gives: {level: {unit: mm, flat_after: 1}}
    lasts: tme
    uses: {reagent: volume, amount: time}
    do: [{aks: "GO"}]
)");
  INFO(said);
  for (const char* text : {"did you mean “ask” by “aks”?",
                           "lasts as long as “tme” says, which is no parameter of it (did you mean “time”?)",
                           "takes the stock that “volume” names, which is no text parameter",
                           "“volume” has limits the wrong way round", "“level” is flat after a single reading"})
    CHECK(said.find(text) != std::string::npos);
}

// Goal: what is to be written is said. Method: the device's own address named by what is said and not by the settings,
// and the other way round.
TEST_CASE("An address that is only half there is told with what to write") {
  const auto pump = [](const char* settings, const char* said) {
    return mistakes(fmt::format("profile: p\ntext: {}\nsafe: nothing\ncapabilities: {{go: {{do: [{{ask: {}}}]}}}}\n",
                                settings, said));
  };
  CHECK(pump("{}", R"("{address}RUN")")
            .find("“{address}”: the profile has no address; write “address: …” among the settings") !=
        std::string::npos);
  CHECK(pump(R"({answer_starts: "{address}"})", "x").find("write “address: …” among the settings") !=
        std::string::npos);
  CHECK(pump("{address: 1}", "RUN").find("nothing is said with it; write “{address}” where it is said") !=
        std::string::npos);
  CHECK(pump("{address: 1}", R"("{address}RUN")") == pump("{}", "RUN"));
}

// Goal: no file makes a laboratory of more than anybody needs. Method: names and numbers on both sides of each bound.
TEST_CASE("A profile has bounds") {
  const auto named = [](const std::string& profile, const std::string& capability, const std::string& parameter) {
    return mistakes(fmt::format(
        "profile: {}\ntext: {{}}\nsafe: nothing\ncapabilities: {{{}: {{with: {{? {} : {{}}}}, do: [{{ask: x}}]}}}}\n",
        profile, capability, parameter));
  };
  const std::string good(kLongestName, 'a'), bad = good + "a", why = "has 201 bytes; expected 200 at most";
  CHECK(named(good, good, good).find(why) == std::string::npos);
  CHECK(named(bad, "go", "x").find("…” as the name of a profile " + why) != std::string::npos);
  CHECK(named("p", bad, "x").find("…” as the name of a capability " + why) != std::string::npos);
  CHECK(named("p", "go", bad).find(why) != std::string::npos);
  CHECK(named("p", "go", bad).size() < 1000);
  const auto several = [](std::size_t count) {
    std::string text = "profile: p\ntext: {}\nsafe: nothing\ncapabilities:\n";
    for (std::size_t i = 0; i < count; ++i) text += fmt::format("  go{}: {{do: [{{ask: x}}]}}\n", i);
    return mistakes(text);
  };
  CHECK(several(kMostCapabilities).find("at most") == std::string::npos);
  CHECK(several(kMostCapabilities + 1).find("1001 capabilities; expected 1000 at most") != std::string::npos);
}
