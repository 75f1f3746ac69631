// Goal: arrays leave a session whole, whatever their size, and a server that gives something else than it said is at
// fault. Method: a channel that answers from memory; binaries in parts, each of which is wrong once.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "instruments/messages.h"
#include "session_rig.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;
using Code = Channel::Code;

const std::string kBinary = "<Basic>Binary</Basic>", kReal = "<Basic>Real</Basic>";
const std::string kCamera = command_giving(named("Response", "Image", kBinary) + named("Response", "Focus", kReal));
const std::string kSlowCamera = command_giving(named("Response", "Image", kBinary), "", "Yes");

std::string inlined(const std::string& bytes) {
  sila::Binary binary;
  binary.set_value(bytes);
  return in_field_1(binary.SerializeAsString());
}

std::string kept(const std::string& uuid) {
  sila::Binary binary;
  binary.set_binarytransferuuid(uuid);
  return in_field_1(binary.SerializeAsString());
}

std::string focus() {
  sila::Real real;
  real.set_value(0.5);
  return in_field(2, real.SerializeAsString());
}

std::string size_of(std::uint64_t bytes) {
  sila::GetBinaryInfoResponse response;
  response.set_binarysize(bytes);
  return response.SerializeAsString();
}

std::string chunk(std::uint64_t offset, const std::string& payload, const std::string& uuid = "uuid-1") {
  sila::GetChunkResponse response;
  response.set_binarytransferuuid(uuid);
  response.set_offset(offset);
  response.set_payload(payload);
  return response.SerializeAsString();
}

Channel::Status transfer_error(sila::BinaryTransferError::ErrorType type, const std::string& message) {
  sila::BinaryTransferError error;
  error.set_errortype(type);
  error.set_message(message);
  return aborted(error);
}

/// A camera whose image of so many bytes is kept by the server; its bytes differ all along.
struct Camera : Rig {
  explicit Camera(std::size_t bytes, const std::string& feature = kCamera)
      : Rig(kHarmless, feature), image(bytes, '\0') {
    for (std::size_t i = 0; i < bytes; ++i) image[i] = static_cast<char>(i * 2654435761u >> 24);
    command.set_capability("thing.do");
  }
  void lay_ready() {
    script.say("GetBinaryInfo", {size_of(image.size())});
    for (std::size_t from = 0; from < image.size(); from += Session::kMostRows)
      script.say("GetChunk", {chunk(from, image.substr(from, Session::kMostRows))});
  }
  std::string image;
};

TEST_CASE("a Binary in the answer is an array of its bytes, also one of none") {
  for (const std::string& bytes : {std::string("\0\xff picture", 10), std::string()}) {
    Camera camera(0);
    camera.script.say("Do", {inlined(bytes) + focus()});
    const auto end = camera.run();
    REQUIRE(end);
    CHECK(camera.arrays["image"] == bytes);
    REQUIRE(end.value().size() == 1);  // the array is no value: its driver names it in the outcome
    CHECK(end.value()[0].number() == 0.5);
    CHECK(camera.script.times("GetBinaryInfo") == 0);
  }
}

