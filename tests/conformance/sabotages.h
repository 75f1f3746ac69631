// For each promise of the driver protocol, a way to break it.
#pragma once

#include <vector>

#include "tests/conformance/front.h"

namespace athanor {

/// Named after the promise that each breaks, with a suffix after a dot where there are several.
const std::vector<Sabotage>& sabotages();

/// No broken promise: a driver that was written before Visit, and the id of a stop, were there.
Sabotage before_visit();

}  // namespace athanor
