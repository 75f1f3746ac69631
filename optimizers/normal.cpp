#include "optimizers/normal.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace athanor {
namespace {

constexpr double kRootHalfPi = 1.2533141373155002512;  // √(π/2)
constexpr double kRoot2 = std::numbers::sqrt2;

/// Mills' ratio Φ(−t)/φ(t) for t ≥ 0.
double mills(double t) {
  return kRootHalfPi * erfcx(t / kRoot2);
}

/// 1 − t · mills(t) for t ≥ 0, without cancellation.
double one_minus_t_mills(double t) {
  if (t < 12) return 1 - t * mills(t);  // loses at most t² ≈ 150 units of rounding
  // t·mills(t) = 1 − 1/t² + 3/t⁴ − 15/t⁶ + …
  const double q = 1 / (t * t);
  double term = q, sum = q;
  for (int k = 1; k < 14; ++k) {
    term *= -(2 * k + 1) * q;
    sum += term;
    if (std::abs(term) < 1e-17 * sum) break;
  }
  return sum;
}

}  // namespace

double erfcx(double x) {
  if (x < 10) {
    // e^(x²) with x split in two, so that the rounding of x² is not magnified.
    const double head = std::trunc(x * 1024) / 1024;
    const double tail = (x - head) * (x + head);
    return std::exp(head * head) * std::exp(tail) * std::erfc(x);
  }
  const double q = 1 / (2 * x * x);
  double term = 1, sum = 1;
  for (int k = 1; k < 16; ++k) {
    term *= -(2 * k - 1) * q;
    sum += term;
    if (std::abs(term) < 1e-17) break;
  }
  return sum / (x * std::sqrt(std::numbers::pi));
}

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / kRoot2);
}

double log_normal_cdf(double z) {
  if (z > 0) return std::log1p(-0.5 * std::erfc(z / kRoot2));
  if (z > -5) return std::log(normal_cdf(z));
  return -0.5 * z * z - kHalfLog2Pi + std::log(mills(-z));
}

double normal_hazard(double z) {
  if (z > 0) return std::exp(-0.5 * z * z - kHalfLog2Pi) / normal_cdf(z);
  return 1 / mills(-z);
}

namespace {

LogH exact_log_h(double z) {
  if (z > -1) {
    const double density = std::exp(-0.5 * z * z - kHalfLog2Pi);
    const double below = normal_cdf(z);
    const double h = density + z * below;
    return {std::log(h), below / h};
  }
  const double left = one_minus_t_mills(-z);
  return {-0.5 * z * z - kHalfLog2Pi + std::log(left), mills(-z) / left};
}

/// ln h by its Taylor series around the nearest of many nodes, ten times as fast. Since h″ = φ = h − z h′, its
/// derivative r = h′/h solves r′ = 1 − z r − r², which gives one coefficient after the other.
class LogHSeries {
 public:
  static constexpr double kLow = -40, kHigh = 8;  // where it is used

  LogHSeries() {
    for (int node = 0; node < kNodes; ++node) {
      const double z = kLow + node / kPerUnit;
      const LogH exact = exact_log_h(z);
      std::array<double, kTerms> r{exact.slope};
      for (int k = 0; k + 1 < kTerms; ++k) {
        double sum = (k == 0 ? 1 : 0) - z * r[k] - (k > 0 ? r[k - 1] : 0);
        for (int i = 0; i <= k; ++i) sum -= r[i] * r[k - i];
        r[k + 1] = sum / (k + 1);
      }
      nodes_[node].value = exact.value;
      for (int k = 0; k < kTerms; ++k) nodes_[node].factor[k] = r[k] / (k + 1);
    }
  }

  LogH operator()(double z) const {
    const double place = std::rint((z - kLow) * kPerUnit);
    const Node& node = nodes_[static_cast<std::size_t>(place)];
    const double t = z - (kLow + place / kPerUnit);
    double value = node.factor[kTerms - 1], slope = kTerms * value;
    for (int k = kTerms - 2; k >= 0; --k) {
      value = value * t + node.factor[k];
      slope = slope * t + (k + 1) * node.factor[k];
    }
    return {node.value + t * value, slope};
  }

 private:
  static constexpr int kTerms = 11;      // ln h to 10⁻¹⁵ of its size
  static constexpr double kPerUnit = 8;  // nodes
  static constexpr int kNodes = static_cast<int>((kHigh - kLow) * kPerUnit) + 1;
  struct Node {
    double value;
    std::array<double, kTerms> factor;  // ln h(z + t) = value + Σ_k factor_k t^(k + 1)
  };
  std::array<Node, kNodes> nodes_;
};

}  // namespace

LogH log_h(double z) {
  static const LogHSeries series;
  return z > LogHSeries::kLow && z < LogHSeries::kHigh ? series(z) : exact_log_h(z);
}

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    const double top =
        (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r +
             4.5921953931549871457e4) *
                r +
            1.3731693765509461125e4) *
               r +
           1.9715909503065514427e3) *
              r +
          1.3314166789178437745e2) *
             r +
         3.3871328727963666080e0);
    const double bottom =
        (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r +
             2.1213794301586595867e4) *
                r +
            5.3941960214247511077e3) *
               r +
           6.8718700749205790830e2) *
              r +
          4.2313330701600911252e1) *
             r +
         1.0);
    return q * top / bottom;
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  double value = 0;
  if (r <= 5) {
    r -= 1.6;
    const double top =
        (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r +
             1.27045825245236838258e0) *
                r +
            3.64784832476320460504e0) *
               r +
           5.76949722146069140550e0) *
              r +
          4.63033784615654529590e0) *
             r +
         1.42343711074968357734e0);
    const double bottom =
        (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r +
             1.48103976427480074590e-1) *
                r +
            6.89767334985100004550e-1) *
               r +
           1.67638483018380384940e0) *
              r +
          2.05319162663775882187e0) *
             r +
         1.0);
    value = top / bottom;
  } else {
    r -= 5;
    const double top =
        (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r +
             2.65321895265761230930e-2) *
                r +
            2.96560571828504891230e-1) *
               r +
           1.78482653991729133580e0) *
              r +
          5.46378491116411436990e0) *
             r +
         6.65790464350110377720e0);
    const double bottom =
        (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r +
             7.86869131145613259100e-4) *
                r +
            1.48753612908506148525e-2) *
               r +
           1.36929880922735805310e-1) *
              r +
          5.99832206555887937690e-1) *
             r +
         1.0);
    value = top / bottom;
  }
  return q < 0 ? -value : value;
}

}  // namespace athanor
