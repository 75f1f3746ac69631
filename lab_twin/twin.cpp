#include "lab_twin/twin.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "instruments/ledger.h"
#include "lab_twin/device.h"
#include "lab_twin/model.h"
#include "lab_twin/world.h"

namespace athanor {
namespace {

const std::map<std::string, ModelMaker>& models() {
  static const std::map<std::string, ModelMaker> makers = {
      {"suzuki", make_suzuki}, {"dose_response", make_dose_response}, {"lookup", make_lookup}};
  return makers;
}

template <class Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

struct PlannedDevice {
  std::string driver;
  wire::Instrument description;
  std::shared_ptr<const Behaviours> behaviours;
  Temper temper;
};

/// The whole twin, read from the lab file and not yet brought to life.
struct Blueprint {
  std::string model;
  std::optional<std::uint64_t> seed;
  double dead_man_s = 0;
  std::vector<PlannedDevice> devices;
};

std::optional<PlannedDevice> plan_device(const Lab& lab, const LabInstrument& instrument, const Model& model) {
  const auto kinds = model.kinds();
  if (std::find(kinds.begin(), kinds.end(), instrument.kind) == kinds.end()) {
    lab.file->error(instrument.place,
                    fmt::format("instrument {}: the twin has no kind “{}” in this model{}", instrument.id,
                                instrument.kind, suggest_name(instrument.kind, kinds)));
    return std::nullopt;
  }
  PlannedDevice device;
  device.driver = instrument.driver;
  Settings settings(instrument.twin, "the twin of " + instrument.id);
  device.temper.forgets = settings.flag("forgets", false);
  device.temper.fails = settings.number("fails", 0, 0, 1);
  device.temper.hangs = settings.number("hangs", 0, 0, 1);
  device.temper.breaks = settings.number("breaks", 0, 0, 1);
  device.temper.broken_for_s = settings.quantity("broken_for", "s", 7200, 0, 1e9);
  device.temper.wild = settings.number("wild", 0, 0, 1);
  Behaviours behaviours = model.device(instrument.kind, settings);
  settings.finish();
  if (behaviours.empty()) return std::nullopt;  // of a model that could not be read: its mistakes are on the list
  behaviours.push_back(make_self_test());
  device.behaviours = std::make_shared<const Behaviours>(std::move(behaviours));
  device.description = describe_device(instrument.id, instrument.kind, *device.behaviours);
  try {
    device.description = tighten(lab, device.description);
  } catch (const InputError& error) {
    for (const Mistake& mistake : error.mistakes()) lab.file->error(mistake.place, mistake.message);
  }
  return device;
}

/// throws InputError with all mistakes.
Blueprint read_blueprint(const Lab& lab) {
  Blueprint blueprint;
  if (!lab.twin) {
    throw InputError({lab.file->name()},
                     fmt::format("the laboratory {} has no twin; name its model under “twin:”, such as "
                                 "twin: {{model: suzuki}}",
                                 lab.name));
  }
  Settings settings(lab.twin, "the twin");
  const Node name = settings.required("model");
  if (const Node seed = settings.raw("seed")) {
    const auto value = seed.integer();
    if (value && *value < 0) seed.error(fmt::format("the seed {} is negative; expected a whole number from 0", *value));
    if (value && *value >= 0) blueprint.seed = static_cast<std::uint64_t>(*value);
  }
  blueprint.dead_man_s = settings.quantity("dead_man", "s", 0, 0, 1e6);
  if (const auto model = name ? name.one_of(names_of(models())) : std::nullopt) {
    blueprint.model = *model;
    const auto made = models().at(*model)(lab, settings);
    settings.finish();
    for (const LabInstrument& instrument : lab.instruments) {
      if (auto device = plan_device(lab, instrument, *made)) blueprint.devices.push_back(std::move(*device));
    }
  }
  lab.file->throw_if_errors();
  return blueprint;
}

}  // namespace

struct Twin::Impl {
  std::shared_ptr<World> world;
  std::vector<std::unique_ptr<Ledger>> ledgers;
  std::vector<std::unique_ptr<Driver>> drivers;
};

Twin::Twin(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& only,
           const std::string& boot, Time now)
    : impl_(std::make_unique<Impl>()) {
  Blueprint blueprint = read_blueprint(lab);
  std::vector<std::string> names;
  for (const LabDriver& driver : lab.drivers) names.push_back(driver.name);
  if (!only.empty() && std::find(names.begin(), names.end(), only) == names.end()) {
    throw InputError({lab.file->name()},
                     fmt::format("the laboratory has no driver “{}”{}", only, suggest_name(only, names)));
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw EnvironmentError(fmt::format("the folder {} cannot be made: {}", folder, error.message()));

  impl_->world = std::make_shared<World>(world_file(folder), blueprint.model, seed ? seed : blueprint.seed);
  const Unit ml = Unit::parse("mL");
  impl_->world->transaction([&] {
    for (const LabStock& bottle : lab.stock) {
      if (bottle.amount.unit.convertible_to(ml)) impl_->world->stock_up(bottle.name, in_unit(bottle.amount, ml));
    }
  });
  for (const std::string& name : names) {
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
