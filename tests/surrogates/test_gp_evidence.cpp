// Goal: the evidence is the log density it claims to be, and its gradient is right. Method: a dense reference, finite
// differences.
#include <catch2/catch.hpp>
#include <limits>
#include <numbers>

#include "reference.h"
#include "surrogates/gp_evidence.h"

using namespace athanor;

namespace {

Vector standardised(const Vector& outcomes) {
  const Vector centred = outcomes.array() - outcomes.mean();
  return centred / std::sqrt(centred.squaredNorm() / static_cast<double>(centred.size() - 1));
}

}  // namespace

TEST_CASE("the gradient in the hyper-parameters equals finite differences") {
  RandomStream random(11, "evidence");
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  for (const Kernel kind : {Kernel::kMatern12, Kernel::kMatern32, Kernel::kMatern52, Kernel::kRbf}) {
    for (const double signal_scale : {0.0, 0.7}) {
      for (const int given : {0, 5, 20}) {  // how many points state their noise
        const TrainingData data = reference::sample_data(20, 3, 0.5, random);
        const Vector outcomes = standardised(data.outcomes);
        Noise noise{Vector::Constant(20, unknown), Vector::Ones(20), 0, 0};
        noise.variance.head(given).setConstant(0.03);
        if (given < 20) {  // the last three are means of four, which scattered
          noise.count.tail(3).setConstant(4);
          noise.spare = 9;
          noise.scatter = 0.4;
        }
        GpPrior prior;
        prior.signal_scale = signal_scale;
        const GpEvidence evidence(data.points, outcomes, noise, data.columns, kind, prior);
        CHECK(evidence.size() == 4 + (given < 20 ? 1 : 0) + 1 + (signal_scale > 0 ? 1 : 0));
        Vector theta = evidence.start();
        for (double& t : theta) t += random.uniform(-0.5, 0.5);
        Vector gradient;
        evidence(theta, &gradient);
        for (Eigen::Index j = 0; j < theta.size(); ++j) {
          const double h = 1e-5;
          Vector up = theta, down = theta;
          up[j] += h;
          down[j] -= h;
          // Truncation h² = 1e-10 and rounding 1e-14/h = 1e-9 of a value of order 10.
          CHECK(gradient[j] ==
                Approx((evidence(up, nullptr) - evidence(down, nullptr)) / (2 * h)).epsilon(1e-6).margin(1e-6));
        }
      }
    }
  }
}

TEST_CASE("the evidence equals the density of a normal distribution, at the most probable mean") {
  RandomStream random(12, "density");
  const TrainingData data = reference::sample_data(12, 2, 0.5, random);
  const Vector outcomes = standardised(data.outcomes);
  const Noise noise{Vector::Constant(12, std::numeric_limits<double>::quiet_NaN()), Vector::Ones(12), 0, 0};
  const GpEvidence evidence(data.points, outcomes, noise, data.columns, Kernel::kMatern52, {});
  const Vector theta = evidence.start();
  const GpParameters p = evidence.parameters(theta);
  Matrix k = reference::kernel_matrix(Kernel::kMatern52, p, data.columns, data.points, data.points);
  k.diagonal().array() += p.noise_variance;
  const auto density = [&](double mean) {
    const Vector r = outcomes.array() - mean;
    return -0.5 * (r.dot(k.fullPivLu().solve(r)) + std::log(k.determinant()) + 12 * std::log(2 * std::numbers::pi));
  };
  CHECK(evidence.log_evidence() == Approx(density(p.mean)).epsilon(1e-10));
  CHECK(density(p.mean) > density(p.mean + 0.01));
  CHECK(density(p.mean) > density(p.mean - 0.01));
}

TEST_CASE("the prior's mode is where Hvarfner's log-normal has its own") {
  const Matrix points = Matrix::Zero(1, 9);
  const Vector outcomes = Vector::Zero(1);
  const Noise noise{Vector::Constant(1, 0.1), Vector::Ones(1), 0, 0};
  const GpEvidence evidence(points, outcomes, noise, std::vector<Column>(9, Column::kNumeric), Kernel::kMatern52, {});
  // One observation tells nothing of lengthscales, so the gradient is the prior's, zero at its mode e^(μ − σ²).
  const Vector theta = evidence.start();
  CHECK(theta[0] == Approx(std::sqrt(2.0) + 0.5 * std::log(9.0) - 3));
  Vector gradient;
  evidence(theta, &gradient);
  CHECK(gradient.head(9).cwiseAbs().maxCoeff() < 1e-12);
}
