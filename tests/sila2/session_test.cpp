// Goal: each way in which a server may answer, fall silent or forget ends as the outcome that is true, and nothing is
// sent twice. Method: a channel that answers from memory, and addresses, profiles and traces of our own.
#include "sila2/session.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "session_rig.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;
using Code = Channel::Code;

TEST_CASE("an observable command is sent once, followed to its end, and its result taken") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info",
                 {info(sila::ExecutionInfo::running, 0.5), info(sila::ExecutionInfo::finishedSuccessfully, 1)});
  rig.script.say("Run_Result", {number(81.5)});
  const auto end = rig.run();
  REQUIRE(end);
  CHECK(end.value()[0].number() == 81.5);
  CHECK(rig.fractions == std::vector<double>{0.5, 1});
}

TEST_CASE("a lost link is waited for: the execution is asked for again, the command never sent again") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::running, 0.1)}, kLost);
  rig.script.say("Run_Info", {}, kLost);
  rig.script.say("Run_Info", {}, kLost);
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
  rig.script.say("Run_Result", {}, kLost);
  rig.script.say("Run_Result", {number(7)});
  const auto end = rig.run();
  REQUIRE(end);
  CHECK(end.value()[0].number() == 7);
  CHECK(rig.script.asked["Run"] == 1);
  CHECK(rig.script.asked["Run_Info"] == 4);
}

TEST_CASE("a stream that ends too early is no end: the result tells") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::running, 0.1)});
  rig.script.say("Run_Result", {}, framework_error(sila::FrameworkError::COMMAND_EXECUTION_NOT_FINISHED));
  rig.script.say("Run_Result", {number(3)});
  REQUIRE(rig.run());
  CHECK(rig.script.asked["Run_Result"] == 2);
}

TEST_CASE("what a server refuses was not begun; what it lost may have been") {
  sila::SiLAError refused;
  refused.mutable_validationerror()->set_parameter("org.example/tests/Thing/v1/Command/Run/Parameter/Speed");
  refused.mutable_validationerror()->set_message("too fast");
  sila::SiLAError broken;
  broken.mutable_definedexecutionerror()->set_erroridentifier(
      "org.example/tests/Thing/v1/DefinedExecutionError/DoorOpen");
  broken.mutable_definedexecutionerror()->set_message("close it");
  struct Case {
    Channel::Status status;
    bool acted;
    Fault::Kind kind;
    const char* says;
  };
  const Case cases[] = {
      {aborted(refused), false, Fault::Kind::kLimit, "the server refuses Speed: too fast"},
      {aborted(broken), true, Fault::Kind::kDevice, "DoorOpen: close it"},
      {framework_error(sila::FrameworkError::COMMAND_EXECUTION_NOT_ACCEPTED), false, Fault::Kind::kDevice,
       "NOT_ACCEPTED"},
      {framework_error(sila::FrameworkError::INVALID_METADATA), false, Fault::Kind::kDevice, "INVALID_METADATA"},
      {{Code::kUnimplemented, ""}, false, Fault::Kind::kDevice, "does not know it"},
      {kLost, true, Fault::Kind::kLink, "cannot be reached"},
      {{Code::kDeadline, ""}, true, Fault::Kind::kDeadline, "did not answer in time"},
      {{Code::kAborted, "not Base64!"}, true, Fault::Kind::kDevice, "not Base64!"},
  };
  for (const char* capability : {"thing.run", "thing.halt"}) {
    for (const Case& one : cases) {
      Rig rig;
      rig.command.set_capability(capability);
      rig.script.say(capability == std::string("thing.run") ? "Run" : "Halt", {}, one.status);
      const auto end = rig.run();
      REQUIRE_FALSE(end);
      CHECK(rig.acted == one.acted);
      CHECK(end.fault().kind == one.kind);
      CHECK_THAT(end.fault().message, Contains(one.says));
    }
  }
}

TEST_CASE("an execution that the server forgot has an end that nobody knows") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info", {}, kLost);
  rig.script.say("Run_Info", {}, framework_error(sila::FrameworkError::INVALID_COMMAND_EXECUTION_UUID));
  const auto end = rig.run();
  REQUIRE_FALSE(end);
  CHECK(rig.acted);
  CHECK_FALSE(rig.session->reach_safe(rig.conduct));  // nothing that is known of goes on
}

TEST_CASE("what goes on in the server is not safe until it has ended") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::running, 0.1)}, {Code::kInterrupted, ""});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::running, 0.2)}, {Code::kDeadline, ""});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::finishedWithError, 1)});
  CHECK(rig.run().fault().kind == Fault::Kind::kInterrupted);
  rig.conduct.wait = [](double) { return false; };
  CHECK_THAT(rig.session->reach_safe(rig.conduct)->message, Contains("Thing.Run still runs on the server"));
  CHECK_FALSE(rig.session->reach_safe(rig.conduct));
}

