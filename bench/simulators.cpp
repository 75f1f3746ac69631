#include "bench/simulators.h"

#include <algorithm>
#include <cmath>

namespace athanor::bench {

std::vector<double> vehicle_safety(const Point& x) {
  const double a = x[0], b = x[1], c = x[2], d = x[3], e = x[4];
  return {1640.2823 + 2.3573285 * a + 2.3220035 * b + 4.5688768 * c + 7.7213633 * d + 4.4559504 * e,
          6.5856 + 1.15 * a - 1.0427 * b + 0.9738 * c + 0.8364 * d - 0.3695 * a * d + 0.0861 * a * e + 0.3628 * b * d -
              0.1106 * a * a - 0.3437 * c * c + 0.1764 * d * d,
          -0.0551 + 0.0181 * a + 0.1024 * b + 0.0421 * c - 0.0073 * a * b + 0.024 * b * c - 0.0118 * b * d -
              0.0204 * c * d - 0.008 * c * e - 0.0241 * b * b + 0.0109 * d * d};
}

std::vector<double> car_side_impact(const Point& x) {
  const double a = x[0], b = x[1], c = x[2], d = x[3], e = x[4], f = x[5], g = x[6];
  const double mass = 1.98 + 4.9 * a + 6.67 * b + 6.98 * c + 4.01 * d + 1.78 * e + 1e-5 * f + 2.73 * g;
  const double pubis = 4.72 - 0.5 * d - 0.19 * b * c;
  const double pillar = 10.58 - 0.674 * a * b - 0.67275 * b;
  const double door = 16.45 - 0.489 * c * g - 0.843 * e * f;
  const double slacks[] = {
      1 - 1.16 + 0.3717 * b * d + 0.0092928 * c,                                                     // abdomen
      0.32 - 0.261 + 0.0159 * a * b + 0.06486 * a + 0.019 * b * g - 0.0144 * c * e - 0.0154464 * f,  // viscous
      0.32 - 0.214 - 0.00817 * e + 0.045195 * a + 0.0135168 * a - 0.03099 * b * f + 0.018 * b * g -  //
          0.007176 * c - 0.023232 * c + 0.00364 * e * f + 0.018 * b * b,                             //
      0.32 - 0.74 + 0.61 * b + 0.031296 * c + 0.031872 * g - 0.227 * b * b,                          //
      32 - 28.98 - 3.818 * c + 4.2 * a * b - 1.27296 * f + 2.68065 * g,                              // ribs
      32 - 33.86 - 2.95 * c + 5.057 * a * b + 3.795 * b + 3.4431 * g - 1.45728,                      //
      32 - 46.36 + 9.9 * b + 4.4505 * a,                                                             //
      4 - pubis,
      9.9 - pillar,
      15.7 - door};
  double violation = 0;
  for (const double slack : slacks) violation += std::max(-slack, 0.0);
  return {mass, pubis, (pillar + door) / 2, violation};
}

std::vector<double> penicillin(const Point& x) {
  constexpr double biomass_per_glucose = 0.45, penicillin_per_glucose = 0.90, maintenance = 0.014;
  constexpr double k1 = 1e-10, k2 = 7e-5, mu_x = 0.092, k_x = 0.15, mu_p = 0.005, k_p = 0.0002, k_i = 0.10,
                   decay = 0.04;
  constexpr double growth = 7e3, growth_energy = 5100, death = 1e33, death_energy = 50000, gas = 1.9872;
  constexpr double evaporation = 2.5e-4, cold = 273, hot = 373, largest_volume = 180;
  constexpr int most_hours = 2500;
  double volume = x[0], biomass = x[1], glucose = x[3], product = 0, co2 = 0;
  const double temperature = x[2], feed = x[4], feed_glucose = x[5], acid = std::pow(10, -x[6]);

  const double thermal =
      growth * std::exp(-growth_energy / (gas * temperature)) - death * std::exp(-death_energy / (gas * temperature));
  const double rate = mu_x / (1 + k1 / acid + acid / k2) * thermal;
  const double loss = evaporation * (std::exp(5 * (temperature - hot) / (cold - hot)) - 1);
  int hour = 0;
  double gain = 1;
  while (hour < most_hours && volume <= largest_volume && glucose >= 0 && gain >= 1e-11) {
    ++hour;
    const double filling = feed - volume * loss, diluted = filling / volume;
    const double mu = rate * glucose / (k_x * biomass + glucose);
    const double making = mu_p * glucose / (k_p + glucose + glucose * glucose / k_i);
    const double grown = mu * biomass - biomass * diluted;
    const double eaten = (mu / biomass_per_glucose + making / penicillin_per_glucose + maintenance) * biomass;
    gain = making * biomass - (decay + diluted) * product;
    co2 += 0.143 * grown + 4e-7 * biomass + 1e-4;
    glucose += feed * feed_glucose / volume - eaten - glucose * diluted;
    product += gain;
    biomass += grown;
    volume += filling;
  }
  return {-product, co2, static_cast<double>(hour)};
}

}  // namespace athanor::bench
