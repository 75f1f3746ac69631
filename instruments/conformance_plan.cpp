#include "instruments/conformance_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/document.h"
#include "core/quantity.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

constexpr double kShortestLasting = 1;  // seconds of wall time: shorter ones end before anything can be done to them
constexpr double kLasting = 60;         // … and so long is enough for everything
constexpr double kAfterDeadMan = 5;     // … but for a dead-man time that is longer
constexpr double kLongestQuick = 10;    // … that are waited for
constexpr double kLongestQuickOfLongRun = 120;
constexpr double kLongestOfMany = 0.05;  // seconds of wall time, of many that are carried out to their end

bool convertible(const std::string& from, const std::string& to) {
  return Unit::parse(from).convertible_to(Unit::parse(to));
}

wire::Value lowest(const wire::Field& field) {
  if (field.is_text()) return text_value(field.name(), field.choices().empty() ? "conformance" : field.choices(0));
  if (!field.levels().empty()) return number_value(field.name(), field.levels(0), field.unit());
  const double otherwise = field.has_high() ? std::min(field.high(), 0.0) : 0;
  return number_value(field.name(), field.has_low() ? field.low() : otherwise, field.unit());
}

double expected(const Chosen& chosen) {
  return expected_seconds(chosen.capability, chosen.command("expected"));
}

Chosen shortest(const std::string& instrument, const wire::Capability& capability) {
  Chosen chosen{instrument, capability, {}, 0};
  for (const wire::Field& field : capability.parameters()) {
    if (!field.may_be_missing()) chosen.with.push_back(lowest(field));
  }
  chosen.expected_s = expected(chosen);
  return chosen;
}

/// The same, made to last `seconds` where a parameter says how long it takes.
Chosen stretched(Chosen chosen, double seconds) {
  const wire::Field* field = find_parameter(chosen.capability, chosen.capability.duration_parameter());
  if (field == nullptr || !field->levels().empty()) return chosen;
  double value = Unit::parse("s").convert(std::max(0.0, seconds - chosen.capability.usual_duration_s()),
                                          Unit::parse(field->unit()));
  if (field->has_low()) value = std::max(value, field->low());
  if (field->has_high()) value = std::min(value, field->high());
  std::erase_if(chosen.with, [&](const wire::Value& each) { return each.name() == field->name(); });
  chosen.with.push_back(number_value(field->name(), value, field->unit()));
  chosen.expected_s = expected(chosen);
  return chosen;
}

/// Why a trial does not carry it out unasked; empty: it does.
std::string why_left_out(const wire::Capability& capability, const ConformanceOptions& options) {
  if (capability.risk() == wire::HAZARDOUS) return "which is hazardous";
  if (options.simulated) return "";
  if (capability.risk() != wire::SAFE) return "which is guarded";
  if (capability.uses().empty()) return "";
  return fmt::format("which takes “{}” of the stock “{}”", capability.uses(0).amount(), capability.uses(0).reagent());
}

std::string in_words(const Chosen& chosen) {
  const wire::Command command = chosen.command("");
  std::string words = fmt::format("{} {}", chosen.instrument, chosen.capability.name());
  if (command.with_size() > 0) words += ": " + listed(command.with());
  for (const wire::StockUse& use : chosen.capability.uses())
    words += fmt::format("; each time takes “{}” of the stock “{}”", use.amount(), use.reagent());
  return words;
}

/// The capability that the options name, with their values.
Chosen named(const std::vector<wire::Instrument>& instruments, const ConformanceOptions& options) {
  std::vector<std::string> known;
  for (const wire::Instrument& instrument : instruments) {
    for (const wire::Capability& capability : instrument.capabilities()) {
      known.push_back(capability.name());
      if (capability.name() != options.capability) continue;
      if (capability.risk() == wire::HAZARDOUS && !options.simulated) {
        throw InputError(fmt::format("“{}” is hazardous, and is not carried out to try a driver", capability.name()));
      }
      Chosen chosen = shortest(instrument.id(), capability);
      for (const wire::Value& value : options.with) {
        std::erase_if(chosen.with, [&](const wire::Value& each) { return each.name() == value.name(); });
        chosen.with.push_back(value);
      }
      if (const std::string why = why_refused(capability, chosen.command("chosen")); !why.empty())
        throw InputError(why);
      chosen.expected_s = expected(chosen);
      return chosen;
    }
  }
  throw InputError(
      fmt::format("no instrument can “{}”{}", options.capability, suggest_name(options.capability, known)));
}

}  // namespace

wire::Command Chosen::command(const std::string& id) const {
  wire::Command command;
  command.set_id(id);
  command.set_instrument(instrument);
  command.set_capability(capability.name());
  command.set_sample("conformance");
  for (const wire::Value& value : with) *command.add_with() = value;
  return command;
}

std::string Endurance::in_words() const {
  return fmt::format("{} commands in a row, {}", commands,
                     how == How::kRefused      ? "refused, to spare the device"
                     : how == How::kCarriedOut ? "carried out"
                                               : "begun and cancelled");
}

