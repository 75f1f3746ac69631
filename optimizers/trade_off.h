// Several objectives at once: a random weighting of them makes one, another each time.
#pragma once

#include "core/random.h"
#include "surrogates/surrogate.h"

namespace athanor {

struct TradeOff {
  Vector outcomes;  ///< the weighted outcome of each row, larger is better
  Vector weights;   ///< one an objective, their sum 1
};

/// merits (n × m, n ≥ 1): normalised to [0, 1] over the rows, then the augmented Chebyshev function
///   min_k w_k f_k + 0.05 Σ_k w_k f_k
/// with weights uniform on the simplex: whatever the weights, its optimum is Pareto-optimal, and every such point has
/// weights. Method: Knowles 2006, "ParEGO".
TradeOff draw_trade_off(const Matrix& merits, RandomStream& random);

}  // namespace athanor
