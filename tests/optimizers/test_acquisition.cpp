// Goal: acquisitions are the expectations they claim to be, and their gradients are right. Method: quadrature,
// brute-force Monte-Carlo, finite differences.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "optimizers/acquisition.h"
#include "optimizers/composition.h"
#include "optimizers/hypervolume_gain.h"
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

Matrix with_pending(const ExactGp& gp, const Matrix& pending) {
  Matrix base(pending.rows() + gp.rows(), gp.points().cols());
  base << pending, gp.points();
  return distinct_rows(base);
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

  // Among others it is the same, to rounding.
  Matrix points(4, 3), gradients;
  points << 0.1, 0.9, 0, x.transpose(), 0.7, 0.2, 1, 0.4, 0.4, 0.5;
  CHECK(acquisition.evaluate(points, &gradients)[1] == Approx(value).epsilon(1e-9));
  CHECK((gradients.row(1).transpose() - gradient).norm() <= 1e-6 * gradient.norm());
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
      const LogNoisyExpectedImprovement acquisition(Fantasies(gp, with_pending(gp, pending), sobol.next_normal(4096)),
                                                    aim);
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
  const LogNoisyExpectedImprovement without(Fantasies(gp, gp.points(), normals), Aim{});
  const LogNoisyExpectedImprovement with(
      Fantasies(gp, with_pending(gp, Vector{{0.71, 0.61, 0.0}}.transpose()), normals), Aim{});
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
  const Sum both(std::make_unique<LogExpectedImprovement>(gp, Aim{}, 8),
                 std::make_unique<LogFeasibility>(std::vector<OutcomeBound>{{success, false, 0.5}}));
  const Vector left{{0.1, 0.5, 1.0}}, right{{0.95, 0.5, 1.0}};
  CHECK(worth.value(left, nullptr) - both.value(left, nullptr) < 0.7);
  CHECK(worth.value(right, nullptr) - both.value(right, nullptr) > 0.7);
  check_gradient(both, left);
  check_gradient(both, right);
  // A reluctance counts beyond what is tolerated on the wrong side.
  const LogFeasibility plain({{success, false, 0.5}});
  for (const double tolerated : {0.0, 0.2, 5.0}) {
    const LogFeasibility reluctant({{success, false, 0.5, 3, tolerated}});
    for (const Vector& x : {left, right}) {
      const PointPosterior there = success->at(x);
      const double z = (there.mean - 0.5) / std::sqrt(there.variance);
      CHECK(reluctant.value(x, nullptr) == Approx(plain.value(x, nullptr) + 3 * std::min(z + tolerated, 0.0)));
      CHECK(reluctant.bounds(x.transpose())[0] >= reluctant.value(x, nullptr) - 1e-12);
      check_gradient(reluctant, x);
    }
  }
}

TEST_CASE("curiosity is about what is least known, of all outcomes and beside what is under way") {
  RandomStream random(11, "curiosity");
  const ExactGp one = sample_gp(0.01, random), other = sample_gp(0.2, random);
  Matrix base(20, 3);
  base << one.points(), other.points();
  const std::vector<Fantasies> outcomes = {Fantasies(one, base, Matrix::Zero(4, 40)),
                                           Fantasies(other, base, Matrix::Zero(4, 40))};
  const Curiosity curiosity(outcomes);
  for (int i = 0; i < 5; ++i) {
    const Vector x{{random.uniform(), random.uniform(), 1.0}};
    double sum = 0;
    for (const Fantasies& outcome : outcomes) {
      Matrix means;
      Vector variance;
      outcome.at(x.transpose(), means, variance);
      sum += std::sqrt(variance[0]);
    }
    CHECK(curiosity.value(x, nullptr) == Approx(std::log(1 + sum / 2)));
    CHECK(curiosity.bounds(x.transpose())[0] >= curiosity.value(x, nullptr) - 1e-12);
    check_gradient(curiosity, x);
    Matrix beside(21, 3);
    beside << x.transpose(), base;
    const std::vector<Fantasies> known = {Fantasies(one, beside, Matrix::Zero(4, 40))};
    CHECK(Curiosity(known).value(x, nullptr) < 1e-3);
  }
}

TEST_CASE("the mean of acquisitions is taken of what their logarithms stand for") {
  RandomStream random(6, "mean");
  const ExactGp one = sample_gp(0.01, random), other = sample_gp(0.2, random);
  std::vector<std::unique_ptr<Acquisition>> parts;
  for (const ExactGp* gp : {&one, &other}) parts.push_back(std::make_unique<LogExpectedImprovement>(*gp, Aim{}, 8));
  const Acquisition &first = *parts[0], &second = *parts[1];
  const LogMean mean(std::move(parts));
  for (int i = 0; i < 5; ++i) {
    const Vector x{{random.uniform(), random.uniform(), 1.0}};
    const double expected = 0.5 * (std::exp(first.value(x, nullptr)) + std::exp(second.value(x, nullptr)));
    CHECK(std::exp(mean.value(x, nullptr)) == Approx(expected).epsilon(1e-12));  // rounding alone
    check_gradient(mean, x);
  }
}

