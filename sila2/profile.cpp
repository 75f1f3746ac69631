#include "sila2/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"

namespace athanor::sila2 {
namespace {

std::vector<std::string> names_of(const Offers& offers) {
  std::vector<std::string> names;
  for (const Offer& offer : offers.capabilities) names.push_back(offer.description.name());
  return names;
}

Offer* find(Offers& offers, const std::string& name) {
  const auto found = std::find_if(offers.capabilities.begin(), offers.capabilities.end(),
                                  [&](const Offer& offer) { return offer.description.name() == name; });
  return found == offers.capabilities.end() ? nullptr : &*found;
}

std::string read_certificate(const Node& node) {
  const std::string name = node.path().value_or("");
  if (name.empty()) return "";
  std::ifstream file(name);
  const std::string pem((std::istreambuf_iterator<char>(file)), {});
  if (!file) throw EnvironmentError(fmt::format("the certificate {} cannot be read", name));
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    node.error(fmt::format("{} holds no certificate in PEM", name));
  return pem;
}

/// Parameters and results by other names; the leaves and the description carry them alike.
void rename(const Node& node, Offer& offer) {
  for (const auto& entry : node.entries()) {
    const std::string& from = entry.first;
    const Node& to = entry.second;
    const std::string name = to.text().value_or("");
    bool known = false;
    std::vector<std::string> names;
    const auto change = [&](std::vector<Leaf>& leaves, google::protobuf::RepeatedPtrField<wire::Field>& fields) {
      for (int i = 0; i < fields.size(); ++i) {
        names.push_back(fields[i].name());
        if (fields[i].name() != from) continue;
        known = true;
        fields[i].set_name(name);
        leaves[static_cast<std::size_t>(i)].field.set_name(name);
      }
    };
    change(offer.parameters, *offer.description.mutable_parameters());
    change(offer.results, *offer.description.mutable_results());
    if (!known)
      to.error(fmt::format("“{}” has no parameter or result “{}”{}", offer.description.name(), from,
                           suggest_name(from, names)));
  }
}

void annotate_one(const Node& node, Offer& offer) {
  wire::Capability& description = offer.description;
  MapReader reader(node, fmt::format("capability “{}”", description.name()));
  if (const Node names = reader.optional("names")) rename(names, offer);
  if (const Node as = reader.optional("as")) description.set_name(as.text().value_or(description.name()));
  if (const Node risk = reader.optional("risk")) {
    const auto word = risk.one_of({"safe", "guarded", "hazardous"});
    if (word) description.set_risk(word == "safe" ? wire::SAFE : word == "guarded" ? wire::GUARDED : wire::HAZARDOUS);
  }
  if (const Node repeatable = reader.optional("repeatable"))
    description.set_repeatable(repeatable.boolean().value_or(false));
  if (const Node test = reader.optional("self_test")) description.set_self_test(test.boolean().value_or(false));
  if (const Node usual = reader.optional("usual"))
    description.set_usual_duration_s(usual.quantity_in(Unit::parse("s")).value_or(0));
  if (const Node lasts = reader.optional("lasts")) description.set_duration_parameter(lasts.text().value_or(""));
  if (const Node uses = reader.optional("uses")) {
    MapReader use(uses, fmt::format("what “{}” uses", description.name()));
    wire::StockUse& stock = *description.add_uses();
    stock.set_reagent(use.required("reagent").text().value_or(""));
    stock.set_amount(use.required("amount").text().value_or(""));
    use.finish();
  }
  reader.finish();
}

/// One step on the way to the safe state: “stirrer.stop”, or {do: heater.set, with: {power: 0 W}}.
void read_safe_step(const Node& node, Offers& offers, std::vector<wire::Command>& steps) {
  Node name = node, with;
  if (node.kind() == Node::Kind::kMap) {
    MapReader reader(node, "a step to the safe state");
    name = reader.required("do");
    with = reader.optional("with");
    reader.finish();
  }
  const auto capability = name.text();
  if (!capability) return;
  const Offer* offer = find(offers, *capability);
  if (offer == nullptr)
    return name.error(
        fmt::format("the server offers no “{}”{}", *capability, suggest_name(*capability, names_of(offers))));
  wire::Command step;
  step.set_capability(*capability);
  if (with) {
    for (const auto& [key, node_value] : with.entries()) {
      wire::Value& value = *step.add_with();
      value.set_name(key);
      const wire::Field* field = find_parameter(offer->description, key);
      if (field != nullptr && !field->is_text()) {
        const auto quantity = node_value.quantity();
        value.set_number(quantity ? quantity->value : 0);
        value.set_unit(quantity ? quantity->unit.text() : field->unit());
      } else {
        value.set_text(node_value.text().value_or(""));
      }
    }
  }
  if (const std::string why = why_refused(offer->description, step); !why.empty()) node.error(why);
  steps.push_back(std::move(step));
}

}  // namespace

bool is_profile(const Document& file) {
  if (file.root().kind() != Node::Kind::kMap) return false;
  for (const auto& [key, node] : file.root().entries()) {
    if (key == "sila2") return true;
  }
  return false;
}

Profile read_profile(std::unique_ptr<Document> file) {
  Profile profile;
  MapReader reader(file->root(), "the profile");
  profile.kind = reader.required("profile").text().value_or("");
  if (const Node kind = reader.optional("kind")) profile.kind = kind.text().value_or("");
  reader.optional("about").text();
  if (const Node settings = reader.required("sila2"); settings && settings.kind() != Node::Kind::kNull) {
    MapReader sila2(settings, "how the server is spoken to");
    if (const Node root = sila2.optional("root_certificate")) profile.root_certificate = read_certificate(root);
    if (const Node name = sila2.optional("certificate_name")) profile.certificate_name = name.text().value_or("");
    if (const Node timeout = sila2.optional("timeout")) {
      profile.timeout_s = timeout.quantity_in(Unit::parse("s")).value_or(60);
      if (!(profile.timeout_s > 0 && profile.timeout_s <= 86400)) timeout.error("expected a time from 0 s to 1 day");
    }
    sila2.finish();
  }
  profile.safe = reader.optional("safe");
  if (const Node capabilities = reader.optional("capabilities")) profile.capabilities = capabilities.entries();
  reader.finish();
  file->throw_if_errors();
  profile.file = std::move(file);
  return profile;
}

std::vector<wire::Command> annotate(const Profile& profile, Offers& offers) {
  std::vector<wire::Command> steps;
  if (!profile.file) return steps;
  std::vector<Offer*> annotated;
  for (const auto& [name, node] : profile.capabilities) {
    annotated.push_back(find(offers, name));
    if (annotated.back() == nullptr)
      node.error(fmt::format("the server offers no “{}”{}", name, suggest_name(name, names_of(offers))));
  }
  for (std::size_t i = 0; i < annotated.size(); ++i) {
    if (annotated[i] != nullptr) annotate_one(profile.capabilities[i].second, *annotated[i]);
  }
  if (profile.safe.kind() == Node::Kind::kSequence) {
    for (const Node& step : profile.safe.items()) read_safe_step(step, offers, steps);
  } else if (profile.safe && !(profile.safe.kind() == Node::Kind::kScalar && profile.safe.text() == "nothing")) {
    read_safe_step(profile.safe, offers, steps);
  }
  profile.file->throw_if_errors();
  return steps;
}

}  // namespace athanor::sila2
