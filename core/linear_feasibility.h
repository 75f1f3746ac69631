// Whether linear constraints and ranges leave any point at all, and if not, which of them conflict. Private to the
// space.
#pragma once

#include <cstddef>
#include <vector>

#include "core/space.h"

namespace athanor {

/// Whether some point within the parameters' ranges satisfies all `constraints`. Exact (to rounding) over continuous
/// parameters; integers and levels are tried one by one while their combinations are few, and else taken as continuous.
/// Method: phase one of the simplex algorithm with Bland's rule.
bool can_hold_together(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints);

/// The indices of constraints that cannot hold together although they would if any one of them were left out. Call it
/// only where all together cannot.
std::vector<std::size_t> smallest_conflict(const std::vector<Parameter>& parameters,
                                           const std::vector<LinearConstraint>& constraints);

}  // namespace athanor
