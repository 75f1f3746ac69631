// Goal: data types become fields that mean the same, messages are those of the standard's mapping, and values survive
// the way there and back. Method: definitions of our own; the mapping held against the .proto text that the standard
// prescribes.
#include "sila2/fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <catch2/catch.hpp>

#include "core/quantity.h"
#include "features.h"
#include "instruments/messages.h"
#include "sila2/messages.h"
#include "sila2/offers.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;

/// The one parameter of a command whose type is `type`.
Leaf given(const std::string& type, const std::string& more = "") {
  const Feature feature = parse_feature(command_with(type, more), "thing");
  const Leaves leaves = flatten(feature, feature.commands[0].parameters, Side::kParameters);
  REQUIRE(leaves.leaves.size() == 1);
  return leaves.leaves[0];
}

Constraints::Unit unit(const std::string& label, double factor, double offset, std::map<std::string, int> components) {
  return {label, factor, offset, std::move(components)};
}

TEST_CASE("messages are laid out as the standard prescribes") {
  const auto file = describe_messages(parse_feature(peer_feature("Thermometer"), "Thermometer"));
  CHECK(file.package() == "sila2.org.athanor.sensing.thermometer.v2");
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const Messages linked(parse_feature(peer_feature("Thermometer"), "Thermometer"));  // the basic types are there
  const auto* built = pool.BuildFile(file);
  REQUIRE(built != nullptr);
  const auto* parameters = built->FindMessageTypeByName("Measure_Parameters");
  REQUIRE(parameters != nullptr);
  CHECK(parameters->field(0)->message_type()->full_name() ==
        "sila2.org.athanor.sensing.thermometer.v2.Measure_Parameters.Position_Struct");
  CHECK(parameters->field(0)->message_type()->field(1)->message_type()->full_name() ==
        "sila2.org.silastandard.Integer");
  CHECK(parameters->field(0)->message_type()->field(1)->number() == 2);
  CHECK(built->FindMessageTypeByName("Measure_Responses")->field(0)->message_type()->full_name() ==
        "sila2.org.athanor.sensing.thermometer.v2.DataType_Celsius");
  CHECK(built->FindMessageTypeByName("DataType_Celsius")->field(0)->name() == "Celsius");
  CHECK(built->FindMessageTypeByName("MeasureAll_Parameters")->field(0)->is_repeated());
  CHECK(built->FindMessageTypeByName("Get_Temperature_Responses") != nullptr);
}

TEST_CASE("bounds that are not allowed themselves become the nearest number that is") {
  const std::string open = "<MinimalExclusive>0</MinimalExclusive><MaximalExclusive>10</MaximalExclusive>";
  const Leaf whole = given(constrained("Integer", open));
  CHECK(whole.field.low() == 1);
  CHECK(whole.field.high() == 9);
  const Leaf real = given(constrained("Real", open));
  CHECK(real.field.low() > 0);
  CHECK(real.field.low() < 1e-300);
  CHECK(real.field.high() < 10);
  CHECK(real.field.high() > 9.999999);
  const Leaf between =
      given(constrained("Integer", "<MinimalInclusive>0.5</MinimalInclusive><MaximalExclusive>2.5</MaximalExclusive>"));
  CHECK(between.field.low() == 1);
  CHECK(between.field.high() == 2);
}

TEST_CASE("sets are choices of a text and levels of a number") {
  const std::string set = "<Set><Value>20</Value><Value>5</Value></Set>";
  CHECK(given(constrained("String", set)).field.choices_size() == 2);
  const Leaf level = given(constrained("Integer", set));
  REQUIRE(level.field.levels_size() == 2);
  CHECK(level.field.levels(0) == 5);
  CHECK(given("<Basic>Boolean</Basic>").field.choices(0) == "true");
}

