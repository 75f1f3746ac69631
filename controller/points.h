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
/// The points that are under way.
std::vector<Point> pending(const Problem& problem, const State& state);

/// The value as a number of `unit`. throws InputError for a text or another kind of unit.
double number_in(const wire::Value& value, const Unit& unit);

}  // namespace athanor
