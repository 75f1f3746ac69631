// Goal: a driver of twenty lines keeps every promise. Method: one is written here as its author would, and driven by
// time.
#include "instruments/kit.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using namespace std::chrono_literals;
using rig::at;

namespace {

std::unique_ptr<Instrument> balance(double& tared_g) {
  InstrumentPlan plan;
  plan.id = "balance-1";
  plan.kind = "balance";
  plan.offers = {
      {capability("tare").usual_duration(2s).repeatable(),
       [&tared_g](const Arguments&, Time) -> Outcome<Work> {
         tared_g = 12.5;
         return Work{.duration = 2s};
       }},
      {capability("weigh").number("wait", "s", 0, 60).optional().result("mass", "g").usual_duration(5s).lasts("wait"),
       [&tared_g](const Arguments& with, Time) -> Outcome<Work> {
         if (tared_g == 0) return Fault{Fault::Kind::kDevice, "weigh before tare"};
         return Work{.duration = 5s + from_seconds(with.number_or("wait", 0)),
                     .finish = [&tared_g](Time) -> Outcome<Results> {
                       return Results{{"mass", 20 - tared_g}};
                     }};
       }}};
  return make_instrument(std::move(plan));
}

wire::Command to(const char* capability, const std::string& id) {
  wire::Command command;
  command.set_id(id);
  command.set_instrument("balance-1");
  command.set_capability(capability);
  return command;
}

}  // namespace

// Goal: the controller carries a self-test out by itself, so it must be harmless. Method: each way in which it is not.
TEST_CASE("a self-test needs nothing and does no harm") {
  const auto mistakes = [](CapabilityBuilder test) {
    wire::Instrument instrument;
    instrument.set_id("balance-1");
    *instrument.add_capabilities() = test.description();
    return mistakes_in(instrument);
  };
  CHECK(mistakes(capability("self_test").self_test()).empty());
  CHECK(mistakes(capability("self_test").text("why").optional().self_test()).empty());
  CHECK(mistakes(capability("self_test").text("why").self_test()).size() == 1);
  CHECK(mistakes(capability("self_test").self_test().risk(wire::GUARDED)).size() == 1);
  wire::Capability unrepeatable = capability("self_test").self_test().description();
  unrepeatable.set_repeatable(false);
  wire::Instrument instrument;
  instrument.set_id("balance-1");
  *instrument.add_capabilities() = unrepeatable;
  CHECK(mistakes_in(instrument).size() == 1);
}

TEST_CASE("an instrument of the kit describes itself as it was written") {
  // Goal: builder and wire agree. Method: every setting, read back.
  const auto each = capability("dose")
                        .text("reagent", {"A", "B"})
                        .number("volume", "mL", 0.05, 2)
                        .number("speed", "mL/min")
                        .optional()
                        .result("drawn", "mL")
                        .text_result("lot")
                        .usual_duration(1500ms)
                        .lasts("speed")
                        .uses("reagent", "volume")
                        .risk(wire::HAZARDOUS)
                        .repeatable()
                        .description();
  CHECK(each.name() == "dose");
  REQUIRE(each.parameters_size() == 3);
  CHECK(each.parameters(0).is_text());
  CHECK(each.parameters(0).choices_size() == 2);
  CHECK(each.parameters(1).low() == 0.05);
  CHECK(each.parameters(1).high() == 2);
  CHECK_FALSE(each.parameters(1).may_be_missing());
  CHECK_FALSE(each.parameters(2).has_low());
  CHECK(each.parameters(2).may_be_missing());
  CHECK(each.results(0).unit() == "mL");
  CHECK(each.results(1).is_text());
  CHECK(each.usual_duration_s() == 1.5);
  CHECK(each.duration_parameter() == "speed");
  CHECK(each.uses(0).reagent() == "reagent");
  CHECK(each.uses(0).amount() == "volume");
  CHECK(each.risk() == wire::HAZARDOUS);
  CHECK(each.repeatable());
}

TEST_CASE("handlers get their parameters in the declared units, within the declared limits") {
  // Goal: no author converts units. Method: other units, a bound that rounds beyond itself, defaults.
  const auto capability_of =
      capability("c").number("t", "degC", 20, 150).number("d", "s").optional().text("g").optional();
  wire::Command command = to("c", "1");
  *command.add_with() = number_value("t", 423.15, "K");
  *command.add_with() = number_value("d", 2, "min");
  REQUIRE(why_refused(capability_of.description(), command).empty());
  const Arguments with(capability_of.description(), command);
  CHECK(with.number("t") <= 150);
  CHECK(with.number("t") == Approx(150).epsilon(1e-12));
  CHECK(with.number("d") == Approx(120).epsilon(1e-12));
  CHECK_FALSE(with.given("g"));
  CHECK(with.text_or("g", "air") == "air");
  CHECK(with.number_or("d", 7) == Approx(120).epsilon(1e-12));
}

TEST_CASE("work takes its time and ends with results, faults come at once") {
  // Goal: the kit keeps time. Method: the balance, by hand.
  double tared_g = 0;
  const auto instrument = balance(tared_g);
  CHECK_FALSE(instrument->start(to("weigh", "0"), at(0)).ok());
  CHECK(instrument->wakes_at() == kNever);
  CHECK(instrument->start(to("tare", "1"), at(0)).value() == 2s);
  CHECK(instrument->poll(at(1)).empty());
  CHECK(instrument->poll(at(2)).at(0).outcome().done());
  wire::Command weigh = to("weigh", "2");
  *weigh.add_with() = number_value("wait", 0.5, "min");
  CHECK(instrument->start(weigh, at(10)).value() == 35s);
  CHECK(instrument->wakes_at() == at(45));
  const auto said = instrument->poll(at(46));
  REQUIRE(said.size() == 1);
  CHECK(said[0].outcome().results(0).number() == 7.5);
  CHECK(said[0].outcome().results(0).unit() == "g");
  CHECK(said[0].outcome().took_s() == 36);
  CHECK(instrument->wakes_at() == kNever);
}

TEST_CASE("an instrument that cannot tell leaves its interrupted work to a person") {
  // Goal: without `recall` nothing is guessed. Method: a driver over the balance, restarted in mid-command.
  double tared_g = 0;
  Ledger ledger("");
  const auto driver = [&](const std::string& boot) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(balance(tared_g));
    return std::make_unique<Driver>("scales", boot, std::move(instruments), ledger, Driver::Options{}, at(0));
  };
  auto first = driver("boot-1");
  first->receive(rig::say(to("tare", "1")), at(0));
  first = driver("boot-2");
  CHECK(rig::state_of(*first, "1", at(1)).standing() == wire::CommandState::INTERRUPTED);
}

TEST_CASE("progress is reported once, in the order of time, and none after the end") {
  // Goal: milestones written in any order. Method: three, one of them beyond the end.
  InstrumentPlan plan;
  plan.id = "x";
  plan.offers = {
      {capability("go"), [](const Arguments&, Time) -> Outcome<Work> {
         return Work{.duration = 10s, .progress = {{8s, 0.8, "late"}, {2s, 0.2, "early"}, {11s, 1.1, "never"}}};
       }}};
  const auto instrument = make_instrument(std::move(plan));
  instrument->start(to("go", "1"), at(0)).value();
  CHECK(instrument->wakes_at() == at(2));
  CHECK(instrument->poll(at(2)).at(0).progress().note() == "early");
  CHECK(instrument->poll(at(3)).empty());
  const auto rest = instrument->poll(at(20));
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].progress().note() == "late");
  CHECK(rest[1].outcome().done());
}
