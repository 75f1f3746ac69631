// Goal: a path is a draw of the posterior function. Method: moments over many paths and the size of single ones against
// the posterior, finite differences, data without noise.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/error.h"
#include "reference.h"
#include "surrogates/posterior_path.h"

using namespace athanor;

namespace {

/// That `count` paths of `gp` have the posterior's mean and covariance at `points`, to five standard errors.
void check_moments(const ExactGp& gp, const Matrix& points, int count, RandomStream& random) {
  Matrix draws(points.rows(), count);
  // Expected moments do not depend on the number of features, so few are enough.
  for (int i = 0; i < count; ++i) draws.col(i) = PosteriorPath(gp, random, 64).values(points);
  const Posterior expected = gp.posterior(points);
  const Vector variance = expected.covariance.diagonal();
  const Vector mean = draws.rowwise().mean();
  draws.colwise() -= mean;
  const Matrix covariance = draws * draws.transpose() / count;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    INFO("point " << i);
    CHECK(std::abs(mean[i] - expected.mean[i]) < 5 * std::sqrt(variance[i] / count));
    for (Eigen::Index j = 0; j <= i; ++j) {
      // Var of a product of normals; a tenth more, for the variance of few features is itself random.
      const double error =
          1.1 * std::sqrt((variance[i] * variance[j] + std::pow(expected.covariance(i, j), 2)) / count);
      CHECK(std::abs(covariance(i, j) - expected.covariance(i, j)) < 5 * error);
    }
  }
}

}  // namespace

TEST_CASE("paths have the posterior's mean and covariance, for every kernel") {
  const Kernel kernel = GENERATE(Kernel::kMatern52, Kernel::kRbf);
  RandomStream random(41, "moments");
  const TrainingData data = reference::sample_data(10, 2, 1.0, random);
  const ExactGp gp(data, reference::sample_parameters(3, random), kernel);
  Matrix at(10, 3);
  at << reference::sample_data(7, 2, 0, random).points, data.points.topRows(3);
  check_moments(gp, at, 20000, random);
}

TEST_CASE("far from the data paths have the prior's moments, short lengthscales and new categories too") {
  RandomStream random(42, "prior");
  TrainingData data = reference::sample_data(4, 2, 0.5, random);
  GpParameters p = reference::sample_parameters(3, random);
  p.lengthscales << 0.15, 0.3, 0.8;
  const ExactGp gp(data, p);
  Matrix at = reference::sample_data(8, 2, 0, random).points;
  at.col(2) << 0, 0, 0.5, 0.5, 1, 0.25, 0.25, 0.75;  // two of them in no training point
  check_moments(gp, at, 20000, random);
}

TEST_CASE("given, inferred and added noise is that of the process") {
  RandomStream random(43, "noise");
  TrainingData data = reference::sample_data(8, 1, 1.0, random);
  data.noise_sd = Vector::Constant(8, std::numeric_limits<double>::quiet_NaN());
  data.noise_sd.head(4) << 0.01, 0.5, 3, 10;
  ExactGp gp(data, reference::sample_parameters(2, random));
  gp = gp.with(Matrix::Constant(1, 2, 0.5), Vector::Constant(1, (25 - gp.location()) / gp.scale()));
  Matrix at(9, 2);
  at << data.points, 0.5, 0.5;
  check_moments(gp, at, 20000, random);
}

TEST_CASE("no path is far too tame or too wild where data are dense and hardly any variance is left") {
  RandomStream random(50, "dense");
  const TrainingData data = reference::sample_data(60, 2, 0, random);
  GpParameters p;
  p.lengthscales = Vector::Constant(3, 1.5);
  p.noise_variance = 1e-8;
  const ExactGp gp(data, p);
  const Matrix at = reference::sample_data(40, 2, 0, random).points;
  const Posterior expected = gp.posterior(at);
  const Eigen::ArrayXd sd = expected.covariance.diagonal().array().sqrt();
  REQUIRE(sd.mean() < 0.02 * gp.scale());
  double least = 100, most = 0;
  for (int i = 0; i < 100; ++i) {
    const Eigen::ArrayXd z = (PosteriorPath(gp, random).values(at) - expected.mean).array() / sd;
    const double size = std::sqrt(z.square().mean());
    least = std::min(least, size);
    most = std::max(most, size);
  }
  // A hundred exact draws have 0.6 to 1.4; frequencies drawn straight from the spectral density, 0.2 to 7.
  CHECK(least > 0.4);
  CHECK(most < 2.2);
}

