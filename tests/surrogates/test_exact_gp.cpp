// Goal: the Gaussian process is the one of the textbook, gradients and updates included. Method: a naive dense
// reference, finite differences, brute-force refits.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numbers>

#include "core/error.h"
#include "reference.h"
#include "surrogates/exact_gp.h"
#include "surrogates/minimise.h"

using namespace athanor;

TEST_CASE("the posterior equals a dense reference") {
  RandomStream random(1, "posterior");
  for (const Kernel kind : {Kernel::kMatern52, Kernel::kRbf}) {
    for (int repeat = 0; repeat < 10; ++repeat) {
      TrainingData data = reference::sample_data(17, 3, 0.3, random);
      if (repeat % 2 == 1) {
        data.noise_sd = Vector::Constant(17, 0.4);
        data.noise_sd[3] = std::numeric_limits<double>::quiet_NaN();  // inferred there
      }
      const GpParameters p = reference::sample_parameters(4, random);
      const ExactGp gp(data, p, kind);
      const Matrix at = reference::sample_data(6, 3, 0, random).points;
      const Posterior expected = reference::posterior(data, p, kind, gp.location(), gp.scale(), at);
      const Posterior found = gp.posterior(at);
      // Both solve a system of condition < 1e4 in double precision.
      CHECK((found.mean - expected.mean).norm() < 1e-9 * expected.mean.norm());
      CHECK((found.covariance - expected.covariance).norm() < 1e-9 * expected.covariance.norm());
      Vector mean, variance;
      gp.marginals(at, mean, variance);
      CHECK((mean - found.mean).norm() < 1e-12 * mean.norm());
      CHECK((variance - found.covariance.diagonal()).norm() < 1e-10 * variance.norm());
    }
  }
}

TEST_CASE("a gradient in x equals finite differences") {
  RandomStream random(2, "gradient");
  for (const Kernel kind : {Kernel::kMatern52, Kernel::kRbf}) {
    const TrainingData data = reference::sample_data(20, 3, 0.3, random);
    const ExactGp gp(data, reference::sample_parameters(4, random), kind);
    for (int repeat = 0; repeat < 10; ++repeat) {
      Vector x = reference::sample_data(1, 3, 0, random).points.row(0);
      if (repeat == 0) x = data.points.row(5);  // on a training point, where the distance is zero
      const PointPosterior at = gp.at(x);
      for (Eigen::Index j = 0; j < 3; ++j) {
        const double h = 1e-6;
        Vector up = x, down = x;
        up[j] += h;
        down[j] -= h;
        // Central differences: truncation h², rounding 1e-16/h, both about 1e-10 of the outcome's variance.
        CHECK(at.mean_gradient[j] == Approx((gp.at(up).mean - gp.at(down).mean) / (2 * h)).epsilon(1e-6).margin(1e-6));
        CHECK(at.variance_gradient[j] ==
              Approx((gp.at(up).variance - gp.at(down).variance) / (2 * h)).epsilon(1e-6).margin(1e-6));
      }
      CHECK(at.mean_gradient[3] == 0);
    }
  }
}

