// A device of the twin that is spoken to on the wire, and the messages of Modbus.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "lab_twin/blueprint.h"
#include "lab_twin/wire_device.h"
#include "tests/lab_twin/rig.h"

namespace athanor::test {

/// One device of the exact bench, with four vials.
struct Bench {
  explicit Bench(const std::string& id)
      : lab(parse_lab(exact_bench(), "bench.yaml", ".")), blueprint(read_blueprint(lab)) {
    world = open_world(lab, blueprint, folder.path(), std::nullopt);
    for (const PlannedDevice& one : blueprint.devices) {
      if (one.description.id() != id) continue;
      planned = one;
      auto simulated = std::make_unique<Device>(one.description, one.behaviours, one.temper, world, now);
      device = std::make_unique<WireDevice>(std::move(simulated), world, vials);
    }
    REQUIRE(device);
  }

  std::string say(WireLanguage& language, std::string bytes) {
    std::string all;
    for (const std::string& answer : language.hear(bytes, now)) all += answer;
    return all;
  }

  Folder folder;
  Lab lab;
  Blueprint blueprint;
  PlannedDevice planned;
  std::shared_ptr<World> world;
  std::unique_ptr<WireDevice> device;
  const std::vector<std::string> vials = {"vial-1", "vial-2", "vial-3", "vial-4"};
  Time now = start_time();
};

/// A message of Modbus TCP to unit 1.
inline std::string modbus(std::uint16_t transaction, const std::string& request) {
  std::string frame;
  for (const unsigned word : {unsigned{transaction}, 0u, static_cast<unsigned>(request.size() + 1)}) {
    frame += static_cast<char>(word >> 8);
    frame += static_cast<char>(word & 0xff);
  }
  return frame + '\1' + request;
}

/// 16 bits each.
inline std::string words(const std::vector<unsigned>& numbers) {
  std::string bytes;
  for (const unsigned number : numbers) {
    bytes += static_cast<char>(number >> 8);
    bytes += static_cast<char>(number & 0xff);
  }
  return bytes;
}

/// A request for input registers.
inline std::string input(std::size_t at, std::size_t count) {
  return std::string(1, '\4') + words({static_cast<unsigned>(at), static_cast<unsigned>(count)});
}

}  // namespace athanor::test