TEST_CASE("the gradient of a path equals finite differences") {
  const Kernel kernel = GENERATE(Kernel::kMatern52, Kernel::kRbf);
  RandomStream random(44, "gradient");
  const TrainingData data = reference::sample_data(12, 3, 0.5, random);
  const ExactGp gp(data, reference::sample_parameters(4, random), kernel);
  const PosteriorPath path(gp, random);
  for (Vector x : {Vector(reference::sample_data(1, 3, 0, random).points.row(0)), Vector(data.points.row(5))}) {
    const auto value = [&](const Vector& at) { return path.values(at.transpose())[0]; };
    Matrix gradients;
    CHECK(path.values(x.transpose(), &gradients)[0] == Approx(value(x)).epsilon(1e-12));  // rounding alone
    const Vector gradient = gradients.row(0);
    REQUIRE(gradient.size() == 4);
    for (Eigen::Index j = 0; j < 3; ++j) {
      Vector up = x, down = x;
      up[j] += 1e-6;
      down[j] -= 1e-6;
      CHECK(gradient[j] == Approx((value(up) - value(down)) / 2e-6).epsilon(1e-5).margin(1e-5));
    }
    CHECK(gradient[3] == 0);
  }
}

TEST_CASE("one point and many have the same values and gradients, of a new category as well") {
  RandomStream random(45, "same");
  const TrainingData data = reference::sample_data(12, 3, 0.5, random);
  const ExactGp gp(data, reference::sample_parameters(4, random));
  const PosteriorPath path(gp, random);
  Matrix at = reference::sample_data(150, 3, 0, random).points;
  at(7, 3) = at(130, 3) = 0.125;
  const Vector values = path.values(at);
  Matrix gradients, gradient;
  path.values(at, &gradients);
  for (Eigen::Index i = 0; i < at.rows(); ++i) {
    CHECK(values[i] == Approx(path.values(at.row(i), &gradient)[0]).epsilon(1e-12));  // rounding alone
    CHECK((gradients.row(i) - gradient).norm() < 1e-10 * gradient.norm());
  }
  CHECK(path.values(Matrix(0, 4)).size() == 0);
}

TEST_CASE("without noise every path passes through the data, and paths differ elsewhere") {
  RandomStream random(46, "exact");
  TrainingData data = reference::sample_data(10, 2, 0, random);
  data.noise_sd = Vector::Constant(10, 1e-7);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const PosteriorPath one(gp, random), other(gp, random);
  CHECK((one.values(data.points) - data.outcomes).cwiseAbs().maxCoeff() < 1e-5);
  CHECK((other.values(data.points) - data.outcomes).cwiseAbs().maxCoeff() < 1e-5);
  const Matrix at = reference::sample_data(10, 2, 0, random).points;
  CHECK((one.values(at) - other.values(at)).cwiseAbs().maxCoeff() > 0.01);
}

TEST_CASE("the same stream gives the same path") {
  RandomStream random(47, "stream");
  const TrainingData data = reference::sample_data(10, 2, 0.5, random);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  RandomStream a(1, "path"), b(1, "path");
  const Matrix at = reference::sample_data(10, 2, 0, random).points;
  CHECK(PosteriorPath(gp, a).values(at) == PosteriorPath(gp, b).values(at));
}

TEST_CASE("a path refuses points of another width") {
  RandomStream random(48, "width");
  const ExactGp gp(reference::sample_data(5, 2, 0.5, random), reference::sample_parameters(3, random));
  const PosteriorPath path(gp, random);
  CHECK_THROWS_AS(path.values(Matrix::Zero(1, 2)), InputError);
  CHECK_THROWS_AS(path.values(Matrix::Zero(3, 4)), InputError);
}

TEST_CASE("paths over described categories have the posterior's moments") {
  RandomStream random(62, "described");
  TrainingData data = reference::sample_data(8, 1, 0.5, random);
  Matrix descriptors(3, 2);
  descriptors << 0, 1, 1, 0.2, 0.5, 0.9;
  data.columns.back() = Column::described(descriptors);
  for (double& category : data.points.col(1)) category = category == 1 ? 0 : category;  // the last one never seen
  const ExactGp gp(data, reference::sample_parameters(2, random));
  Matrix at(4, 2);
  at << 0.2, 0, 0.5, 0.5, 0.4, 1, 0.9, 1;
  check_moments(gp, at, 20000, random);
}
