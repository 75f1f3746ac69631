#include "lab_twin/chromatogram.h"

#include <cmath>

namespace athanor {
namespace {

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

/// The share of a peak that has passed `t` after its Gaussian's centre: σ its width, τ its tail.
///   F(t) = Φ(t/σ) − exp(σ²/2τ² − t/τ) · Φ(t/σ − σ/τ)
double passed(double t, double sigma, double tau) {
  const double k = sigma / tau;
  const double late = normal_cdf(t / sigma - k);  // 0 long before the peak, where the exponential is beyond all bounds
  return normal_cdf(t / sigma) - (late > 0 ? std::exp(0.5 * k * k - t / tau) * late : 0);
}

}  // namespace

std::vector<float> Chromatogram::record(double run_s, double rate_hz, RandomStream& chance) const {
  constexpr double kRounding = 1e-9;
  const auto samples = static_cast<std::size_t>(std::ceil(run_s * rate_hz * (1 - kRounding)));
  std::vector<double> signal(samples);
  for (const Peak& peak : peaks) {
    double before = passed(-peak.at_s, width_s, tail_s);
    for (std::size_t i = 0; i < samples; ++i) {
      const double after = passed(static_cast<double>(i + 1) / rate_hz - peak.at_s, width_s, tail_s);
      signal[i] += peak.area_mau_s * (after - before) * rate_hz;
      before = after;
    }
  }
  std::vector<float> trace(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const double drifted = drift_mau_per_s * (static_cast<double>(i) + 0.5) / rate_hz;
    trace[i] = static_cast<float>(signal[i] + drifted + noise_mau * chance.normal());
  }
  return trace;
}

}  // namespace athanor
