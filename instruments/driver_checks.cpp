// Why a driver does not begin a command: limits, approvals, and whether the instrument is free and safe.
#include <fmt/format.h>

#include "core/canary.h"
#include "core/document.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

/// Empty: it needs no person's word, or has it.
std::string why_not_approved(const wire::Capability& capability, const wire::Command& command, Time now) {
  if (capability.risk() != wire::HAZARDOUS) return "";
  const std::string what = fmt::format("“{}” is hazardous, and needs a person's approval", capability.name());
  if (!command.has_approval()) return what;
  if (command.approval().digest() != approval_digest(command)) {
    return fmt::format("{}; that of {} is for something else", what, command.approval().who());
  }
  if (Time(Duration(command.approval().until_us())) < now) {
    return fmt::format("{}; that of {} has expired", what, command.approval().who());
  }
  return "";
}

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

}  // namespace

std::optional<Fault> Driver::why_not(const wire::Command& command, Time now) const {
  const auto instrument = descriptions_.find(command.instrument());
  if (instrument == descriptions_.end()) {
    return Fault{Fault::Kind::kLimit, fmt::format("driver “{}” has no instrument “{}”{}", name_, command.instrument(),
                                                  suggest_name(command.instrument(), keys(descriptions_)))};
  }
  const wire::Capability* capability = find_capability(instrument->second, command.capability());
  if (capability == nullptr) {
    std::vector<std::string> known;
    for (const wire::Capability& other : instrument->second.capabilities()) known.push_back(other.name());
    return Fault{Fault::Kind::kLimit, fmt::format("instrument “{}” cannot “{}”{}", command.instrument(),
                                                  command.capability(), suggest_name(command.capability(), known))};
  }
  if (const std::string why = why_refused(*capability, command); !why.empty() && !ATHANOR_CANARY("ignore a limit")) {
    return Fault{Fault::Kind::kLimit, fmt::format("instrument “{}” refused: {}", command.instrument(), why)};
  }
  if (const std::string why = why_not_approved(*capability, command, now);
      !why.empty() && !ATHANOR_CANARY("ignore an approval")) {
    return Fault{Fault::Kind::kLimit, fmt::format("instrument “{}” refused: {}", command.instrument(), why)};
  }
  if (makes_arrays(*capability) && !takes_arrays_) {
    return Fault{Fault::Kind::kLimit,
                 fmt::format("“{}” of instrument “{}” makes an array, and its controller takes none: it is older than "
                             "large data, or has no data store",
                             command.capability(), command.instrument())};
  }
  if (const auto busy = busy_.find(command.instrument()); busy != busy_.end()) {
    return Fault{Fault::Kind::kDevice,
                 fmt::format("instrument “{}” is busy with command “{}”; this one was not started",
                             command.instrument(), busy->second)};
  }
  if (const Instrument& device = *instruments_.at(command.instrument()); !device.is_safe()) {
    const std::string trouble = device.trouble();
    return Fault{Fault::Kind::kDevice,
                 fmt::format("instrument “{}” has not reached its safe state yet; this command was not started{}{}",
                             command.instrument(), trouble.empty() ? "" : ". It ", trouble)};
  }
  return std::nullopt;
}

}  // namespace athanor
