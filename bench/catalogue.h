// The chapters of the catalogue of problems, a file each, and what they share. For the rest of bench/: problems.h.
#pragma once

#include <map>

#include "bench/problems.h"

namespace athanor::bench {

/// name → how to make the problem; `name` itself is filled in by make_problem.
using Chapter = std::map<std::string, std::function<BenchProblem()>>;

Chapter functions();    ///< one objective, continuous
Chapter constrained();  ///< one objective and outcome constraints
Chapter mixed();        ///< choices beside numbers
Chapter mixtures();     ///< parts of a whole
Chapter trade_offs();   ///< several objectives
Chapter tables();       ///< measured experiments

/// Continuous parameters x1, x2, …: `size` of one range, or one a range.
std::vector<Parameter> box(std::size_t size, double low, double high);
std::vector<Parameter> box(const std::vector<std::pair<double, double>>& ranges);
Objective minimised(const std::string& name);

/// The usual number of starting points: 8 up to seven parameters, then one more than parameters.
std::size_t usual_initial(std::size_t parameters);
/// The worst outcome that counts (BenchProblem::worst).
double worst_of_sample(const BenchProblem& bench);

}  // namespace athanor::bench
