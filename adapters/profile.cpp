#include "adapters/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "adapters/read_routine.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/lab.h"

namespace athanor {
namespace {

const std::map<std::string, AdapterMaker>& adapters() {
  static const std::map<std::string, AdapterMaker> makers = {
      {"scpi", make_scpi_adapter},    {"text", make_text_adapter},   {"modbus", make_modbus_adapter},
      {"http", make_http_adapter},    {"opcua", make_opcua_adapter}, {"program", make_program_adapter},
      {"folder", make_folder_adapter}};
  return makers;
}

std::vector<std::string> adapter_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : adapters()) names.push_back(name);
  return names;
}

// ── What a capability takes and gives ────────────────────────────────────────────────────────────────────────────────

/// unit: none: it is no unit, which was said.
std::optional<double> read_bound(MapReader& reader, const char* key, const std::optional<Unit>& unit) {
  const Node bound = reader.optional(key);
  return bound && unit ? bound.quantity_in(*unit) : std::nullopt;
}

/// A parameter or result: its unit and limits, or its choices.
wire::Field read_field(const Node& node, const std::string& name, bool is_result) {
  wire::Field field;
  field.set_name(name);
  if (node.kind() == Node::Kind::kNull) return field;
  const std::size_t mistakes_before = node.document().mistakes().size();
  MapReader reader(node, fmt::format("{} “{}”", is_result ? "result" : "parameter", name));
  std::optional<Unit> unit = Unit();
  if (const Node text = reader.optional("text")) field.set_is_text(text.boolean().value_or(true));
  if (const Node choices = reader.optional("choices")) {
    field.set_is_text(true);
    for (const Node& choice : choices.items()) field.add_choices(choice.text().value_or(""));
  }
  if (const Node text = reader.optional("unit")) {
    field.set_unit(text.text().value_or(""));
    try {
      unit = Unit::parse(field.unit());
    } catch (const InputError& error) {
      text.error(error.what());
      unit.reset();
    }
  }
  if (const auto low = read_bound(reader, "min", unit)) field.set_low(*low);
  if (const auto high = read_bound(reader, "max", unit)) field.set_high(*high);
  if (is_result) {
    if (const auto low = read_bound(reader, "saturates_below", unit)) field.set_saturates_low(*low);
    if (const auto high = read_bound(reader, "saturates_above", unit)) field.set_saturates_high(*high);
    if (const Node flat = reader.optional("flat_after"))
      field.set_flat_after(static_cast<unsigned>(std::clamp(flat.integer().value_or(2), 0L, 1000L)));
  } else {
    if (const Node optional = reader.optional("optional")) field.set_may_be_missing(optional.boolean().value_or(false));
    if (const Node levels = reader.optional("levels")) {
      for (const Node& level : levels.items()) {
        if (const auto value = unit ? level.quantity_in(*unit) : std::nullopt) field.add_levels(*value);
      }
      std::sort(field.mutable_levels()->begin(), field.mutable_levels()->end());
    }
  }
  reader.finish();
  if (node.document().mistakes().size() > mistakes_before) return field;
  for (const std::string& mistake : mistakes_in(field, is_result ? "result" : "parameter")) node.error(mistake);
  return field;
}

Variables variables_of(const google::protobuf::RepeatedPtrField<wire::Field>& fields) {
  Variables variables;
  for (const wire::Field& field : fields) {
    try {
      variables[field.name()] = Variable{field.is_text(), Unit::parse(field.unit()), field.may_be_missing()};
    } catch (const InputError&) {
      variables[field.name()] = {field.is_text(), Unit(), field.may_be_missing(), false};  // on the list already
    }
  }
  return variables;
}

wire::Capability read_description(MapReader& reader, const std::string& name) {
  wire::Capability description;
  description.set_name(name);
  if (const Node with = reader.optional("with")) {
    for (const auto& [key, node] : with.entries()) *description.add_parameters() = read_field(node, key, false);
  }
  if (const Node gives = reader.optional("gives")) {
    for (const auto& [key, node] : gives.entries()) *description.add_results() = read_field(node, key, true);
  }
  if (const Node usual = reader.optional("usual")) {
    const double usual_s = usual.quantity_in(Unit::parse("s")).value_or(0);
    if (const std::string why = why_no_time(usual_s); !why.empty()) usual.error("a usual duration of " + why);
    description.set_usual_duration_s(usual_s);
  }
  if (const Node lasts = reader.optional("lasts")) description.set_duration_parameter(lasts.text().value_or(""));
  if (const Node risk = reader.optional("risk")) {
    const auto word = risk.one_of({"safe", "guarded", "hazardous"});
    if (word == "guarded") description.set_risk(wire::GUARDED);
    if (word == "hazardous") description.set_risk(wire::HAZARDOUS);
  }
  if (const Node repeatable = reader.optional("repeatable"))
    description.set_repeatable(repeatable.boolean().value_or(false));
  if (const Node test = reader.optional("self_test")) {
    description.set_self_test(test.boolean().value_or(false));
    if (description.self_test()) description.set_repeatable(true);
  }
  if (const Node uses = reader.optional("uses")) {
    MapReader use(uses, fmt::format("what “{}” uses", name));
    wire::StockUse& stock = *description.add_uses();
    stock.set_reagent(use.required("reagent").text().value_or(""));
    stock.set_amount(use.required("amount").text().value_or(""));
    use.finish();
  }
  return description;
}

