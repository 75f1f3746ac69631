#include "instruments/lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "core/error.h"
#include "instruments/address.h"
#include "instruments/description.h"
#include "instruments/device_claims.h"
#include "instruments/messages.h"

namespace athanor {

void check_name(const Node& node, const std::string& what, const std::string& name) {
  if (name.size() > kLongestName)
    return node.error(fmt::format("“{}” as the name of {} has {} bytes; expected {} at most", shortened(name), what,
                                  name.size(), kLongestName));
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c < 128 && std::isalnum(c) != 0) || c == '-' || c == '_' || c == '.';
  });
  if (!good)
    node.error(fmt::format("“{}” as the name of {}; expected letters, digits, “-”, “_” and “.” only", name, what));
}

namespace {

/// One bound of a limit; a bound that is no quantity is a mistake at its own place.
std::optional<Quantity> read_bound(const Node& node) {
  return node ? node.quantity() : std::nullopt;
}

/// [low, high], or {min: low}, {max: high}, {min: low, max: high}.
void read_limit(const Node& node, LabLimit& limit) {
  const std::string what = fmt::format("the limit of “{}” of “{}”", limit.parameter, limit.capability);
  limit.place = node.place();
  if (node.kind() == Node::Kind::kSequence) {
    const std::vector<Node> bounds = node.items();
    if (bounds.size() != 2)
      return node.error(fmt::format("{} has {} numbers; expected [low, high]", what, bounds.size()));
    limit.low = read_bound(bounds[0]);
    limit.high = read_bound(bounds[1]);
  } else if (node.kind() == Node::Kind::kMap) {
    MapReader reader(node, what);
    limit.low = read_bound(reader.optional("min"));
    limit.high = read_bound(reader.optional("max"));
    if (node.entries().empty()) node.error(fmt::format("{} is empty; expected min, max or both", what));
    reader.finish();
  } else {
    return node.error(fmt::format("{}: expected [low, high], or {{min: low}}, or {{max: high}}", what));
  }
  if (!limit.low || !limit.high) return;
  if (!limit.low->unit.convertible_to(limit.high->unit)) {
    node.error(
        fmt::format("{}: {} and {} measure different things", what, to_string(*limit.low), to_string(*limit.high)));
  } else if (in_unit(*limit.low, limit.high->unit) > limit.high->value) {
    node.error(fmt::format("{}: {} is above {}; expected the lower bound first", what, to_string(*limit.low),
                           to_string(*limit.high)));
  }
}

std::vector<LabLimit> read_limits(const Node& node) {
  std::vector<LabLimit> limits;
  if (!node) return limits;
  for (const auto& [capability, parameters] : node.entries()) {
    for (const auto& [parameter, bounds] : parameters.entries()) {
      LabLimit limit;
      limit.capability = capability;
      limit.parameter = parameter;
      read_limit(bounds, limit);
      limits.push_back(std::move(limit));
    }
  }
  return limits;
}

std::vector<LabSignal> read_signals(const Node& node) {
  std::vector<LabSignal> signals;
  if (!node) return signals;
  for (const auto& [capability, results] : node.entries()) {
    for (const auto& [result, settings] : results.entries()) {
      LabSignal signal;
      signal.range.capability = capability;
      signal.range.parameter = result;
      signal.range.place = settings.place();
      MapReader reader(settings, fmt::format("the signal “{}” of “{}”", result, capability));
      signal.range.low = read_bound(reader.optional("min"));
      signal.range.high = read_bound(reader.optional("max"));
      signal.saturates_low = read_bound(reader.optional("saturates_below"));
      signal.saturates_high = read_bound(reader.optional("saturates_above"));
      if (const Node flat = reader.optional("flat_after")) {
        const long readings = flat.integer().value_or(2);
        if (readings < 2 || readings > 1000)
          flat.error(fmt::format("flat after {} equal readings; expected 2 to 1000", readings));
        signal.flat_after = static_cast<unsigned>(std::clamp(readings, 2L, 1000L));
      }
      reader.finish();
      if (settings.entries().empty())
        settings.error("it says nothing; expected min, max, saturates_below, saturates_above or flat_after");
      signals.push_back(std::move(signal));
    }
  }
  return signals;
}

void read_endpoint(const Node& node, LabDriver& driver) {
  driver.endpoint = node.text().value_or("");
  if (!driver.endpoint.starts_with("tcp://") && !driver.endpoint.starts_with("ipc://")) {
    return node.error(fmt::format("“{}” as endpoint; expected “tcp://HOST:PORT” or “ipc://FILE”", driver.endpoint));
  }
  try {
    require_key(driver.endpoint, !driver.key.empty(), fmt::format("driver “{}”", driver.name));
  } catch (const InputError& error) {
    node.error(error.what());
  }
}

std::vector<LabDriver> read_drivers(const Node& node) {
  std::vector<LabDriver> drivers;
  if (!node) return drivers;
  for (const auto& [name, settings] : node.entries()) {
    check_name(settings, "a driver", name);
    LabDriver driver;
    driver.name = name;
    if (settings.kind() != Node::Kind::kNull) {
      MapReader reader(settings, fmt::format("driver “{}”", name));
      const Node endpoint = reader.optional("endpoint"), key = reader.optional("key");
      if (key) {
        driver.key = key.text().value_or("");
        check_name(key, "a key", driver.key);
      }
      if (const Node dead_man = reader.optional("dead_man")) {
        driver.dead_man_s = dead_man.quantity_in(Unit::parse("s"));
        if (driver.dead_man_s && !(*driver.dead_man_s >= 0 && *driver.dead_man_s <= 1e6))
          dead_man.error(fmt::format("a dead-man time of {} s; expected 0 s (never) to 1e6 s", *driver.dead_man_s));
      }
      if (endpoint) read_endpoint(endpoint, driver);
      reader.finish();
    }
    drivers.push_back(std::move(driver));
  }
  return drivers;
}

/// A folder, and the device file of a serial line that begins with a dot, are relative to the lab file; all else is a
/// place on a line.
std::string read_address(const Node& at) {
  constexpr std::string_view kSerial = "serial:";
  const std::string address = at.text().value_or("");
  if (address.starts_with(kSerial) && address.substr(kSerial.size()).starts_with('.')) {
    const auto folder = std::filesystem::absolute(at.document().folder());
    return std::string(kSerial) + (folder / address.substr(kSerial.size())).lexically_normal().string();
  }
  const bool folder = !address.empty() && address.find(':') == std::string::npos;
  return folder ? at.path().value_or("") : address;
}

LabInstrument read_instrument(const std::string& id, const Node& node, const std::vector<LabDriver>& drivers) {
  check_name(node, "an instrument", id);
  LabInstrument instrument;
  instrument.id = id;
  instrument.place = node.place();
  MapReader reader(node, fmt::format("instrument “{}”", id));
  if (const Node driver = reader.required("driver")) {
    instrument.driver = driver.text().value_or("");
    std::vector<std::string> known;
    for (const LabDriver& each : drivers) known.push_back(each.name);
    if (std::find(known.begin(), known.end(), instrument.driver) == known.end()) {
      driver.error(fmt::format("instrument “{}” names driver “{}”, which is not under “drivers”{}", id,
                               instrument.driver, suggest_name(instrument.driver, known)));
    }
  }
  if (const Node kind = reader.optional("kind")) instrument.kind = kind.text().value_or("");
  instrument.limits = read_limits(reader.optional("limits"));
  instrument.signals = read_signals(reader.optional("signals"));
  if (const Node approve = reader.optional("approve")) {
    for (const Node& item : approve.items()) {
      if (const auto capability = item.text()) instrument.approve.emplace_back(*capability, item.place());
    }
  }
  if (const Node profile = reader.optional("profile")) {
    instrument.profile = profile.path().value_or("");
    instrument.profile_place = profile.place();
  }
  if (const Node at = reader.optional("at")) {
    instrument.at = read_address(at);
    instrument.at_place = at.place();
  }
  const bool tells_itself = instrument.at.starts_with("sila2");  // what it offers; a profile may say more
  if (instrument.profile.empty() != instrument.at.empty() && !tells_itself) {
    node.error(fmt::format("instrument “{}” has “{}” without “{}”; a device that is spoken to by a profile needs both",
                           id, instrument.at.empty() ? "profile" : "at", instrument.at.empty() ? "at" : "profile"));
  }
  instrument.twin = reader.optional("twin");
  reader.finish();
  return instrument;
}

std::vector<LabPlaces> read_places(const Node& node) {
  std::vector<LabPlaces> all;
  if (!node) return all;
  for (const auto& [name, settings] : node.entries()) {
    check_name(settings, "places", name);
    LabPlaces places;
    places.name = name;
    MapReader reader(settings, fmt::format("places “{}”", name));
    if (const Node count = reader.required("count")) {
      places.count = count.integer().value_or(1);
      if (places.count < 1) count.error(fmt::format("{} places “{}”; expected at least 1", places.count, name));
    }
    reader.finish();
    all.push_back(std::move(places));
  }
  return all;
}

std::vector<LabStock> read_stock(const Node& node) {
  std::vector<LabStock> all;
  if (!node) return all;
  for (const auto& [name, amount] : node.entries()) {
    const auto quantity = amount.quantity();
    if (!quantity) continue;
    if (!(quantity->value >= 0) || std::isinf(quantity->value)) {
      amount.error(
          fmt::format("a stock of {} of “{}”; expected an amount that is not negative", to_string(*quantity), name));
    }
    all.push_back({name, *quantity});
  }
  return all;
}

void check_devices(Document& file, const std::vector<LabDriver>& drivers,
                   const std::vector<LabInstrument>& instruments) {
  DeviceClaims claims(drivers);
  for (const LabInstrument& one : instruments) {
    const std::string why = claims.add(one, one.at);
    if (!why.empty()) file.error(one.at_place, why);
  }
}

Lab read_lab(std::unique_ptr<Document> file) {
  Lab lab;
  MapReader reader(file->root(), "the lab file");
  if (const Node name = reader.required("lab")) lab.name = name.text().value_or("");
  lab.twin = reader.optional("twin");
  lab.drivers = read_drivers(reader.required("drivers"));
  if (const Node instruments = reader.required("instruments")) {
    const auto entries = instruments.entries();
    if (entries.empty())
      instruments.error("a laboratory without instruments; expected at least one under “instruments”");
    for (const auto& [id, node] : entries) lab.instruments.push_back(read_instrument(id, node, lab.drivers));
    check_devices(*file, lab.drivers, lab.instruments);
  }
  lab.places = read_places(reader.optional("places"));
  lab.stock = read_stock(reader.optional("stock"));
  if (const Node interlocks = reader.optional("interlocks")) {
    for (const auto& [name, settings] : interlocks.entries()) check_name(settings, "an interlock", name);
    std::vector<std::string> known;
    for (const LabInstrument& instrument : lab.instruments) known.push_back(instrument.id);
    lab.interlocks = read_interlocks(interlocks, known);
    for (LabInterlock& interlock : lab.interlocks) {
      if (const LabInstrument* watched = lab.find(interlock.instrument)) interlock.driver = watched->driver;
    }
  }
  reader.finish();
  file->throw_if_errors();
  lab.file = std::move(file);
  return lab;
}

// ── Tightening ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Parameters are limited, results are doubted.
enum class Of { kParameter, kResult };

/// The field of the instrument that `limit` speaks of; null, and a mistake, if there is none.
wire::Field* find_field(wire::Instrument& instrument, const LabLimit& limit, Of of, std::vector<Mistake>& mistakes) {
  std::vector<std::string> known;
  for (wire::Capability& capability : *instrument.mutable_capabilities()) {
    known.push_back(capability.name());
    if (capability.name() != limit.capability) continue;
    std::vector<std::string> names;
    for (wire::Field& field : of == Of::kParameter ? *capability.mutable_parameters() : *capability.mutable_results()) {
      if (field.name() == limit.parameter) return &field;
      names.push_back(field.name());
    }
    mistakes.push_back(
        {limit.place, fmt::format("“{}” of instrument “{}” has no {} “{}”{}{}", limit.capability, instrument.id(),
                                  of == Of::kParameter ? "parameter" : "result", limit.parameter,
                                  of == Of::kParameter ? " to be limited" : "", suggest_name(limit.parameter, names))});
    return nullptr;
  }
  mistakes.push_back(
      {limit.place, fmt::format("instrument “{}” has no capability “{}”{}{}", instrument.id(), limit.capability,
                                of == Of::kParameter ? " to be limited" : "", suggest_name(limit.capability, known))});
  return nullptr;
}

/// Narrows `field` to `limit`, which must be convertible to its unit.
void narrow(wire::Field& field, const LabLimit& limit, const Unit& unit) {
  if (limit.low) field.set_low(std::max(in_unit(*limit.low, unit), field.has_low() ? field.low() : -HUGE_VAL));
  if (limit.high) field.set_high(std::min(in_unit(*limit.high, unit), field.has_high() ? field.high() : HUGE_VAL));
}

/// What `signal` says, in the unit of the result `field`.
void tell_signal(wire::Field& field, const LabSignal& signal, const std::string& instrument,
                 std::vector<Mistake>& mistakes) {
  const auto wrong = [&](const std::string& why) {
    mistakes.push_back(
        {signal.range.place, fmt::format("the signal “{}” of “{}” of instrument “{}”: {}", signal.range.parameter,
                                         signal.range.capability, instrument, why)});
  };
  if (field.is_text()) return wrong("it is a text; only numbers can be doubted");
  if (field.has_array()) return wrong("it is an array; only numbers can be doubted");
  const Unit unit = Unit::parse(field.unit());
  for (const auto& bound : {signal.range.low, signal.range.high, signal.saturates_low, signal.saturates_high}) {
    if (!bound) continue;
    if (bound->unit.text().empty() && !unit.text().empty())
      return wrong(fmt::format("{} has no unit; write “{} {}”", to_string(*bound), to_string(*bound), unit.text()));
    if (bound->unit.convertible_to(unit)) continue;
    return wrong(fmt::format("{} cannot be converted to its unit, {}", to_string(*bound),
                             unit.text().empty() ? "none" : unit.text()));
  }
  narrow(field, signal.range, unit);
  if (signal.saturates_low) field.set_saturates_low(in_unit(*signal.saturates_low, unit));
  if (signal.saturates_high) field.set_saturates_high(in_unit(*signal.saturates_high, unit));
  if (signal.flat_after > 0) field.set_flat_after(signal.flat_after);
  if (field.has_low() && field.has_high() && field.low() > field.high()) wrong("no number lies within min and max");
  if (field.has_saturates_low() && field.has_saturates_high() && field.saturates_low() >= field.saturates_high())
    wrong("it would be saturated everywhere; expected saturates_below to be less than saturates_above");
}

std::string range_text(const wire::Field& field) {
  const auto bound = [&](bool given, double value) {
    return given ? to_string(Quantity{value, Unit::parse(field.unit())}) : std::string("any");
  };
  return fmt::format("{} … {}", bound(field.has_low(), field.low()), bound(field.has_high(), field.high()));
}

}  // namespace

