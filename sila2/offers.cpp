#include "sila2/offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "instruments/description.h"
#include "instruments/kit.h"

namespace athanor::sila2 {
namespace {

/// A capability without its own name for every leaf is left out as a whole.
std::string doubled(const std::vector<Leaf>& leaves) {
  std::map<std::string, int> times;
  for (const Leaf& leaf : leaves) {
    if (++times[leaf.field.name()] == 2) return leaf.field.name();
  }
  return "";
}

void describe_fields(Offer& offer) {
  for (const Leaf& leaf : offer.parameters) *offer.description.add_parameters() = leaf.field;
  for (const Leaf& leaf : offer.results) {
    *offer.description.add_results() = leaf.field;
    // A description of results knows limits, but no choices or levels.
    offer.description.mutable_results()->rbegin()->clear_choices();
    offer.description.mutable_results()->rbegin()->clear_levels();
  }
}

/// A text has no unit that a description could tell.
void note_units(const std::string& capability, const std::string& list, const Leaf& leaf, Offers& offers) {
  if (leaf.form != Leaf::Form::kList) return;
  for (const Leaf& item : leaf.items) {
    const std::string name = item.field.name().empty() ? list : list + ", " + item.field.name();
    if (!item.field.unit().empty())
      offers.notes.push_back(fmt::format("{}: the numbers in “{}” are in {}", capability, name, item.field.unit()));
    note_units(capability, name, item, offers);
  }
}

void note_units(const Offer& offer, Offers& offers) {
  for (const Leaf& leaf : offer.parameters) note_units(offer.description.name(), leaf.field.name(), leaf, offers);
  for (const Leaf& leaf : offer.results) note_units(offer.description.name(), leaf.field.name(), leaf, offers);
}

void add_command(const Known& known, const Command& command, Offers& offers) {
  Offer offer;
  offer.known = &known;
  offer.call = command.identifier;
  offer.observable = command.observable;
  offer.description.set_name(our_name(known.feature.identifier) + "." + our_name(command.identifier));
  offer.description.set_risk(driver::v1::GUARDED);
  Leaves with = flatten(known.feature, command.parameters, Side::kParameters);
  Leaves gives = flatten(known.feature, command.responses, Side::kResults);
  offer.parameters = std::move(with.leaves);
  offer.results = std::move(gives.leaves);
  const std::string twice = doubled(offer.parameters) + doubled(offer.results);
  if (!twice.empty()) with.left_out.push_back(fmt::format("“{}” would be two parameters or results", twice));
  if (!with.left_out.empty()) {
    offers.notes.push_back(
        fmt::format("{} is not offered: {}", offer.description.name(), fmt::join(with.left_out, ", ")));
    return;
  }
  if (!gives.left_out.empty())
    offers.notes.push_back(
        fmt::format("{} is offered without a result: {}", offer.description.name(), fmt::join(gives.left_out, ", ")));
  note_units(offer, offers);
  describe_fields(offer);
  offers.capabilities.push_back(std::move(offer));
}

void add_property(const Known& known, const Property& property, Offers& offers) {
  Offer offer;
  offer.known = &known;
  offer.call = (property.observable ? "Subscribe_" : "Get_") + property.identifier;
  offer.property = true;
  offer.observable = property.observable;
  offer.description.set_name(our_name(known.feature.identifier) + ".get_" + our_name(property.identifier));
  offer.description.set_repeatable(true);
  Leaves gives = flatten(known.feature, {{property.identifier, property.type}}, Side::kResults);
  offer.results = std::move(gives.leaves);
  if (!gives.left_out.empty())
    offers.notes.push_back(
        fmt::format("{} is offered without a result: {}", offer.description.name(), fmt::join(gives.left_out, ", ")));
  if (offer.results.empty()) return;
  note_units(offer, offers);
  for (const Leaf& leaf : offer.results) {
    if (leaf.form == Leaf::Form::kOne && (!leaf.field.is_text() || leaf.type.kind == DataType::Kind::kBoolean))
      offers.readings.push_back({&known, offer.call, offer.observable, leaf});
  }
  describe_fields(offer);
  offers.capabilities.push_back(std::move(offer));
}

/// Two features may have a property of one name; their readings then carry the feature's, too.
void tell_readings_apart(Offers& offers) {
  std::map<std::string, int> times;
  for (const ReadingOffer& reading : offers.readings) ++times[reading.leaf.field.name()];
  for (ReadingOffer& reading : offers.readings) {
    const std::string name = reading.leaf.field.name();
    if (times[name] > 1) reading.leaf.field.set_name(our_name(reading.known->feature.identifier) + "_" + name);
  }
}

}  // namespace

Offers offers_of(const std::vector<Known>& features) {
  Offers offers;
  for (const Known& known : features) {
    const Feature& feature = known.feature;
    if (feature.originator == "org.silastandard" && feature.category.starts_with("core")) {
      if (feature.identifier == "CancelController") offers.cancel = &known;
      continue;
    }
    for (const Command& command : feature.commands) add_command(known, command, offers);
    for (const Property& property : feature.properties) add_property(known, property, offers);
  }
  tell_readings_apart(offers);
  return offers;
}

std::optional<std::string> fill(const Offer& offer, const driver::v1::Command& command,
                                google::protobuf::Message& request) {
  const Arguments with(offer.description, command);  // in the description's units
  for (const Leaf& leaf : offer.parameters) {
    if (auto why = put(leaf, *find_value(with.command(), leaf.field.name()), request)) return why;
  }
  return std::nullopt;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 10;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{}, and {} more", fmt::join(names.begin(), names.begin() + kMost, ", "), names.size() - kMost);
}

}  // namespace athanor::sila2
