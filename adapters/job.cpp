#include "adapters/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "adapters/answer.h"
#include "core/check.h"
#include "core/digest.h"
#include "instruments/description.h"
#include "instruments/kit.h"
#include "instruments/messages.h"

namespace athanor {

const ProfileCapability* capability_of(const Profile& profile, const std::string& name) {
  const auto found = std::find_if(profile.capabilities.begin(), profile.capabilities.end(),
                                  [&](const ProfileCapability& one) { return one.description.name() == name; });
  return found == profile.capabilities.end() ? nullptr : &*found;
}

Job make_job(const Profile& profile, const wire::Command& command, Time now) {
  const ProfileCapability* capability = capability_of(profile, command.capability());
  ATHANOR_CHECK(capability != nullptr, "a command for a capability that was not described");
  Job job{command, capability, {}, now};
  const Arguments with(capability->description, command);
  for (const wire::Field& field : capability->description.parameters()) {
    if (!with.given(field.name())) continue;
    if (field.is_text()) {
      job.values[field.name()] = with.text(field.name());
    } else {
      job.values[field.name()] = with.number(field.name());
    }
  }
  job.values["id"] = command.id();
  job.values["sample"] = command.sample();
  job.values["place"] = command.place();
  job.values["tag"] = static_cast<double>(std::stoul(hex(sha256(command.id())).substr(0, 8), nullptr, 16) >> 1);
  const std::size_t digits = command.place().find_last_not_of("0123456789") + 1;
  if (digits < command.place().size()) job.values["position"] = std::stod(command.place().substr(digits));
  return job;
}

std::optional<Fault> unsafe_text(const Adapter& adapter, const Values& values) {
  const std::vector<std::string> unsafe = adapter.unsafe_in_texts();
  const auto refused = [](const std::string& name, const std::string& what) {
    return Fault{
        Fault::Kind::kLimit,
        fmt::format("“{}” holds {}, which the device could take for the end of a text or a command", name, what)};
  };
  for (const auto& [name, value] : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) continue;
    for (const char c : *text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) return refused(name, fmt::format("the character \\x{:02x}", byte));
    }
    for (const std::string& part : unsafe) {
      if (text->find(part) != std::string::npos) return refused(name, quote(part));
    }
  }
  return std::nullopt;
}

wire::FromDriver outcome_of(const Job& job, std::optional<Fault> fault, bool acted, const Values& values, Time now) {
  wire::FromDriver message;
  wire::Outcome& outcome = *message.mutable_outcome();
  for (const wire::Field& field : job.capability->description.results()) {
    if (fault) break;
    const auto value = values.find(field.name());
    ATHANOR_CHECK(value != values.end(), "a routine ended well without one of its results");
    if (const double* number = std::get_if<double>(&value->second)) {
      *outcome.add_results() = number_value(field.name(), *number, field.unit());
    } else {
      *outcome.add_results() = text_value(field.name(), std::get<std::string>(value->second));
    }
  }
  const double took_s = std::max(0.0, seconds(now - job.began));
  if (fault) {
    outcome = failed_outcome(job.command.id(), *fault, took_s);
    outcome.set_not_begun(!acted);
  } else {
    outcome.set_id(job.command.id());
    outcome.set_done(true);
    outcome.set_took_s(took_s);
  }
  return message;
}

wire::FromDriver progress_of(const Job& job, const std::string& note, std::optional<double> fraction, Time now) {
  const double expected_s = expected_seconds(job.capability->description, job.command);
  const double by_time = expected_s > 0 ? seconds(now - job.began) / expected_s : 0.0;
  wire::FromDriver message;
  wire::Progress& progress = *message.mutable_progress();
  progress.set_id(job.command.id());
  progress.set_fraction(std::clamp(fraction.value_or(by_time), 0.0, 0.99));
  progress.set_note(note);
  return message;
}

std::vector<wire::Value> readings_of(const Routine& routine, const Values& values) {
  std::vector<wire::Value> readings;
  for (const ProfileStep& step : routine) {
    for (const Take& take : step.takes) {
      const auto value = values.find(take.name());
      if (value == values.end()) continue;
      if (const double* number = std::get_if<double>(&value->second))
        readings.push_back(number_value(take.name(), *number, take.variable().unit.text()));
    }
  }
  return readings;
}

}  // namespace athanor
