// Goal: acquisitions are the expectations they claim to be, and their gradients are right. Method: quadrature,
// brute-force Monte-Carlo, finite differences.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "optimizers/acquisition.h"
#include "optimizers/sobol.h"

using namespace athanor;
using Goal = Objective::Goal;

namespace {

/// E[(merit(y) − best)⁺] for y ~ N(mean, sd²), by the midpoint rule over what lies within 12 sd and is better at all.
double improvement_by_quadrature(const Aim& aim, double mean, double sd, double best) {
  const int steps = 400000;
  double from = -12, to = 12;
  if (aim.goal == Goal::kTarget) {
    from = std::clamp((aim.target + best - mean) / sd, -12.0, 12.0);
    to = std::clamp((aim.target - best - mean) / sd, -12.0, 12.0);
  }
  double sum = 0;
  for (int i = 0; i < steps; ++i) {
    const double t = from + (to - from) * (i + 0.5) / steps;
    sum += std::max(0.0, aim.merit(mean + sd * t) - best) * std::exp(-0.5 * t * t);
  }
  return sum * (to - from) / steps / std::sqrt(2 * std::numbers::pi);
}

ExactGp sample_gp(double noise_variance, RandomStream& random, Eigen::Index n = 10) {
  TrainingData data;
  data.points.resize(n, 3);
  data.outcomes.resize(n);
  data.columns = {Column::kNumeric, Column::kNumeric, Column::kCategorical};
  for (Eigen::Index i = 0; i < n; ++i) {
    data.points.row(i) << random.uniform(), random.uniform(), static_cast<double>(random.below(2));
    data.outcomes[i] = 7 + 2 * std::sin(5 * data.points(i, 0)) + data.points(i, 1) * data.points(i, 2);
  }
  GpParameters p;
  p.lengthscales = Vector::Constant(3, 0.4);
  p.noise_variance = noise_variance;
  return ExactGp(data, p);
}

void check_gradient(const Acquisition& acquisition, const Vector& x) {
  Vector gradient;
  const double value = acquisition.value(x, &gradient);
  CHECK(value == Approx(acquisition.values(x.transpose())[0]).epsilon(1e-9));
  for (Eigen::Index j = 0; j < 2; ++j) {
    Vector up = x, down = x;
    up[j] += 1e-6;
    down[j] -= 1e-6;
    const double slope = (acquisition.value(up, nullptr) - acquisition.value(down, nullptr)) / 2e-6;
    CHECK(gradient[j] == Approx(slope).epsilon(1e-4).margin(1e-4));
  }
  CHECK(gradient[2] == 0);
}

}  // namespace

TEST_CASE("expected improvement equals quadrature for every goal") {
  for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 0.3}}) {
    for (const double mean : {-2.0, 0.0, 0.3, 0.9, 4.0}) {
      for (const double sd : {0.1, 1.0, 30.0}) {
        for (const double best : {-1.5, -0.2, -0.01}) {
          const double expected = improvement_by_quadrature(aim, mean, sd, best);
          if (expected < 1e-12) continue;  // the quadrature's own rounding
          INFO(mean << " " << sd << " " << best << " " << static_cast<int>(aim.goal));
          CHECK(std::exp(log_expected_improvement(aim, mean, sd, best).value) == Approx(expected).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("derivatives by mean and sd equal finite differences, in all branches") {
  for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 0.3}}) {
    for (const double mean : {-40.0, -2.0, 0.1, 0.31, 0.9, 25.0}) {
      for (const double sd : {0.05, 1.0, 30.0}) {
        for (const double best : {-1.5, -0.2, -0.001}) {
          const LogImprovement at = log_expected_improvement(aim, mean, sd, best);
          const auto value = [&](double m, double s) { return log_expected_improvement(aim, m, s, best).value; };
          const double h = 1e-6 * sd;
          INFO(mean << " " << sd << " " << best << " " << static_cast<int>(aim.goal));
          const double size = std::abs(at.value) * 1e-9 / h;  // rounding of a difference of two large numbers
          CHECK(at.by_mean ==
                Approx((value(mean + h, sd) - value(mean - h, sd)) / (2 * h)).epsilon(2e-4).margin(1e-4 + size));
          CHECK(at.by_sd ==
                Approx((value(mean, sd + h) - value(mean, sd - h)) / (2 * h)).epsilon(2e-4).margin(1e-4 + size));
        }
      }
    }
  }
}

TEST_CASE("far from anything better the logarithm is finite and still points the way") {
  for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 0}}) {
    const double sign = aim.goal == Goal::kMinimize ? 1 : -1;
    for (const double away : {1e2, 1e4, 1e6}) {
      const LogImprovement far = log_expected_improvement(aim, sign * away, 1e-2, -0.1);
      CHECK(std::isfinite(far.value));
      CHECK(-sign * far.by_mean > 0);
      CHECK(far.by_sd > 0);
    }
  }
  // A target that was hit exactly leaves nothing to improve, but the answer is a number.
  CHECK(std::isfinite(log_expected_improvement({Goal::kTarget, 0}, 0.2, 0.1, 0).value));
}

