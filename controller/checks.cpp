// A campaign held against what the laboratory offers, before anything starts.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controller/campaign.h"
#include "controller/points.h"
#include "instruments/driver.h"

namespace athanor {
namespace {

using driver::v1::Capability;
using driver::v1::Field;

constexpr std::size_t kMostListed = 1000;  // whole numbers of a range that are each checked; of more, the ends

struct Offer {
  const driver::v1::Instrument* instrument;
  const Capability* capability;
};

std::vector<Offer> offers_of(const std::string& capability, const std::vector<driver::v1::Instrument>& instruments) {
  std::vector<Offer> offers;
  for (const auto& instrument : instruments) {
    for (const Capability& offered : instrument.capabilities()) {
      if (offered.name() == capability) offers.push_back({&instrument, &offered});
    }
  }
  return offers;
}

template <class Fields>
const Field* find_field(const Fields& fields, const std::string& name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name() == name; });
  return found == fields.end() ? nullptr : &*found;
}

template <class Fields>
std::vector<std::string> names_of(const Fields& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field.name());
  return names;
}

// The values that an argument can take in this campaign, as far as limits need them: the ends of a range, every level
// and choice, and of a pool every different value.
std::vector<driver::v1::Value> extremes(const Argument& argument, const Space& space) {
  std::vector<driver::v1::Value> values;
  const auto add_number = [&](double number, const Unit& unit) {
    driver::v1::Value& value = values.emplace_back();
    value.set_number(number);
    value.set_unit(unit.text());
  };
  const auto add_text = [&](const std::string& text) { values.emplace_back().set_text(text); };
  if (const auto* from = std::get_if<Argument::FromSpace>(&argument.value)) {
    const Parameter& parameter = space[from->parameter];
    if (const auto* choices = std::get_if<Choices>(&parameter.kind)) {
      for (const std::string& name : choices->names) add_text(name);
    } else if (const auto* levels = std::get_if<Levels>(&parameter.kind)) {
      for (const double level : levels->values) add_number(level, parameter.unit);
    } else if (parameter.cardinality() > 0 && parameter.cardinality() <= kMostListed) {
      for (double value = parameter.low(); value <= parameter.high(); ++value) add_number(value, parameter.unit);
    } else if (space.pool()) {
      std::set<double> different;
      for (std::size_t row = 0; row < space.pool()->rows; ++row)
        different.insert(space.pool()->values[row * space.size() + from->parameter]);
      for (const double value : different) add_number(value, parameter.unit);
    } else {
      add_number(parameter.low(), parameter.unit);
      add_number(parameter.high(), parameter.unit);
    }
  } else if (const auto* quantity = std::get_if<Quantity>(&argument.value)) {
    add_number(quantity->value, quantity->unit);
  } else {
    add_text(std::get<std::string>(argument.value));
  }
  for (auto& value : values) value.set_name(argument.name);
  return values;
}

// Whether the argument is a range, between whose ends everything may be asked for.
bool takes_any_number(const Argument& argument, const Space& space) {
  const auto* from = std::get_if<Argument::FromSpace>(&argument.value);
  return from != nullptr && !space.pool() && space[from->parameter].continuous();
}

// Why `offer` cannot take this step for every point of the space; empty if it can. The place is the argument's at
// fault.
std::string why_unfit(const Step& step, const Offer& offer, const Space& space, Place& place) {
  for (const Argument& argument : step.with) {
    place = argument.place;
    const Field* field = find_field(offer.capability->parameters(), argument.name);
    if (field == nullptr) {
      return fmt::format("“{}” has no parameter “{}”{}", step.capability, argument.name,
                         suggest_name(argument.name, names_of(offer.capability->parameters())));
    }
    if (!field->levels().empty() && takes_any_number(argument, space)) {
      return fmt::format(
          "“{}” takes one of {} listed values of “{}”, not any of a range; write its parameter as "
          "“levels:”, or choose among known points with “candidates:”",
          step.capability, field->levels().size(), argument.name);
    }
  }
  place = step.place;
  driver::v1::Command command;
  command.set_capability(step.capability);
  command.set_instrument(offer.instrument->id());
  for (const Argument& argument : step.with) *command.add_with() = extremes(argument, space).front();
  for (std::size_t i = 0; i < step.with.size(); ++i) {
    for (const driver::v1::Value& value : extremes(step.with[i], space)) {
      driver::v1::Command probe = command;
      *probe.mutable_with(static_cast<int>(i)) = value;
      const std::string why = why_refused(*offer.capability, probe);
      if (why.empty()) continue;
      place = step.with[i].place;
      return why;
    }
  }
  return why_refused(*offer.capability, command);
}

