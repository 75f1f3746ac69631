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

/// Many commands in a row, to see whether they leave traces.
struct Endurance {
  enum class How {
    kRefused,     ///< hundreds of actions would wear a real device: they pass through all but the device itself
    kCarriedOut,  ///< to their ends
    kCancelled    ///< begun, and not waited for
  };
  Chosen chosen;
  How how = How::kRefused;
  int commands = 0;

  std::string in_words() const;  ///< "500 commands in a row, refused, to spare the device"
};

struct TrialPlan {
  std::vector<Chosen> allowed;  ///< every capability that may be commanded, its shortest command
  /// To be carried out to their ends, and to run for so long that something can happen meanwhile, by what they say of
  /// themselves: the best first. A device may say otherwise.
  std::vector<Chosen> quick, lasting;
  std::optional<Endurance> endurance;  ///< none: nothing may be commanded
  std::vector<Chosen> hazardous;       ///< those that need an approval
  std::vector<std::string> left_out;   ///< "dispenser-1 dispense, which takes “volume” of the stock “reagent”"
};

/// Values come from limits, levels and choices: the lowest. What may be missing is left out. throws InputError for a
/// capability that no instrument has, or values that it does not allow.
/// dead_man_s: the driver's, which a long run waits for.
TrialPlan plan_trial(const std::vector<wire::Instrument>& instruments, const ConformanceOptions& options,
                     double dead_man_s = 0);

/// What the trial does with real devices, a line each, before it does.
std::vector<std::string> announcement(const TrialPlan& plan, const ConformanceOptions& options);

/// Another unit for the same quantity: kelvin for degrees Celsius; none if none is known.
std::optional<std::string> other_unit(const std::string& unit);
/// A unit that cannot be converted to `unit`.
std::string foreign_unit(const std::string& unit);

}  // namespace athanor
