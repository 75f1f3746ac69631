// What is said to simulated devices over their sockets: the first byte chooses the language. In Modbus RTU, messages of
// up to 127 bytes one after another, each after its length and whether its checksum is right.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "lab_twin/blueprint.h"
#include "lab_twin/wire_device.h"
#include "lab_twin/wire_rtu.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

constexpr const char* kLab = R"(
lab: fuzzed
twin: {model: suzuki}
drivers: {all: {}}
instruments: {reactor-1: {driver: all, kind: reactor}}
places: {vial: {count: 4}}
)";

struct Bench {
  std::unique_ptr<WireDevice> device;
  Time now{std::chrono::hours(1)};
  Bench() {
    const Lab lab = parse_lab(kLab, "fuzzed", ".");
    Blueprint blueprint = read_blueprint(lab);
    auto world = std::make_shared<World>("", blueprint.model, blueprint.seed);
    PlannedDevice& planned = blueprint.devices.front();
    auto simulated = std::make_unique<Device>(planned.description, planned.behaviours, planned.temper, world, now);
    device = std::make_unique<WireDevice>(std::move(simulated), world, std::vector<std::string>{"vial-1", "vial-2"});
  }
};

/// As they come over a serial line, which is silent after the last.
void say_in_frames(WireLanguage& modbus, std::string_view bytes, Time now) {
  std::string heard;
  const auto hear = [&](bool silent) {
    while (auto message = next_rtu_message(heard, silent)) {
      for (const std::string& answer : modbus.hear(message->bytes, now))
        ATHANOR_CHECK(modbus_crc(rtu_frame(answer)) == 0, "an answer's checksum is wrong");
    }
  };
  while (!bytes.empty()) {
    const auto head = static_cast<unsigned char>(bytes.front());
    const std::string said(bytes.substr(1, head / 2));
    bytes.remove_prefix(1 + said.size());
    heard += said;
    if (head % 2 == 0) {
      const std::uint16_t crc = modbus_crc(said);
      heard += {static_cast<char>(crc & 0xff), static_cast<char>(crc >> 8)};
    }
    hear(false);
  }
  hear(true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static Bench bench;
  const unsigned chosen = data[0] % 4;
  const auto language = chosen == 0   ? speak_scpi(*bench.device)
                        : chosen == 1 ? speak_sics(*bench.device)
                                      : speak_modbus(*bench.device);
  std::string heard = test::text_of(data + 1, size - 1);
  if (chosen == 3) {
    say_in_frames(*language, heard, bench.now);
  } else {
    for (std::string& answer : language->hear(heard, bench.now)) language->spoiled(std::move(answer));
  }
  bench.now += std::chrono::hours(1);
  return 0;
}