TEST_CASE("a list is handed on in pieces of bounded size") {
  Rig rig(kHarmless, command_giving(named("Response", "Spectrum", list_of(kReal))));
  rig.command.set_capability("thing.do");
  const std::string one = number(1.5);
  std::string answer;
  for (int i = 0; i < 300'000; ++i) answer += one;
  rig.script.say("Do", {answer});
  REQUIRE(rig.run());
  CHECK(rig.arrays["spectrum"].size() == 300'000 * sizeof(double));
  CHECK(rig.largest <= Session::kMostRows);
}

TEST_CASE("a Binary that the server keeps is fetched in parts, and forgotten with the next command") {
  Camera camera(2 * Session::kMostRows + 17);
  camera.script.say("Do", {kept("UUID-1") + focus()});
  camera.lay_ready();
  REQUIRE(camera.run());
  CHECK(camera.arrays["image"] == camera.image);
  CHECK(camera.largest == Session::kMostRows);
  CHECK(camera.script.times("GetChunk") == 3);
  CHECK(camera.script.times("DeleteBinary") == 0);  // the driver may die, and need it once more
  sila::GetChunkRequest last;
  REQUIRE(last.ParseFromString(camera.script.heard["GetChunk"].back().bytes));
  CHECK(last.offset() == 2 * Session::kMostRows);
  CHECK(last.length() == 17);

  camera.script.say("DeleteBinary", {""});
  camera.script.say("Do", {inlined("") + focus()});
  REQUIRE(camera.run());
  CHECK(camera.script.times("DeleteBinary") == 1);
}

TEST_CASE("a Binary that the server keeps and that is empty is an array of none") {
  Camera camera(0);
  camera.script.say("Do", {kept("uuid-1") + focus()});
  camera.lay_ready();
  REQUIRE(camera.run());
  CHECK(camera.script.times("GetChunk") == 0);
}

TEST_CASE("a part that is not what was asked for is a fault of the device") {
  struct Case {
    std::string answer;
    const char* says;
  };
  const std::string part(100, 'x');
  const Case cases[] = {
      {chunk(0, part.substr(1)), "gave 99 bytes from byte 0 on where it was asked for 100 from byte 0 on"},
      {chunk(0, part + "x"), "gave 101 bytes"},
      {chunk(0, ""), "gave 0 bytes"},
      {chunk(7, part), "gave 100 bytes from byte 7 on"},
      {chunk(0, part, "uuid-2"), "a part of another binary"},
      {"\xff\xff", "is not what the standard defines"},
  };
  for (const Case& one : cases) {
    Camera camera(100);
    camera.script.say("Do", {kept("uuid-1") + focus()});
    camera.script.say("GetBinaryInfo", {size_of(100)});
    camera.script.say("GetChunk", {one.answer});
    const auto end = camera.run();
    REQUIRE_FALSE(end);
    CHECK(end.fault().kind == Fault::Kind::kDevice);
    CHECK_THAT(end.fault().message, Contains(one.says));
    CHECK(camera.acted);
    CHECK(camera.arrays["image"].empty());
  }
}

TEST_CASE("a Binary that cannot be fetched is a fault of the device, with the server's words") {
  const auto fault = [](const std::function<void(Script&)>& prepare) {
    Camera camera(100);
    camera.script.say("Do", {kept("uuid-1") + focus()});
    prepare(camera.script);
    const auto end = camera.run();
    REQUIRE_FALSE(end);
    CHECK(end.fault().kind == Fault::Kind::kDevice);
    CHECK(camera.acted);
    return end.fault().message;
  };
  using Error = sila::BinaryTransferError;
  CHECK(fault([](Script& script) {
          script.say("GetBinaryInfo", {}, transfer_error(Error::INVALID_BINARY_TRANSFER_UUID, "never heard of it"));
        }) == "BinaryDownload: INVALID_BINARY_TRANSFER_UUID: never heard of it");
  CHECK(fault([](Script& script) {
          script.say("GetBinaryInfo", {size_of(100)});
          script.say("GetChunk", {}, transfer_error(Error::BINARY_DOWNLOAD_FAILED, "the disk is broken"));
        }) == "BinaryDownload: BINARY_DOWNLOAD_FAILED: the disk is broken");
  CHECK_THAT(fault([](Script& script) {
               script.say("GetBinaryInfo", {size_of(100)});
               script.say("GetChunk", {});
             }),
             Contains("gave nothing where it was asked for 100 bytes from byte 0 on"));
  CHECK_THAT(fault([](Script& script) { script.say("GetBinaryInfo", {size_of(std::uint64_t{1} << 62)}); }),
             Contains("the server has 4611686018427387904 bytes as “image”; 4294967296 are the most"));
  CHECK_THAT(fault([](Script&) {}), Contains("does not know it"));
}

TEST_CASE("what could not be fetched is forgotten all the same, with the next command") {
  Camera camera(100);
  camera.script.say("Do", {kept("uuid-1") + focus()});
  CHECK_FALSE(camera.run());
  camera.script.say("Do", {inlined("") + focus()});
  REQUIRE(camera.run());
  CHECK(camera.script.times("DeleteBinary") == 1);
}

TEST_CASE("a link that is lost while a Binary is fetched is waited for, and what was fetched is not fetched again") {
  Camera camera(Session::kMostRows + 5);
  camera.script.say("Do", {kept("uuid-1") + focus()});
  camera.script.say("GetBinaryInfo", {}, kLost);
  camera.script.say("GetBinaryInfo", {size_of(camera.image.size())});
  camera.script.say("GetChunk", {chunk(0, camera.image.substr(0, Session::kMostRows))});
  camera.script.say("GetChunk", {}, kLost);
  camera.script.say("GetChunk", {chunk(Session::kMostRows, camera.image.substr(Session::kMostRows))});
  REQUIRE(camera.run());
  CHECK(camera.arrays["image"] == camera.image);
  CHECK(camera.waits == 2);
  CHECK(camera.script.times("Do") == 1);
}

TEST_CASE("after the driver's death an execution's arrays come all the same") {
  Camera camera(Session::kMostRows + 1, kSlowCamera);
  camera.executions.sending("thing-1", "c1");
  camera.executions.confirmed("thing-1", "execution-1");
  camera.script.say("Do_Info", {info(sila::ExecutionInfo::finishedSuccessfully, 1)});
  camera.script.say("Do_Result", {kept("uuid-1")});
  camera.lay_ready();
  REQUIRE(camera.run(true));
  CHECK(camera.arrays["image"] == camera.image);
  CHECK(camera.script.times("Do") == 0);
}

TEST_CASE("whoever does not take the rows has them broken off") {
  Camera camera(3 * Session::kMostRows);
  camera.script.say("Do", {kept("uuid-1") + focus()});
  camera.lay_ready();
  camera.takes_rows = false;
  const auto end = camera.run();
  REQUIRE_FALSE(end);
  CHECK(end.fault().kind == Fault::Kind::kInterrupted);
  CHECK(camera.script.times("GetChunk") == 1);
}

TEST_CASE("a step to the safe state fetches no arrays") {
  Rig rig("profile: thing\nsila2: {}\nsafe: thing.do\n", kCamera);
  rig.script.say("Do", {kept("uuid-1") + focus()});
  Session::Conduct resolute;
  resolute.wait = [](double) { return true; };
  CHECK_FALSE(rig.session->reach_safe(resolute));
  CHECK(rig.script.times("GetBinaryInfo") == 0);
}

TEST_CASE("a list that is not allowed is refused before anything is begun") {
  const std::string columns = list_of(constrained("Integer", "<MaximalInclusive>12</MaximalInclusive>"),
                                      "<MaximalElementCount>3</MaximalElementCount>");
  Rig rig(kHarmless, command_with(columns));
  rig.command.set_capability("thing.do");
  wire::Value& given = *rig.command.add_with() = text_value("given", "[1, 13]");
  const auto why = rig.session->why_not(rig.command);
  REQUIRE(why);
  CHECK(why->kind == Fault::Kind::kLimit);
  CHECK(why->message == "parameter “given, element 2” is 13, above the limit of 12");
  CHECK_FALSE(rig.run());
  CHECK_FALSE(rig.acted);
  CHECK(rig.script.times("Do") == 0);

  given = text_value("given", "[1, 12]");
  CHECK_FALSE(rig.session->why_not(rig.command));
  rig.script.say("Do", {""});
  REQUIRE(rig.run());
  CHECK(rig.script.heard["Do"].front().bytes == std::string("\x0a\x02\x08\x01\x0a\x02\x08\x0c", 8));
}

TEST_CASE("a step to the safe state with a list that is not allowed is a mistake of the profile") {
  const auto speak = [](const std::string& list) {
    Rig("profile: thing\nsila2: {}\nsafe: {do: thing.do, with: {given: '" + list + "'}}\n",
        command_with(list_of(constrained("Integer", "<MaximalInclusive>12</MaximalInclusive>"))));
  };
  CHECK_NOTHROW(speak("[12]"));
  CHECK_THROWS_WITH(speak("[13]"), Contains("“given, element 1” is 13, above the limit of 12"));
}

}  // namespace
}  // namespace athanor::sila2