TEST_CASE("replicates merged into means say exactly what the single measurements say") {
  RandomStream random(3, "replicates");
  TrainingData data = reference::sample_data(30, 3, 0.3, random);
  for (Eigen::Index i = 12; i < 30; ++i) data.points.row(i) = data.points.row(i % 12);  // each two or three times
  for (const bool some_given : {false, true}) {
    if (some_given) {
      data.noise_sd = Vector::Constant(30, std::numeric_limits<double>::quiet_NaN());
      for (Eigen::Index i = 6; i < 30; i += 5) data.noise_sd[i] = random.uniform(0.2, 0.9);
    }
    const GpParameters p = reference::sample_parameters(4, random);
    const ExactGp gp(data, p);
    CHECK(gp.rows() < 30);
    const Matrix at = reference::sample_data(5, 3, 0, random).points;
    const Posterior expected = reference::posterior(data, p, Kernel::kMatern52, gp.location(), gp.scale(), at);
    const Posterior found = gp.posterior(at);
    CHECK((found.mean - expected.mean).norm() < 1e-9 * expected.mean.norm());
    CHECK((found.covariance - expected.covariance).norm() < 1e-9 * expected.covariance.norm());

    if (some_given) continue;
    // And the evidence is that of all thirty.
    Matrix k = reference::kernel_matrix(Kernel::kMatern52, p, data.columns, data.points, data.points);
    k.diagonal().array() += p.noise_variance;
    const Vector r = (data.outcomes.array() - gp.location()) / gp.scale() - p.mean;
    const double density =
        -0.5 * (r.dot(k.fullPivLu().solve(r)) + std::log(k.determinant()) + 30 * std::log(2 * std::numbers::pi));
    CHECK(gp.log_evidence() == Approx(density).epsilon(1e-9));
  }
}

TEST_CASE("outcomes added later equal conditioning on all at once") {
  RandomStream random(33, "with");
  const TrainingData all = reference::sample_data(25, 3, 0.3, random);
  TrainingData first = all;
  first.points = all.points.topRows(18);
  first.outcomes = all.outcomes.head(18);
  const GpParameters p = reference::sample_parameters(4, random);
  const ExactGp gp(first, p);
  const Matrix at = reference::sample_data(5, 3, 0, random).points;
  const Posterior expected = reference::posterior(all, p, Kernel::kMatern52, gp.location(), gp.scale(), at);
  const Posterior found =
      gp.with(all.points.bottomRows(7), (all.outcomes.tail(7).array() - gp.location()) / gp.scale()).posterior(at);
  CHECK((found.mean - expected.mean).norm() < 1e-9 * expected.mean.norm());
  CHECK((found.covariance - expected.covariance).norm() < 1e-9 * expected.covariance.norm());
}

TEST_CASE("leave-one-out in closed form equals refits without the row") {
  RandomStream random(4, "loo");
  const TrainingData data = reference::sample_data(15, 2, 0.5, random);
  const GpParameters p = reference::sample_parameters(3, random);
  const ExactGp gp(data, p);
  Vector mean, variance;
  gp.leave_one_out(mean, variance);
  for (Eigen::Index i = 0; i < 15; ++i) {
    TrainingData rest = data;
    for (Eigen::Index k = i; k + 1 < 15; ++k) {
      rest.points.row(k) = data.points.row(k + 1);
      rest.outcomes[k] = data.outcomes[k + 1];
    }
    rest.points.conservativeResize(14, Eigen::NoChange);
    rest.outcomes.conservativeResize(14);
    const Posterior left =
        reference::posterior(rest, p, Kernel::kMatern52, gp.location(), gp.scale(), data.points.row(i));
    CHECK(mean[i] == Approx(left.mean[0]).epsilon(1e-9));
    CHECK(variance[i] == Approx(left.covariance(0, 0) + gp.scale() * gp.scale() * p.noise_variance).epsilon(1e-8));
  }
}

TEST_CASE("draws have the posterior's moments") {
  RandomStream random(5, "draws");
  const TrainingData data = reference::sample_data(10, 2, 0.3, random);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const Matrix at = reference::sample_data(4, 2, 0, random).points;
  const Posterior joint = gp.posterior(at);
  const Matrix draws = gp.sample(at, 20000, random);
  const Vector mean = draws.colwise().mean();
  const Matrix centred = draws.rowwise() - mean.transpose();
  const Matrix covariance = centred.transpose() * centred / 20000;
  const double size = joint.covariance.diagonal().maxCoeff();
  // Five standard errors of a mean and of a covariance of 20,000 draws.
  CHECK((mean - joint.mean).cwiseAbs().maxCoeff() < 5 * std::sqrt(size / 20000));
  CHECK((covariance - joint.covariance).cwiseAbs().maxCoeff() < 5 * size * std::sqrt(2.0 / 20000));
}