TEST_CASE("the profile's steps are taken to the safe state, and a fault in them is told") {
  Rig rig("profile: thing\nsila2: {}\nsafe: thing.halt\n");
  rig.script.say("Halt", {}, kLost);
  rig.script.say("Halt", {""});
  CHECK_THAT(rig.session->reach_safe(rig.conduct)->message, Contains("cannot be reached"));
  CHECK_FALSE(rig.session->reach_safe(rig.conduct));
  CHECK(rig.script.asked["Halt"] == 2);
}

TEST_CASE("after a restart: never sent, sent perhaps, confirmed; and nothing from a file that is new") {
  using Memory = Instrument::Memory::Kind;
  Rig rig;
  CHECK(rig.session->recall(rig.command) == Memory::kCannotTell);  // no file yet: an earlier one may have been lost
  rig.executions.sending("thing-1", "c0");
  CHECK(rig.session->recall(rig.command) == Memory::kNeverStarted);
  rig.executions.sending("thing-1", "c1");
  CHECK(rig.session->recall(rig.command) == Memory::kCannotTell);
  rig.executions.confirmed("thing-1", "execution-1");
  CHECK(rig.session->recall(rig.command) == Memory::kRunning);
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
  rig.script.say("Run_Result", {number(5)});
  const auto end = rig.run(true);
  REQUIRE(end);
  CHECK(end.value()[0].number() == 5);
  CHECK(rig.script.asked["Run"] == 0);
}

TEST_CASE("a profile that does not fit the server says where") {
  const auto refused = [](const std::string& text) {
    try {
      Rig rig(text);
    } catch (const InputError& error) {
      return to_string(error.mistakes().front().place) + ": " + error.mistakes().front().message;
    }
    return std::string();
  };
  const std::string head = "profile: thing\nsila2: {}\n", harmless = head + "safe: nothing\n";
  CHECK_THAT(refused(head + "safe: thing.hallt"),
             Contains("profile.yaml:3:7: the server offers no “thing.hallt” (did you mean “thing.halt”?)"));
  CHECK_THAT(refused(harmless + "capabilities: {thing.rum: {}}"), Contains("did you mean “thing.run”?"));
  CHECK_THAT(refused(harmless + "capabilities: {thing.run: {names: {yeld: y}}}"), Contains("did you mean “yield”?"));
  CHECK_THAT(refused(harmless + "capabilities: {thing.run: {lasts: duration}}"),
             Contains("which is no parameter of it"));
  CHECK_THAT(refused(harmless + "capabilities: {thing.run: {as: thing.halt}}"), Contains("described twice"));
  CHECK_THAT(refused(head + "safe: {do: thing.halt, with: {speed: 1}}"), Contains("has no parameter “speed”"));
}

TEST_CASE("what is wrong in a profile whatever the server offers is told without it, all at once") {
  const auto mistakes = [](const std::string& text) {
    std::string all;
    try {
      read_profile(Document::parse(text, "profile.yaml"));
    } catch (const InputError& error) {
      all = error.what();
    }
    return all;
  };
  const std::string several = mistakes(
      "profile: thing\nsila2: {root_certificate: none.pem}\ncapabilities:\n"
      "  thing.run: {risk: wild, usual: 5 sek, repeatable: perhaps, self_tset: true}\n");
  CHECK_THAT(several, Contains("profile.yaml:1:1: the profile has no safe state"));
  CHECK_THAT(several, Contains("profile.yaml:2:27: the certificate") && Contains("cannot be read"));
  CHECK_THAT(several, Contains("profile.yaml:4:21: found “wild”"));
  CHECK_THAT(several, Contains("“sek” is none of UDUNITS-2"));
  CHECK_THAT(several, Contains("profile.yaml:4:53") && Contains("did you mean “self_test”?"));
  CHECK_THAT(mistakes("profile: thing\nsila2: {}\nsafe: []\n"), Contains("no step to the safe state"));
  CHECK(mistakes("profile: thing\nsila2: {}\nsafe: {do: thing.halt}\ncapabilities: {thing.run: }\n").empty());
}

TEST_CASE("a mistake that shows at one server is none of the profile's at another") {
  Rig good;  // two instruments may have the same profile
  const Profile profile =
      read_profile(Document::parse("profile: thing\nsila2: {}\nsafe: thing.halt\n", "profile.yaml"));
  const auto speak_to = [&](const std::string& feature) {
    Script script;
    script.feature = feature;
    Session(std::make_unique<Server>(std::make_unique<ScriptedChannel>(script), 1, "sila2://thing:1"), profile,
            "thing-1", good.executions);
  };
  CHECK_THROWS_WITH(speak_to(feature_with("")), Contains("the server offers no “thing.halt”"));
  CHECK_NOTHROW(speak_to(kObservable));
}

