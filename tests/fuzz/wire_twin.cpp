// What is said to simulated devices over their sockets: the first byte chooses the language.
#include <cstdlib>
#include <filesystem>

#include "lab_twin/blueprint.h"
#include "lab_twin/wire_device.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static Bench bench;
  const auto language = data[0] % 3 == 0   ? speak_scpi(*bench.device)
                        : data[0] % 3 == 1 ? speak_sics(*bench.device)
                                           : speak_modbus(*bench.device);
  std::string heard = test::text_of(data + 1, size - 1);
  for (std::string& answer : language->hear(heard, bench.now)) language->spoiled(std::move(answer));
  bench.now += std::chrono::hours(1);
  return 0;
}
