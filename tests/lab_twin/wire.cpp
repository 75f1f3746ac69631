// Goal: simulated devices answer in each of their languages as docs/twin.md says, and survive whatever is said to them.
// Method: whole messages and messages cut anywhere to a device on an exact bench; then noise, of which none may begin a
// job, end the program, or leave the device unable to answer.
#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/lab_twin/wire_rig.h"

namespace athanor {
namespace {

using namespace test;

TEST_CASE("a dispenser in the manner of MT-SICS") {
  Bench bench("dispenser-1");
  const auto sics = speak_sics(*bench.device);
  CHECK(bench.say(*sics, "I4\r\n") == "I4 A \"dispenser-1\"\r\n");
  CHECK(bench.say(*sics, "Q\r\n") == "Q I\r\n");
  CHECK(bench.say(*sics, "DISPENSE \"a\" \"s1\" \"vial-2\" \"substrates\" 99\r\n") == "DISPENSE L\r\n");
  CHECK(bench.say(*sics, "DISPENSE \"a\" \"s1\xff\" \"vial-2\" \"substrates\" 0.5\r\n") == "DISPENSE L\r\n");
  CHECK(bench.say(*sics, "DISPENSE \"a\" \"s1\" \"vial-2\" \"\xc3\" 0.5\r\n") == "DISPENSE L\r\n");
  CHECK(bench.world->standing_at("vial-2").empty());
  CHECK(bench.say(*sics, "DISPENSE \"a\" \"s1\" \"vial-2\" \"substrates\" 0.5\r\n") == "DISPENSE B\r\n");
  CHECK(bench.say(*sics, "Q\r\n").starts_with("Q B \"a\""));
  CHECK(bench.say(*sics, "DISPENSE \"b\" \"s1\" \"vial-2\" \"substrates\" 0.5\r\n").starts_with("DISPENSE I DEVICE"));
  bench.now += std::chrono::hours(1);
  CHECK(bench.say(*sics, "Q\r\n") == "Q A \"a\"\r\n");
  CHECK(bench.world->standing_at("vial-2") == "s1");
  CHECK(bench.say(*sics, "NONSENSE\r\n") == "ES\r\n");
  CHECK(bench.device->jobs() == 1);
}

TEST_CASE("a reactor by Modbus takes the sample that stands at a position") {
  Bench bench("reactor-1");
  State sample;
  sample.set("volume", 1);
  sample.set("A", 0.2);
  sample.set("B", 0.2);
  sample.set("catalyst XPhos", 0.001);
  bench.world->transaction([&] {
    bench.world->put_sample("s7", sample);
    bench.world->put_at("vial-3", "s7");
  });
  const auto language = speak_modbus(*bench.device);
  // 80 degC and 300 s as 32-bit floating-point; position 3, tag 0x00010002; then the order.
  const std::string parameters = std::string(1, '\x10') + words({10, 4}) + '\10' + words({0x42A0, 0, 0x4396, 0});
  CHECK(bench.say(*language, modbus(1, parameters)) == modbus(1, std::string(1, '\x10') + words({10, 4})));
  const std::string place = std::string(1, '\x10') + words({1, 3}) + '\6' + words({3, 1, 2});
  CHECK(bench.say(*language, modbus(2, place)) == modbus(2, std::string(1, '\x10') + words({1, 3})));
  const std::string order = std::string(1, '\6') + words({0, 1});
  CHECK(bench.say(*language, modbus(3, order)) == modbus(3, order));
  CHECK(bench.say(*language, modbus(4, input(0, 6))) ==
        modbus(4, std::string("\4\x0c", 2) + words({1, 0, 0, 1, 1, 2})));
  CHECK(bench.say(*language, modbus(5, order)) == modbus(5, "\x86\x06"));  // busy
  bench.now += std::chrono::hours(2);
  CHECK(bench.say(*language, modbus(6, input(0, 1))) == modbus(6, std::string("\4\2", 2) + words({2})));
  bench.world->transaction([&] { CHECK(bench.world->sample("s7").get("R") > 0.01); });
  CHECK(bench.say(*language, modbus(7, input(99, 2))) == modbus(7, "\x84\x02"));
  CHECK(bench.say(*language, modbus(8, "\x2b" + words({0, 0}))) == modbus(8, "\xab\x01"));
  // Switched off and on, it knows nothing of a job.
  CHECK(bench.say(*language, modbus(9, order)) == modbus(9, order));
  bench.device->restart(bench.now);
  CHECK(bench.device->state(bench.now) == WireDevice::State::kIdle);
}

TEST_CASE("an HPLC by SCPI") {
  Bench bench("hplc-1");
  const auto scpi = speak_scpi(*bench.device);
  CHECK(bench.say(*scpi, "*IDN?\n") == "Athanor,hplc,hplc-1,1\n");
  CHECK(bench.say(*scpi, "SYST:ERR?\n") == "0,\"No error\"\n");
  CHECK(bench.say(*scpi, "BLA 1;SYST:ERR?;SYST:ERR?\n") == "-113,\"Undefined header; BLA\";0,\"No error\"\n");
  CHECK(bench.say(*scpi, "CONF:SAMP \"s;1\";INIT:MEASURE_HPLC \"x\";STAT?\n").starts_with("RUN,\"x\","));
  bench.now += std::chrono::hours(1);
  CHECK(bench.say(*scpi, "STAT?\n").starts_with("FAIL,\"x\",SAMPLE,"));  // an empty vial has no peaks
  CHECK(bench.say(*scpi, "FETC:AREA_PERCENT?\n").empty());
  CHECK(bench.say(*scpi, "SYST:ERR?\n").starts_with("-230,"));
}

TEST_CASE("messages cut anywhere are the same messages") {
  Bench bench("dispenser-1");
  const auto sics = speak_sics(*bench.device);
  const auto language = speak_modbus(*bench.device);
  const std::string lines = "I4\r\nQ\r\nSI\r\n", frames = modbus(1, input(0, 2)) + modbus(2, input(10, 4));
  const std::string whole_lines = bench.say(*sics, lines), whole_frames = bench.say(*language, frames);
  for (std::size_t cut = 1; cut < std::max(lines.size(), frames.size()); ++cut) {
    for (const auto& [spoken, text, whole] :
         {std::tuple(sics.get(), lines, whole_lines), std::tuple(language.get(), frames, whole_frames)}) {
      std::string heard, all;
      for (const std::string& part : {text.substr(0, cut), cut < text.size() ? text.substr(cut) : ""}) {
        heard += part;
        for (const std::string& answer : spoken->hear(heard, bench.now)) all += answer;
      }
      CHECK(all == whole);
    }
  }
}

TEST_CASE("noise begins nothing and breaks nothing") {
  Bench bench("reactor-1");
  RandomStream random(7, "noise");
  const std::string letters = "*IDN?\"; \r\nCONF:TEMPERATUREINITHEATSTAT019.-e\\{}";
  for (const auto& make : {speak_scpi, speak_sics, speak_modbus}) {
    const auto language = make(*bench.device);
    std::string heard;
    for (int i = 0; i < 20000; ++i) {
      const bool text = random.uniform() < 0.7;
      heard += text ? letters[random.below(letters.size())] : static_cast<char>(random.below(256));
      if (random.uniform() < 0.05) heard += '\n';
      language->hear(heard, bench.now);
      if (heard.size() > 4096) heard.clear();
    }
  }
  CHECK(bench.device->jobs() == 0);
  CHECK(bench.say(*speak_scpi(*bench.device), "STAT?\n") == "IDLE\n");
}

}  // namespace
}  // namespace athanor