void check_results(const Campaign& campaign, const Step& step, const Capability& capability) {
  for (const auto& [index, result] : step.gives) {
    const Measurand measurand = campaign.problem.measurands()[index];
    const Field* field = find_field(capability.results(), result);
    if (field == nullptr) {
      campaign.file->error(step.place, fmt::format("step “{}”: “{}” gives no result “{}”{}", step.name, step.capability,
                                                   result, suggest_name(result, names_of(capability.results()))));
    } else if (field->is_text()) {
      campaign.file->error(step.place, fmt::format("step “{}”: result “{}” is a text, and “{}” needs a number",
                                                   step.name, result, measurand.name));
    } else if (field->has_array()) {
      campaign.file->error(step.place, fmt::format("step “{}”: result “{}” is an array, and “{}” needs a number",
                                                   step.name, result, measurand.name));
    } else if (!Unit::parse(field->unit()).convertible_to(measurand.unit)) {
      campaign.file->error(step.place,
                           fmt::format("step “{}”: result “{}” is in “{}”, which cannot be converted to “{}” of “{}”",
                                       step.name, result, field->unit(), measurand.unit.text(), measurand.name));
    }
  }
}

void check_stock(const Campaign& campaign, const Step& step, const Capability& capability, const Lab& lab) {
  if (lab.stock.empty()) return;
  for (const driver::v1::StockUse& use : capability.uses()) {
    for (const Argument& argument : step.with) {
      if (argument.name != use.reagent()) continue;
      for (const driver::v1::Value& value : extremes(argument, campaign.problem.space)) {
        std::vector<std::string> names;
        for (const LabStock& stock : lab.stock) names.push_back(stock.name);
        if (std::find(names.begin(), names.end(), value.text()) != names.end()) continue;
        campaign.file->error(argument.place, fmt::format("the laboratory has no stock of “{}”{}", value.text(),
                                                         suggest_name(value.text(), names)));
      }
    }
  }
}

// To count on attempts that will never be made would be a comfort without ground.
void check_retries(const Campaign& campaign, const Step& step, const std::vector<Offer>& offers) {
  if (!step.retries ||
      std::any_of(offers.begin(), offers.end(), [](const Offer& offer) { return offer.capability->repeatable(); }))
    return;
  campaign.file->error(*step.retries, fmt::format("step “{}” is not retried: its instruments say that “{}” may not be "
                                                  "repeated; remove “retry”, or let a person decide with “then: ask”",
                                                  step.name, step.capability));
}

}  // namespace

void check_against(const Campaign& campaign, const Lab& lab, const std::vector<driver::v1::Instrument>& instruments) {
  if (campaign.steps.empty()) {
    throw InputError({campaign.file->name()},
                     "there is no “procedure:”, so this campaign can only be planned (athanor plan), not run");
  }
  std::set<std::string> offered;
  for (const auto& instrument : instruments) {
    for (const Capability& capability : instrument.capabilities()) offered.insert(capability.name());
  }
  for (const LabInterlock& interlock : lab.interlocks) {
    for (const std::string& capability : interlock.capabilities) {
      if (offered.contains(capability)) continue;
      campaign.file->error(
          interlock.place,
          fmt::format("interlock “{}” refuses “{}”, which no instrument of laboratory “{}” offers{}", interlock.name,
                      capability, lab.name, suggest_name(capability, {offered.begin(), offered.end()})));
    }
  }
  for (const Step& step : campaign.steps) {
    const std::vector<Offer> offers = offers_of(step.capability, instruments);
    if (offers.empty()) {
      campaign.file->error(
          step.place, fmt::format("step “{}”: no instrument of laboratory “{}” offers “{}”{}", step.name, lab.name,
                                  step.capability, suggest_name(step.capability, {offered.begin(), offered.end()})));
      continue;
    }
    std::string why;
    Place place;
    const bool fits = std::any_of(offers.begin(), offers.end(), [&](const Offer& offer) {
      Place at;
      const std::string unfit = why_unfit(step, offer, campaign.problem.space, at);
      if (!unfit.empty() && why.empty())
        why = fmt::format("step “{}” on {}: {}", step.name, offer.instrument->id(), unfit), place = at;
      return unfit.empty();
    });
    if (!fits) campaign.file->error(place, why);
    check_results(campaign, step, *offers.front().capability);
    check_stock(campaign, step, *offers.front().capability, lab);
    check_retries(campaign, step, offers);
  }
  campaign.file->throw_if_errors();
}

}  // namespace athanor