TEST_CASE("the probability of feasibility is the product of each bound's") {
  RandomStream random(5, "feasible");
  const auto one = std::make_shared<ExactGp>(sample_gp(0.01, random)),
             other = std::make_shared<ExactGp>(sample_gp(0.2, random));
  const LogFeasibility acquisition({{one, true, 7.5}, {other, false, 6.8}});
  for (int i = 0; i < 5; ++i) {
    const Vector x{{random.uniform(), random.uniform(), 1.0}};
    const PointPosterior a = one->at(x), b = other->at(x);
    const double expected = 0.5 * std::erfc((a.mean - 7.5) / std::sqrt(2 * a.variance)) * 0.5 *
                            std::erfc((6.8 - b.mean) / std::sqrt(2 * b.variance));
    CHECK(std::exp(acquisition.value(x, nullptr)) == Approx(expected).epsilon(1e-9));
    check_gradient(acquisition, x);
  }
}

TEST_CASE("only feasible base points are incumbents; where there are none, any feasible point improves on the worst") {
  RandomStream random(6, "mask");
  const ExactGp gp = sample_gp(1e-8, random);
  const Matrix draws = Matrix::Zero(4, 10);
  Eigen::Index best = 0;
  gp.outcomes().maxCoeff(&best);
  Feasible feasible = Feasible::Constant(10, 4, true);
  feasible.row(best).setConstant(false);
  Vector others = gp.outcomes();
  others[best] = -1e300;
  const Vector x{{0.35, 0.5, 1.0}};
  const PointPosterior at = gp.at(x);
  const double mean = (at.mean - gp.location()) / gp.scale(), sd = std::sqrt(at.variance) / gp.scale();
  const auto value = [&](const Feasible& mask) {
    const LogNoisyExpectedImprovement acquisition(Fantasies(gp, gp.points(), draws), Aim{}, mask);
    check_gradient(acquisition, x);
    return acquisition.value(x, nullptr);
  };
  CHECK(value(feasible) == Approx(log_expected_improvement(Aim{}, mean, sd, others.maxCoeff()).value).epsilon(1e-3));
  CHECK(value(Feasible::Constant(10, 4, false)) ==
        Approx(log_expected_improvement(Aim{}, mean, sd, gp.outcomes().minCoeff()).value).epsilon(1e-3));
}

TEST_CASE("the noisy expected gain in hypervolume equals brute-force Monte-Carlo") {
  RandomStream random(7, "hypervolume");
  for (const std::size_t objectives : {2u, 3u, 4u}) {
    std::vector<ExactGp> gps;
    std::vector<Aim> aims;
    for (std::size_t j = 0; j < objectives; ++j) {
      gps.push_back(sample_gp(0.1, random, 5));
      aims.push_back(j == 1 ? Aim{Goal::kMinimize, 0} : j == 2 ? Aim{Goal::kTarget, 0.2} : Aim{});
    }
    Matrix points = gps[0].points();
    for (const ExactGp& gp : gps) {
      Matrix more(points.rows() + gp.rows(), 3);
      more << points, gp.points();
      points = more;
    }
    const Matrix base = distinct_rows(points);
    const Vector reference = Vector::Constant(static_cast<Eigen::Index>(objectives), -1.5);
    const auto fantasies = [&](std::size_t count) {
      std::vector<Fantasies> out;
      const Matrix normals = Sobol(32 * gps.size(), random).next_normal(count);
      for (std::size_t j = 0; j < gps.size(); ++j) {
        out.emplace_back(gps[j], base, normals.middleCols(32 * static_cast<Eigen::Index>(j), 32));
      }
      return out;
    };
    const LogNoisyHypervolumeImprovement acquisition(fantasies(4096), aims, reference);
    for (const Vector& x : {Vector{{0.3, 0.9, 1.0}}, Vector{{0.9, 0.2, 0.0}}}) {
      Matrix joint(base.rows() + 1, 3);
      joint << base, x.transpose();
      const Eigen::Index draws = 20000;
      std::vector<Matrix> drawn;
      for (const ExactGp& gp : gps) {
        drawn.push_back((gp.sample(joint, static_cast<std::size_t>(draws), random).array() - gp.location()) /
                        gp.scale());
      }
      double sum = 0, squares = 0;
      for (Eigen::Index s = 0; s < draws; ++s) {
        Matrix merits(joint.rows(), static_cast<Eigen::Index>(objectives));
        for (std::size_t j = 0; j < objectives; ++j) {
          for (Eigen::Index i = 0; i < merits.rows(); ++i) {
            merits(i, static_cast<Eigen::Index>(j)) = aims[j].merit(drawn[j](s, i));
          }
        }
        const BoxDecomposition boxes = nondominated_boxes(merits.topRows(base.rows()), reference);
        const double gain = hypervolume_improvement(boxes, merits.row(base.rows()));
        sum += gain;
        squares += gain * gain;
      }
      const double mean = sum / draws, error = std::sqrt(squares / draws - mean * mean) / std::sqrt(1.0 * draws);
      INFO(objectives << " objectives");
      // Four standard errors of the reference, and as many of the fantasies, whose gains scatter by a few times their
      // mean.
      CHECK(std::exp(acquisition.value(x, nullptr)) == Approx(mean).margin(4 * error + 0.15 * mean));
      check_gradient(LogNoisyHypervolumeImprovement(fantasies(8), aims, reference), x);
      // Without time for more, one fantasy is all there is.
      const LogNoisyHypervolumeImprovement hurried(fantasies(8), aims, reference, {}, [] { return true; });
      CHECK(std::isfinite(hurried.value(x, nullptr)));
      check_gradient(hurried, x);
    }
  }
}