TEST_CASE("a fit finds which columns matter and how noisy the data are") {
  RandomStream random(6, "fit");
  TrainingData data;
  data.points.resize(80, 3);
  data.outcomes.resize(80);
  data.columns.assign(3, Column::kNumeric);
  for (Eigen::Index i = 0; i < 80; ++i) {
    for (Eigen::Index j = 0; j < 3; ++j) data.points(i, j) = random.uniform();
    data.outcomes[i] = 100 + 10 * std::sin(6 * data.points(i, 0)) + random.normal();
  }
  const Health health = ExactGp::fit(data).health();
  CHECK(health.lengthscales[0] < 0.5 * health.lengthscales[1]);
  CHECK(health.lengthscales[0] < 0.5 * health.lengthscales[2]);
  CHECK(health.noise_sd > 0.6);  // the truth is 1; the standard error of a deviation from 80 points is 8 %
  CHECK(health.noise_sd < 1.4);
  CHECK(health.leave_one_out_rmse < 1.5);
  CHECK(health.leave_one_out_coverage > 0.8);
  CHECK(health.warnings.empty());
  // A fit of a part and the rest is deterministic, bit for bit.
  CHECK(ExactGp::fit(data).alpha() == ExactGp::fit(data).alpha());
}

TEST_CASE("a fit is as probable as a patient search from the same start finds") {
  RandomStream random(7, "patient");
  for (const double noise : {0.0, 0.3, 3.0}) {
    for (const Eigen::Index n : {9, 25, 60}) {
      const TrainingData data = reference::sample_data(n, 3, noise, random);
      GpOptions options;
      options.starts = 1;
      const ExactGp gp = ExactGp::fit(data, options);
      const Noise unknown{Vector::Constant(n, std::numeric_limits<double>::quiet_NaN()), Vector::Ones(n), 0, 0};
      const GpEvidence evidence(gp.points(), gp.outcomes(), unknown, data.columns, gp.kernel(), {});
      const auto cost = [&](const Vector& theta, Vector* gradient) {
        const double value = -evidence(theta, gradient);
        if (gradient) *gradient = -*gradient;
        return value;
      };
      const MinimiseOptions patient{2000, 1e-12, 1e-10, {}};
      const double most = -minimise(cost, evidence.start(), evidence.low(), evidence.high(), patient).value;
      // A hundredth of a unit of log probability is nothing beside what choosing another kernel or transform takes.
      CHECK(gp.log_posterior() > most - 0.01);
    }
  }
}

TEST_CASE("of two explanations the one with more of the probability around it is taken, not the higher one") {
  // A smooth line with noise, at points that a much shorter lengthscale could all pass through.
  RandomStream random(8, "mass");
  int smooth = 0;
  for (int run = 0; run < 10; ++run) {
    TrainingData data;
    data.points.resize(30, 4);
    data.outcomes.resize(30);
    for (Eigen::Index i = 0; i < 30; ++i) {
      for (double& x : data.points.row(i)) x = random.uniform();
      data.outcomes[i] = 3 * data.points(i, 0) + random.normal();
    }
    data.columns.assign(4, Column::kNumeric);
    const GpParameters found = ExactGp::fit(data).parameters();
    smooth += found.lengthscales.minCoeff() > 0.1 && found.noise_variance > 0.1;
  }
  CHECK(smooth >= 6);  // of ten; the higher maxima alone: 1
}