TEST_CASE("a type of the feature's own keeps its constraints, and its message") {
  const Leaf leaf =
      given("<DataTypeIdentifier>Share</DataTypeIdentifier>",
            "<DataTypeDefinition><Identifier>Share</Identifier><DataType>" +
                constrained("Real", "<MaximalInclusive>1</MaximalInclusive>") + "</DataType></DataTypeDefinition>");
  CHECK(leaf.path == std::vector<std::string>{"Given", "Share"});
  CHECK(leaf.field.high() == 1);
}

TEST_CASE("constraints upon constraints allow what all of them do, on a type of the feature's own too") {
  const auto bounds = [](const std::string& least, const std::string& most) {
    return "<MinimalInclusive>" + least + "</MinimalInclusive><MaximalExclusive>" + most + "</MaximalExclusive>";
  };
  const std::string kelvin =
      "<Unit><Label>K</Label><Factor>1</Factor><Offset>0</Offset><UnitComponent><SIUnit>Kelvin</SIUnit>"
      "<Exponent>1</Exponent></UnitComponent></Unit>";
  const std::string warmth = "<DataTypeDefinition><Identifier>Warmth</Identifier><DataType>" +
                             constrained("Integer", bounds("273", "400") + kelvin) + "</DataType></DataTypeDefinition>";
  const auto within = [](const std::string& type, const std::string& constraints) {
    return "<Constrained><DataType>" + type + "</DataType><Constraints>" + constraints + "</Constraints></Constrained>";
  };
  const std::string own = "<DataTypeIdentifier>Warmth</DataTypeIdentifier>";
  const Leaf narrower = given(within(own, bounds("300", "350")), warmth);
  CHECK(narrower.field.low() == 300);
  CHECK(narrower.field.high() == 349);
  CHECK(narrower.field.unit() == "K");
  const Leaf wider = given(within(own, bounds("0", "1000")), warmth);
  CHECK(wider.field.low() == 273);
  CHECK(wider.field.high() == 399);
  const Leaf same = given(within(own, "<MinimalExclusive>273</MinimalExclusive><Set><Value>280</Value></Set>"), warmth);
  CHECK(same.field.low() == 274);
  REQUIRE(same.field.levels_size() == 1);
  CHECK(same.field.levels(0) == 280);
  const Leaf thrice = given(within(within("<Basic>Real</Basic>", bounds("0", "9")), bounds("2", "10")));
  CHECK(thrice.field.low() == 2);
  CHECK(thrice.field.high() < 9);
  // What is no number is not bounded by one.
  const std::string day =
      "<DataTypeDefinition><Identifier>Day</Identifier><DataType><Basic>Date</Basic></DataType>"
      "</DataTypeDefinition>";
  const Leaf date =
      given(within("<DataTypeIdentifier>Day</DataTypeIdentifier>", bounds("2026-01-01Z", "2027-01-01Z")), day);
  CHECK(date.field.is_text());
  CHECK_FALSE(date.field.has_low());
}

TEST_CASE("what cannot be a field is named with its reason") {
  const auto left_out = [](const std::string& type, const std::string& more = "") {
    const Feature feature = parse_feature(command_with(type, more), "thing");
    const Leaves leaves = flatten(feature, feature.commands[0].parameters, Side::kParameters);
    REQUIRE(leaves.left_out.size() == 1);
    return leaves.left_out[0];
  };
  CHECK(left_out("<Basic>Any</Basic>") == "“given” is of the type Any");
  CHECK(left_out("<List><DataType><Basic>Any</Basic></DataType></List>") ==
        "“given” is a list, of which each element is of the type Any");
  CHECK_THAT(
      left_out("<DataTypeIdentifier>Tree</DataTypeIdentifier>",
               "<DataTypeDefinition><Identifier>Tree</Identifier><DataType><Structure><Element><Identifier>Branch</"
               "Identifier>"
               "<DataType><DataTypeIdentifier>Tree</DataTypeIdentifier></DataType></Element></Structure></DataType>"
               "</DataTypeDefinition>"),
      Contains("without end"));
}

