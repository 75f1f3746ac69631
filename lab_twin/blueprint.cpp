#include "lab_twin/blueprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>

#include "core/error.h"

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

/// How the device speaks, where it is spoken to over the wire.
WireManners read_manners(Settings& settings, const LabInstrument& instrument) {
  WireManners manners;
  manners.speaks = settings.choice("speaks", {"scpi", "sics", "modbus"}, "scpi");
  Settings wire(settings.raw("wire"), "the line to " + settings.what());
  manners.no_answer = wire.number("no_answer", 0, 0, 1);
  manners.late = wire.number("late", 0, 0, 1);
  manners.late_by_s = wire.quantity("late_by", "s", 2, 0, 3600);
  manners.garbled = wire.number("garbled", 0, 0, 1);
  manners.truncated = wire.number("truncated", 0, 0, 1);
  manners.resets = wire.number("resets", 0, 0, 1);
  manners.restarts = wire.number("restarts", 0, 0, 1);
  manners.checksum = wire.number("checksum", 0, 0, 1);
  if (const Node checksum = wire.raw("checksum"); checksum && !speaks_rtu(manners, instrument.at))
    checksum.error(fmt::format(
        "instrument {} speaks {}{}, whose answers have no checksum that could be wrong; leave it out, or let it speak "
        "modbus at a serial line, such as at: serial:./{}.tty",
        instrument.id, manners.speaks, instrument.at.empty() ? "" : " at " + instrument.at, instrument.id));
  wire.finish();
  return manners;
}

/// Arrays go through drivers of our own; none of the languages that devices speak can say one.
void require_words(const Lab& lab, const LabInstrument& instrument, const Node& speaks, const Behaviours& behaviours) {
  if (!speaks && instrument.at.empty()) return;
  for (const auto& behaviour : behaviours) {
    const wire::Capability offered = behaviour->describe().description();
    for (const wire::Field& field : offered.results()) {
      if (!field.has_array()) continue;
      lab.file->error(speaks ? speaks.key_place() : instrument.place,
                      fmt::format("instrument {}: on the wire, “{}” cannot say its array “{}”; leave out “{}”, or the "
                                  "setting that makes it record one",
                                  instrument.id, offered.name(), field.name(), speaks ? "speaks" : "at"));
    }
  }
}

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
  device.at = instrument.at;
  Settings settings(instrument.twin, "the twin of " + instrument.id);
  device.temper.forgets = settings.flag("forgets", false);
  device.temper.fails = settings.number("fails", 0, 0, 1);
  device.temper.hangs = settings.number("hangs", 0, 0, 1);
  device.temper.breaks = settings.number("breaks", 0, 0, 1);
  device.temper.broken_for_s = settings.quantity("broken_for", "s", 7200, 0, 1e9);
  device.temper.wild = settings.number("wild", 0, 0, 1);
  device.wire = read_manners(settings, instrument);
  Behaviours behaviours = model.device(instrument.kind, settings);
  settings.finish();
  if (behaviours.empty()) return std::nullopt;  // of a model that could not be read: its mistakes are on the list
  require_words(lab, instrument, settings.raw("speaks"), behaviours);
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

}  // namespace

std::optional<std::string> serial_path(const std::string& at) {
  constexpr std::string_view kScheme = "serial:";
  if (!at.starts_with(kScheme) || !at.substr(kScheme.size()).starts_with('/')) return std::nullopt;
  return at.substr(kScheme.size(), at.find('#') - kScheme.size());
}

bool speaks_rtu(const WireManners& manners, const std::string& at) {
  return manners.speaks == "modbus" && serial_path(at).has_value();
}

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

std::shared_ptr<World> open_world(const Lab& lab, const Blueprint& blueprint, const std::string& folder,
                                  std::optional<std::uint64_t> seed) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw EnvironmentError(fmt::format("the folder {} cannot be made: {}", folder, error.message()));
  auto world = std::make_shared<World>(world_file(folder), blueprint.model, seed ? seed : blueprint.seed);
  const Unit ml = Unit::parse("mL");
  world->transaction([&] {
    for (const LabStock& bottle : lab.stock) {
      if (bottle.amount.unit.convertible_to(ml)) world->stock_up(bottle.name, in_unit(bottle.amount, ml));
    }
  });
  return world;
}

void require_driver(const Lab& lab, const std::string& name) {
  std::vector<std::string> names;
  for (const LabDriver& driver : lab.drivers) names.push_back(driver.name);
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
    throw InputError({lab.file->name()},
                     fmt::format("the laboratory has no driver “{}”{}", name, suggest_name(name, names)));
  }
}

}  // namespace athanor
