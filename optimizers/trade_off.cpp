#include "optimizers/trade_off.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace athanor {

TradeOff draw_trade_off(const Matrix& merits, RandomStream& random) {
  ATHANOR_CHECK(merits.rows() > 0 && merits.cols() > 0, "nothing to trade off");
  // Uniform on the simplex: exponential variables, normalised.
  TradeOff out;
  out.weights.resize(merits.cols());
  for (double& w : out.weights) w = -std::log1p(-random.uniform());
  out.weights /= std::max(out.weights.sum(), 1e-300);

  Matrix shares = merits;
  for (Eigen::Index k = 0; k < merits.cols(); ++k) {
    const double low = merits.col(k).minCoeff(), range = merits.col(k).maxCoeff() - low;
    shares.col(k) = (merits.col(k).array() - low) / (range > 0 ? range : 1) * out.weights[k];
  }
  out.outcomes = shares.rowwise().minCoeff() + 0.05 * shares.rowwise().sum();
  return out;
}

}  // namespace athanor
