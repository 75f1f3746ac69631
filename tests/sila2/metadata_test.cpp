// Goal: metadata goes with the calls that want it, spelt as the standard has it, and with no other; what a profile
// gives wrongly is named with its place. Method: a channel that answers from memory and keeps what was sent along.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "session_rig.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;

constexpr const char* kAffected = "Get_FCPAffectedByMetadata_AccessKey";
const std::string kHeader = "sila-org.example-tests-thing-v1-metadata-accesskey-bin";

std::string feature(const std::string& type) {
  return feature_with(
      "<Command><Identifier>Run</Identifier><Observable>Yes</Observable></Command>"
      "<Command><Identifier>Halt</Identifier><Observable>No</Observable></Command>"
      "<Property><Identifier>Level</Identifier><Observable>No</Observable><DataType><Basic>Real</Basic></DataType>"
      "</Property><Property><Identifier>Flow</Identifier><Observable>Yes</Observable><DataType><Basic>Real</Basic>"
      "</DataType></Property>" +
      named("Metadata", "AccessKey", type));
}
const std::string kText = "<Basic>String</Basic>";

std::string profile(const std::string& metadata) {
  return "profile: thing\nsila2: {metadata: {" + metadata + "}}\nsafe: nothing\n";
}
const std::string kGiven = profile("thing.access_key: sesame");

/// A session with a server whose metadata affects these.
struct Wanting : Rig {
  explicit Wanting(const std::vector<std::string>& affected, const std::string& profile_text = kGiven,
                   const std::string& type = kText)
      : Rig(profile_text, feature(type), [&](Script& asked) {
          std::string answer;
          for (const std::string& one : affected) answer += text(one);
          asked.say(kAffected, {answer});
        }) {}

  /// What went along with the last call of that name.
  std::string along(const std::string& call) {
    const auto& headers = script.heard.at(call).back().headers;
    if (headers.empty()) return "nothing";
    REQUIRE(headers.size() == 1);
    CHECK(headers[0].first == kHeader);
    return headers[0].second;
  }
  void do_all() {
    script.say("Run", {confirmation()});
    script.say("Run_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
    script.say("Run_Result", {""});
    REQUIRE(run());
    script.say("Halt", {""});
    script.say("Get_Level", {number(1)});
    script.say("Subscribe_Flow", {number(1)});
    for (const char* capability : {"thing.halt", "thing.get_level", "thing.get_flow"}) {
      command.set_capability(capability);
      REQUIRE(run());
    }
  }
};

TEST_CASE("a feature's metadata goes with all its calls") {
  Wanting rig({"org.example/tests/Thing/v1"});
  rig.do_all();
  for (const char* call : {"Run", "Run_Info", "Run_Result", "Halt", "Get_Level", "Subscribe_Flow"}) {
    CAPTURE(call);
    CHECK(rig.along(call) == text("sesame"));
  }
  CHECK(rig.along(kAffected) == "nothing");
}

TEST_CASE("a command's or a property's goes with these alone, however their identifiers are written") {
  Wanting rig({"org.example/tests/thing/v1/command/run", "org.example/tests/Thing/v1/Property/Flow"});
  rig.do_all();
  CHECK(rig.along("Run") == text("sesame"));
  CHECK(rig.along("Subscribe_Flow") == text("sesame"));
  CHECK(rig.along("Halt") == "nothing");
  CHECK(rig.along("Get_Level") == "nothing");
}

TEST_CASE("what is wanted and not given is told, with the calls") {
  const auto notes = [](const std::vector<std::string>& affected, const std::string& profile_text) {
    const Wanting rig(affected, profile_text);
    std::string all;
    for (const std::string& note : rig.session->notes()) all += note + "\n";
    return all;
  };
  CHECK(notes({"org.example/tests/Thing/v1/Command/Halt"}, kHarmless) ==
        "the server wants metadata “thing.access_key” along with thing.halt, and the profile gives none (“metadata:” "
        "under “sila2:”): the server may refuse these calls\n");
  CHECK_THAT(notes({"org.example/tests/Thing/v1"}, kHarmless),
             Contains("along with thing.run, thing.halt, thing.get_level, thing.get_flow,"));
  CHECK(notes({"org.example/tests/Other/v1"}, kHarmless).empty());
  CHECK(notes({"org.example/tests/Thing/v1"}, kGiven).empty());
}

TEST_CASE("what a profile gives wrongly is named with its place") {
  const auto refused = [](const std::string& metadata, const std::string& type = kText) {
    try {
      Wanting({"org.example/tests/Thing/v1"}, profile(metadata), type);
    } catch (const InputError& error) {
      return to_string(error.mistakes().front().place) + ": " + error.mistakes().front().message;
    }
    return std::string();
  };
  CHECK(refused("thing.acces_key: sesame") ==
        "profile.yaml:2:37: the server knows no metadata “thing.acces_key” (did you mean “thing.access_key”?)");
  const std::string level = constrained("Integer", "<MaximalInclusive>9</MaximalInclusive>");
  CHECK(refused("thing.access_key: 9", level).empty());
  CHECK(refused("thing.access_key: 10", level) ==
        "profile.yaml:2:38: parameter “thing.access_key” is 10, above the limit of 9 of “thing.access_key”");
  CHECK_THAT(refused("thing.access_key: 2.5", level), Contains("expected a whole number"));
  CHECK_THAT(refused("thing.access_key: much", level), Contains("profile.yaml:2:38: "));
  CHECK_THAT(refused("thing.access_key: sesame", "<Basic>Any</Basic>"), Contains("knows no metadata"));
  CHECK_THAT(refused("thing.access_key: " + std::string(5000, 'x')), Contains("4096 can be sent along with a call"));
}

TEST_CASE("a structure is given by its elements, all of them") {
  const std::string user = "<Structure>" + named("Element", "Name", kText) +
                           named("Element", "Level", "<Basic>Integer</Basic>") + "</Structure>";
  Wanting rig({"org.example/tests/Thing/v1"}, profile("thing.access_key.name: ada, thing.access_key.level: 3"), user);
  rig.do_all();
  sila::Integer level;
  level.set_value(3);
  CHECK(rig.along("Run") == in_field_1(text("ada") + in_field(2, level.SerializeAsString())));
  CHECK_THROWS_WITH(Wanting({}, profile("thing.access_key.name: ada"), user),
                    Contains("needs parameter “thing.access_key.level”"));
}

TEST_CASE("a server that does not say what its metadata affects is spoken to, unless a profile gives it") {
  const auto speak = [](const std::string& profile_text, const Channel::Status& status) {
    Rig rig(profile_text, feature(kText), [&](Script& script) { script.say(kAffected, {}, status); });
    return rig.session->notes().front();
  };
  const Channel::Status unknown{Channel::Code::kUnimplemented, ""};
  CHECK_THAT(speak(kHarmless, unknown), Contains("does not say which calls its metadata “thing.access_key” affects"));
  CHECK_THROWS_AS(speak(kGiven, unknown), InputError);
  CHECK_THROWS_AS(speak(kHarmless, kLost), EnvironmentError);
}

}  // namespace
}  // namespace athanor::sila2
