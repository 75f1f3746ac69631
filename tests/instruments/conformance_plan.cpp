// Goal: a driver is tried out with commands that can do no harm, and that it must allow. Method: descriptions with
// every kind of parameter and risk, held against the limits that a driver would hold the commands against.
#include "instruments/conformance_plan.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/quantity.h"
#include "instruments/driver.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

wire::Instrument instrument(std::vector<CapabilityBuilder> capabilities) {
  wire::Instrument described;
  described.set_id("one");
  for (const CapabilityBuilder& capability : capabilities) *described.add_capabilities() = capability.description();
  return described;
}

TrialPlan plan(std::vector<CapabilityBuilder> capabilities, const ConformanceOptions& options = {}) {
  return plan_trial({instrument(std::move(capabilities))}, options);
}

CapabilityBuilder heat() {
  return capability("heat")
      .number("temperature", "degC", 20, 150)
      .number("duration", "min", 0.1, 600)
      .lasts("duration");
}

}  // namespace

TEST_CASE("what a driver is tried out with is within its limits, and as little as they allow") {
  const TrialPlan made = plan({capability("mix")
                                   .number("speed", "rpm", 100, 1000)
                                   .number("cooling", "K", std::nullopt, -5)
                                   .number("size", "mm")
                                   .levels({1, 2, 5})
                                   .text("gas", {"argon", "air"})
                                   .text("note")
                                   .number("extra", "s")
                                   .optional()
                                   .usual_duration(std::chrono::seconds(3))});
  REQUIRE(made.quick.size() == 1);
  const wire::Command command = made.quick.front().command("a");
  CHECK(why_refused(made.quick.front().capability, command).empty());
  REQUIRE(command.with_size() == 5);
  CHECK(command.with(0).number() == 100);
  CHECK(command.with(1).number() == -5);
  CHECK(command.with(2).number() == 1);
  CHECK(command.with(3).text() == "argon");
}

TEST_CASE("only what is harmless is commanded, and only what ends soon is waited for") {
  const auto slow = capability("slow").usual_duration(std::chrono::seconds(600)).repeatable();
  const auto fast = capability("fast").usual_duration(std::chrono::seconds(2)).repeatable();
  const auto faster_once = capability("once").usual_duration(std::chrono::seconds(1));
  const auto guarded = capability("guarded").risk(wire::GUARDED);
  const auto hazardous = capability("hazardous").risk(wire::HAZARDOUS);
  TrialPlan made = plan({slow, faster_once, guarded, hazardous, fast});
  CHECK(made.allowed.size() == 3);
  CHECK(made.quick.front().capability.name() == "fast");  // it may be repeated
  CHECK(made.lasting.front().capability.name() == "fast");
  REQUIRE(made.hazardous.size() == 1);
  CHECK(plan({slow}).quick.empty());
  ConformanceOptions simulated;
  simulated.simulated = true;
  simulated.speed = 100;
  made = plan({slow, guarded, hazardous}, simulated);
  CHECK(made.allowed.size() == 2);
  CHECK(made.quick.front().capability.name() == "guarded");
  CHECK(made.lasting.front().capability.name() == "slow");  // six seconds of wall time
  CHECK(plan({guarded, hazardous}).allowed.empty());
}

