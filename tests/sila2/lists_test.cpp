// Goal: lists arrive at the server as they were given, or are refused before anything is begun; what a server gives as
// a list comes as the numbers and texts that it gave. Method: definitions of our own; lists at random, held against
// their limits one by one; the way there and back.
#include "sila2/lists.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/random.h"
#include "features.h"
#include "instruments/messages.h"
#include "scripted_server.h"
#include "sila2/messages.h"
#include "sila2/offers.h"
#include "sila2/results.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;

const std::string kReal = "<Basic>Real</Basic>", kInteger = "<Basic>Integer</Basic>", kString = "<Basic>String</Basic>";
const std::string kCelsius =
    "<Unit><Label>degC</Label><Factor>1</Factor><Offset>273.15</Offset><UnitComponent><SIUnit>Kelvin</SIUnit>"
    "<Exponent>1</Exponent></UnitComponent></Unit>";
const std::string kWell =
    "<Structure>" + named("Element", "Row", kString) +
    named("Element", "Column", constrained("Integer", "<MaximalInclusive>12</MaximalInclusive>")) + "</Structure>";

/// One type, as a parameter (its leaf and the message that it is put into) and as a result.
struct Thing {
  explicit Thing(const std::string& type, const std::string& more = "")
      : feature(parse_feature(
            feature_with("<Command><Identifier>Do</Identifier><Observable>No</Observable>" +
                         named("Parameter", "Given", type) + named("Response", "Given", type) + "</Command>" + more),
            "thing")),
        messages(feature),
        parameters(flatten(feature, feature.commands[0].parameters, Side::kParameters).leaves),
        results(flatten(feature, feature.commands[0].responses, Side::kResults).leaves) {}

  /// Why `text` is refused; empty: it is not.
  std::string refused(const std::string& text) const {
    return put(parameters.at(0), text_value("given", text), *messages.make("Do_Parameters")).value_or("");
  }
  /// What the server would give if it gave that back.
  Outcome<Results> echo(const std::string& text) const {
    const auto request = messages.make("Do_Parameters");
    REQUIRE_FALSE(put(parameters.at(0), text_value("given", text), *request));
    return results_of(request->SerializeAsString());
  }
  Outcome<Results> results_of(const std::string& bytes) const {
    const auto answer = messages.make("Do_Responses");
    REQUIRE_FALSE(read_answer(bytes, *answer));
    return results_in(*answer, results);
  }

  Feature feature;
  Messages messages;
  std::vector<Leaf> parameters, results;
};

template <class Number>
std::vector<Number> numbers(const SharedBytes& rows) {
  std::vector<Number> all(rows.size() / sizeof(Number));
  if (!all.empty()) std::memcpy(all.data(), rows.bytes().data(), rows.size());
  return all;
}

TEST_CASE("a list of numbers is an array of its elements' unit and kind") {
  const auto described = [](const std::string& type, const std::string& more = "") {
    return Thing(type, more).results.at(0).field;
  };
  const wire::Field warm =
      described(list_of(constrained("Real", "<MaximalInclusive>90</MaximalInclusive>" + kCelsius)));
  CHECK(warm.name() == "given");
  CHECK(warm.unit() == "degC");
  CHECK(warm.array().element() == wire::ArrayType::FLOAT64);
  CHECK_FALSE(warm.has_high());  // an array has no limits
  CHECK(described(list_of(kInteger)).array().element() == wire::ArrayType::INT64);
  CHECK(described(list_of("<Basic>Boolean</Basic>")).array().element() == wire::ArrayType::UINT8);
  CHECK(described("<Basic>Binary</Basic>").array().element() == wire::ArrayType::UINT8);
  const std::string smoots =
      "<Unit><Label>smoots</Label><Factor>1.7018</Factor><Offset>0</Offset><UnitComponent><SIUnit>Meter</SIUnit>"
      "<Exponent>1</Exponent></UnitComponent></Unit>";
  CHECK(described(list_of(constrained("Integer", smoots))).array().element() == wire::ArrayType::FLOAT64);
  const std::string own =
      "<DataTypeDefinition><Identifier>Own</Identifier><DataType>" + kInteger + "</DataType></DataTypeDefinition>";
  CHECK(described(list_of("<DataTypeIdentifier>Own</DataTypeIdentifier>"), own).array().element() ==
        wire::ArrayType::INT64);
}

