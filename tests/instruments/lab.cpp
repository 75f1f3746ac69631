// Goal: a lab file is read strictly, and its limits only ever tighten. Method: a whole file, every mistake, closed-form
// limits.
#include "instruments/lab.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "instruments/driver.h"
#include "instruments/kit.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

const char* const kLab = R"(lab: suzuki-bench
twin:
  model: suzuki
  seed: 1
drivers:
  liquids: {endpoint: "tcp://127.0.0.1:5571"}
  reactors: {}
  spare:
instruments:
  dispenser-1: {driver: liquids, kind: dispenser, limits: {dispense: {volume: [0.05 mL, 2 mL]}}, twin: {error: 0.01}}
  reactor-1:   {driver: reactors, limits: {heat: {temperature: {max: 90 degC}, duration: {min: 1 min, max: 1 hour}}}}
places:
  vial: {count: 8}
stock:
  XPhos: 20 mL
)";

std::vector<Mistake> mistakes_of(const std::string& text) {
  try {
    parse_lab(text, "lab.yaml", ".");
  } catch (const InputError& error) {
    return error.mistakes();
  }
  return {};
}

/// A lab with one heater and the limits that are given.
Lab with_limits(const std::string& limits) {
  return parse_lab("lab: l\ndrivers: {d: {}}\ninstruments:\n  heater-1: {driver: d, limits: " + limits + "}\n",
                   "lab.yaml", ".");
}

wire::Instrument described() {
  rig::Device device;
  return rig::heater("heater-1", device)->describe();
}

}  // namespace

TEST_CASE("a lab file is read as it is written") {
  // Goal: every key arrives. Method: the example, field by field.
  const Lab lab = parse_lab(kLab, "lab.yaml", ".");
  CHECK(lab.name == "suzuki-bench");
  CHECK(lab.twin);
  REQUIRE(lab.drivers.size() == 3);
  CHECK(lab.drivers[0].endpoint == "tcp://127.0.0.1:5571");
  CHECK(lab.drivers[1].endpoint.empty());
  REQUIRE(lab.instruments.size() == 2);
  const LabInstrument* dispenser = lab.find("dispenser-1");
  REQUIRE(dispenser);
  CHECK(dispenser->driver == "liquids");
  CHECK(dispenser->kind == "dispenser");
  CHECK(dispenser->twin);
  CHECK_FALSE(lab.find("reactor-1")->twin);
  REQUIRE(dispenser->limits.size() == 1);
  CHECK(dispenser->limits[0].capability == "dispense");
  CHECK(dispenser->limits[0].parameter == "volume");
  CHECK(dispenser->limits[0].low->value == 0.05);
  CHECK(dispenser->limits[0].high->unit.text() == "mL");
  CHECK(dispenser->limits[0].place.line == 10);
  const auto& limits = lab.find("reactor-1")->limits;
  REQUIRE(limits.size() == 2);
  CHECK_FALSE(limits[0].low);
  CHECK(limits[0].high->value == 90);
  CHECK(limits[1].low->unit.text() == "min");
  REQUIRE(lab.places.size() == 1);
  CHECK(lab.places[0].count == 8);
  REQUIRE(lab.stock.size() == 1);
  CHECK(lab.stock[0].amount.value == 20);
  CHECK(lab.find("nobody") == nullptr);
}

TEST_CASE("all mistakes of a lab file are told at once, each at its place") {
  // Goal: one round of mending. Method: a file with a mistake in nearly every line.
  const auto mistakes = mistakes_of(R"(lab: l
colour: red
drivers:
  liquids: {endpoint: "127.0.0.1:5571"}
  "my driver": {speed: 3}
instruments:
  a: {driver: liqids}
  b: {kind: heater}
  c: {driver: liquids, limits: {heat: {t: [1 s, 2 s, 3 s], u: {}, v: [5 mL, 1 mL], w: [1 s, 2 mL], x: 7, y: [1 blorb, 2 s]}}}
  "d e": {driver: liquids, color: red}
places:
  vial: {count: 0}
  rack: {}
stock:
  XPhos: -1 mL
)");
  struct Expected {
    int line;
    const char* text;
  };
  const Expected all[] = {{2, "colour"},
                          {4, "tcp://HOST:PORT"},
                          {5, "my driver"},
                          {5, "speed"},
                          {7, "did you mean “liquids”"},
                          {8, "driver"},
                          {9, "3 numbers"},
                          {9, "empty"},
                          {9, "lower bound"},
                          {9, "measure different"},
                          {9, "expected [low, high]"},
                          {9, "blorb"},
                          {10, "d e"},
                          {10, "color"},
                          {12, "at least 1"},
                          {13, "count"},
                          {15, "not negative"}};
  for (const Expected& expected : all) {
    INFO(expected.line << ": " << expected.text);
    CHECK(std::any_of(mistakes.begin(), mistakes.end(), [&](const Mistake& mistake) {
      return mistake.place.line == expected.line && mistake.message.find(expected.text) != std::string::npos;
    }));
  }
  CHECK(mistakes.size() == std::size(all));
}

