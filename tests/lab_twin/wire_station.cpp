// Goal: each mishap of a line strikes in each language, as often as it is told to, and is what its name says. Method:
// the same question many times to a device where one mishap has a share of a half, held against the good answer.
#include "lab_twin/wire_station.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <functional>
#include <map>

#include "lab_twin/wire_rtu.h"
#include "tests/lab_twin/wire_rig.h"

namespace athanor {
namespace {

using namespace test;
using Said = WireStation::Said;

struct Tongue {
  std::string speaks, at, question;
};

const std::vector<Tongue> kTongues = {{"scpi", "tcp://127.0.0.1:1", "*IDN?\n"},
                                      {"sics", "tcp://127.0.0.1:1", "I4\r\n"},
                                      {"modbus", "tcp://127.0.0.1:1", modbus(7, input(0, 6))},
                                      {"scpi", "serial:/x.tty", "*IDN?\n"},
                                      {"sics", "serial:/x.tty", "I4\r\n"},
                                      {"modbus", "serial:/x.tty#1", modbus(0, input(0, 6))}};

WireStation station_of(const Bench& bench, const Tongue& tongue, const WireManners& manners) {
  PlannedDevice planned = bench.planned;
  planned.at = tongue.at;
  planned.wire = manners;
  planned.wire.speaks = tongue.speaks;
  return {planned, bench.world, bench.vials, bench.now};
}

Said ask(WireStation& station, std::string question, Time now) {
  return station.hear(question, now);
}

TEST_CASE("each mishap strikes in each language as often as its share says") {
  constexpr int kTimes = 400, kOff = 60;  // ± 6 standard deviations about the half
  constexpr double kHalf = 0.5, kLateBy = 3;
  struct Mishap {
    std::function<void(WireManners&)> set;
    std::function<bool(const Said&, const std::string& good)> is;
  };
  const auto only = [](const Said& said) { return said.answers.size() == 1 ? said.answers[0].bytes : ""; };
  const std::map<std::string, Mishap> mishaps = {
      {"no_answer",
       {[](auto& m) { m.no_answer = kHalf; },
        [](const Said& said, const std::string&) { return said.answers.empty() && !said.breaks; }}},
      {"late",
       {[](auto& m) { m.late = kHalf, m.late_by_s = kLateBy; },
        [&](const Said& said, const std::string& good) {
          return only(said) == good && said.answers[0].late_s == kLateBy;
        }}},
      {"garbled",
       {[](auto& m) { m.garbled = kHalf; },
        [&](const Said& said, const std::string& good) { return !only(said).empty() && only(said) != good; }}},
      {"truncated",
       {[](auto& m) { m.truncated = kHalf; },
        [&](const Said& said, const std::string& good) { return only(said) == good.substr(0, good.size() / 2); }}},
      {"resets",
       {[](auto& m) { m.resets = kHalf; },
        [](const Said& said, const std::string&) { return said.breaks && said.answers.empty(); }}},
      {"restarts",
       {[](auto& m) { m.restarts = kHalf; },
        [](const Said& said, const std::string&) { return said.breaks && said.answers.empty(); }}},
      {"checksum",
       {[](auto& m) { m.checksum = kHalf; },
        [&](const Said& said, const std::string& good) {
          return only(said).size() == good.size() && only(said) != good && modbus_crc(only(said)) != 0 &&
                 only(said).substr(0, good.size() - 2) == good.substr(0, good.size() - 2);
        }}}};
  Bench bench("reactor-1");
  for (const Tongue& tongue : kTongues) {
    WireStation whole = station_of(bench, tongue, {});
    const std::string good = only(ask(whole, tongue.question, bench.now));
    REQUIRE_FALSE(good.empty());
    for (const auto& [name, mishap] : mishaps) {
      if (name == "checksum" && !(tongue.speaks == "modbus" && serial_path(tongue.at))) continue;
      INFO(name << " in " << tongue.speaks << " at " << tongue.at);
      WireManners manners;
      mishap.set(manners);
      WireStation station = station_of(bench, tongue, manners);
      int struck = 0, whole_answers = 0;
      for (int i = 0; i < kTimes; ++i) {
        const Said said = ask(station, tongue.question, bench.now);
        if (mishap.is(said, good)) {
          ++struck;
        } else if (only(said) == good && said.answers[0].late_s == 0) {
          ++whole_answers;
        }
      }
      CHECK(std::abs(struck - kTimes / 2) < kOff);
      CHECK(struck + whole_answers == kTimes);
    }
  }
}

TEST_CASE("a spoilt answer in RTU is a frame of another unit") {
  Bench bench("reactor-1");
  WireManners manners;
  manners.garbled = 1;
  WireStation station = station_of(bench, kTongues.back(), manners);
  const Said said = ask(station, kTongues.back().question, bench.now);
  REQUIRE(said.answers.size() == 1);
  CHECK(modbus_crc(said.answers[0].bytes) == 0);
  CHECK(said.answers[0].bytes[0] == 2);
}

TEST_CASE("a device that restarts forgets its job") {
  Bench bench("reactor-1");
  WireManners manners;
  manners.restarts = 0.5;
  WireStation station = station_of(bench, kTongues[0], manners);
  int ran = 0, forgot = 0;
  for (int i = 0; i < 50; ++i) {
    // An order of SCPI has no answer that something could befall.
    ask(station, fmt::format("INIT:SELF_TEST \"{}\"\n", i), bench.now);
    bool restarted = false;
    for (;;) {
      const Said said = ask(station, "STAT?\n", bench.now);
      if (said.breaks) {
        restarted = true;
        continue;
      }
      CHECK_THAT(said.answers.front().bytes, Catch::Matchers::StartsWith(restarted ? "IDLE" : "RUN,"));
      ++(restarted ? forgot : ran);
      if (restarted) break;
    }
  }
  CHECK(ran > 0);
  CHECK(forgot == 50);
}

TEST_CASE("only Modbus RTU has a checksum that can be wrong") {
  const auto mistakes = [](const std::string& twin, const std::string& at) {
    const std::string text =
        "lab: x\ntwin: {model: suzuki}\ndrivers: {d: {}}\ninstruments:\n  oven:\n    driver: d\n    kind: reactor\n"
        "    profile: p.yaml\n    at: \"" +
        at + "\"\n    twin: {" + twin + "}\n";
    try {
      read_blueprint(parse_lab(text, "lab.yaml", "/srv"));
    } catch (const InputError& error) {
      return error.mistakes();
    }
    return std::vector<Mistake>{};
  };
  const std::string wire = ", wire: {checksum: 0.1}";
  CHECK(mistakes("speaks: modbus" + wire, "serial:./oven.tty").empty());
  CHECK(mistakes("speaks: modbus" + wire, "serial:/run/oven.tty#3").empty());
  for (const auto& [speaks, at] :
       {std::pair("modbus", "tcp://127.0.0.1:502"), std::pair("modbus", "tcp://127.0.0.1:502#1"),
        std::pair("scpi", "serial:/run/oven.tty"), std::pair("sics", "tcp://127.0.0.1:502")}) {
    const auto found = mistakes(std::string("speaks: ") + speaks + wire, at);
    REQUIRE(found.size() == 1);
    CHECK(found[0].place.line == 10);
    CHECK_THAT(found[0].message, Catch::Contains(std::string("instrument oven speaks ") + speaks + " at " + at));
    CHECK_THAT(found[0].message, Catch::Contains("leave it out, or let it speak modbus at a serial line"));
  }
}

}  // namespace
}  // namespace athanor