TEST_CASE("numbers of a list come as they were given, in every kind of list") {
  CHECK(numbers<double>(Thing(list_of(kReal)).echo("[1.5, -2, 0, 1e300]").value().arrays.at(0).rows) ==
        std::vector<double>{1.5, -2, 0, 1e300});
  CHECK(numbers<std::int64_t>(Thing(list_of(kInteger)).echo("[3, 0, -9007199254740991]").value().arrays.at(0).rows) ==
        std::vector<std::int64_t>{3, 0, -9007199254740991});
  CHECK(numbers<std::uint8_t>(
            Thing(list_of("<Basic>Boolean</Basic>")).echo("[true, false, \"true\"]").value().arrays.at(0).rows) ==
        std::vector<std::uint8_t>{1, 0, 1});
  const std::string own =
      "<DataTypeDefinition><Identifier>Own</Identifier><DataType>" +
      list_of("<DataTypeIdentifier>Share</DataTypeIdentifier>") +
      "</DataType></DataTypeDefinition><DataTypeDefinition><Identifier>Share</Identifier><DataType>" +
      constrained("Real", "<MaximalInclusive>1</MaximalInclusive>") + "</DataType></DataTypeDefinition>";
  const Thing shares("<DataTypeIdentifier>Own</DataTypeIdentifier>", own);
  CHECK(numbers<double>(shares.echo("[0.25, 1]").value().arrays.at(0).rows) == std::vector<double>{0.25, 1});
  CHECK(shares.refused("[0.25, 1.5]") == "parameter “given, element 2” is 1.5, above the limit of 1");
}

TEST_CASE("structures of numbers give an array for each number") {
  const Thing points(
      list_of("<Structure>" + named("Element", "X", kReal) + named("Element", "Count", kInteger) + "</Structure>"));
  const auto given = points.echo(R"([{"x": 1.5, "count": 7}, {"count": 8, "x": 2.5}])");
  REQUIRE(given.value().arrays.size() == 2);
  CHECK(given.value().arrays[0].result == "given.x");
  CHECK(numbers<double>(given.value().arrays[0].rows) == std::vector<double>{1.5, 2.5});
  CHECK(given.value().arrays[1].result == "given.count");
  CHECK(numbers<std::int64_t>(given.value().arrays[1].rows) == std::vector<std::int64_t>{7, 8});
}

TEST_CASE("lists with texts are texts of JSON, there and back") {
  const auto there_and_back = [](const std::string& type, const std::string& text) {
    const auto given = Thing(type).echo(text);
    return given.value().values.at(0).text();
  };
  CHECK(there_and_back(list_of(kString), R"(["A1", "ü \" \\", ""])") == R"(["A1","ü \" \\",""])");
  CHECK(there_and_back(list_of("<Basic>Date</Basic>"), R"(["2026-03-01Z"])") == R"(["2026-03-01Z"])");
  CHECK(there_and_back(list_of(kWell), R"([{"column": 12, "row": "A"}])") == R"([{"row":"A","column":12}])");
  const std::string nested =
      "<Structure>" + named("Element", "Well", kWell) + named("Element", "Values", list_of(kReal)) + "</Structure>";
  CHECK(there_and_back(list_of(nested), R"([{"well.row": "B", "well.column": 1, "values": [0.5, 2]}])") ==
        R"([{"well.row":"B","well.column":1,"values":[0.5,2.0]}])");
}

TEST_CASE("an empty list is a list") {
  const auto given = Thing(list_of(kReal)).echo("[]");
  REQUIRE(given.value().arrays.size() == 1);
  CHECK(given.value().arrays[0].rows.size() == 0);
  CHECK(Thing(list_of(kString)).echo("[]").value().values.at(0).text() == "[]");
}

TEST_CASE("a list is allowed if and only if its count and all its elements are") {
  RandomStream random = Random(20260302).stream("lists");
  const Thing thing(
      list_of(constrained("Integer", "<MinimalInclusive>-3</MinimalInclusive><MaximalExclusive>8</MaximalExclusive>"),
              "<MinimalElementCount>2</MinimalElementCount><MaximalElementCount>5</MaximalElementCount>"));
  int allowed = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> list(static_cast<std::size_t>(7 * random.uniform()));
    std::string text;
    for (int& one : list) {
      one = static_cast<int>(std::floor(14 * random.uniform())) - 4;
      text += (text.empty() ? "" : ",") + std::to_string(one);
    }
    const bool good = list.size() >= 2 && list.size() <= 5 &&
                      std::all_of(list.begin(), list.end(), [](int one) { return one >= -3 && one < 8; });
    CAPTURE(text);
    CHECK(thing.refused("[" + text + "]").empty() == good);
    allowed += good;
  }
  CHECK(allowed > 200);
}

