// Goal: Modbus RTU is told apart and framed as on a real line. Method: frames whose checksums are published or follow
// from the polynomial; frames cut anywhere; noise before a frame, and the silence that ends it.
#include "lab_twin/wire_rtu.h"

#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/lab_twin/wire_rig.h"

namespace athanor {
namespace {

using namespace test;

std::string bytes(std::initializer_list<int> numbers) {
  std::string all;
  for (const int number : numbers) all += static_cast<char>(number);
  return all;
}

// Three holding registers from 107 of unit 17, and 0x0003 into register 1 of unit 17, as manuals print them.
const std::string kRead = bytes({0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87});
const std::string kWriteOne = bytes({0x11, 0x06, 0x00, 0x01, 0x00, 0x03, 0x9a, 0x9b});
const std::string kWriteMany = bytes({0x11, 0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02, 0xc6, 0xf0});
const std::string kUnknown = rtu_frame(bytes({0, 0, 0, 0, 0, 6, 0x11, 0x2b, 0x0e, 0x01, 0x00, 0x00}));

std::vector<ModbusMessage> all_of(std::string& heard, bool silent = false) {
  std::vector<ModbusMessage> all;
  while (const auto message = next_rtu_message(heard, silent)) all.push_back(*message);
  return all;
}

TEST_CASE("the checksum of Modbus RTU is that of the standard") {
  CHECK(modbus_crc("123456789") == 0x4b37);  // the check value of CRC-16/MODBUS
  CHECK(modbus_crc("") == 0xffff);
  for (const std::string& frame : {kRead, kWriteOne, kWriteMany}) CHECK(modbus_crc(frame) == 0);
  CHECK(rtu_frame(bytes({0, 9, 0, 0, 0, 6, 0x11, 0x03, 0x00, 0x6b, 0x00, 0x03})) == kRead);
}

TEST_CASE("a frame is the message of Modbus TCP with the same unit and request") {
  std::string heard = kRead;
  const auto messages = all_of(heard);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].unit == 0x11);
  CHECK(messages[0].bytes == bytes({0, 0, 0, 0, 0, 6, 0x11, 0x03, 0x00, 0x6b, 0x00, 0x03}));
  CHECK(heard.empty());
}

TEST_CASE("frames cut anywhere are the same frames") {
  const std::string whole = kRead + kWriteMany + kWriteOne;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    std::string heard = whole.substr(0, cut);
    auto messages = all_of(heard);
    heard += whole.substr(cut);
    for (const ModbusMessage& message : all_of(heard)) messages.push_back(message);
    REQUIRE(messages.size() == 3);
    CHECK(messages[1].bytes.substr(6) == kWriteMany.substr(0, kWriteMany.size() - 2));
    CHECK(messages[2].bytes.substr(6) == kWriteOne.substr(0, kWriteOne.size() - 2));
  }
}

TEST_CASE("after noise, or a frame with a wrong byte, the next frame counts again once the line was silent") {
  for (const std::string& noise :
       {bytes({0x00}), bytes({0xff, 0x03}), kRead.substr(0, 5), kWriteMany.substr(0, 7), std::string(300, '\x55')}) {
    std::string heard = noise;
    CHECK(all_of(heard).empty());
    CHECK(all_of(heard, true).empty());
    CHECK(heard.empty());
    heard = kRead;
    CHECK(all_of(heard).size() == 1);
    heard = noise + kRead;  // and without a silence, a frame is no frame
    CHECK(all_of(heard).empty());
    CHECK(all_of(heard, true).empty());
    CHECK(heard.empty());
  }
  for (std::size_t i = 0; i < kWriteOne.size(); ++i) {
    std::string heard = kWriteOne;
    heard[i] = static_cast<char>(heard[i] ^ 0x10);
    CHECK(all_of(heard).empty());
    CHECK(all_of(heard, true).empty());
  }
}

TEST_CASE("a frame of an unknown function ends with a silence, and is answered with an exception") {
  std::string heard = kUnknown;
  CHECK(all_of(heard).empty());
  CHECK(heard == kUnknown);
  const auto messages = all_of(heard, true);
  REQUIRE(messages.size() == 1);
  Bench bench("reactor-1");
  const std::string answer = bench.say(*speak_modbus(*bench.device), messages[0].bytes);
  CHECK(rtu_frame(answer).substr(0, 3) == bytes({0x11, 0xab, 0x01}));
}

TEST_CASE("a job by frames") {
  Bench bench("reactor-1");
  const auto language = speak_modbus(*bench.device);
  const auto ask = [&](const std::string& request) {
    std::string heard = rtu_frame(modbus(0, request));
    const auto message = next_rtu_message(heard, false);
    REQUIRE(message);
    return rtu_frame(bench.say(*language, message->bytes));
  };
  const auto frame = [](const std::string& said) { return rtu_frame(modbus(0, said)); };
  const std::string parameters = "\x10" + words({10, 4}) + '\10' + words({0x42A0, 0, 0x4396, 0});
  CHECK(ask(parameters) == frame("\x10" + words({10, 4})));
  const std::string self_test = '\6' + words({0, 2});
  CHECK(ask(self_test) == frame(self_test));
  CHECK(ask(input(0, 1)) == frame(std::string("\4\2", 2) + words({1})));
  CHECK(bench.device->jobs() == 1);
}

TEST_CASE("noise on a serial line is never a frame that somebody sent") {
  RandomStream random(11, "noise");
  std::string heard;
  int frames = 0;
  constexpr int kBytes = 100000;
  for (int i = 0; i < kBytes; ++i) {
    heard += static_cast<char>(random.below(256));
    frames += static_cast<int>(all_of(heard, random.uniform() < 0.05).size());
    REQUIRE(heard.size() <= 257);
  }
  // By chance one in 65536 of what ends as a frame passes; less than one byte in two ends one: 5 is far out.
  CHECK(frames <= 5);
}

}  // namespace
}  // namespace athanor
