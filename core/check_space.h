// What a search space is held against when it is made. Private to the space.
#pragma once

#include <vector>

#include "core/space.h"

namespace athanor {

/// throws InputError for no parameter at all, two of one name, or one that takes no value or an impossible one.
void check_parameters(const std::vector<Parameter>& parameters);
/// throws InputError for a constraint on a choice, one with a number that is not finite, an equality between discrete
/// parameters that none of their values can meet, or constraints that no point can satisfy together.
void check_constraints(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints);

}  // namespace athanor
