// Whether linear constraints and intervals leave any point. Private to the search for feasible points.
#pragma once

#include <optional>
#include <vector>

#include "core/space.h"

namespace athanor {

struct Range {
  double low, high;
};

/// One number a range, within them, that hold all `constraints` (their conditions are not looked at), to rounding;
/// none where there are no such numbers.
/// Method: phase one of the simplex algorithm with Bland's rule.
std::optional<std::vector<double>> relaxed_point(const std::vector<Range>& ranges,
                                                 const std::vector<LinearConstraint>& constraints);

}  // namespace athanor
