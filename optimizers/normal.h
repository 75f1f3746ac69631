// The normal distribution far out in its tails, in logarithms.
#pragma once

namespace athanor {

inline constexpr double kHalfLog2Pi = 0.91893853320467274178;  ///< ½ ln 2π

/// Φ(z), and ln Φ(z), accurate to rounding for every z.
double normal_cdf(double z);
double log_normal_cdf(double z);
/// φ(z)/Φ(z), the slope of ln Φ.
double normal_hazard(double z);
/// Φ⁻¹(p) for 0 < p < 1, to about 1e-15. Method: Wichura 1988, algorithm AS 241.
double normal_quantile(double p);

/// e^(x²) erfc(x), without overflow for x ≥ −26.
double erfcx(double x);

/// h(z) = φ(z) + z Φ(z): the expected improvement of a standard normal over −z. ln h is finite for every finite z.
/// Method: Ament et al. 2023, "Unexpected improvements to expected improvement", section 4; the lower tail by erfcx
/// and, farther out where 1 − |z| Φ/φ cancels, by its asymptotic series.
struct LogH {
  double value = 0;  ///< ln h(z)
  double slope = 0;  ///< d ln h/dz = Φ(z)/h(z)
};
LogH log_h(double z);

}  // namespace athanor