TEST_CASE("expected improvement of a surrogate, with its gradient") {
  RandomStream random(1, "ei");
  const ExactGp gp = sample_gp(0.01, random);
  for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 7.2}}) {
    const LogExpectedImprovement acquisition(gp, aim,
                                             aim.goal == Goal::kMaximize   ? 8
                                             : aim.goal == Goal::kMinimize ? -6
                                                                           : -0.1);
    for (int i = 0; i < 5; ++i) check_gradient(acquisition, Vector{{random.uniform(), random.uniform(), 1.0}});
  }
}

TEST_CASE("noisy expected improvement equals brute-force Monte-Carlo over the joint posterior") {
  // E over f at observed, pending and new points of (f(x) − max f(others))⁺, by plain draws of the joint posterior.
  RandomStream random(2, "noisy");
  const ExactGp gp = sample_gp(0.3, random, 6);
  const Matrix pending = Vector{{0.5, 0.1, 1.0}}.transpose();
  for (const Vector& x : {Vector{{0.3, 0.9, 1.0}}, Vector{{0.9, 0.2, 0.0}}}) {
    for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kTarget, 0.4}}) {
      Sobol sobol(7, random);
      const LogNoisyExpectedImprovement acquisition(Fantasies(gp, pending, sobol.next_normal(4096)), aim);
      Matrix joint(8, 3);
      joint << gp.points(), pending, x.transpose();
      const Matrix draws = (gp.sample(joint, 100000, random).array() - gp.location()) / gp.scale();
      double sum = 0, squares = 0;
      for (Eigen::Index s = 0; s < draws.rows(); ++s) {
        double best = -1e300;
        for (Eigen::Index k = 0; k < 7; ++k) best = std::max(best, aim.merit(draws(s, k)));
        const double gain = std::max(0.0, aim.merit(draws(s, 7)) - best);
        sum += gain;
        squares += gain * gain;
      }
      const double mean = sum / 100000, error = std::sqrt(squares / 100000 - mean * mean) / std::sqrt(100000.0);
      // Four standard errors of the reference, and 2 % for the 4096 fantasies of the acquisition.
      CHECK(std::exp(acquisition.value(x, nullptr)) == Approx(mean).margin(4 * error + 0.02 * mean));
      check_gradient(acquisition, x);
    }
  }
}

TEST_CASE("what is pending lowers the worth of its surroundings") {
  RandomStream random(3, "pending");
  const ExactGp gp = sample_gp(0.01, random);
  const Vector x{{0.7, 0.6, 0.0}};
  Sobol sobol(12, random);
  const Matrix normals = sobol.next_normal(64);
  const LogNoisyExpectedImprovement without(Fantasies(gp, Matrix(0, 3), normals), Aim{});
  const LogNoisyExpectedImprovement with(Fantasies(gp, Vector{{0.71, 0.61, 0.0}}.transpose(), normals), Aim{});
  CHECK(with.value(x, nullptr) < without.value(x, nullptr) - 1);
}

TEST_CASE("the chance of success lowers the worth where experiments failed") {
  RandomStream random(4, "success");
  const ExactGp gp = sample_gp(0.01, random);
  TrainingData outcomes;
  outcomes.points = gp.points();
  outcomes.columns = gp.columns();
  outcomes.outcomes = (gp.points().col(0).array() < 0.5).cast<double>();  // fails on the right
  const auto success = std::make_shared<ExactGp>(ExactGp::fit(outcomes));
  const LogExpectedImprovement worth(gp, Aim{}, 8);
  const TimesSuccess both(std::make_unique<LogExpectedImprovement>(gp, Aim{}, 8), success);
  const Vector left{{0.1, 0.5, 1.0}}, right{{0.95, 0.5, 1.0}};
  CHECK(worth.value(left, nullptr) - both.value(left, nullptr) < 0.7);
  CHECK(worth.value(right, nullptr) - both.value(right, nullptr) > 0.7);
  check_gradient(both, left);
  check_gradient(both, right);
}
