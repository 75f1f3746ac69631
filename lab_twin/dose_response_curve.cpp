#include "lab_twin/dose_response_curve.h"

#include <cmath>

#include "core/check.h"

namespace athanor {

double DrugEffect::inhibition(double concentration) const {
  if (concentration <= 0) return 0;
  return s_max / (1 + std::pow(sc50 / concentration, hill));
}

double gr_value(double inhibition) {
  return std::exp2(1 - inhibition) - 1;
}

double log2_growth(std::span<const DrugEffect> effects, std::span<const double> from, std::span<const double> to,
                   double hours, double doubling_h) {
  ATHANOR_CHECK(effects.size() == from.size() && effects.size() == to.size(), "a concentration for each drug");
  constexpr int kIntervals = 16;  // even; concentrations drift by a few per cent, far less than a Hill curve bends
  double sum = 0;
  for (int i = 0; i <= kIntervals; ++i) {
    const double share = static_cast<double>(i) / kIntervals;
    double rate = 1;
    for (std::size_t d = 0; d < effects.size(); ++d) rate -= effects[d].inhibition(from[d] + share * (to[d] - from[d]));
    sum += rate * (i == 0 || i == kIntervals ? 1 : i % 2 == 1 ? 4 : 2);
  }
  return sum / (3 * kIntervals) * hours / doubling_h;
}

}  // namespace athanor
