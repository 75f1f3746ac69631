#include "lab_twin/twin.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "instruments/ledger.h"
#include "lab_twin/blueprint.h"

namespace athanor {
struct Twin::Impl {
  std::shared_ptr<World> world;
  std::vector<std::unique_ptr<Ledger>> ledgers;
  std::vector<std::unique_ptr<Driver>> drivers;
};

Twin::Twin(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& only,
           const std::string& boot, Time now)
    : impl_(std::make_unique<Impl>()) {
  Blueprint blueprint = read_blueprint(lab);
  require_driver(lab, only);
  impl_->world = open_world(lab, blueprint, folder, seed);
  for (const LabDriver& driver : lab.drivers) {
    const std::string& name = driver.name;
    if (!only.empty() && name != only) continue;
    std::vector<std::unique_ptr<Instrument>> instruments;
    for (PlannedDevice& device : blueprint.devices) {
      if (device.driver != name) continue;
      instruments.push_back(std::make_unique<Device>(std::move(device.description), std::move(device.behaviours),
                                                     device.temper, impl_->world, now));
    }
    // Not synced at each line, as the world is not: a power cut that lost the one must not leave the other.
    impl_->ledgers.push_back(std::make_unique<Ledger>(folder + "/" + name + ".ledger", Database::Sync::kNone));
    impl_->drivers.push_back(std::make_unique<Driver>(name, boot, std::move(instruments), *impl_->ledgers.back(),
                                                      Driver::Options{blueprint.dead_man_s}, now));
  }
}

Twin::~Twin() = default;
Twin::Twin(Twin&&) noexcept = default;
Twin& Twin::operator=(Twin&&) noexcept = default;

std::vector<Driver*> Twin::drivers() {
  std::vector<Driver*> drivers;
  for (const auto& driver : impl_->drivers) drivers.push_back(driver.get());
  return drivers;
}

std::vector<driver::v1::Instrument> describe_twin(const Lab& lab) {
  std::vector<driver::v1::Instrument> described;
  for (PlannedDevice& device : read_blueprint(lab).devices) described.push_back(std::move(device.description));
  return described;
}

bool world_exists(const std::string& folder) {
  return std::filesystem::exists(world_file(folder));
}

std::optional<Time> world_time(const std::string& folder) {
  if (!world_exists(folder)) return std::nullopt;
  return World(world_file(folder), std::nullopt, std::nullopt).last_time();
}

std::vector<PhysicalAction> physical_actions(const std::string& folder) {
  if (!std::filesystem::exists(world_file(folder))) {
    throw EnvironmentError(fmt::format("{} holds no simulated world ({} is not there)", folder, world_file(folder)));
  }
  return World(world_file(folder), std::nullopt, std::nullopt).actions();
}

}  // namespace athanor
