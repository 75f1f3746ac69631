// Whether ranges, choices and constraints leave any point at all, one such point, and if there is none, which
// constraints conflict.
#pragma once

#include <optional>
#include <vector>

#include "core/random.h"
#include "core/space.h"

namespace athanor {

struct Sought {
  std::optional<Point> point;  ///< holds every constraint that applies to it, to rounding
  bool exists = false;         ///< no point found and none exists: false; the search was given up undecided: true
};

/// A parameter held at one of its values.
struct Held {
  std::size_t parameter;
  double value;
};

/// A point of the space that holds all `constraints`, with their conditions on choices. `random` decides in which order
/// values are tried and what nothing constrains; without it all begins with the smallest. Given up after so many nodes
/// of the tree.
/// Method: propagation of bounds and of conditions to a fixed point, depth first over what is discrete, the choices
/// first; phase one of the simplex algorithm for what is continuous, and with everything continuous for a bound.
Sought feasible_point(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
                      const std::optional<Held>& held = std::nullopt, RandomStream* random = nullptr,
                      std::size_t most_nodes = 20'000);

/// False where no point holds all `constraints`; true too where that could not be decided in reasonable time.
bool can_hold_together(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints,
                       const std::optional<Held>& held = std::nullopt);

/// The indices of constraints that cannot hold together although they would if any one of them were left out. Call it
/// only where all together cannot.
std::vector<std::size_t> smallest_conflict(const std::vector<Parameter>& parameters,
                                           const std::vector<LinearConstraint>& constraints,
                                           const std::optional<Held>& held = std::nullopt);

}  // namespace athanor