TEST_CASE("upper confidence bound and the merit of a path, with their gradients") {
  RandomStream random(8, "bound");
  const ExactGp gp = sample_gp(0.05, random);
  for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 7.2}}) {
    const UpperConfidenceBound bound(gp, aim, 2);
    const PathMerit path(PosteriorPath(gp, random), aim);
    for (int i = 0; i < 3; ++i) {
      const Vector x{{random.uniform(), random.uniform(), 1.0}};
      const PointPosterior at = gp.at(x);
      CHECK(bound.value(x, nullptr) == Approx(aim.merit(at.mean) + 2 * std::sqrt(at.variance)));
      check_gradient(bound, x);
      check_gradient(path, x);
    }
  }
}

TEST_CASE("bounds are never below the values") {
  RandomStream random(9, "bounds");
  for (const double noise : {1e-8, 0.1}) {
    const ExactGp gp = sample_gp(noise, random, 60);
    for (const Aim& aim : {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{Goal::kTarget, 0.3}}) {
      const LogNoisyExpectedImprovement acquisition(
          Fantasies(gp, distinct_rows(gp.points()), Sobol(60, random).next_normal(32)), aim);
      Matrix points(200, 3);
      for (Eigen::Index i = 0; i < points.rows(); ++i) {
        points.row(i) << random.uniform(), random.uniform(), static_cast<double>(random.below(2));
      }
      const Vector values = acquisition.values(points), bounds = acquisition.bounds(points);
      CHECK((bounds - values).minCoeff() > -1e-6);  // rounding of variances
    }
  }
}

TEST_CASE("bounds of a hypervolume's gain and of feasibility are never below the values, nor far above") {
  RandomStream random(10, "bounds of several");
  for (const double noise : {1e-8, 0.01, 0.1}) {
    std::vector<ExactGp> gps;
    for (int j = 0; j < 3; ++j) gps.push_back(sample_gp(noise, random, 80));
    Matrix points(300, 3);
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      points.row(i) << random.uniform(), random.uniform(), static_cast<double>(random.below(2));
    }
    Matrix base = distinct_rows(gps[0].points());
    const Eigen::Index tried = base.rows();
    base.conservativeResize(tried + 2, Eigen::NoChange);  // and pending
    base.bottomRows(2) = points.topRows(2);
    for (const Goal last : {Goal::kMaximize, Goal::kTarget}) {
      const std::vector<Aim> aims = {Aim{Goal::kMaximize, 0}, Aim{Goal::kMinimize, 0}, Aim{last, 0.3}};
      std::vector<Fantasies> fantasies;
      for (const ExactGp& gp : gps) fantasies.emplace_back(gp, base, Sobol(60, random).next_normal(16));
      Feasible feasible = Feasible::Constant(base.rows(), 16, true);
      for (Eigen::Index i = 0; i < 40; ++i) feasible(i, i % 16) = false;
      Matrix beside(4, 3);
      for (double& y : beside.reshaped()) y = random.uniform(-1, 1);
      const LogNoisyHypervolumeImprovement gain(fantasies, aims, Vector{{-3, -3, -3}}, feasible, {}, {beside});
      const Vector above = gain.bounds(points) - gain.values(points);
      CHECK(above.minCoeff() > -1e-6);
      std::vector<double> sorted(above.begin(), above.end());
      std::sort(sorted.begin(), sorted.end());
      CAPTURE(noise);
      CHECK(sorted[150] < (noise < 0.05 ? 5 : 10));
    }
    const auto shared = std::make_shared<ExactGp>(gps[0]);
    const LogFeasibility feasibility({{shared, true, 0.2, 0}, {shared, false, -0.5, 20}});
    CHECK((feasibility.bounds(points) - feasibility.values(points)).minCoeff() > -1e-6);
  }
}
