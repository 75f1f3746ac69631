// Goal: nothing outside a description passes, and nothing inside is refused. Method: one case a rule, texts of the
// refusals.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "instruments/description.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

wire::Capability heating() {
  rig::Device device;
  return rig::heater("heater-1", device)->describe().capabilities(0);
}

std::string refused_with(const wire::Value& value) {
  wire::Command command = rig::heat("a");
  for (wire::Value& given : *command.mutable_with()) {
    if (given.name() == value.name()) {
      given = value;
      return why_refused(heating(), command);
    }
  }
  *command.add_with() = value;
  return why_refused(heating(), command);
}

}  // namespace

TEST_CASE("a command within its limits is allowed") {
  // Goal: no false refusal. Method: middle, both bounds, optional parameters, other units.
  CHECK(why_refused(heating(), rig::heat("a")).empty());
  CHECK(refused_with(number_value("temperature", 20, "degC")).empty());
  CHECK(refused_with(number_value("temperature", 150, "degC")).empty());
  CHECK(refused_with(number_value("temperature", 353.15, "K")).empty());
  CHECK(refused_with(number_value("duration", 10, "hour")).empty());
  CHECK(refused_with(number_value("stirring", 10, "Hz")).empty());
  CHECK(refused_with(text_value("gas", "argon")).empty());
}

TEST_CASE("a bound written in another unit is still within the limits") {
  // Goal: rounding in a conversion refuses nobody. Method: every bound of the range in several units and back.
  for (double bound : {20.0, 150.0}) {
    CHECK(refused_with(number_value("temperature", bound + 273.15, "K")).empty());
    CHECK(refused_with(number_value("temperature", bound * 1.8 + 32, "degF")).empty());
  }
  CHECK(refused_with(number_value("duration", 1.0 / 60, "min")).empty());
  CHECK(refused_with(number_value("duration", 1.0 / 3600, "hour")).empty());
  // What is really beyond, if only by a millionth, is refused in every unit.
  CHECK_FALSE(refused_with(number_value("temperature", 150.000001, "degC")).empty());
  CHECK_FALSE(refused_with(number_value("temperature", 423.150001, "K")).empty());
}

TEST_CASE("every reason to refuse is told with parameter, value and bound") {
  // Goal: a person knows what to change. Method: one case a reason.
  CHECK_THAT(refused_with(number_value("temperature", 160, "degC")),
             Contains("“temperature”") && Contains("160 degC") && Contains("above the limit of 150 degC"));
  CHECK_THAT(refused_with(number_value("temperature", 5, "degC")), Contains("below the limit of 20 degC"));
  CHECK_THAT(refused_with(number_value("temperature", 500, "K")),
             Contains("500 K (226.85 degC), above the limit of 150 degC"));
  CHECK_THAT(refused_with(number_value("temperature", 80, "mL")),
             Contains("80 mL") && Contains("expected a number in degC"));
  CHECK_THAT(refused_with(number_value("temperature", 80, "")), Contains("expected a number in degC"));
  CHECK_THAT(refused_with(number_value("temperature", 80, "blorbs")), Contains("blorbs"));
  CHECK_THAT(refused_with(text_value("temperature", "hot")),
             Contains("“hot”") && Contains("expected a number in degC"));
  CHECK_THAT(refused_with(number_value("temperature", std::nan(""), "degC")), Contains("finite"));
  CHECK_THAT(refused_with(number_value("temperature", std::numeric_limits<double>::infinity(), "degC")),
             Contains("finite"));
  CHECK_THAT(refused_with(text_value("gas", "agron")), Contains("agron") && Contains("argon"));
  CHECK_THAT(refused_with(number_value("gas", 1, "")), Contains("expected a text"));
  CHECK_THAT(refused_with(number_value("temprature", 80, "degC")),
             Contains("no parameter “temprature”") && Contains("temperature"));
  wire::Value nothing;
  nothing.set_name("temperature");
  CHECK_THAT(refused_with(nothing), Contains("is nothing"));
}

TEST_CASE("a parameter that is missing or given twice is refused") {
  // Goal: what the device is told is unambiguous. Method: leave one out, double one.
  wire::Command command = rig::heat("a");
  *command.add_with() = number_value("temperature", 90, "degC");
  CHECK_THAT(why_refused(heating(), command), Contains("“temperature” twice"));
  command = rig::heat("a");
  command.mutable_with()->RemoveLast();
  CHECK_THAT(why_refused(heating(), command), Contains("needs parameter “duration” (in s)"));
  CHECK_THAT(why_refused(capability("rest").description(), rig::heat("a")), Contains("has no parameter"));
}

TEST_CASE("a number with levels is one of them") {
  const auto capability = athanor::capability("measure").number("t", "degC").levels({60, 20, 40}).description();
  const auto asked = [&](double value, const std::string& unit) {
    wire::Command command;
    wire::Value& t = *command.add_with();
    t.set_name("t");
    t.set_number(value);
    t.set_unit(unit);
    return why_refused(capability, command);
  };
  for (const double level : {20, 40, 60}) {
    CHECK(asked(level, "degC").empty());
    CHECK(asked(level + 273.15, "K").empty());
  }
  CHECK_THAT(asked(50, "degC"), Contains("none of its 3 levels (the nearest: 40 and 60 degC)"));
  CHECK_THAT(asked(10, "degC"), Contains("(the nearest: 20 degC)"));
  CHECK_THAT(asked(61, "degC"), Contains("(the nearest: 60 degC)"));
}

TEST_CASE("a description that makes no sense is found out, every mistake at once") {
  // Goal: a driver with a wrong description does not start. Method: one description with every mistake.
  rig::Device device;
  InstrumentPlan plan;
  plan.kind = "odd";
  plan.offers = {
      {capability("a").number("x", "blorbs").number("x", "s").text("t").result("r").result("r").lasts("t"), {}},
      {capability("a").number("low", "s", 5, 1).usual_duration(Duration{-1}).lasts("nowhere").uses("none", "neither"),
       {}},
      {capability("").number("v", "mL", std::nullopt, HUGE_VAL).lasts("v"), {}}};
  try {
    make_instrument(plan);
    FAIL("accepted");
  } catch (const InputError& error) {
    CHECK(error.mistakes().size() >= 13);
    for (const char* part :
         {"no id", "blorbs", "“x” is described twice", "“r” is described twice", "“t” says, which is no time",
          "described twice", "wrong way round", "usual duration", "“nowhere”", "“none”", "“neither”", "needs a name",
          "no number", "“v” says, which is no time"}) {
      CHECK_THAT(std::string(error.what()), Contains(part));
    }
  }
}
