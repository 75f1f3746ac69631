// How cells grow under drugs: growth-rate inhibition along a Hill curve, and two drugs that act independently.
#pragma once

#include <span>

namespace athanor {

/// What one drug does to one cell line.
///   k(c) = k0 · (1 − s_max · c^h / (sc50^h + c^h))       k in divisions per unit of time
/// s_max > 1 kills: the count declines. Source: Hafner, Niepel, Chung & Sorger 2016, "Growth rate inhibition metrics
/// correct for confounders in measuring sensitivity to cancer drugs", Nat. Methods 13, 521; the curve is that of Hill
/// 1910.
struct DrugEffect {
  double s_max = 1;
  double sc50 = 1;  ///< µmol/L
  double hill = 1;

  /// 1 − k(c)/k0; `concentration` in µmol/L, ≥ 0.
  double inhibition(double concentration) const;
};

/// GR(c) = 2^(k(c)/k0) − 1: 1 untreated, 0 growth halted, below 0 the cells die. Independent of how long the assay
/// lasts.
double gr_value(double inhibition);

/// How much log2 of a line's count changes in `hours` at `doubling_h`, while each drug's concentration goes linearly
/// from `from` to `to` (µmol/L; one an effect). The drugs act independently (Bliss 1939, "The toxicity of poisons
/// applied jointly"): relative counts multiply, so the inhibitions of the growth rate add. By Simpson's rule.
double log2_growth(std::span<const DrugEffect> effects, std::span<const double> from, std::span<const double> to,
                   double hours, double doubling_h);

}  // namespace athanor