// Goal: whoever tries a driver out knows before what its devices will do, and nothing is used up unasked. Method: a
// capability of each kind; what is commanded, and what is said of it.
TEST_CASE("what takes from the stock is left out unless it is asked for, and said") {
  const auto rinse = capability("rinse").number("volume", "mL", 1, 5);
  const auto dose = capability("dose").text("reagent", {"A"}).number("volume", "mL", 1, 5).uses("reagent", "volume");
  const auto guarded = capability("guarded").risk(wire::GUARDED);
  const auto hazardous = capability("hazardous").risk(wire::HAZARDOUS);
  const std::vector<CapabilityBuilder> all = {dose, rinse, guarded, hazardous};
  const auto said = [&](const ConformanceOptions& options) {
    std::string text;
    for (const std::string& line : announcement(plan(all, options), options)) text += line + "\n";
    return text;
  };
  ConformanceOptions options;
  const TrialPlan made = plan(all);
  REQUIRE(made.allowed.size() == 1);
  CHECK(made.allowed[0].capability.name() == "rinse");
  CHECK_THAT(said(options), Contains("REAL DEVICES") && Contains("  one rinse: volume 1 mL\n") &&
                                Contains("  500 commands in a row, refused, to spare the device: one rinse\n") &&
                                Contains("safe state") &&
                                Contains("not carried out: one dose, which takes “volume” of the stock “reagent”") &&
                                Contains("not carried out: one guarded, which is guarded") &&
                                Contains("not carried out: one hazardous, which is hazardous"));
  options.only = {"limits"};
  CHECK_THAT(said(options), !Contains("in a row"));
  options.only = {"endurance"};
  CHECK_THAT(said(options), Contains("500 commands in a row"));
  options = {};
  options.capability = "dose";
  CHECK(plan(all, options).quick.front().capability.name() == "dose");
  CHECK_THAT(said(options), Contains("one dose: reagent “A”, volume 1 mL; each time takes “volume” of the stock") &&
                                !Contains("not carried out"));
  options.capability = "hazardous";
  CHECK_THROWS_WITH(plan(all, options), Contains("hazardous"));
  options = {};
  options.simulated = true;
  CHECK(plan(all, options).allowed.size() == 3);
  CHECK_THAT(said(options),
             Contains("simulated") && !Contains("REAL") && Contains("500 commands in a row, carried out: one"));
  CHECK_THAT(announcement(plan({hazardous}), {}).front(), Contains("nothing is carried out"));
}

TEST_CASE("what lasts as long as a parameter says is made to last") {
  const TrialPlan made = plan({heat()});
  CHECK(made.quick.front().expected_s == Approx(6));
  REQUIRE(made.lasting.size() == 1);
  CHECK(made.lasting.front().expected_s == Approx(60));
  CHECK(why_refused(made.lasting.front().capability, made.lasting.front().command("a")).empty());
  // Longer than the dead-man time of a driver, where that is waited for.
  CHECK(plan_trial({instrument({heat()})}, {}, 90).lasting.front().expected_s == Approx(60));
  ConformanceOptions options;
  options.long_run = true;
  CHECK(plan_trial({instrument({heat()})}, options, 90).lasting.front().expected_s == Approx(95));
}

TEST_CASE("a capability of choice is commanded as it is, within its limits, and never a hazardous one") {
  ConformanceOptions options;
  options.capability = "heat";
  options.with = {number_value("temperature", 300, "K")};
  const TrialPlan made = plan({heat().risk(wire::GUARDED), capability("other")}, options);
  REQUIRE(made.allowed.size() == 1);
  CHECK(made.quick.front().command("a").with(1).unit() == "K");
  options.with = {number_value("temperature", 300, "degC")};
  CHECK_THROWS_WITH(plan({heat()}, options), Contains("above the limit"));
  options.with.clear();
  options.capability = "heet";
  CHECK_THROWS_WITH(plan({heat()}, options), Contains("did you mean “heat”?"));
  options.capability = "heat";
  CHECK_THROWS_WITH(plan({heat().risk(wire::HAZARDOUS)}, options), Contains("hazardous"));
}

TEST_CASE("an instrument that describes itself wrongly is not commanded") {
  CHECK(plan({capability("odd").number("x", "florps")}).allowed.empty());
}

TEST_CASE("another unit measures the same, a foreign one does not") {
  for (const char* unit : {"degC", "K", "s", "min", "mL", "mg", "mol/L", "bar", "V", "%", "", "mL/min"}) {
    CAPTURE(unit);
    const auto other = other_unit(unit);
    REQUIRE(other);
    CHECK(*other != unit);
    CHECK(Unit::parse(unit).convertible_to(Unit::parse(*other)));
    CHECK_FALSE(Unit::parse(unit).convertible_to(Unit::parse(foreign_unit(unit))));
  }
  CHECK_FALSE(other_unit("rad"));
}