// Goal: files that a lab file names are found from its folder. Method: serial lines and a folder, in and beside that
// folder.
TEST_CASE("where a device is, is relative to the lab file where it is a file") {
  const Lab lab = parse_lab(R"(lab: l
drivers: {d: {}}
instruments:
  a: {driver: d, profile: p.yaml, at: "serial:./lines/oven.tty#3"}
  b: {driver: d, profile: p.yaml, at: "serial:../pump.tty"}
  c: {driver: d, profile: p.yaml, at: "serial:/dev/ttyUSB0#1"}
  e: {driver: d, profile: p.yaml, at: results}
)",
                            "lab.yaml", "/srv/labs");
  CHECK(lab.find("a")->at == "serial:/srv/labs/lines/oven.tty#3");
  CHECK(lab.find("b")->at == "serial:/srv/pump.tty");
  CHECK(lab.find("c")->at == "serial:/dev/ttyUSB0#1");
  CHECK(lab.find("e")->at == "/srv/labs/results");
}

// Goal: one device is not two instruments however its address is written, and devices that are two may be named.
// Method: a laboratory with each way to write the same place twice, among others that only look alike.
TEST_CASE("one device is not two instruments") {
  const auto mistakes = mistakes_of(R"(lab: l
drivers: {d: {}, e: {}, there: {endpoint: "tcp://10.0.0.9:5571", key: k}}
instruments:
  a: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#01"}
  b: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#02"}
  c: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#1"}
  c-2: {driver: d, profile: ./pump.yaml, at: "serial:/dev/../dev/ttyUSB0#2"}
  foreign: {driver: there, profile: pump.yaml, at: "serial:/dev/ttyUSB0#01"}
  heats: {driver: d, profile: hot.yaml, at: "tcp://10.0.0.7:502"}
  stirs: {driver: d, profile: stir.yaml, at: "tcp://10.0.0.7:502"}
  heats-2: {driver: e, profile: hot.yaml, at: "tcp://10.0.0.7:0502"}
  here: {driver: d, profile: hot.yaml, at: "tcp://localhost:502#3"}
  here-2: {driver: e, profile: hot.yaml, at: "tcp://127.0.0.1:502#03"}
  here-3: {driver: e, profile: hot.yaml, at: "tcp://[::1]:502#3"}
  beside: {driver: d, profile: hot.yaml, at: "tcp://127.0.0.2:502#3"}
  there: {driver: there, profile: hot.yaml, at: "tcp://localhost:502#3"}
  web: {driver: d, profile: web.yaml, at: "http://Robot.lab"}
  web-2: {driver: d, profile: web.yaml, at: "http://robot.lab:80/"}
  web-3: {driver: d, profile: web.yaml, at: "http://robot.lab:81"}
  zero: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#00"}
  left: {driver: d, profile: reader.yaml, at: results}
  right: {driver: d, profile: reader.yaml, at: results}
)");
  const std::vector<std::pair<int, std::string>> same = {
      {6, "“a” and “c”"},          {7, "“b” and “c-2”"},        {11, "“heats” and “heats-2”"},
      {13, "“here” and “here-2”"}, {14, "“here” and “here-3”"}, {18, "“web” and “web-2”"}};
  CHECK(mistakes.size() == same.size());
  for (const auto& [line, who] : same) {
    INFO(who);
    CHECK(std::any_of(mistakes.begin(), mistakes.end(),
                      [&, at = line, text = who + " are the same device"](const Mistake& one) {
                        return one.place.line == at && one.message.find(text) != std::string::npos;
                      }));
  }
}

