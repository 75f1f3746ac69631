#include "lab_twin/suzuki_kinetics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace athanor {
namespace {

constexpr double kGas = 8.314e-3;            // kJ/mol/K, as in the source
constexpr double kAR = 3.1e7, kEaR = 55;     // A + B → R:  L^1.5 mol^-1.5 s^-1, kJ/mol
constexpr double kAS1 = 1e12, kEaS1 = 100;   // B → S1:     L^0.5 mol^-0.5 s^-1, kJ/mol
constexpr double kAS2 = 3.1e5, kEaS2 = 50;   // B + R → S2: L^1.5 mol^-1.5 s^-1, kJ/mol
constexpr double kDiesAboveK = 273.15 + 80;  // catalyst 1 in case 5
constexpr SuzukiKinetics::Catalysts kBarrier = {0, 0.3, 0.3, 0.7, 0.7, 2.2, 3.8, 7.3};  // kJ/mol

double barrier(int published_case, std::size_t catalyst, double temperature_k) {
  if (published_case == 2 && catalyst == 1) return 0;
  if (published_case == 5 && catalyst == 0) return -5 + 0.3 * std::max(0.0, temperature_k - kDiesAboveK);
  return kBarrier[catalyst];
}

}  // namespace

SuzukiKinetics::Constants SuzukiKinetics::constants(const Catalysts& catalysts, double temperature_k) const {
  const double total = std::accumulate(catalysts.begin(), catalysts.end(), 0.0);
  if (total <= 0) return {};
  const double root = std::sqrt(total), rt = kGas * temperature_k;
  Constants k;
  for (std::size_t i = 0; i < kCatalysts; ++i) {
    if (catalysts[i] > 0)
      k.r += catalysts[i] / total * root * kAR * std::exp(-(kEaR + barrier(case_, i, temperature_k)) / rt);
  }
  if (case_ == 3) k.s1 = root * kAS1 * std::exp(-kEaS1 / rt);
  if (case_ == 4) k.s2 = root * kAS2 * std::exp(-kEaS2 / rt);
  return k;
}

OdeSummary SuzukiKinetics::react(const Catalysts& catalysts, const Stretch& stretch, Mixture& mixture,
                                 const OdeOptions& options) const {
  const double k_per_s = stretch.seconds > 0 ? (stretch.to_k - stretch.from_k) / stretch.seconds : 0;
  const Constants start = constants(catalysts, stretch.from_k);
  const auto at = [&](double t) { return k_per_s == 0 ? start : constants(catalysts, stretch.from_k + k_per_s * t); };
  const auto apply = [](const Constants& k, std::span<const double> c, std::span<double> derivative) {
    const double r = k.r * c[kA] * c[kB], s1 = k.s1 * c[kB], s2 = k.s2 * c[kB] * c[kR];
    derivative[kA] = -r;
    derivative[kB] = -r - s1 - s2;
    derivative[kR] = r - s2;
    derivative[kS1] = s1;
    derivative[kS2] = s2;
  };
  OdeSystem system;
  system.rates = [&](double t, std::span<const double> c, std::span<double> derivative) {
    apply(at(t), c, derivative);
  };
  if (k_per_s != 0) {
    // The constants are differenced, not the rates: so mass balances hold in the slope too, to rounding.
    system.slope = [&](double t, std::span<const double> c, std::span<double> slope) {
      const double dt = 1e-3 / std::abs(k_per_s);  // 1 mK
      const Constants before = at(t - dt), after = at(t + dt);
      apply({(after.r - before.r) / (2 * dt), (after.s1 - before.s1) / (2 * dt), (after.s2 - before.s2) / (2 * dt)}, c,
            slope);
    };
  }
  system.jacobian = [&](double t, std::span<const double> c, std::span<double> jacobian) {
    const Constants k = at(t);
    // The derivative of each reaction's rate by A, B and R; then the same stoichiometry as above.
    const Mixture r = {k.r * c[kB], k.r * c[kA], 0, 0, 0};
    const Mixture s1 = {0, k.s1, 0, 0, 0};
    const Mixture s2 = {0, k.s2 * c[kR], k.s2 * c[kB], 0, 0};
    for (std::size_t j = 0; j < kSpecies; ++j) {
      jacobian[kA * kSpecies + j] = -r[j];
      jacobian[kB * kSpecies + j] = -r[j] - s1[j] - s2[j];
      jacobian[kR * kSpecies + j] = r[j] - s2[j];
      jacobian[kS1 * kSpecies + j] = s1[j];
      jacobian[kS2 * kSpecies + j] = s2[j];
    }
  };
  return integrate(system, 0, stretch.seconds, mixture, options);
}

}  // namespace athanor