const LabInstrument* Lab::find(const std::string& id) const {
  const auto found =
      std::find_if(instruments.begin(), instruments.end(), [&](const auto& each) { return each.id == id; });
  return found == instruments.end() ? nullptr : &*found;
}

std::set<std::string> Lab::watched() const {
  std::set<std::string> watched;
  for (const LabInterlock& interlock : interlocks) watched.insert(interlock.instrument);
  return watched;
}

Lab load_lab(const std::string& file) {
  return read_lab(Document::load(file));
}

Lab parse_lab(const std::string& text, const std::string& name, const std::string& folder) {
  return read_lab(Document::parse(text, name, folder));
}

wire::Instrument tighten(const Lab& lab, const wire::Instrument& described) {
  wire::Instrument tightened = described;
  const LabInstrument* instrument = lab.find(described.id());
  if (instrument == nullptr) return tightened;
  std::vector<Mistake> mistakes;
  for (const LabLimit& limit : instrument->limits) {
    wire::Field* field = find_field(tightened, limit, Of::kParameter, mistakes);
    if (field == nullptr) continue;
    const auto wrong = [&](const std::string& why) {
      mistakes.push_back({limit.place, fmt::format("the limit of “{}” of “{}” of instrument “{}”: {}", limit.parameter,
                                                   limit.capability, described.id(), why)});
    };
    if (field->is_text()) {
      wrong("it is a text; only numbers can be limited");
      continue;
    }
    const std::string before = range_text(*field);
    const Unit unit = Unit::parse(field->unit());
    const auto& bound = limit.low ? limit.low : limit.high;
    if (!bound->unit.convertible_to(unit)) {
      wrong(fmt::format("{} cannot be converted to its unit, {}", to_string(*bound),
                        unit.text().empty() ? "none" : unit.text()));
      continue;
    }
    narrow(*field, limit, unit);
    if (field->has_low() && field->has_high() && field->low() > field->high()) {
      wrong(fmt::format("nothing is left of what the instrument allows, {}", before));
    }
  }
  for (const LabSignal& signal : instrument->signals) {
    if (wire::Field* field = find_field(tightened, signal.range, Of::kResult, mistakes))
      tell_signal(*field, signal, described.id(), mistakes);
  }
  for (const auto& [name, place] : instrument->approve) {
    std::vector<std::string> known;
    bool found = false;
    for (wire::Capability& capability : *tightened.mutable_capabilities()) {
      known.push_back(capability.name());
      if (capability.name() != name) continue;
      found = true;
      capability.set_risk(wire::HAZARDOUS);
    }
    if (found) continue;
    mistakes.push_back({place, fmt::format("instrument “{}” has no capability “{}” to be approved{}", described.id(),
                                           name, suggest_name(name, known))});
  }
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  return tightened;
}

}  // namespace athanor
