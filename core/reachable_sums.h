// Which sums an equality between discrete parameters can reach at all, their ranges aside. Private to the space.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/space.h"

namespace athanor {

/// Where `constraint` is an equality between whole numbers and levels alone, and no values of theirs can meet its bound
/// (2·a + 2·b is never 7): the sums next below and above it that whole numbers, or levels so spaced, make. None where
/// the bound can be met, or rounding leaves that open.
/// Method: the values of a parameter lie on first + spacing · ℤ, so the sums lie on offset + step · ℤ, where step is
/// the greatest common divisor (Bézout); Euclid's algorithm on real numbers, remainders below rounding being 0.
std::optional<std::pair<double, double>> sums_beside_bound(const LinearConstraint& constraint,
                                                           const std::vector<Parameter>& parameters);

}  // namespace athanor