TEST_CASE("what is left open of the hyper-parameters is drawn as widely as their posterior is") {
  // One lengthscale alone: its posterior density by quadrature.
  RandomStream random(9, "draws");
  TrainingData data;
  data.points = Vector::LinSpaced(40, 0, 1);
  data.outcomes.resize(40);
  for (Eigen::Index i = 0; i < 40; ++i) data.outcomes[i] = std::sin(9 * data.points(i, 0)) + 0.3 * random.normal();
  data.noise_sd = Vector::Constant(40, 0.3);
  data.columns.assign(1, Column::kNumeric);
  GpOptions options;
  options.prior.trend = false;
  options.prior.signal_scale = 0;
  const ExactGp gp = ExactGp::fit(data, options);
  const double scale = gp.scale();
  const Noise known{Vector::Constant(40, std::pow(0.3 / scale, 2)), Vector::Ones(40), 0, 0};
  const GpEvidence evidence(gp.points(), gp.outcomes(), known, data.columns, gp.kernel(), options.prior);
  double weights = 0, mean = 0, square = 0;
  const double mode = std::log(gp.parameters().lengthscales[0]);
  for (double t = mode - 3; t <= mode + 3; t += 0.01) {
    const double weight = std::exp(evidence(Vector::Constant(1, t), nullptr) + gp.log_posterior() * -1);
    weights += weight;
    mean += weight * t;
    square += weight * t * t;
  }
  mean /= weights;
  const double sd = std::sqrt(square / weights - mean * mean);
  const Matrix normals = Vector{{-1, 0, 1}};
  const std::vector<ExactGp> drawn = gp.plausible(normals, options.prior);
  REQUIRE(drawn.size() == 3);
  CHECK(drawn[1].parameters().lengthscales[0] == Approx(gp.parameters().lengthscales[0]).epsilon(0.02));
  const double width = std::log(drawn[2].parameters().lengthscales[0] / drawn[0].parameters().lengthscales[0]) / 2;
  CHECK(std::abs(width) == Approx(sd).epsilon(0.25));
  CHECK(std::abs(mean - mode) < sd);
  // The data are the same, and so is what each says of them.
  for (const ExactGp& one : drawn) CHECK(one.outcomes() == gp.outcomes());
}

TEST_CASE("what each point has of its own is known where it was measured and nowhere else") {
  RandomStream random(10, "own");
  TrainingData data = reference::sample_data(15, 2, 0.5, random);
  const ExactGp gp = ExactGp::fit(data);
  const double own = gp.noise_beyond_replicates();
  REQUIRE(own == Approx(gp.parameters().noise_variance));
  Matrix points = data.points.middleRows(4, 3);
  points.bottomRows(2).leftCols(2) << 0.5, 0.5, 0.51, 0.5;
  const Posterior with = gp.posterior(points, own), without = gp.posterior(points);
  // All of the noise is the point's own: what was measured is what is there.
  CHECK(with.mean[0] == Approx(data.outcomes[4]));
  CHECK(with.covariance(0, 0) == Approx(0).margin(1e-9));
  CHECK(with.mean[1] == Approx(without.mean[1]));
  const double variance = own * gp.scale() * gp.scale();
  CHECK(with.covariance(1, 1) == Approx(without.covariance(1, 1) + variance));
  CHECK(with.covariance(1, 2) == Approx(without.covariance(1, 2)));
}

TEST_CASE("replicates show how much of the noise is noise") {
  RandomStream random(11, "replicates");
  TrainingData data = reference::sample_data(20, 2, 0, random);
  // Each point twice: apart by 0.2 from one time to the next, by much more from its neighbours.
  data.points = data.points.replicate(2, 1).eval();
  data.outcomes = data.outcomes.replicate(2, 1).eval();
  for (Eigen::Index i = 0; i < 20; ++i) data.outcomes[i] += 0.2;
  const ExactGp gp = ExactGp::fit(data);
  const double shown = 2 * 0.1 * 0.1 / (gp.scale() * gp.scale());
  CHECK(gp.noise_beyond_replicates() == Approx(std::max(gp.parameters().noise_variance - shown, 0.0)).margin(1e-12));
}

