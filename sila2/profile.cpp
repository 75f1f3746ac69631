#include "sila2/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor::sila2 {
namespace {

constexpr double kLongest = 365 * 24 * 3600.;  // seconds
constexpr const char* kNoSafeState =
    "the profile has no safe state; say under “safe:” which capabilities bring the device there, or “safe: nothing” "
    "where it can do no harm whatever it was doing";

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
  if (!file) {
    node.error(fmt::format("the certificate {} cannot be read: {}", name, std::strerror(errno)));
    return "";
  }
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    node.error(fmt::format("{} holds no certificate in PEM", name));
  return pem;
}

double seconds_in(const Node& node) {
  const auto s = node.quantity_in(Unit::parse("s"));
  if (s && !(*s >= 0 && *s <= kLongest)) node.error("expected a time from 0 s to 365 d");
  return s.value_or(0);
}

Annotation read_annotation(const std::string& capability, const Node& node) {
  Annotation read;
  read.capability = capability;
  read.place = node.place();
  if (node.kind() == Node::Kind::kNull) return read;
  MapReader reader(node, fmt::format("capability “{}”", capability));
  if (const Node names = reader.optional("names")) {
    for (const auto& [from, to] : names.entries()) read.names.push_back({from, to.text().value_or(""), to.place()});
  }
  if (const Node as = reader.optional("as")) read.as = as.text();
  if (const Node risk = reader.optional("risk")) {
    const auto word = risk.one_of({"safe", "guarded", "hazardous"});
    read.risk = word == "safe" ? wire::SAFE : word == "hazardous" ? wire::HAZARDOUS : wire::GUARDED;
  }
  if (const Node repeatable = reader.optional("repeatable")) read.repeatable = repeatable.boolean();
  if (const Node test = reader.optional("self_test")) read.self_test = test.boolean();
  if (const Node usual = reader.optional("usual")) read.usual_s = seconds_in(usual);
  if (const Node lasts = reader.optional("lasts")) read.lasts = lasts.text();
  if (const Node uses = reader.optional("uses")) {
    MapReader use(uses, fmt::format("what “{}” uses", capability));
    read.uses.emplace();
    read.uses->set_reagent(use.required("reagent").text().value_or(""));
    read.uses->set_amount(use.required("amount").text().value_or(""));
    use.finish();
  }
  reader.finish();
  return read;
}

/// One step on the way to the safe state: “stirrer.stop”, or {do: heater.set, with: {power: 0 W}}.
SafeStep read_safe_step(const Node& node) {
  SafeStep step;
  step.place = node.place();
  if (node.kind() != Node::Kind::kMap) {
    step.capability = node.text().value_or("");
    return step;
  }
  MapReader reader(node, "a step to the safe state");
  step.capability = reader.required("do").text().value_or("");
  if (const Node with = reader.optional("with")) step.with = with.entries();
  reader.finish();
  return step;
}

std::vector<SafeStep> read_safe(const Node& node) {
  std::vector<SafeStep> steps;
  if (node.kind() == Node::Kind::kSequence) {
    for (const Node& step : node.items()) steps.push_back(read_safe_step(step));
    if (steps.empty()) node.error("no step to the safe state; write “safe: nothing” where the device can do no harm");
  } else if (node.kind() == Node::Kind::kMap || node.text() != "nothing") {
    steps.push_back(read_safe_step(node));
  }
  return steps;
}

// ── Held against what the server offers ──────────────────────────────────────────────────────────────────────────────

using Mistakes = std::vector<Mistake>;

/// Parameters and results by other names; the leaves and the description carry them alike.
void rename(const Annotation::Name& name, Offer& offer, Mistakes& mistakes) {
  bool known = false;
  std::vector<std::string> names;
  const auto change = [&](std::vector<Leaf>& leaves, google::protobuf::RepeatedPtrField<wire::Field>& fields) {
    for (int i = 0; i < fields.size(); ++i) {
      names.push_back(fields[i].name());
      if (fields[i].name() != name.from) continue;
      known = true;
      fields[i].set_name(name.to);
      leaves[static_cast<std::size_t>(i)].field.set_name(name.to);
    }
  };
  change(offer.parameters, *offer.description.mutable_parameters());
  change(offer.results, *offer.description.mutable_results());
  if (!known)
    mistakes.push_back({name.place, fmt::format("“{}” has no parameter or result “{}”{}", offer.description.name(),
                                                name.from, suggest_name(name.from, names))});
}

void annotate_one(const Annotation& says, Offer& offer, Mistakes& mistakes) {
  wire::Capability& description = offer.description;
  for (const Annotation::Name& name : says.names) rename(name, offer, mistakes);
  if (says.as) description.set_name(*says.as);
  if (says.risk) description.set_risk(*says.risk);
  if (says.repeatable) description.set_repeatable(*says.repeatable);
  if (says.self_test) description.set_self_test(*says.self_test);
  if (says.usual_s) description.set_usual_duration_s(*says.usual_s);
  if (says.lasts) description.set_duration_parameter(*says.lasts);
  if (says.uses) *description.add_uses() = *says.uses;
}

wire::Command command_of(const SafeStep& step, Offers& offers, Mistakes& mistakes) {
  wire::Command command;
  command.set_capability(step.capability);
  const Offer* offer = find(offers, step.capability);
  if (offer == nullptr) {
    mistakes.push_back({step.place, fmt::format("the server offers no “{}”{}", step.capability,
                                                suggest_name(step.capability, names_of(offers)))});
    return command;
  }
  for (const auto& [name, node] : step.with) {
    try {
      *command.add_with() = read_value(name, node.text().value_or(""), find_parameter(offer->description, name));
    } catch (const InputError& error) {
      mistakes.push_back({node.place(), error.what()});
      return command;
    }
  }
  if (const std::string why = why_refused(offer->description, command); !why.empty()) {
    mistakes.push_back({step.place, why});
  } else if (const auto request = offer->known->messages->make(offer->call + "_Parameters");
             const auto wrong = fill(*offer, command, *request)) {
    mistakes.push_back({step.place, *wrong});
  }
  return command;
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
    if (const Node metadata = sila2.optional("metadata")) {
      for (const auto& [name, value] : metadata.entries())
        profile.metadata.push_back({name, value.text().value_or(""), value.place()});
    }
    sila2.finish();
  }
  if (const Node safe = reader.optional("safe")) {
    profile.safe = read_safe(safe);
  } else {
    file->root().error(kNoSafeState);
  }
  if (const Node capabilities = reader.optional("capabilities")) {
    for (const auto& [name, node] : capabilities.entries()) profile.capabilities.push_back(read_annotation(name, node));
  }
  reader.finish();
  file->throw_if_errors();
  profile.file = std::move(file);
  return profile;
}

std::vector<wire::Command> annotate(const Profile& profile, Offers& offers) {
  Mistakes mistakes;
  std::vector<Offer*> annotated;
  for (const Annotation& one : profile.capabilities) {
    annotated.push_back(find(offers, one.capability));
    if (annotated.back() == nullptr)
      mistakes.push_back({one.place, fmt::format("the server offers no “{}”{}", one.capability,
                                                 suggest_name(one.capability, names_of(offers)))});
  }
  for (std::size_t i = 0; i < annotated.size(); ++i) {
    if (annotated[i] != nullptr) annotate_one(profile.capabilities[i], *annotated[i], mistakes);
  }
  std::vector<wire::Command> steps;
  for (const SafeStep& step : profile.safe) steps.push_back(command_of(step, offers, mistakes));
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  return steps;
}

}  // namespace athanor::sila2
