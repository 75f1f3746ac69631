// A device profile: a YAML file that says in a device's own language how each of its capabilities is carried out.
// docs/profiles.md explains every key.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "adapters/template.h"
#include "core/document.h"
#include "instruments/instrument.h"

namespace athanor {

/// Said again and again until conditions hold.
struct Until {
  std::vector<Condition> conditions;
  Template within;  ///< a time; longer, and it is a fault
  double every_s = 0.5;
  std::string progress;  ///< what was taken that says how much of the whole is done; empty: nothing says so
  Unit progress_unit;    ///< in which
};

/// An answer that means a fault.
struct FaultRule {
  Pattern pattern;
  Fault::Kind kind = Fault::Kind::kDevice;
  std::string say;  ///< for a person; may be empty
};

/// One thing that is said to the device, or waited for.
struct ProfileStep {
  Place place;
  Adapter::Verb verb;            ///< its name is empty for a wait
  StructureTemplate what;        ///< the verb and what stands beside it, by key
  std::optional<Template> wait;  ///< a time
  std::vector<Take> takes;
  std::vector<std::string> taken;  ///< their names, also of those that could not be read
  std::vector<Condition> expect;
  Pattern expect_answer;  ///< what the raw answer must match; may be null
  std::vector<FaultRule> faults;
  std::optional<Until> until;
  std::set<std::string> needs;  ///< left out where one of these parameters was not given
};
using Routine = std::vector<ProfileStep>;

struct ProfileCapability {
  wire::Capability description;
  Routine begin;                  ///< sets the device going
  Routine finish;                 ///< waits for its end and reads the results; may be empty
  std::optional<Routine> recall;  ///< holds where the device is at, or has done, this very command
  std::optional<Routine> cancel;  ///< instead of the safe state, where it is cancelled
};

/// Constant, and shared by all devices of its kind.
struct Profile {
  std::unique_ptr<Document> file;
  std::string name, kind;
  std::unique_ptr<Adapter> adapter;
  Routine hello;  ///< after each connection: is it the device that it should be, and does it listen?
  Routine safe;
  Routine readings;  ///< all that is taken is a reading
  std::vector<ProfileCapability> capabilities;
};

/// throws InputError with all mistakes and their places, EnvironmentError for a file that cannot be read.
Profile load_profile(const std::string& file);
/// `name` stands for the file in messages.
Profile parse_profile(const std::string& text, const std::string& name, const std::string& folder = ".");

/// What a device of this profile says of itself under the name `id`.
wire::Instrument describe(const Profile& profile, const std::string& id);

}  // namespace athanor