TEST_CASE("a serial line has one driver on its machine") {
  const auto mistakes = mistakes_of(R"(lab: l
drivers: {d: {}, e: {endpoint: "tcp://127.0.0.1:5571"}, there: {endpoint: "tcp://10.0.0.9:5571", key: k}}
instruments:
  a: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#1"}
  b: {driver: e, profile: furnace.yaml, at: "serial:/dev/ttyUSB0#2"}
  c: {driver: there, profile: furnace.yaml, at: "serial:/dev/ttyUSB0#2"}
  d: {driver: e, profile: furnace.yaml, at: "tcp://10.0.0.7:502#1"}
  e: {driver: d, profile: furnace.yaml, at: "tcp://10.0.0.7:502#2"}
)");
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes.front().place.line == 5);
  CHECK_THAT(mistakes.front().message, Contains("a serial port belongs to one driver: let one speak for both"));
}

TEST_CASE("interlocks are read as they are written") {
  // Goal: every key arrives, and what is left out has its default. Method: one of each kind, field by field.
  const Lab lab = parse_lab(R"(lab: l
drivers: {d: {}}
instruments: {reactor-1: {driver: d}, reactor-1.lid: {driver: d}, hood: {driver: d}}
interlocks:
  overheat: {when: "reactor-1.temperature > 130 degC", then: stop, instruments: [reactor-1, hood]}
  pressure: {when: "reactor-1.lid.pressure≤ 6 bar", then: hold}
  lid-open: {when: "hood.sash >= 0.3 m", then: refuse, capabilities: [heat], silent_after: 1 min}
)",
                            "lab.yaml", ".");
  REQUIRE(lab.interlocks.size() == 3);
  const LabInterlock& overheat = lab.interlocks[0];
  CHECK(overheat.watched() == "reactor-1.temperature");
  CHECK(overheat.condition() == "> 130 degC");
  CHECK(overheat.then == LabInterlock::Then::kStop);
  CHECK(overheat.instruments == std::vector<std::string>{"reactor-1", "hood"});
  CHECK_FALSE(overheat.silent_after);
  CHECK_FALSE(overheat.trips(130));
  CHECK(overheat.trips(130.001));
  CHECK(overheat.trips(std::nan("")));
  const LabInterlock& pressure = lab.interlocks[1];
  CHECK(pressure.instrument == "reactor-1.lid");
  CHECK(pressure.reading == "pressure");
  CHECK(pressure.instruments == std::vector<std::string>{"reactor-1.lid"});
  CHECK(pressure.condition() == "<= 6 bar");
  CHECK(pressure.trips(6));
  CHECK_FALSE(pressure.trips(6.1));
  const LabInterlock& lid = lab.interlocks[2];
  CHECK(lid.capabilities == std::vector<std::string>{"heat"});
  CHECK(lid.instruments.empty());
  CHECK(seconds(lid.silent_after.value()) == 60);
  CHECK(lab.watched() == std::set<std::string>{"hood", "reactor-1", "reactor-1.lid"});
}

TEST_CASE("all mistakes of interlocks are told at once, each at its place") {
  // Goal: an interlock that protects nobody is not begun with. Method: a mistake in every line.
  const auto mistakes = mistakes_of(R"(lab: l
drivers: {d: {}}
instruments: {reactor-1: {driver: d}, hood: {driver: d}}
interlocks:
  a: {when: "reactor-2.temperature > 1 K", then: hold}
  b: {when: "temperature > 1 K", then: hold}
  c: {when: "hood.sash = 1 m", then: hold}
  d: {when: "hood.sash > open", then: hold}
  e: {when: "hood.sash > 1 m", then: holt}
  f: {when: "hood.sash > 1 m", then: hold, capabilities: [heat]}
  g: {when: "hood.sash > 1 m", then: refuse, capabilities: [heat], instruments: [hood]}
  h: {when: "hood.sash > 1 m", then: stop, instruments: [hod]}
  i: {when: "hood.sash > 1 m", then: stop, instruments: []}
  j: {when: "hood.sash > 1 m", then: stop, instruments: [hood, hood]}
  k: {when: "hood.sash > 1 m", then: stop, silent_after: 1 s}
  l: {when: "hood.sash > 1 m", then: stop, silent_after: 3}
  m: {when: "hood.sash > 1 m"}
  n: {then: hold}
  o: {when: "hood.sash > 1 m", then: hold, after: 3 s}
  "p q": {when: "hood.sash > 1 m", then: hold}
  r: {when: "0.1 m < hood.sash < 1 m", then: hold}
  s: {when: "hood.sash > inf m", then: hold}
)");
  const std::pair<int, const char*> expected[] = {{5, "did you mean “reactor-1”?"},
                                                  {6, "INSTRUMENT.READING"},
                                                  {7, "no comparison"},
                                                  {8, "“open”, which is no number"},
                                                  {9, "hold"},
                                                  {10, "only “then: refuse”"},
                                                  {11, "either"},
                                                  {12, "did you mean “hood”?"},
                                                  {13, "at least one"},
                                                  {14, "twice"},
                                                  {15, "at least 3 s"},
                                                  {16, "s"},
                                                  {17, "then"},
                                                  {18, "when"},
                                                  {19, "after"},
                                                  {20, "p q"},
                                                  {21, "INSTRUMENT.READING"},
                                                  {22, "inf"}};
  for (const auto& [line, text] : expected) {
    CAPTURE(line, text);
    CHECK(std::any_of(mistakes.begin(), mistakes.end(), [line = line, text = text](const Mistake& mistake) {
      return mistake.place.line == line && mistake.message.find(text) != std::string::npos;
    }));
  }
  CHECK(mistakes_of("lab: l\ndrivers: {d: {}}\ninstruments: {a: {driver: d}}\ninterlocks: [a]\n").size() == 1);
}