TEST_CASE("a type that holds itself many times over is told as quickly as one that does once") {
  std::string branches;
  for (char name = 'A'; name <= 'Z'; ++name)
    branches += named("Element", {name}, list_of("<DataTypeIdentifier>Tree</DataTypeIdentifier>"));
  const Feature feature =
      parse_feature(command_with("<DataTypeIdentifier>Tree</DataTypeIdentifier>",
                                 "<DataTypeDefinition><Identifier>Tree</Identifier><DataType><Structure>" + branches +
                                     "</Structure></DataType></DataTypeDefinition>"),
                    "thing");
  CHECK(flatten(feature, feature.commands[0].parameters, Side::kParameters).leaves.empty());  // 26^8 of them otherwise
}

TEST_CASE("units are said in UDUNITS-2's words, by label, by meaning, or in SI base units") {
  CHECK(scale_of(unit("mL", 1e-6, 0, {{"Meter", 3}})).unit == "mL");
  CHECK(scale_of(unit("grad Celsius", 1, 273.15, {{"Kelvin", 1}})).unit == "degC");
  CHECK(scale_of(unit("Prozent", 0.01, 0, {{"Dimensionless", 1}})).unit == "%");
  CHECK(scale_of(unit("power", 1, 0, {{"Kilogram", 1}, {"Meter", 2}, {"Second", -3}})).unit == "W");
  CHECK(scale_of(unit("none", 1, 0, {{"Dimensionless", 1}})).unit.empty());
  // A label that means something else here is not believed: a turn is 2 pi in UDUNITS-2, and 1 in SiLA 2.
  CHECK(scale_of(unit("rpm", 1.0 / 60, 0, {{"Second", -1}})).unit == "1/min");
  const Scale odd = scale_of(unit("smoots", 1.7018, 0, {{"Meter", 1}}));
  CHECK(odd.unit == "m");
  CHECK(odd.factor == 1.7018);
}

TEST_CASE("a number in a unit of the device's own is converted both ways, whole numbers exactly") {
  const std::string smoots =
      "<MaximalInclusive>10</MaximalInclusive><Unit><Label>smoots</Label><Factor>1.7018</Factor><Offset>0</Offset>"
      "<UnitComponent><SIUnit>Meter</SIUnit><Exponent>1</Exponent></UnitComponent></Unit>";
  const Leaf leaf = given(constrained("Integer", smoots));
  CHECK(leaf.field.high() == Approx(17.018).epsilon(1e-12));
  const Messages messages(parse_feature(command_with(constrained("Integer", smoots)), "thing"));
  for (int whole = -50; whole <= 50; ++whole) {
    const auto message = messages.make("Do_Parameters");
    CHECK_FALSE(put(leaf, number_value("given", whole * 1.7018, "m"), *message));
    CHECK(take(leaf, *message)->number() == Approx(whole * 1.7018).epsilon(1e-12));
  }
  const auto message = messages.make("Do_Parameters");
  CHECK_FALSE(put(leaf, number_value("given", 2.6 * 1.7018, "m"), *message));  // the device knows whole smoots only
  CHECK(take(leaf, *message)->number() == Approx(3 * 1.7018));
}

TEST_CASE("a count is whole, or refused") {
  const Messages messages(parse_feature(command_with("<Basic>Integer</Basic>"), "thing"));
  const Leaf leaf = given("<Basic>Integer</Basic>");
  const auto message = messages.make("Do_Parameters");
  CHECK_FALSE(put(leaf, number_value("given", -3, ""), *message));
  CHECK_THAT(*put(leaf, number_value("given", 2.5, ""), *message), Contains("2.5; expected a whole number"));
  CHECK(put(leaf, number_value("given", 1e17, ""), *message));
}