ProfileCapability read_capability(const Node& node, const std::string& name, const Adapter& adapter) {
  ProfileCapability capability;
  check_name(node, "a capability", name);
  MapReader reader(node, fmt::format("capability “{}”", name));
  capability.description = read_description(reader, name);
  Variables variables = variables_of(capability.description.parameters());
  const Variables own = {{"id", {true, Unit(), false}},
                         {"sample", {true, Unit(), false}},
                         {"place", {true, Unit(), false}},
                         {"tag", {false, Unit(), false}},
                         {"position", {false, Unit(), true}}};
  for (const auto& [given, variable] : own) {
    if (!variables.emplace(given, variable).second)
      node.error(fmt::format("“{}” cannot be the name of a parameter: it is the command's own", given));
  }
  for (const auto& [given, variable] : adapter.variables()) {
    if (!variables.emplace(given, variable).second && variable.why_not.empty())
      node.error(fmt::format("“{}” cannot be the name of a parameter: it is the device's own", given));
  }
  const Variables results = variables_of(capability.description.results());
  for (const auto& [result, variable] : results) {
    if (variables.contains(result))
      node.error(fmt::format("“{}” is a parameter and a result; give them two names", result));
  }
  RoutineReader steps(adapter, variables, results);
  capability.begin = steps.read(reader.required("do"));
  const Node finish = reader.optional("finish");
  RoutineReader finishing(adapter, variables, results);  // after a restart nothing of the beginning is known
  if (finish) capability.finish = finishing.read(finish);
  for (const auto& [result, variable] : results) {
    const Variables& all = (finish ? finishing : steps).taken();
    const auto taken = all.find(result);
    if (taken == all.end()) {
      node.error(fmt::format("no step of “{}” takes its result “{}” from an answer", name, result));
    } else if (taken->second.may_miss) {
      node.error(fmt::format("result “{}” of “{}” is taken only in steps that may be left out", result, name));
    }
  }
  if (const Node recall = reader.optional("recall")) {
    if (!finish)
      recall.error("“recall” goes with “finish”: the steps by which what runs already is brought to its end");
    capability.recall = RoutineReader(adapter, variables, {}, "recall").read(recall);
  }
  if (const Node cancel = reader.optional("cancel"))
    capability.cancel = RoutineReader(adapter, variables, {}).read(cancel);
  reader.finish();
  for (const std::string& mistake : mistakes_between_parts(capability.description)) node.error(mistake);
  return capability;
}

/// Which of the adapters the file's keys name, and its settings.
std::unique_ptr<Adapter> read_adapter(MapReader& reader) {
  std::unique_ptr<Adapter> adapter;
  std::string chosen;
  for (const auto& [name, make] : adapters()) {
    const Node settings = reader.optional(name);
    if (!settings) continue;
    if (adapter) {
      settings.error(fmt::format("“{}” beside “{}”: a device is spoken to in one way", name, chosen));
      continue;
    }
    chosen = name;
    adapter = make(settings);
  }
  if (!adapter) {
    reader.node().error(fmt::format("nothing says how the device is spoken to; expected one of the keys {}",
                                    fmt::join(adapter_names(), ", ")));
  }
  return adapter;
}

Routine read_safe(const Node& profile, const Node& safe, const Adapter& adapter) {
  if (!safe) {
    profile.error(
        "the profile has no safe state; say under “safe:” what brings the device there, or “safe: nothing” where it "
        "can do no harm whatever it was doing");
    return {};
  }
  if (safe.kind() == Node::Kind::kScalar) {
    safe.one_of({"nothing"});
    return {};
  }
  return RoutineReader(adapter, adapter.variables(), {}).read(safe);
}

Profile read_profile(std::unique_ptr<Document> file) {
  Profile profile;
  profile.file = std::move(file);
  MapReader reader(profile.file->root(), "the profile");
  if (const Node name = reader.required("profile")) {
    profile.name = name.text().value_or("");
    check_name(name, "a profile", profile.name);
  }
  profile.kind = profile.name;
  if (const Node kind = reader.optional("kind")) {
    profile.kind = kind.text().value_or(profile.name);
    if (profile.kind.size() > kLongestName)
      kind.error(fmt::format("“{}” has {} bytes; expected {} at most", shortened(profile.kind), profile.kind.size(),
                             kLongestName));
  }
  reader.optional("about").text();
  profile.adapter = read_adapter(reader);
  const Node hello = reader.optional("hello"), safe = reader.optional("safe"), readings = reader.optional("readings");
  const Node capabilities = reader.required("capabilities");
  if (profile.adapter) {
    const Adapter& adapter = *profile.adapter;
    profile.hello = RoutineReader(adapter, adapter.variables(), {}).read(hello);
    profile.safe = read_safe(reader.node(), safe, adapter);
    profile.readings = RoutineReader(adapter, adapter.variables(), {}, "readings").read(readings);
    const auto offered = capabilities ? capabilities.entries() : std::vector<std::pair<std::string, Node>>();
    if (offered.size() > kMostCapabilities)
      capabilities.error(fmt::format("{} capabilities; expected {} at most", offered.size(), kMostCapabilities));
    for (std::size_t i = 0; i < std::min(offered.size(), kMostCapabilities); ++i)
      profile.capabilities.push_back(read_capability(offered[i].second, offered[i].first, adapter));
    if (capabilities.kind() == Node::Kind::kMap && profile.capabilities.empty())
      capabilities.error("no capabilities; expected at least one");
  }
  reader.finish();
  profile.file->throw_if_errors();
  return profile;
}

}  // namespace

Profile load_profile(const std::string& file) {
  return read_profile(Document::load(file));
}

Profile parse_profile(const std::string& text, const std::string& name, const std::string& folder) {
  return read_profile(Document::parse(text, name, folder));
}

wire::Instrument describe(const Profile& profile, const std::string& id) {
  wire::Instrument instrument;
  instrument.set_id(id);
  instrument.set_kind(profile.kind);
  for (const ProfileCapability& capability : profile.capabilities)
    *instrument.add_capabilities() = capability.description;
  return instrument;
}

}  // namespace athanor
