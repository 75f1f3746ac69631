// Results that are kept and not believed (docs/lab-file.md, `signals`): held against what their description says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proto/driver.pb.h"

namespace athanor {

struct Doubt {
  std::string why;                     ///< "final of oven-1 is 900 degC, above 300 degC, the most there can be"
  bool instrument_is_at_fault = true;  ///< false: its detector is at its end
};

/// Of `value`, a result of `instrument` that `capability` describes: whether it is beyond what can be, at an end of
/// what its detector can tell, or equal to `equal_before` readings in a row before it where that is no measurement.
/// None: it is believed, is not described, or is no number of a unit that fits.
std::optional<Doubt> doubt(const std::string& instrument, const driver::v1::Capability& capability,
                           const driver::v1::Value& value, std::uint32_t equal_before = 0);

}  // namespace athanor
