// Functions that more than one problem is made of; to be minimised. See functions.cpp for their domains and optima.
#pragma once

#include "core/space.h"

namespace athanor::bench {

double ackley(const Point& x);
double branin(const Point& x);
double rosenbrock(const Point& x);

}  // namespace athanor::bench