TEST_CASE("the units of numbers in texts are told, which no description does") {
  std::vector<Known> features;
  const std::string warm = constrained("Real", kCelsius);
  const std::string xml = feature_with(
      "<Command><Identifier>Do</Identifier><Observable>No</Observable>" + named("Parameter", "Ramp", list_of(warm)) +
      named(
          "Response", "Steps",
          list_of("<Structure>" + named("Element", "Name", kString) + named("Element", "At", warm) + "</Structure>")) +
      named("Response", "Curve", list_of(warm)) + "</Command>");
  features.push_back({parse_feature(xml, "thing"), xml, nullptr});
  CHECK(offers_of(features).notes == std::vector<std::string>{"thing.do: the numbers in “ramp” are in degC",
                                                              "thing.do: the numbers in “steps, at” are in degC"});
}

TEST_CASE("what is wrong in a list is named with its element and the limit") {
  const std::string counts = "<MinimalElementCount>1</MinimalElementCount><MaximalElementCount>3</MaximalElementCount>";
  const Thing columns(list_of(
      constrained("Integer", "<MinimalInclusive>1</MinimalInclusive><MaximalInclusive>12</MaximalInclusive>"), counts));
  CHECK(columns.refused("[]") == "parameter “given” has 0 elements; expected at least 1");
  CHECK(columns.refused("[1, 2, 3, 4]") == "parameter “given” has 4 elements; expected at most 3");
  CHECK(columns.refused("[1, 13]") == "parameter “given, element 2” is 13, above the limit of 12");
  CHECK(columns.refused("[1, 2.5]") == "parameter “given, element 2” is 2.5; expected a whole number");
  CHECK(columns.refused("[null]") == "parameter “given, element 1” is null; expected a number");
  CHECK(columns.refused("[[1]]") == "parameter “given, element 1” is [1]; expected a number");
  CHECK(columns.refused("7") == "parameter “given” is 7; expected a JSON array");
  CHECK_THAT(columns.refused("1, 2"), Contains("is “1, 2”; expected a JSON array"));
  CHECK_THAT(columns.refused(""), Contains("expected a JSON array"));
  CHECK_THAT(columns.refused("[1e999]"), Contains("expected a JSON array"));
  CHECK_THAT(columns.refused(std::string(100'000, '[')), Contains("expected a JSON array"));
  CHECK_THAT(Thing(list_of(kInteger)).refused("[9007199254740993]"), Contains("expected a whole number"));  // 2^53 + 1
  const Thing modes(list_of(constrained("String", "<Set><Value>orbital</Value><Value>linear</Value></Set>")));
  CHECK(modes.refused(R"(["linear", "obital"])") ==
        "parameter “given, element 2” is “obital”, which is none of its choices (did you mean “orbital”?)");
  CHECK(modes.refused("[1]") == "parameter “given, element 1” is 1; expected a text");
  const Thing wells(list_of(kWell));
  CHECK(wells.refused(R"([{"row": "A", "column": 13}])") ==
        "parameter “given, element 1, column” is 13, above the limit of 12");
  CHECK(wells.refused(R"([{"row": "A"}])") == "parameter “given, element 1” has no “column”");
  CHECK_THAT(wells.refused(R"([{"row": "A", "column": 1, "colour": 2}])"),
             Contains("“given, element 1” has no element “colour”"));
  CHECK_THAT(wells.refused(R"(["A1"])"), Contains("expected an object with its elements by name"));
  CHECK(Thing(list_of(kString, "<ElementCount>2</ElementCount>")).refused(R"(["a"])") ==
        "parameter “given” has 1 element; expected at least 2");
}

TEST_CASE("numbers of a list are in the definition's unit, or name their own") {
  const Thing warm(list_of(constrained("Real", "<MaximalInclusive>90</MaximalInclusive>" + kCelsius)));
  const auto given = numbers<double>(warm.echo(R"([80, "80", "80 degC", "300 K"])").value().arrays.at(0).rows);
  CHECK(std::vector(given.begin(), given.begin() + 3) == std::vector<double>{80, 80, 80});
  CHECK(given.at(3) == Approx(26.85).margin(1e-9));
  CHECK(warm.refused(R"(["370 K"])") ==
        "parameter “given, element 1” is 370 K (96.85 degC), above the limit of 90 degC");
  CHECK_THAT(warm.refused(R"(["5 s"])"), Contains("cannot be converted"));
  CHECK_THAT(warm.refused(R"(["warm"])"), Contains("“given, element 1” is \"warm\""));
  CHECK_THAT(warm.refused("[true]"), Contains("expected a number in degC, or a text with its unit"));
}

TEST_CASE("what is no number is data in an array, and a fault of the device in a text") {
  const auto real = [](double value) {
    sila::Real message;
    message.set_value(value);
    return message.SerializeAsString();
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Outcome<Results> given =
      Thing(list_of(kReal)).results_of(in_field_1(real(1)) + in_field_1(real(nan)) + in_field_1(real(HUGE_VAL)));
  const auto read = numbers<double>(given.value().arrays.at(0).rows);
  CHECK(std::isnan(read.at(1)));
  CHECK(read.at(2) == HUGE_VAL);
  const Thing mixed(
      list_of("<Structure>" + named("Element", "Name", kString) + named("Element", "Value", kReal) + "</Structure>"));
  const Outcome<Results> wrong = mixed.results_of(in_field_1(in_field(1, "") + in_field(2, real(nan))));
  REQUIRE_FALSE(wrong);
  CHECK(wrong.fault().message == "the server gave nan as “given, element 1, value”, which is no number");
}

TEST_CASE("an element that the server left out is missing, and not nought") {
  const Thing points(
      list_of("<Structure>" + named("Element", "X", kReal) + named("Element", "Y", kReal) + "</Structure>"));
  const Outcome<Results> wrong =
      points.results_of(in_field_1(in_field(1, "") + in_field(2, "")) + in_field_1(in_field(1, "")));
  REQUIRE_FALSE(wrong);
  CHECK(wrong.fault().message == "the server gave no “given.y, element 2”");
}

TEST_CASE("a Binary is given as Base64, or refused") {
  const Thing binary("<Basic>Binary</Basic>");
  const auto bytes = [&](const std::string& text) {
    const auto rows = binary.echo(text).value().arrays.at(0).rows;
    return std::string(reinterpret_cast<const char*>(rows.bytes().data()), rows.size());
  };
  CHECK(bytes("") == "");
  CHECK(bytes("AA==") == std::string(1, '\0'));
  CHECK(bytes("/+8=") == "\xff\xef");
  CHECK(bytes("YWJj") == "abc");
  for (const char* bad : {"A", "AA A", "AA=A", "ü", "YWJjY"})
    CHECK_THAT(binary.refused(bad), Contains("“given” is no Base64"));
}

TEST_CASE("an answer with more parts than a driver has room for is refused before it is taken apart") {
  const Thing thing(list_of(kReal));
  std::string bytes(2 * (kMostParts + 1), '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 2) bytes[i] = '\x0a';  // an empty Real, which is 0
  const auto answer = thing.messages.make("Do_Responses");
  CHECK(read_answer(bytes, *answer) == "holds more than 2000000 values, which is the most");
  bytes.resize(2 * kMostParts);
  CHECK_FALSE(read_answer(bytes, *answer));
  for (const std::string& broken : {std::string("\x0a\x05", 2), std::string("\x0a", 1),
                                    std::string("\x0a\xff\xff\xff\xff\x0f", 6), std::string("\xff", 1)})
    CHECK(read_answer(broken, *answer) == "is not what the feature defines");
}

TEST_CASE("an answer broken anywhere is read or refused, never more") {
  const google::protobuf::LogSilencer silencer;  // of texts that are no UTF-8
  RandomStream random = Random(20260303).stream("broken answers");
  const Thing thing(list_of("<Structure>" + named("Element", "Name", kString) +
                            named("Element", "When", "<Basic>Time</Basic>") +
                            named("Element", "Values", list_of(kReal)) + "</Structure>"));
  const auto request = thing.messages.make("Do_Parameters");
  REQUIRE_FALSE(put(
      thing.parameters.at(0),
      text_value(
          "given",
          R"([{"name": "a", "when": "08:15:30Z", "values": [1, 2.5]}, {"name": "b", "when": "09:15:30Z", "values": []}])"),
      *request));
  const std::string whole = request->SerializeAsString();
  int refusals = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    const auto at = [&] { return static_cast<std::size_t>(random.uniform() * static_cast<double>(bytes.size() - 1)); };
    const std::size_t place = at();
    if (round % 3 == 0) bytes[place] = static_cast<char>(static_cast<unsigned char>(256 * random.uniform()));
    if (round % 3 == 1) bytes.erase(place, 1 + at() % 9);
    if (round % 3 == 2) bytes.insert(place, bytes.substr(at(), 12));
    const auto answer = thing.messages.make("Do_Responses");
    refusals += read_answer(bytes, *answer) || !results_in(*answer, thing.results);
  }
  CHECK(refusals > 1000);
}

}  // namespace
}  // namespace athanor::sila2