TrialPlan plan_trial(const std::vector<wire::Instrument>& instruments, const ConformanceOptions& options,
                     double dead_man_s) {
  TrialPlan plan;
  for (const wire::Instrument& instrument : instruments) {
    if (!mistakes_in(instrument).empty()) continue;  // what they are is said by the check of descriptions
    for (const wire::Capability& capability : instrument.capabilities()) {
      Chosen chosen = shortest(instrument.id(), capability);
      if (capability.risk() == wire::HAZARDOUS) plan.hazardous.push_back(chosen);
      const std::string why = why_left_out(capability, options);
      if (why.empty() && options.capability.empty()) {
        plan.allowed.push_back(std::move(chosen));
      } else if (options.capability.empty()) {
        plan.left_out.push_back(fmt::format("{} {}, {}", instrument.id(), capability.name(), why));
      }
    }
  }
  if (!options.capability.empty()) plan.allowed.push_back(named(instruments, options));
  // On real devices what may be repeated without harm comes first; then the shortest.
  const auto better = [&](const Chosen& a, const Chosen& b) {
    const bool careful = !options.simulated && a.capability.repeatable() != b.capability.repeatable();
    return careful ? a.capability.repeatable() : a.expected_s < b.expected_s;
  };
  std::stable_sort(plan.allowed.begin(), plan.allowed.end(), better);
  const double enough = options.long_run ? std::max(kLasting, dead_man_s + kAfterDeadMan) : kLasting;
  for (const Chosen& chosen : plan.allowed) {
    const double longest = options.long_run ? kLongestQuickOfLongRun : kLongestQuick;
    if (chosen.expected_s / options.speed <= longest) plan.quick.push_back(chosen);
    const Chosen longer =
        options.with.empty() ? stretched(chosen, std::max(chosen.expected_s, enough * options.speed)) : chosen;
    if (longer.expected_s / options.speed >= kShortestLasting) plan.lasting.push_back(longer);
  }
  const auto nearer = [&](const Chosen& a, const Chosen& b) {
    return std::abs(a.expected_s / options.speed - enough) < std::abs(b.expected_s / options.speed - enough);
  };
  std::stable_sort(plan.lasting.begin(), plan.lasting.end(), nearer);
  if (plan.allowed.empty()) return plan;
  const bool spared = !options.simulated && options.capability.empty();
  const bool soon = !plan.quick.empty() && plan.quick.front().expected_s / options.speed <= kLongestOfMany;
  plan.endurance = {soon                   ? plan.quick.front()
                    : plan.lasting.empty() ? plan.allowed.front()
                                           : plan.lasting.front(),
                    spared ? Endurance::How::kRefused
                    : soon ? Endurance::How::kCarriedOut
                           : Endurance::How::kCancelled,
                    options.long_run ? 10'000 : 500};
  return plan;
}

std::vector<std::string> announcement(const TrialPlan& plan, const ConformanceOptions& options) {
  std::vector<std::string> lines;
  if (plan.allowed.empty()) {
    lines.push_back("nothing is carried out; what is commanded is to be refused");
  } else {
    lines.push_back(fmt::format("{}, some of it many times over:", options.simulated
                                                                       ? "this is carried out by simulated devices"
                                                                       : "THIS IS CARRIED OUT BY THE REAL DEVICES"));
  }
  for (const Chosen& chosen : plan.allowed) lines.push_back("  " + in_words(chosen));
  const auto& only = options.only;
  if (plan.endurance && (only.empty() || std::find(only.begin(), only.end(), "endurance") != only.end()))
    lines.push_back(fmt::format("  {}: {} {}", plan.endurance->in_words(), plan.endurance->chosen.instrument,
                                plan.endurance->chosen.capability.name()));
  for (const Chosen& chosen : plan.lasting) {
    lines.push_back(fmt::format("  begun, and ended before its time: {}", in_words(chosen)));
    if (!options.simulated) break;
  }
  lines.push_back("every instrument of the driver is stopped, and brought to its safe state, more than once");
  for (const std::string& left_out : plan.left_out) lines.push_back("not carried out: " + left_out);
  return lines;
}

std::optional<std::string> other_unit(const std::string& unit) {
  if (unit.empty() || unit == "%") return unit.empty() ? "%" : "";
  if (convertible(unit, "")) return std::nullopt;  // angles, turns: people do not agree on those
  for (const char* other :
       {"K",   "degC", "min", "s",  "mL", "uL", "mm", "cm", "mg", "g",      "mol/L", "mmol/L", "Pa",
        "kPa", "mV",   "V",   "mA", "A",  "W",  "kW", "J",  "kJ", "mL/min", "mL/s",  "K/min",  "K/s"}) {
    if (other != unit && convertible(unit, other)) return other;
  }
  return std::nullopt;
}

std::string foreign_unit(const std::string& unit) {
  return convertible(unit, "kg") ? "s" : "kg";
}

}  // namespace athanor