TEST_CASE(
    "a server that defines its feature otherwise than at the start is told nothing but the way to the safe state") {
  Rig rig("profile: thing\nsila2: {}\nsafe: thing.halt\n");
  rig.script.feature = feature_with("<Command><Identifier>Halt</Identifier><Observable>No</Observable></Command>");
  const auto end = rig.run();
  REQUIRE_FALSE(end);
  CHECK(end.fault().message ==
        "the server at sila2://thing:1 defines its feature Thing otherwise than when the driver started; start the "
        "driver anew");
  CHECK_FALSE(rig.acted);
  CHECK(rig.script.asked.empty());
  rig.script.say("Halt", {""});
  CHECK_FALSE(rig.session->reach_safe(rig.conduct));
}

TEST_CASE("readings are those of the server that was discovered") {
  Rig rig;
  rig.script.uuid = "device-2";
  const auto read = rig.session->readings();
  REQUIRE_FALSE(read);
  CHECK_THAT(read.fault().message, Contains("at sila2://thing:1 answers another server, device-2 instead of device-1"));
}

TEST_CASE("another server, or another definition, is told nothing") {
  Rig rig;
  SECTION("another server, which need not know the feature") {
    rig.script.uuid = "device-2";
    rig.script.feature.clear();
    CHECK_THAT(rig.run().fault().message, Contains("answers another server, device-2 instead of device-1"));
  }
  SECTION("the same with another definition") {
    rig.script.feature += " ";
    CHECK_THAT(rig.run().fault().message, Contains("defines its feature Thing otherwise than when the driver started"));
  }
  SECTION("the same without the feature") {
    rig.script.feature.clear();
    CHECK_THAT(rig.run().fault().message, Contains("no such feature"));
  }
  CHECK(!rig.acted);
  CHECK(rig.script.asked.empty());
}

TEST_CASE("who answers, and what it defines, is asked at once before a command, and the command waits for both") {
  Rig rig;
  rig.script.say("Run", {confirmation()});
  rig.script.say("Run_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
  rig.script.say("Run_Result", {number(7)});
  rig.script.at_once.clear();
  REQUIRE(rig.run());
  CHECK(rig.script.at_once == std::vector<std::size_t>{2, 1, 1});
}

TEST_CASE("a result that is no number is a fault of the device") {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    Rig rig;
    rig.script.say("Run", {confirmation()});
    rig.script.say("Run_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
    rig.script.say("Run_Result", {number(value)});
    const auto end = rig.run();
    REQUIRE_FALSE(end);
    CHECK(end.fault().kind == Fault::Kind::kDevice);
    CHECK_THAT(end.fault().message, Contains("as “yield”, which is no number"));
  }
}

TEST_CASE("why there is no connection is said in words, with the way out") {
  struct Case {
    const char *library, *words;
  };
  const Case cases[] = {
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: "
       "Connection refused",
       "nobody listens there"},
      {"last error: UNKNOWN: Ssl handshake failed: SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify "
       "failed",
       "as “root_certificate” in the profile"},
      {"Hostname Verification Check failed.", "as “certificate_name” in the profile"},
      {"SSL_ERROR_SSL: error:0A00010B:SSL routines::wrong version number", "knows no TLS"},
      {"DNS resolution failed for nowhere:1", "no machine of that name is known"},
      {"Failed parsing HTTP/2",
       "does a SiLA 2 server answer there, and with TLS if the address says so? (Failed parsing"},
  };
  for (const Case& one : cases) {
    Rig rig;
    rig.command.set_capability("thing.halt");
    rig.script.say("Halt", {}, {Code::kUnavailable, one.library});
    CHECK_THAT(rig.run().fault().message,
               Contains("the server at sila2://thing:1 cannot be reached: ") && Contains(one.words));
  }
}

TEST_CASE("addresses: TLS everywhere, without it on this machine only") {
  CHECK(parse_address("sila2://10.0.0.6:50052").secure);
  CHECK(parse_address("sila2://[fe80::1]:50052").target == "[fe80::1]:50052");
  CHECK_FALSE(parse_address("sila2-insecure://127.0.0.1:50052").secure);
  CHECK_THROWS_WITH(parse_address("sila2-insecure://10.0.0.6:50052"),
                    Contains("without TLS only servers on this machine"));
  CHECK_THROWS_WITH(parse_address("sila2-insecure://127.0.0.1.example.org:50052"), Contains("without TLS only"));
  CHECK_THROWS_WITH(parse_address("sila2://host"), Contains("names no host and port"));
  CHECK_THROWS_WITH(parse_address("sila2://host:0"), Contains("names no host and port"));
  CHECK_THROWS_WITH(parse_address("sila2:host:1"), Contains("is no address"));
}

}  // namespace
}  // namespace athanor::sila2
