// Points of the space as the journal's named values, and back.
#pragma once

#include <vector>

#include "controller/observed.h"
#include "controller/state.h"
#include "core/best.h"
#include "core/problem.h"

namespace athanor {

/// One value a parameter: a number in the parameter's unit, or a choice's name.
std::vector<wire::Value> to_values(const Space& space, const Point& point);
/// throws InputError naming a parameter that is missing, or a choice that is not in the space.
Point to_point(const Space& space, const std::vector<wire::Value>& values);

/// What counts as measured of an experiment, a number a measurand.
Outcomes outcomes(const std::vector<Measurand>& measurands, const Counted& counted);

/// What the planner is told: all that counts of ended experiments, then of those that a person added.
std::vector<Observation> observations(const Problem& problem, const State& state);

/// The same, kept from question to question: after months only a few of them are new.
class ToldSoFar {
 public:
  /// `state` must be a later one of the same campaign than the last time.
  const std::vector<Observation>& of(const Problem& problem, const State& state);

 private:
  std::vector<Observation> all_;        // of experiments, by their numbers; then of those that a person added
  std::vector<std::uint64_t> numbers_;  // of those experiments
  std::vector<std::uint64_t> open_;     // they had not ended
  std::uint64_t looked_at_ = 0;         // so many experiments
  std::uint64_t results_ = 0;           // PlanningEntry::results
};

/// The points that are under way.
std::vector<Point> pending(const Problem& problem, const State& state);

/// The value as a number of `unit`. throws InputError for a text or another kind of unit.
double number_in(const wire::Value& value, const Unit& unit);

}  // namespace athanor
