// The feasible part of a search space: drawing points from it and moving points back into it.
#pragma once

#include <optional>
#include <vector>

#include "core/random.h"
#include "core/space.h"
#include "surrogates/surrogate.h"

namespace athanor {

/// Points in natural coordinates. Every point it gives satisfies every bound, and every constraint to 1e-9 of its
/// scale.
class Region {
 public:
  /// Keeps a reference to the space. The pool, if there is one, plays no part here.
  explicit Region(const Space& space);

  const Space& space() const { return space_; }
  bool constrained() const { return !space_.constraints().empty(); }
  /// Whether feasible points are hardly ever drawn one coordinate after the other.
  bool scarce() const { return scarce_; }
  /// True for a parameter that takes part in a constraint.
  bool constrained(std::size_t parameter) const { return !touching_[parameter].empty(); }
  /// The indices of the continuous parameters.
  const std::vector<std::size_t>& continuous() const { return continuous_; }

  /// A random point: uniform where there are no constraints, otherwise after a walk that forgets where it began
  /// (continuous parameters that share an equality: uniform in natural coordinates, so uniform on the simplex for a
  /// mixture; others by their encoding). None if no feasible point was found, which means that the discrete parameters
  /// hardly permit any. Method: bounds propagation for a start, and where that rarely ends well a search with
  /// backtracking; then hit-and-run (Smith 1984).
  std::optional<Point> sample(RandomStream& random) const;
  /// The same, for seconds if need be: what is rare is found, too.
  std::optional<Point> sample_patiently(RandomStream& random) const;

  /// Moves the continuous coordinates of `point` (and the bounds' violations of discrete ones) until it is feasible,
  /// near to where it was. False if that did not succeed, which means that its discrete coordinates hardly permit it.
  /// Method: projection onto the violated constraints in turn.
  bool repair(Point& point) const;

  /// Takes out of a feasible point what is only rounding: coordinates next to a bound go there, and every equality
  /// holds as exactly as numbers can, by a change of its continuous parameter with the most room.
  void tidy(Point& point) const;

  /// The point of the segment from a feasible `anchor` towards `goal` (same discrete coordinates) that goes farthest
  /// and stays feasible; the direction is first projected onto the equalities. Exactly `goal` in coordinates without
  /// constraints.
  Point pull(const Point& anchor, const Point& goal) const;

 private:
  std::optional<Point> propagate(RandomStream& random) const;
  std::optional<Point> sample(RandomStream& random, std::size_t most_nodes) const;
  /// Whether a few attempts at that meet the constraints.
  bool drawn_easily() const;
  /// Choices of parameter `i` that no constraint forbids, given those that are made (low = high).
  std::vector<double> choices_left(std::size_t i, Point low, Point high) const;
  void walk(Point& point, std::size_t steps, RandomStream& random) const;
  /// The interval of coordinate `i` that the constraints leave, given that the others lie in [low, high].
  std::pair<double, double> interval(std::size_t i, const Point& low, const Point& high) const;
  /// How far from `point` along `direction` (natural coordinates) every bound and constraint holds: t in [first,
  /// second].
  std::pair<double, double> reach(const Point& point, const Point& direction) const;

  const Space& space_;
  std::vector<std::vector<std::size_t>> touching_;  // parameter → constraints
  std::vector<std::size_t> continuous_;
  std::vector<std::size_t> equal_;  // continuous parameters that take part in an equality
  bool scarce_ = false;
  Matrix basis_;  // equal_ × k: directions, in shares of the ranges, that keep every equality
};

}  // namespace athanor