TEST_CASE("a laboratory needs a name, drivers and instruments") {
  // Goal: nothing starts on an empty lab. Method: leave each out.
  CHECK(mistakes_of("lab: l\n").size() == 2);
  const auto mistakes = mistakes_of("lab: l\ndrivers: {d: {}}\ninstruments: {}\n");
  REQUIRE(mistakes.size() == 1);
  CHECK_THAT(mistakes[0].message, Contains("without instruments"));
  CHECK_THROWS_AS(load_lab("/no/such/lab.yaml"), EnvironmentError);
}

TEST_CASE("the tightest of the driver's and the laboratory's limits wins, in the driver's unit") {
  // Goal: a lab can only narrow. Method: limits inside, outside and across the range 20 … 150 degC, in two units.
  const auto temperature = [](const Lab& lab) { return tighten(lab, described()).capabilities(0).parameters(0); };
  CHECK(temperature(with_limits("{heat: {temperature: [30 degC, 90 degC]}}")).low() == 30);
  CHECK(temperature(with_limits("{heat: {temperature: [30 degC, 90 degC]}}")).high() == 90);
  CHECK(temperature(with_limits("{heat: {temperature: {max: 363.15 K}}}")).high() == Approx(90).epsilon(1e-12));
  CHECK(temperature(with_limits("{heat: {temperature: {max: 363.15 K}}}")).low() == 20);
  CHECK(temperature(with_limits("{heat: {temperature: [0 degC, 500 degC]}}")).low() == 20);
  CHECK(temperature(with_limits("{heat: {temperature: [0 degC, 500 degC]}}")).high() == 150);
  wire::Instrument unlimited = described();
  unlimited.mutable_capabilities(0)->mutable_parameters(0)->clear_high();
  unlimited.mutable_capabilities(0)->mutable_parameters(0)->clear_low();
  const auto narrowed =
      tighten(with_limits("{heat: {temperature: {max: 90 degC}}}"), unlimited).capabilities(0).parameters(0);
  CHECK(narrowed.high() == 90);
  CHECK_FALSE(narrowed.has_low());
  wire::Instrument stranger = described();
  stranger.set_id("heater-9");
  CHECK(tighten(with_limits("{heat: {temperature: {max: 90 degC}}}"), stranger).SerializeAsString() ==
        stranger.SerializeAsString());
}

TEST_CASE("the lab file can ask for approvals that the driver does not need") {
  // Goal: more caution than the driver's is possible, less is not. Method: a safe and a hazardous capability.
  const auto risk = [](const std::string& approve, wire::Risk own) {
    wire::Instrument heater;
    heater.set_id("heater-1");
    *heater.add_capabilities() = capability("heat").risk(own).description();
    const Lab lab = parse_lab(
        "lab: l\ndrivers: {d: {}}\ninstruments:\n  heater-1: {driver: d, approve: " + approve + "}\n", "lab.yaml", ".");
    return tighten(lab, heater).capabilities(0).risk();
  };
  CHECK(risk("[heat]", wire::SAFE) == wire::HAZARDOUS);
  CHECK(risk("[]", wire::HAZARDOUS) == wire::HAZARDOUS);
  CHECK(risk("[]", wire::SAFE) == wire::SAFE);
  CHECK_THROWS_WITH(risk("[heet]", wire::SAFE), Contains("no capability “heet”") && Contains("did you mean “heat”"));
}

