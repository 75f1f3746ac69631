// Goal: conditioning on fantasies is right. Method: the process conditioned densely on each fantasy, moments, finite
// differences.
#include <catch2/catch.hpp>

#include "reference.h"
#include "surrogates/fantasies.h"

using namespace athanor;

namespace {

Fantasies with_pending(const ExactGp& gp, const Matrix& pending, const Matrix& normals) {
  Matrix base(pending.rows() + gp.rows(), gp.points().cols());
  base << pending, gp.points();
  return Fantasies(gp, distinct_rows(base), normals);
}

Matrix normals(Eigen::Index count, Eigen::Index width, RandomStream& random) {
  Matrix out(count, width);
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < width; ++j) out(i, j) = random.normal();
  }
  return out;
}

}  // namespace

TEST_CASE("each fantasy's mean and variance are those of the process conditioned on it") {
  RandomStream random(21, "fantasies");
  const TrainingData data = reference::sample_data(12, 2, 0.5, random);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const Matrix pending = reference::sample_data(3, 2, 0, random).points;
  const Fantasies fantasies = with_pending(gp, pending, normals(5, 15, random));
  REQUIRE(fantasies.count() == 5);
  REQUIRE(fantasies.values().rows() == 15);

  TrainingData certain;
  certain.columns = data.columns;
  certain.points.resize(15, 3);
  certain.points << pending, data.points;
  GpParameters p = gp.parameters();
  p.noise_variance = 1e-8 * p.signal_variance;
  const Matrix at = reference::sample_data(7, 2, 0, random).points;
  Matrix means;
  Vector variance;
  fantasies.at(at, means, variance);
  for (Eigen::Index s = 0; s < 5; ++s) {
    certain.outcomes = fantasies.values().col(s);
    const Posterior expected = reference::posterior(certain, p, Kernel::kMatern52, 0, 1, at);
    // The nearly noise-free system has a condition of up to 1e8, so eight of sixteen digits are left.
    CHECK((means.col(s) - expected.mean).norm() < 1e-6 * expected.mean.norm());
    CHECK((variance - expected.covariance.diagonal()).norm() < 1e-6 * p.signal_variance);
  }
  // At its own base points a fantasy is what it says.
  fantasies.at(certain.points, means, variance);
  CHECK((means - fantasies.values()).cwiseAbs().maxCoeff() < 1e-4);
  CHECK(variance.maxCoeff() < 1e-6);
}

TEST_CASE("fantasies have the joint posterior's moments") {
  RandomStream random(22, "moments");
  const TrainingData data = reference::sample_data(8, 2, 1.0, random);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const Matrix pending = reference::sample_data(2, 2, 0, random).points;
  const Fantasies fantasies = with_pending(gp, pending, normals(20000, 10, random));
  Matrix base(10, 3);
  base << pending, data.points;
  const Posterior joint = gp.posterior(base);
  const Vector expected = (joint.mean.array() - gp.location()) / gp.scale();
  const Matrix covariance = joint.covariance / (gp.scale() * gp.scale());
  const Vector mean = fantasies.values().rowwise().mean();
  const Matrix centred = fantasies.values().colwise() - mean;
  // Five standard errors of 20,000 draws.
  CHECK((mean - expected).cwiseAbs().maxCoeff() < 5 * std::sqrt(covariance.diagonal().maxCoeff() / 20000));
  CHECK((centred * centred.transpose() / 20000 - covariance).cwiseAbs().maxCoeff() <
        5 * covariance.diagonal().maxCoeff() * std::sqrt(2.0 / 20000));
}

TEST_CASE("the gradient of means and variance equals finite differences") {
  RandomStream random(23, "gradient");
  const TrainingData data = reference::sample_data(12, 3, 0.5, random);
  const ExactGp gp(data, reference::sample_parameters(4, random));
  const Fantasies fantasies = with_pending(gp, Matrix(0, 4), normals(6, 12, random));
  const Matrix points = reference::sample_data(5, 3, 0, random).points;
  const Matrix weights = normals(5, 6, random);
  const Vector variance_weights = normals(5, 1, random);
  const auto values = [&](const Matrix& at) -> Vector {
    Matrix means;
    Vector variance;
    fantasies.at(at, means, variance);
    return weights.cwiseProduct(means).rowwise().sum() + variance_weights.cwiseProduct(variance);
  };
  Fantasies::Local local;
  fantasies.at(points, local);
  const Matrix gradients = fantasies.gradients(local, weights, variance_weights);
  for (Eigen::Index j = 0; j < 3; ++j) {
    Matrix up = points, down = points;
    up.col(j).array() += 1e-6;
    down.col(j).array() -= 1e-6;
    const Vector slopes = (values(up) - values(down)) / 2e-6;
    for (Eigen::Index i = 0; i < 5; ++i) CHECK(gradients(i, j) == Approx(slopes[i]).epsilon(1e-5).margin(1e-5));
  }
  CHECK(gradients.col(3).norm() == 0);
}

TEST_CASE("without noise and without pending points there is one fantasy: what was measured") {
  RandomStream random(24, "certain");
  TrainingData data = reference::sample_data(10, 2, 0, random);
  data.noise_sd = Vector::Constant(10, 1e-7);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const Fantasies fantasies = with_pending(gp, Matrix(0, 3), normals(16, 10, random));
  CHECK(fantasies.count() == 1);
  CHECK((gp.location() + gp.scale() * fantasies.values().col(0).array() - data.outcomes.array()).abs().maxCoeff() <
        1e-4);
}

TEST_CASE("equal points are one base point") {
  RandomStream random(25, "equal");
  TrainingData data = reference::sample_data(10, 2, 0.5, random);
  data.points.row(4) = data.points.row(7);
  const ExactGp gp(data, reference::sample_parameters(3, random));
  const Matrix pending = data.points.row(2);
  CHECK(with_pending(gp, pending, normals(4, 10, random)).values().rows() == 9);
}

TEST_CASE("a pivoted Cholesky factor gives the covariance back and stops at its rank") {
  RandomStream random(26, "pivots");
  const Matrix root = normals(8, 3, random);
  const Matrix covariance = root * root.transpose();
  const Matrix factor = pivoted_cholesky(covariance, 1e-10, 8);
  CHECK(factor.cols() == 3);
  CHECK((factor * factor.transpose() - covariance).norm() < 1e-12 * covariance.norm());
}
