// Goal: the normal distribution's tails are right to rounding. Method: closed forms, published values, quadrature in
// long double.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "optimizers/normal.h"

using namespace athanor;

namespace {

/// ln ∫_0^∞ t φ(z − t) dt = ln h(z), by the trapezoidal rule in long double, e^(−z²/2) kept outside.
double log_h_by_quadrature(double z) {
  const long double step = 0.0005L;
  long double sum = 0;
  for (int i = 1; i < 120000; ++i) {
    const long double t = step * static_cast<long double>(i);
    sum += t * std::exp(static_cast<long double>(z) * t - t * t / 2);
  }
  return static_cast<double>(std::log(sum * step) - static_cast<long double>(z) * z / 2 - 0.918938533204672741780L);
}

}  // namespace

TEST_CASE("erfcx agrees with published values") {
  // Abramowitz & Stegun, and asymptotically 1/(x √π).
  CHECK(erfcx(0) == 1);
  CHECK(erfcx(1) == Approx(0.427583576155807).epsilon(1e-14));
  CHECK(erfcx(5) == Approx(0.1107046377330686).epsilon(1e-14));
  CHECK(erfcx(9.999999) == Approx(erfcx(10.000001)).epsilon(1e-6));  // across the switch of methods
  CHECK(erfcx(20) == Approx(0.0281743487410513).epsilon(1e-13));
  CHECK(erfcx(1e8) == Approx(5.641895835477563e-9).epsilon(1e-14));
  CHECK(erfcx(-3) == Approx(2 * std::exp(9.0) - erfcx(3)).epsilon(1e-14));
}

TEST_CASE("ln h equals quadrature, and stays finite far out") {
  for (const double z : {3.0, 0.5, 0.0, -0.5, -0.99, -1.01, -2.0, -4.0, -8.0, -11.9, -12.1, -20.0, -35.0}) {
    INFO(z);
    // The quadrature's own step error is 1e-7.
    CHECK(log_h(z).value == Approx(log_h_by_quadrature(z)).epsilon(1e-6).margin(1e-6));
  }
  CHECK(log_h(12 - 24 - 1e-9).value == Approx(log_h(12 - 24 + 1e-9).value).epsilon(1e-9));  // across the switch at −12
  for (const double z : {-1e2, -1e4, -1e8, -1e100}) {
    CHECK(std::isfinite(log_h(z).value));
    CHECK(std::isfinite(log_h(z).slope));
    CHECK(log_h(z).value == Approx(-0.5 * z * z - 0.918938533204673 - 2 * std::log(-z)).epsilon(1e-3));
  }
  CHECK(log_h(1e10).value == Approx(std::log(1e10)));
}

TEST_CASE("ln h and its slope equal their closed forms to rounding") {
  for (double z = -11.9; z < 9; z += 0.0137) {
    INFO(z);
    // For z < −1, h = φ (1 − |z| Φ/φ) loses up to z² units of rounding: 1.5e-14 at most.
    const double root_half_pi = 1.2533141373155002512, mills = root_half_pi * erfcx(-z / std::sqrt(2.0));
    const double h = 1 + z * mills;  // over φ
    CHECK(log_h(z).value == Approx(-0.5 * z * z - 0.918938533204672742 + std::log(h)).epsilon(1e-13).margin(1e-13));
    CHECK(log_h(z).slope == Approx(mills / h).epsilon(2e-13));
  }
}

TEST_CASE("the slope of ln h is its derivative") {
  for (double z = -30; z < 5; z += 0.37) {
    const double h = 1e-5 * std::max(1.0, std::abs(z));
    CHECK(log_h(z).slope == Approx((log_h(z + h).value - log_h(z - h).value) / (2 * h)).epsilon(1e-6));
  }
}

TEST_CASE("ln of the distribution function and its slope") {
  CHECK(log_normal_cdf(0) == Approx(std::log(0.5)));
  CHECK(log_normal_cdf(-10) == Approx(-53.23128515051247).epsilon(1e-13));
  CHECK(log_normal_cdf(-4.999999) == Approx(log_normal_cdf(-5.000001)).epsilon(1e-5));
  CHECK(log_normal_cdf(9) == Approx(-1.1285884059538405e-19).epsilon(1e-10));
  for (double z = -40; z < 6; z += 0.61) {
    const double h = 1e-5;
    CHECK(normal_hazard(z) ==
          Approx((log_normal_cdf(z + h) - log_normal_cdf(z - h)) / (2 * h)).epsilon(1e-5).margin(1e-9));
  }
}

TEST_CASE("the quantile function inverts the distribution function") {
  for (const double p : {1e-15, 1e-8, 0.001, 0.07, 0.075, 0.3, 0.5, 0.8, 0.93, 0.9999}) {
    CHECK(normal_cdf(normal_quantile(p)) == Approx(p).epsilon(1e-12));
  }
  CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-14));
}