// Goal: what the laboratory knows of a signal reaches the result, in its unit; what makes no sense is a mistake at its
// place. Method: one setting each, and one reason each.
TEST_CASE("signals of the lab file tell which results are not to be believed") {
  const auto with_signals = [](const std::string& signals) {
    return parse_lab("lab: l\ndrivers: {d: {}}\ninstruments:\n  heater-1: {driver: d, signals: " + signals + "}\n",
                     "lab.yaml", ".");
  };
  wire::Instrument meter;
  meter.set_id("heater-1");
  *meter.add_capabilities() =
      capability("measure").result("mass", "g", 0, 100).text_result("note").repeatable().description();
  const wire::Field mass =
      tighten(with_signals("{measure: {mass: {min: 10 mg, max: 1 kg, saturates_above: 80 g, flat_after: 3}}}"), meter)
          .capabilities(0)
          .results(0);
  CHECK(mass.low() == Approx(0.01));
  CHECK(mass.high() == 100);  // the driver's is tighter
  CHECK(mass.saturates_high() == 80);
  CHECK_FALSE(mass.has_saturates_low());
  CHECK(mass.flat_after() == 3);
  const auto why = [&](const std::string& signals) -> std::string {
    try {
      tighten(with_signals(signals), meter);
    } catch (const InputError& error) {
      CHECK(error.mistakes()[0].place.line == 4);
      return error.mistakes()[0].message;
    }
    return "accepted";
  };
  CHECK_THAT(why("{measur: {mass: {max: 1 g}}}"), Contains("did you mean “measure”"));
  CHECK_THAT(why("{measure: {mas: {max: 1 g}}}"), Contains("has no result “mas”") && Contains("mass"));
  CHECK_THAT(why("{measure: {mass: {max: 1 mL}}}"), Contains("cannot be converted"));
  CHECK_THAT(why("{measure: {mass: {max: 3}}}"), Contains("has no unit; write “3 g”"));
  CHECK_THAT(why("{measure: {mass: {saturates_below: 9 g, saturates_above: 1 g}}}"), Contains("saturated everywhere"));
  CHECK_THAT(why("{measure: {mass: {min: 200 g}}}"), Contains("no number lies within"));
  CHECK_THAT(why("{measure: {note: {max: 1 g}}}"), Contains("is a text"));
  CHECK_THAT(why("{measure: {mass: {flat_after: 1}}}"), Contains("2 to 1000"));
  CHECK_THAT(why("{measure: {mass: {}}}"), Contains("it says nothing"));
  CHECK_THAT(why("{measure: {mass: {maximum: 1 g}}}"), Contains("max"));
}

TEST_CASE("a limit that does not fit the instrument is a mistake at its place in the lab file") {
  // Goal: a limit is never silently without effect. Method: one case a reason.
  const auto why = [](const std::string& limits) {
    const Lab lab = with_limits(limits);
    try {
      tighten(lab, described());
    } catch (const InputError& error) {
      CHECK(error.mistakes()[0].place.line == 4);
      CHECK(error.mistakes()[0].place.column > 0);
      return error.mistakes()[0].message;
    }
    return std::string("accepted");
  };
  CHECK_THAT(why("{heet: {temperature: {max: 90 degC}}}"), Contains("“heet”") && Contains("heat"));
  CHECK_THAT(why("{heat: {temprature: {max: 90 degC}}}"), Contains("“temprature”") && Contains("temperature"));
  CHECK_THAT(why("{heat: {temperature: {max: 90 mL}}}"), Contains("90 mL") && Contains("degC"));
  CHECK_THAT(why("{heat: {temperature: [200 degC, 300 degC]}}"),
             Contains("nothing is left") && Contains("20 degC … 150 degC"));
  CHECK_THAT(why("{heat: {gas: {max: 1}}}"), Contains("is a text"));
}

TEST_CASE("a folder is meant from the lab file's, like a profile; a place on a line is taken as it stands") {
  const Lab lab = parse_lab(R"(
lab: bench
drivers: {d: {}}
instruments:
  reader: {driver: d, profile: reader.yaml, at: results}
  elsewhere: {driver: d, profile: reader.yaml, at: /srv/results}
  pump: {driver: d, profile: pump.yaml, at: "serial:/dev/ttyUSB0#1"}
  slip: {driver: d, profile: pump.yaml, at: "10.0.0.5:5025"}
)",
                            "lab.yaml", "/home/ann");
  CHECK(lab.find("reader")->profile == "/home/ann/reader.yaml");
  CHECK(lab.find("reader")->at == "/home/ann/results");
  CHECK(lab.find("elsewhere")->at == "/srv/results");
  CHECK(lab.find("pump")->at == "serial:/dev/ttyUSB0#1");
  CHECK(lab.find("slip")->at == "10.0.0.5:5025");
}
