#include "optimizers/trade_off.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "optimizers/design.h"

namespace athanor {

bool complete(const Observation& observation) {
  return !observation.failed && std::all_of(observation.measured.begin(), observation.measured.end(),
                                            [](const auto& m) { return m.has_value(); });
}

TradeOff draw_trade_off(const Problem& problem, const std::vector<Observation>& observations, RandomStream& random) {
  const std::size_t size = problem.objectives.size();
  std::vector<Point> points;
  std::vector<const Observation*> rows;
  for (const Observation& o : observations) {
    if (!complete(o)) continue;
    points.push_back(o.at);
    rows.push_back(&o);
  }
  if (rows.empty()) throw InputError("no observation measured every objective, so there is nothing to trade off");

  // Uniform on the simplex: exponential variables, normalised.
  std::vector<double> weights(size);
  double sum = 0;
  for (double& w : weights) sum += w = -std::log1p(-random.uniform());
  for (double& w : weights) w = sum > 0 ? w / sum : 1.0 / static_cast<double>(size);

  Matrix merits(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(size));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      merits(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) =
          problem.objectives[k].merit(rows[i]->measured[k]->value);
    }
  }
  for (Eigen::Index k = 0; k < merits.cols(); ++k) {
    const double low = merits.col(k).minCoeff(), range = merits.col(k).maxCoeff() - low;
    merits.col(k) = (merits.col(k).array() - low) / (range > 0 ? range : 1) * weights[static_cast<std::size_t>(k)];
  }
  TradeOff out;
  out.data.points = encode(problem.space, points);
  out.data.outcomes = merits.rowwise().minCoeff() + 0.05 * merits.rowwise().sum();
  out.data.columns = columns(problem.space);
  for (std::size_t k = 0; k < size; ++k) {
    out.text += fmt::format("{}{} {:.2f}", k == 0 ? "" : " : ", problem.objectives[k].name, weights[k]);
  }
  return out;
}

}  // namespace athanor