TEST_CASE("dates and times are texts of ISO 8601, there and back") {
  const auto there_and_back = [](const std::string& basic, const std::string& text) {
    const std::string type = "<Basic>" + basic + "</Basic>";
    const Messages messages(parse_feature(command_with(type), "thing"));
    const Leaf leaf = given(type);
    CHECK(leaf.field.is_text());
    const auto message = messages.make("Do_Parameters");
    const auto why = put(leaf, text_value("given", text), *message);
    return why ? *why : take(leaf, *message)->text();
  };
  CHECK(there_and_back("Date", "2024-02-29Z") == "2024-02-29Z");
  CHECK(there_and_back("Date", "0001-12-31-03:30") == "0001-12-31-03:30");
  CHECK(there_and_back("Date", "2026-03-01-00:30") == "2026-03-01-00:30");
  CHECK(there_and_back("Time", "23:59:59.5+00:30") == "23:59:59.500+00:30");
  CHECK(there_and_back("Time", "00:00:00+00:00") == "00:00:00.000Z");
  CHECK(there_and_back("Timestamp", "2026-03-01T08:15:30.025+14:00") == "2026-03-01T08:15:30.025+14:00");
  CHECK(there_and_back("Date", "2026-03-01") ==
        "parameter “given” is “2026-03-01”; expected a Date of ISO 8601 with its time zone, such as 2026-03-01Z");
  for (const char* bad : {"", "2023-02-29Z", "2026-13-01Z", "2026-00-01Z", "2026-04-31Z", "0000-01-01Z", "26-03-01Z",
                          "2026-3-1Z", "2026-03-01 Z", "2026-03-01ZZ", "2026-03-01+15:00", "2026-03-01+02:60",
                          "2026-03-01+14:01", "2026-03-01+0200", "2026-03-01T00:00:00Z", "today"}) {
    CAPTURE(bad);
    CHECK_THAT(there_and_back("Date", bad), Contains("expected a Date"));
  }
  for (const char* bad : {"24:00:00Z", "08:60:00Z", "08:15:60Z", "08:15Z", "08:15:30", "08:15:30.Z", "08:15:30.1234Z",
                          "8:15:30Z", "08:15:30,5Z"}) {
    CAPTURE(bad);
    CHECK_THAT(there_and_back("Time", bad), Contains("expected a Time"));
  }
  for (const char* bad : {"2026-03-01 08:15:30Z", "2026-03-01t08:15:30Z", "2026-03-01Z", "2026-03-01T08:15:30"}) {
    CAPTURE(bad);
    CHECK_THAT(there_and_back("Timestamp", bad), Contains("such as 2026-03-01T08:15:30+02:00"));
  }
}

TEST_CASE("what the device left out is missing, and not nought") {
  const Feature feature = parse_feature(command_with("<Basic>Real</Basic>"), "thing");
  const Messages messages(feature);
  const Leaf leaf = given("<Basic>Real</Basic>");
  const auto message = messages.make("Do_Parameters");
  CHECK_FALSE(take(leaf, *message));
  put(leaf, number_value("given", 0, ""), *message);
  REQUIRE(take(leaf, *message));
  CHECK(take(leaf, *message)->number() == 0);
}

TEST_CASE("identifiers become names in our own style") {
  CHECK(our_name("TargetTemperature") == "target_temperature");
  CHECK(our_name("PHValue") == "ph_value");
  CHECK(our_name("GetFCP") == "get_fcp");
  CHECK(our_name("Co2Level") == "co2_level");
  CHECK(our_name("A") == "a");
}

TEST_CASE("readings of two features that are called alike carry the feature's name") {
  std::vector<Known> features;
  for (const char* name : {"Block", "Lid"}) {
    const std::string xml =
        std::string("<Feature Originator='org.example' FeatureVersion='1.0'><Identifier>") + name +
        "</Identifier><Property><Identifier>Temperature</Identifier><Observable>No</Observable><DataType>"
        "<Basic>Real</Basic></DataType></Property></Feature>";
    features.push_back({parse_feature(xml, name), xml, nullptr});
  }
  const Offers offers = offers_of(features);
  REQUIRE(offers.readings.size() == 2);
  CHECK(offers.readings[0].leaf.field.name() == "block_temperature");
  CHECK(offers.readings[1].leaf.field.name() == "lid_temperature");
  CHECK(offers.capabilities[1].description.name() == "lid.get_temperature");
}

}  // namespace
}  // namespace athanor::sila2
