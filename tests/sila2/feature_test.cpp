// Goal: a feature's definition is read as it was meant, and what is no definition is refused with its place, whatever
// it is. Method: definitions of our own with one thing wrong each, and definitions broken at random.
#include "sila2/feature.h"

#include <catch2/catch.hpp>

#include "core/random.h"
#include "features.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;

std::string refused(const std::string& xml) {
  try {
    parse_feature(xml, "thing");
  } catch (const InputError& error) {
    return to_string(error.mistakes().front().place) + ": " + error.mistakes().front().message;
  }
  return "";
}

TEST_CASE("a feature is read with its commands, properties and types") {
  const Feature feature = parse_feature(peer_feature("Shaker"), "Shaker");
  CHECK(feature.full_identifier() == "org.athanor/shaking/Shaker/v1");
  CHECK(feature.package() == "sila2.org.athanor.shaking.shaker.v1");
  REQUIRE(feature.commands.size() == 2);
  CHECK(feature.commands[0].observable);
  CHECK_FALSE(feature.commands[1].observable);
  const Constraints& speed = feature.commands[0].parameters[0].type.constraints;
  CHECK(speed.low == 0.0);
  CHECK(speed.low_open);
  CHECK(speed.high == 3000.0);
  CHECK_FALSE(speed.high_open);
  CHECK(speed.unit->components == std::map<std::string, int>{{"Second", -1}});
  CHECK(feature.commands[0].parameters[2].type.constraints.set == std::vector<std::string>{"orbital", "linear"});
  CHECK(feature.properties[0].observable);
}

TEST_CASE("the counts of a list and the type of a metadata are read") {
  const Feature feature = parse_feature(
      command_with(list_of("<Basic>Real</Basic>",
                           "<MinimalElementCount>2</MinimalElementCount><MaximalElementCount>8</MaximalElementCount>"),
                   named("Metadata", "Key", "<Basic>Integer</Basic>")),
      "thing");
  CHECK(feature.commands[0].parameters[0].type.constraints.least == 2);
  CHECK(feature.commands[0].parameters[0].type.constraints.most == 8);
  CHECK(feature.metadata.at(0).type.kind == DataType::Kind::kInteger);
  const Feature exact =
      parse_feature(command_with(list_of("<Basic>Real</Basic>", "<ElementCount>3</ElementCount>")), "thing");
  CHECK(exact.commands[0].parameters[0].type.constraints.least == 3);
  CHECK(exact.commands[0].parameters[0].type.constraints.most == 3);
}

TEST_CASE("a category that is not named is “none”, and any prefix of the namespace is taken") {
  const Feature feature = parse_feature(
      "<x:Feature Originator='org.example' FeatureVersion='12.3'><x:Identifier> PHMeter </x:Identifier></x:Feature>",
      "thing");
  CHECK(feature.full_identifier() == "org.example/none/PHMeter/v12");
}

TEST_CASE("what is wrong is named with its place") {
  CHECK_THAT(refused(""), Contains("thing:1:1: this is no XML"));
  CHECK_THAT(refused("<Feature Originator='org.example'>\n<Identifier>A</Identi"), Contains("this is no XML"));
  CHECK_THAT(refused("<html/>"), Contains("the document is a “html”; expected a SiLA 2 “Feature”"));
  CHECK_THAT(refused("<Feature/>"), Contains("“Feature” without “Identifier”"));
  CHECK_THAT(refused("<Feature Originator='Org' FeatureVersion='1.0'><Identifier>A</Identifier></Feature>"),
             Contains("“Org” as Originator; expected lower-case words"));
  CHECK_THAT(refused("<Feature Originator='org' FeatureVersion='x'><Identifier>A</Identifier></Feature>"),
             Contains("FeatureVersion “x”; expected two numbers"));
  CHECK_THAT(refused(command_with("<Basic>Reel</Basic>")),
             Contains("“Reel” is no basic data type (did you mean “Real”?)"));
  CHECK_THAT(refused(command_with("<Basic>Reel</Basic>")), Contains("thing:3:"));
  CHECK_THAT(refused(command_with("<Table/>")), Contains("a DataType without a type"));
  CHECK_THAT(refused(command_with("<DataTypeIdentifier>Celsius</DataTypeIdentifier>")),
             Contains("the data type “Celsius” is not defined"));
  CHECK_THAT(refused(command_with(constrained("Real", "<MinimalInclusive>warm</MinimalInclusive>"))),
             Contains("“warm” in MinimalInclusive; expected a number"));
  CHECK_THAT(
      refused(command_with(constrained("Real", "<Unit><Label>x</Label><Factor>0</Factor><Offset>0</Offset></Unit>"))),
      Contains("the unit “x” has the factor 0"));
  CHECK_THAT(refused(feature_with("<Command><Identifier>do it</Identifier><Observable>No</Observable></Command>")),
             Contains("“do it” as an identifier"));
  CHECK_THAT(refused(feature_with("<Command><Identifier>Do</Identifier><Observable>Perhaps</Observable></Command>")),
             Contains("“Perhaps” as Observable; expected Yes or No"));
  CHECK_THAT(refused(command_with(list_of("<Basic>Real</Basic>", "<ElementCount>2.5</ElementCount>"))),
             Contains("2.5 as ElementCount; expected a whole number"));
  CHECK_THAT(refused(feature_with("<Metadata><Identifier>Key</Identifier></Metadata>")),
             Contains("“Metadata” without “DataType”"));
  const std::string key = named("Metadata", "Key", "<Basic>String</Basic>");
  CHECK_THAT(refused(feature_with(key + key)), Contains("“Key” is defined twice"));
  const std::string command = "<Command><Identifier>Do</Identifier><Observable>No</Observable></Command>";
  CHECK_THAT(refused(feature_with(command + command)), Contains("“Do” is defined twice"));
}

TEST_CASE("types within types have an end") {
  std::string type = "<Basic>Real</Basic>";
  for (int i = 0; i < 10'000; ++i) type = "<List><DataType>" + type + "</DataType></List>";
  CHECK_THAT(refused(command_with(type)), Contains("data types within data types"));
}

TEST_CASE("a definition broken anywhere is read or refused, never more") {
  RandomStream random = Random(20260301).stream("broken feature definitions");
  const std::string whole = peer_feature("Thermometer");
  int refusals = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string xml = whole;
    const auto at = [&] { return static_cast<std::size_t>(random.uniform() * static_cast<double>(xml.size() - 1)); };
    for (int i = 0; i < 1 + round % 3; ++i) {
      const std::size_t place = at();
      switch (round % 4) {
        case 0:
          xml[place] = static_cast<char>(static_cast<unsigned char>(256 * random.uniform()));
          break;
        case 1:
          xml.erase(place, 1 + at() % 40);
          break;
        case 2:
          xml.insert(place, xml.substr(at(), 60));
          break;
        default:
          xml.resize(place + 1);
      }
    }
    refusals += !refused(xml).empty();
  }
  CHECK(refusals > 1000);
}

}  // namespace
}  // namespace athanor::sila2
