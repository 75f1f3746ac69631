// Rate laws of a catalysed cross-coupling with its side reactions, from the literature.
#pragma once

#include <array>
#include <cstddef>

#include "lab_twin/ode.h"

namespace athanor {

/// A + B → R (wanted), B → S1, B + R → S2, each with the rate constant
///   k = √c_cat · A · exp(−(E_A + E_i)/RT),   c_cat in mol/L, E_i the catalyst's own share of the barrier of A + B → R.
///
/// Source: Baumgartner, Coley, Reizman, Gao & Jensen 2018, "Optimum catalyst selection over continuous and discrete
/// process variables with a single droplet microfluidic reaction platform", React. Chem. Eng. 3, 301
/// (10.1039/C8RE00032H): five simulated cases with eight catalysts, constants as in the Summit benchmarks (Felton et
/// al. 2021). docs/twin.md has them all.
class SuzukiKinetics {
 public:
  static constexpr std::size_t kCatalysts = 8;
  using Catalysts = std::array<double, kCatalysts>;  ///< concentrations, mol/L
  enum Species : std::size_t { kA, kB, kR, kS1, kS2, kSpecies };
  using Mixture = std::array<double, kSpecies>;  ///< concentrations, mol/L

  struct Constants {
    double r = 0;   ///< L/mol/s
    double s1 = 0;  ///< 1/s
    double s2 = 0;  ///< L/mol/s
  };
  /// A stretch of time in which the temperature goes linearly.
  struct Stretch {
    double from_k, to_k, seconds;
  };

  /// `published_case` is 1 … 5 of the source: 1 and 2 without side reactions, 3 with S1, 4 with S2, 5 with a catalyst
  /// that is the best below 80 °C and dies above.
  explicit SuzukiKinetics(int published_case) : case_(published_case) {}

  /// With several catalysts in one vial, each works in proportion to its share of their sum.
  Constants constants(const Catalysts& catalysts, double temperature_k) const;
  OdeSummary react(const Catalysts& catalysts, const Stretch& stretch, Mixture& mixture,
                   const OdeOptions& options = {}) const;

 private:
  int case_;
};

}  // namespace athanor
