// Models of real designs and processes with several outcomes, all of them to be minimised as given here.
#pragma once

#include "core/space.h"

namespace athanor::bench {

/// Five thicknesses of a car's frame, 1…3 mm: mass, acceleration of the passengers, intrusion of the toe board.
/// Response surfaces of Liao et al. 2008, as RE3-5-4 of Tanabe & Ishibuchi 2020.
std::vector<double> vehicle_safety(const Point& x);

/// Seven sizes of a car's side: mass, load on the pubis, mean velocity of two points at the impact, sum of ten
/// violations. Response surfaces of Jain & Deb 2014, as RE4-7-1 of Tanabe & Ishibuchi 2020.
std::vector<double> car_side_impact(const Point& x);

/// Volume, biomass, temperature (K), glucose, feed rate, glucose in the feed, pH: −penicillin, CO2, hours. Simulated
/// hour by hour until the vessel is full, the glucose is used up, nothing more is gained, or 2500 hours have passed.
/// Liang & Lai 2021, "Scalable Bayesian optimization accelerates process optimization of penicillin production".
std::vector<double> penicillin(const Point& x);

}  // namespace athanor::bench