TEST_CASE("awkward data do not break a fit") {
  const auto fit_and_ask = [](const TrainingData& data) {
    const ExactGp gp = ExactGp::fit(data);
    const Posterior at = gp.posterior(Matrix::Constant(2, data.points.cols(), 0.37));
    CHECK(at.mean.allFinite());
    CHECK(at.covariance.allFinite());
    Vector mean, variance;
    gp.leave_one_out(mean, variance);
    CHECK(mean.allFinite());
    const Health health = gp.health();
    CHECK(std::isfinite(health.noise_sd));
    CHECK(std::isfinite(health.log_evidence));
    return at;
  };
  TrainingData data;
  data.columns.assign(2, Column::kNumeric);
  SECTION("one point") {
    data.points = Matrix::Constant(1, 2, 0.5);
    data.outcomes = Vector::Constant(1, 42);
    CHECK(fit_and_ask(data).mean[0] == Approx(42));
    CHECK(ExactGp::fit(data).health().warnings.size() == 1);
  }
  SECTION("one point, outcome zero") {
    data.points = Matrix::Constant(1, 2, 0.5);
    data.outcomes = Vector::Zero(1);
    fit_and_ask(data);
  }
  SECTION("the same point thirty times, different outcomes") {
    data.points = Matrix::Constant(30, 2, 0.5);
    data.outcomes = Vector::LinSpaced(30, 1, 2);
    CHECK(fit_and_ask(data).mean[0] == Approx(1.5).epsilon(0.01));
  }
  SECTION("the same point thirty times, the same outcome, no noise") {
    data.points = Matrix::Constant(30, 2, 0.5);
    data.outcomes = Vector::Constant(30, 3);
    data.noise_sd = Vector::Zero(30);
    CHECK(fit_and_ask(data).mean[0] == Approx(3));
    CHECK_FALSE(ExactGp::fit(data).health().warnings.empty());
  }
  SECTION("outcomes over a range of 1e12, and huge ones") {
    for (const double size : {1e12, 1e300, 1e-300}) {
      data.points.resize(12, 2);
      data.outcomes.resize(12);
      for (Eigen::Index i = 0; i < 12; ++i) {
        data.points.row(i) << static_cast<double>(i) / 12, static_cast<double>(i * 5 % 12) / 12;
        data.outcomes[i] = size * std::pow(10.0, -static_cast<double>(i));
      }
      if (size < 1e300) fit_and_ask(data);
      CHECK(ExactGp::fit(data).at(Vector::Constant(2, 0.5)).mean < 2 * size);
    }
  }
}

