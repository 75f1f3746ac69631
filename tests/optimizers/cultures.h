// Made-up experiments whose outcomes fall into two: cultures that live or die.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "core/problem.h"
#include "core/random.h"
#include "optimizers/planner.h"

namespace athanor {

/// Two objectives over a square, the first large, the second small.
inline Problem square() {
  Problem problem;
  problem.space = Space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}});
  problem.objectives.push_back({"product", {}});
  problem.objectives.push_back({"hours", {}});
  problem.objectives[1].goal = Objective::Goal::kMinimize;
  problem.objectives[0].reference = -1;
  problem.objectives[1].reference = 120;
  return problem;
}

inline bool lives(const Point& at) {
  return at[0] + 0.5 * at[1] > 0.6;
}

inline Observation measured(const Point& at, double product, double hours) {
  return {"", at, {Measurement{product, {}}, Measurement{hours, {}}}, {}};
}

/// A culture that dies within hours at one side of a line.
inline Observation culture(const Point& at) {
  if (!lives(at)) return measured(at, 0.02 * at[1], 3 + at[0]);
  return measured(at, 8 + std::sin(3 * at[0]) + at[1], 80 + 10 * at[0] - 12 * at[1] * at[1]);
}

inline std::vector<Observation> cultures(int count, RandomStream& random) {
  std::vector<Observation> out;
  for (int i = 0; i < count; ++i) out.push_back(culture({random.uniform(), random.uniform()}));
  return out;
}

/// Of those that `counts` takes.
template <class Counts>
Matrix merits_of(const std::vector<Observation>& observations, const Counts& counts) {
  Matrix out(0, 2);
  for (const Observation& o : observations) {
    if (!counts(o)) continue;
    out.conservativeResize(out.rows() + 1, Eigen::NoChange);
    out.bottomRows(1) << o.measured[0]->value, -o.measured[1]->value;
  }
  return out;
}

inline Matrix merits_of(const std::vector<Observation>& observations) {
  return merits_of(observations, [](const Observation&) { return true; });
}

}  // namespace athanor
