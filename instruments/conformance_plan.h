// Which commands a driver is tried out with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "instruments/conformance.h"

namespace athanor {

namespace wire = driver::v1;

/// A capability of one instrument with values that it allows.
struct Chosen {
  std::string instrument;
  wire::Capability capability;
  std::vector<wire::Value> with;
  double expected_s = 0;  ///< laboratory time

  wire::Command command(const std::string& id) const;
};

struct TrialPlan {
  std::vector<Chosen> allowed;        ///< every capability that may be commanded, its shortest command
  std::optional<Chosen> quick;        ///< the one to be carried out to its end
  std::optional<Chosen> lasting;      ///< runs long enough for something to happen meanwhile; is cancelled
  std::vector<Chosen> hazardous;      ///< those that need an approval
  std::vector<std::string> left_out;  ///< "dispenser-1 dispense, which takes “volume” of the stock “reagent”"
};

/// Values come from limits, levels and choices: the lowest. What may be missing is left out. throws InputError for a
/// capability that no instrument has, or values that it does not allow.
TrialPlan plan_trial(const std::vector<wire::Instrument>& instruments, const ConformanceOptions& options);

/// How often the quick one is carried out to see whether that leaves traces.
inline int commands_in_a_row(const ConformanceOptions& options) {
  return options.long_run ? 10'000 : 500;
}

/// What the trial does with real devices, a line each, before it does.
std::vector<std::string> announcement(const TrialPlan& plan, const ConformanceOptions& options);

/// Another unit for the same quantity: kelvin for degrees Celsius; none if none is known.
std::optional<std::string> other_unit(const std::string& unit);
/// A unit that cannot be converted to `unit`.
std::string foreign_unit(const std::string& unit);

}  // namespace athanor
