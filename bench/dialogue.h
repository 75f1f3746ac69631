// A problem as a conversation in lines of JSON, so that a planner in any language can be measured on it.
//
//   {"describe": true}        → the space, the objectives and how a run goes:
//     "name", "source"
//     "parameters": [{"name", "kind": "continuous" | "integer" | "levels" | "choices", and what applies of "low",
//                     "high", "log", "values", "choices"}]
//     "constraints": [{"coefficients": {"x1": 1.0, …}, "sense": "<=" | ">=" | "=", "bound"}], linear, over parameters
//     "pool": null, or the rows to choose among: numbers and choices' names in the parameters' order
//     "objectives": [{"name", "goal": "maximize" | "minimize", "reference": number or null}]
//     "outcome_constraints": [{"name", "sense": "<=" | ">=", "bound"}], over what is measured
//     "initial" (points that "start" gives), "evaluations" (those among them), "batch", "noise_sd": {"y": …}
//     "score": "regret" | "hypervolume gap" | "top 5 % missed"
//   {"start": SEED}           → {"points": [{"x1": …}, …]}: forgets everything; where a run with that seed starts
//   {"measure": [{"x1": …}]}  → {"measured": [{"y": …}, …], "scores": […]}: each as noisy as the problem has it, and
//                               the score after it (from the noise-free outcomes; smaller is better)
//   anything else             → {"error": "…"}, and nothing has changed
#pragma once

#include <string>

#include "bench/session.h"

namespace athanor::bench {

class Dialogue {
 public:
  /// Keeps a reference to the problem.
  explicit Dialogue(const BenchProblem& bench) : session_(bench) {}

  /// One line's answer, without a line break. Never throws for what is wrong with the line.
  std::string answer(const std::string& line);

 private:
  Session session_;
  bool started_ = false;
};

}  // namespace athanor::bench
