// Several objectives at once: a random weighting of them makes one, another each time.
#pragma once

#include "core/problem.h"
#include "core/random.h"
#include "surrogates/surrogate.h"

namespace athanor {

struct TradeOff {
  TrainingData data;  ///< the weighted outcome, larger is better, of the complete observations in their order
  std::string text;   ///< for people: "yield 0.7 : cost 0.3"
};

/// True if nothing failed and every objective was measured.
bool complete(const Observation& observation);

/// Merits normalised to [0, 1] over the complete observations, then the augmented Chebyshev function
///   min_k w_k f_k + 0.05 Σ_k w_k f_k
/// with weights uniform on the simplex: whatever the weights, its optimum is Pareto-optimal, and every such point has
/// weights. throws InputError if no observation is complete. Method: Knowles 2006, "ParEGO".
TradeOff draw_trade_off(const Problem& problem, const std::vector<Observation>& observations, RandomStream& random);

}  // namespace athanor
