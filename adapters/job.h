// A command under way at a device: from the driver's words into a profile's, and back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/profile.h"
#include "core/clock.h"

namespace athanor {

struct Job {
  wire::Command command;
  const ProfileCapability* capability = nullptr;
  Values values;  ///< its parameters, and the command's own (template.h)
  Time began{};
  bool recalled = false;  ///< begun under an earlier driver
};

/// The capability of that name, or null.
const ProfileCapability* capability_of(const Profile& profile, const std::string& name);

/// `command` must be one that the profile's description allows.
Job make_job(const Profile& profile, const wire::Command& command, Time now);

/// Why a text among its values must not be said to the device, if one must not: a line's end in it would be two
/// commands to many a device.
std::optional<Fault> unsafe_text(const Adapter& adapter, const Values& values);

/// How it ended: with `fault`, or with the results among `values`. acted: something may have been done.
wire::FromDriver outcome_of(const Job& job, std::optional<Fault> fault, bool acted, const Values& values, Time now);

/// `fraction`: as the device says; none: what the usual duration lets expect.
wire::FromDriver progress_of(const Job& job, const std::string& note, std::optional<double> fraction, Time now);

/// What `routine` took that is a number.
std::vector<wire::Value> readings_of(const Routine& routine, const Values& values);

}  // namespace athanor