TEST_CASE("data that cannot be fitted are refused") {
  TrainingData data;
  data.columns.assign(2, Column::kNumeric);
  data.points.resize(0, 2);
  CHECK_THROWS_AS(ExactGp::fit(data), InputError);
  data.points = Matrix::Zero(3, 2);
  data.outcomes = Vector::Zero(2);
  CHECK_THROWS_AS(ExactGp::fit(data), InputError);
  data.outcomes = Vector::Constant(3, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(ExactGp::fit(data), InputError);
  data.outcomes = Vector::Zero(3);
  CHECK_THROWS_AS(ExactGp::fit(data).posterior(Matrix::Zero(1, 3)), InputError);
}

TEST_CASE("described categories are as far apart as their descriptors, one in the mean") {
  Matrix descriptors(3, 2);
  descriptors << 0, 0, 1, 0, 0.5, 0;
  const Column column = Column::described(descriptors);
  // Squared: 1, 0.25 and 0.25, of a scale whose mean is 0.5; a tenth of each is for being different at all.
  CHECK(column.squared_distance(0, 0.5) == Approx(0.9 * 2 + 0.1));
  CHECK(column.squared_distance(0, 1) == Approx(0.9 * 0.5 + 0.1));
  CHECK(column.squared_distance(0.5, 0.5) == 0);
  CHECK((*column.positions()).row(0).isApprox(Vector::Zero(2).transpose()));
  // Nothing told apart: plain equal or different.
  CHECK(Column::described(Matrix::Ones(2, 1)).squared_distance(0, 1) == Approx(1));

  RandomStream random(61, "described");
  TrainingData data = reference::sample_data(20, 2, 0.5, random);
  data.columns.back() = column;
  for (const Kernel kind : {Kernel::kMatern12, Kernel::kMatern32, Kernel::kMatern52, Kernel::kRbf}) {
    const GpParameters p = reference::sample_parameters(3, random);
    const ExactGp gp(data, p, kind);
    const Matrix at = reference::sample_data(5, 2, 0, random).points;
    const Posterior expected = reference::posterior(data, p, kind, gp.location(), gp.scale(), at),
                    found = gp.posterior(at);
    CHECK((found.mean - expected.mean).norm() < 1e-9 * expected.mean.norm());
    CHECK((found.covariance - expected.covariance).norm() < 1e-9 * expected.covariance.norm());
  }
}

TEST_CASE("small differences between large outcomes are modelled, and their size is warned of") {
  RandomStream random(12, "offset");
  TrainingData data = reference::sample_data(30, 2, 0, random);
  const Vector plain = data.outcomes;
  const ExactGp near_zero = ExactGp::fit(data);
  data.outcomes = 1e9 + 1e-3 * plain.array();
  const ExactGp far = ExactGp::fit(data);
  Matrix at = data.points.topRows(2);
  at(0, 0) = 0.4;
  at(1, 0) = 0.6;
  const Vector expected = near_zero.posterior(at).mean, found = far.posterior(at).mean;
  CHECK(found[1] - found[0] == Approx(1e-3 * (expected[1] - expected[0])).margin(2e-4 * near_zero.scale()));
  const auto warnings = far.health().warnings;
  CHECK(std::any_of(warnings.begin(), warnings.end(), [](const std::string& one) {
    return one.find("differences from a number near them") != one.npos;
  }));
  CHECK(near_zero.health().warnings.empty());
}

TEST_CASE("what is wrong with the data is said in words") {
  RandomStream random(63, "words");
  TrainingData data = reference::sample_data(24, 2, 0.1, random);
  CHECK(ExactGp::fit(data).health().warnings.empty());
  for (Eigen::Index i = 12; i < 24; ++i) {  // the same inputs once more, anything for an outcome
    data.points.row(i) = data.points.row(i - 12);
    data.outcomes[i] = random.uniform(20, 35);
  }
  const std::vector<std::string> told = ExactGp::fit(data).health().warnings;
  CHECK(std::any_of(told.begin(), told.end(), [](const std::string& one) {
    return one.find("the same input gave different outcomes") != std::string::npos;
  }));
  // Stated deviations that replicates belie, and one that is as large as it is true.
  data.noise_sd = Vector::Constant(24, 0.1);
  const std::vector<std::string> belied = ExactGp::fit(data).health().warnings;
  CHECK(std::any_of(belied.begin(), belied.end(), [](const std::string& one) {
    return one.find("times the standard deviations that were stated") != std::string::npos;
  }));
  data.noise_sd.setConstant(10);
  data.noise_sd[3] = 1e6;
  const Health health = ExactGp::fit(data).health();
  CHECK(health.noise_sd < 11);
  CHECK(std::none_of(health.warnings.begin(), health.warnings.end(),
                     [](const std::string& one) { return one.find("that were stated") != std::string::npos; }));
  // Without replicates there is nothing that could belie.
  TrainingData single = reference::sample_data(25, 2, 0.1, random);
  single.noise_sd = Vector::Constant(25, 0.1);
  for (const std::string& one : ExactGp::fit(single).health().warnings) {
    CHECK(one.find("that were stated") == std::string::npos);
  }
  data.noise_sd.resize(0);
  data.points = data.points.row(0).replicate(24, 1);
  REQUIRE(ExactGp::fit(data).health().warnings.size() == 1);
  CHECK(ExactGp::fit(data).health().warnings[0].find("all observations are of one point") == 0);
}
