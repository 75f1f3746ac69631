// Goal: each way in which a server may answer, fall silent or forget ends as the outcome that is true, and nothing is
// sent twice. Method: a channel that answers from memory, and addresses, profiles and traces of our own.
#include "sila2/session.h"

#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>

#include "core/error.h"
#include "features.h"
#include "instruments/messages.h"
#include "proto/sila2.pb.h"

namespace athanor::sila2 {
namespace {

namespace sila = ::sila2::org::silastandard;
using Catch::Matchers::Contains;
using Code = Channel::Code;

constexpr const char* kService = "/sila2.org.silastandard.core.silaservice.v1.SiLAService/";
constexpr const char* kThing = "/sila2.org.example.tests.thing.v1.Thing/";

/// A message with `part` under field 1.
std::string in_field_1(const std::string& part) {
  sila::Binary wrapped;  // its value, bytes under field 1, is laid out like any message there
  wrapped.set_value(part);
  return wrapped.SerializeAsString();
}

std::string text(const std::string& value) {
  sila::String string;
  string.set_value(value);
  return in_field_1(string.SerializeAsString());
}

Channel::Status aborted(const sila::SiLAError& error) {
  const std::string bytes = error.SerializeAsString();
  static const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string base64;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned three = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      three = three << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) base64 += i + j <= bytes.size() ? digits[three >> (18 - 6 * j) & 63] : '=';
  }
  return {Code::kAborted, base64};
}

Channel::Status framework_error(sila::FrameworkError::ErrorType type) {
  sila::SiLAError error;
  error.mutable_frameworkerror()->set_errortype(type);
  return aborted(error);
}

/// Says of each call what the test has laid ready for it, in order; and counts.
struct Script {
  struct Answer {
    Channel::Status status;
    std::vector<std::string> messages;
  };
  /// What the next call of that name gives: messages, and then its end.
  void say(const std::string& call, std::vector<std::string> messages, Channel::Status status = {}) {
    Answer answer;
    answer.messages = std::move(messages);
    answer.status = std::move(status);
    answers[call].push_back(std::move(answer));
  }
  std::string feature;
  std::map<std::string, std::deque<Answer>> answers;  ///< by call of Thing
  std::map<std::string, int> asked;
};

class ScriptedChannel final : public Channel {
 public:
  explicit ScriptedChannel(Script& script) : script_(script) {}
  Status connect(double) override { return {}; }
  Status call(const std::string& method, const std::string&, double, std::string& answer) override {
    if (method == kService + std::string("Get_ServerUUID")) return answer = text("device-1"), Status{};
    if (method == kService + std::string("Get_ServerType")) return answer = text("Thing"), Status{};
    if (method == kService + std::string("Get_ImplementedFeatures"))
      return answer = text("org.example/tests/Thing/v1"), Status{};
    if (method == kService + std::string("GetFeatureDefinition")) return answer = text(script_.feature), Status{};
    return stream(method, "", 0, [&](const std::string& bytes) {
      answer = bytes;
      return true;
    });
  }
  Status stream(const std::string& method, const std::string&, double, const Each& each) override {
    const std::string name = method.substr(std::string(kThing).size());
    ++script_.asked[name];
    auto& ready = script_.answers[name];
    if (ready.empty()) return {Code::kUnimplemented, ""};
    const Script::Answer answer = ready.front();
    ready.pop_front();
    for (const std::string& bytes : answer.messages) {
      if (!each(bytes)) return {};
    }
    return answer.status;
  }
  void interrupt() override {}
  void resume() override {}

 private:
  Script& script_;
};

std::string info(sila::ExecutionInfo::CommandStatus status, double progress) {
  sila::ExecutionInfo info;
  info.set_commandstatus(status);
  info.mutable_progressinfo()->set_value(progress);
  return info.SerializeAsString();
}

std::string confirmation() {
  sila::CommandConfirmation confirmed;
  confirmed.mutable_commandexecutionuuid()->set_value("execution-1");
  return confirmed.SerializeAsString();
}

std::string number(double value) {
  sila::Real real;
  real.set_value(value);
  return in_field_1(real.SerializeAsString());
}

const std::string kObservable = feature_with(
    "<Command><Identifier>Run</Identifier><Observable>Yes</Observable><Response><Identifier>Yield</"
    "Identifier><DataType>"
    "<Basic>Real</Basic></DataType></Response></Command>"
    "<Command><Identifier>Halt</Identifier><Observable>No</Observable></Command>");

/// A session with a scripted server.
struct Rig {
  explicit Rig(const std::string& profile_text = "profile: thing\nsila2: {}\nsafe: nothing\n")
      : profile(read_profile(Document::parse(profile_text, "profile.yaml"))), executions("") {
    script.feature = kObservable;
    session = std::make_unique<Session>(std::make_unique<Server>(std::make_unique<ScriptedChannel>(script), 1), profile,
                                        "thing-1", executions);
    command.set_id("c1");
    command.set_instrument("thing-1");
    command.set_capability("thing.run");
    conduct.wait = [this](double) { return ++waits < 100; };
    conduct.progress = [this](double fraction, const std::string&) { fractions.push_back(fraction); };
  }
  Outcome<Session::Values> run(bool recalled = false) { return session->carry_out(command, recalled, conduct, acted); }

  Script script;
  Profile profile;
  Executions executions;
  std::unique_ptr<Session> session;
  wire::Command command;
  Session::Conduct conduct;
  std::vector<double> fractions;
  int waits = 0;
  bool acted = false;
};

const Channel::Status kLost{Code::kUnavailable, "gone"};

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
  const std::string head = "profile: thing\nsila2: {}\n";
  CHECK_THAT(refused(head + "safe: thing.hallt"),
             Contains("profile.yaml:3:7: the server offers no “thing.hallt” (did you mean “thing.halt”?)"));
  CHECK_THAT(refused(head + "capabilities: {thing.rum: {}}"), Contains("did you mean “thing.run”?"));
  CHECK_THAT(refused(head + "capabilities: {thing.run: {names: {yeld: y}}}"), Contains("did you mean “yield”?"));
  CHECK_THAT(refused(head + "capabilities: {thing.run: {lasts: duration}}"), Contains("which is no parameter of it"));
  CHECK_THAT(refused(head + "capabilities: {thing.run: {as: thing.halt}}"), Contains("described twice"));
  CHECK_THAT(refused(head + "safe: {do: thing.halt, with: {speed: 1}}"), Contains("has no parameter “speed”"));
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
