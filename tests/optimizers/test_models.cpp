// What the models say of points and of themselves.
#include "optimizers/models.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "optimizers/cross_validation.h"
#include "optimizers/design.h"
#include "optimizers/normal.h"

using namespace athanor;

namespace {

/// One objective y over a square, to be made large.
Problem square() {
  Problem problem;
  problem.space = Space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}});
  problem.objectives.push_back({"y", {}});
  return problem;
}

Observation measured(const Point& at, double value, std::optional<double> sd = {}) {
  return {"", at, {Measurement{value, sd}}, {}};
}

double wave(const Point& at) {
  return std::sin(4 * at[0]) + at[1] * at[1];
}

std::vector<Observation> scattered(int count, double noise, RandomStream& random) {
  std::vector<Observation> out;
  for (int i = 0; i < count; ++i) {
    const Point at = {random.uniform(), random.uniform()};
    out.push_back(measured(at, wave(at) + noise * random.normal()));
  }
  return out;
}

bool says(const std::vector<std::string>& warnings, const std::string& what) {
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const std::string& one) { return one.find(what) != std::string::npos; });
}

}  // namespace

TEST_CASE("the observation left out is predicted as by a model that never saw it") {
  RandomStream random(1, "left out");
  const Problem problem = square();
  const std::vector<Observation> all = scattered(9, 0.1, random);
  double squares = 0, inside = 0, most = 0;
  std::vector<double> deviations;
  std::size_t farthest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<Observation> rest = all;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    OutcomeModel model = fit_outcome(problem, rest, 0);
    draw_hyper_parameters(model, 0);
    const Prediction at = predict(problem, rest, {all[i].at})[0].of[0].value();
    const double error = all[i].measured[0]->value - at.mean;
    const double sd = std::sqrt(at.sd * at.sd + model.noise_variance());
    squares += error * error;
    inside += std::abs(error) <= normal_quantile(0.95) * sd ? 1 : 0;
    deviations.push_back(std::abs(error) / sd);
    if (std::abs(error) / sd > most) {
      most = std::abs(error) / sd;
      farthest = i;
    }
  }
  const auto found = cross_validate(problem, all, 0);
  REQUIRE(found);
  CHECK(found->rmse == Approx(std::sqrt(squares / 9)));
  CHECK(found->coverage == Approx(inside / 9));
  CHECK(found->farthest == farthest);
  std::sort(deviations.begin(), deviations.end());
  CHECK(found->deviations == Approx(most / std::max(deviations[4] / normal_quantile(0.75), 1.0)));
}

TEST_CASE("replicates of a point are left out together, and of one point nothing can be") {
  const Problem problem = square();
  std::vector<Observation> observations;
  for (int i = 0; i < 6; ++i) observations.push_back(measured({0.5, 0.5}, 7));
  CHECK_FALSE(cross_validate(problem, observations, 0));
  // Had one of two stayed, it would tell the other.
  for (const double x : {0.0, 0.3, 0.7, 1.0}) {
    for (int i = 0; i < 2; ++i) observations.push_back(measured({x, 1 - x}, x < 0.5 ? -100 : 100));
  }
  const auto found = cross_validate(problem, observations, 0);
  REQUIRE(found);
  CHECK(found->rmse > 30);
}

TEST_CASE("coverage is about what it should be where the model is right, and few groups do for many points") {
  RandomStream random(2, "coverage");
  const Problem problem = square();
  double sum = 0;
  for (int run = 0; run < 8; ++run) sum += cross_validate(problem, scattered(40, 0.2, random), 0)->coverage / 8;
  CHECK(sum == Approx(0.9).margin(0.06));
  CHECK(cross_validate(problem, scattered(260, 0.2, random), 0)->rmse == Approx(0.2).epsilon(0.25));
}

TEST_CASE("an outcome far from what the others predict is named") {
  RandomStream random(3, "outlier");
  const Problem problem = square();
  std::vector<Observation> observations = scattered(24, 0.05, random);
  CHECK(describe(problem, observations)[0].warnings.empty());
  for (const double factor : {30.0, 3000.0}) {
    observations[7].id = "s8";
    observations[7].measured[0]->value = factor;
    const auto left_out = cross_validate(problem, observations, 0);
    CHECK(left_out->farthest == 7);
    const auto warnings = describe(problem, observations)[0].warnings;
    CHECK(says(warnings, "standard deviations from what the others predict"));
    CHECK(says(warnings, "“s8”, a "));
  }
}

TEST_CASE("an outcome that was found again is not called a mistake") {
  RandomStream random(5, "outlier");
  const Problem problem = square();
  std::vector<Observation> observations = scattered(24, 0.05, random);
  observations[7].measured[0]->value = 30;
  CHECK(cross_validate(problem, observations, 0)->deviations > 6);
  observations.push_back(observations[7]);
  observations.back().measured[0]->value = 30.02;
  const auto again = cross_validate(problem, observations, 0);
  CHECK(again->farthest != 7);
  CHECK(again->farthest != 24);
  CHECK_FALSE(says(describe(problem, observations)[0].warnings, "standard deviations from what the others predict"));
}

TEST_CASE("a forecast tells how probable it is that all goes well") {
  RandomStream random(4, "feasible");
  Problem problem = square();
  problem.measured_too = {{"impurity", {}}};
  problem.outcome_constraints = {{1, true, 0.5, "impurity <= 0.5"}};
  const std::vector<Point> asked = {{0.1, 0.5}, {0.5, 0.5}, {0.9, 0.5}};
  std::vector<Observation> observations = scattered(12, 0, random);
  for (Observation& o : observations) o.measured.emplace_back();
  CHECK_FALSE(predict(problem, observations, asked)[0].feasible);  // nothing is known of impurity

  for (Observation& o : observations) o.measured[1] = Measurement{o.at[0] + 0.05 * random.normal(), 0.05};
  auto forecasts = predict(problem, observations, asked);
  for (const Forecast& one : forecasts) {
    CHECK(*one.feasible == Approx(std::exp(log_normal_cdf((0.5 - one.of[1]->mean) / one.of[1]->sd))).margin(1e-9));
  }
  CHECK(*forecasts[0].feasible > 0.99);
  CHECK(*forecasts[2].feasible < 0.01);

  // Half of the experiments at the lower edge fail, whatever a.
  for (int i = 0; i < 24; ++i) {
    Observation o{"", {random.uniform(), 0.5 + 0.02 * random.uniform()}, {{}, {}}, {}};
    if (i % 2 == 0) {
      o.failed = "clogged";
    } else {
      o.measured[0] = Measurement{wave(o.at), {}};
    }
    observations.push_back(o);
  }
  forecasts = predict(problem, observations, asked);
  CHECK(*forecasts[0].feasible == Approx(0.5).margin(0.2));
  CHECK(*forecasts[2].feasible < 0.01);

  // Where everything failed there is nothing to predict but that.
  observations.assign(3, {"", {0.2, 0.2}, {}, "clogged"});
  forecasts = predict(problem, observations, asked);
  CHECK_FALSE(forecasts[0].of[0]);
  CHECK(*forecasts[0].feasible < 0.5);
  CHECK(*forecasts[0].feasible > 0.1);  // three failures are no proof
}

TEST_CASE("where not all observations can be kept, the best by each objective are, the same for every model") {
  RandomStream random(5, "kept");
  Problem problem = square();
  problem.objectives.push_back({"cost", {}, Objective::Goal::kMinimize});
  problem.measured_too = {{"impurity", {}}};
  std::vector<Observation> observations;
  for (int i = 0; i < 200; ++i) {
    const Point at = {random.uniform(), random.uniform()};
    observations.push_back({"", at, {Measurement{at[0], {}}, Measurement{at[1], {}}, {}}, {}});
    if (i % 50 == 7) observations.back().measured[2] = Measurement{1, {}};  // rarely measured
    if (i % 10 == 3) observations.back() = {"", at, {{}, {}, {}}, "clogged"};
  }
  FitEffort effort;
  effort.most_rows = 50;
  const Models models = fit_models(problem, observations, effort);
  CHECK(models.left_out == 150);
  CHECK(models.of[0]->gp->points() == models.of[1]->gp->points());
  REQUIRE(models.of[2]);
  CHECK(models.success->rows() == 50);
  double largest = 0, cheapest = 1;
  for (const Observation& o : observations) {
    if (o.failed) continue;
    largest = std::max(largest, o.at[0]);
    cheapest = std::min(cheapest, o.at[1]);
  }
  CHECK(models.of[0]->gp->points().col(0).maxCoeff() == largest);
  CHECK(models.of[0]->gp->points().col(1).minCoeff() == cheapest);
}

TEST_CASE("no logarithm is taken of distances that the stated noise exceeds") {
  Problem problem;
  problem.space = Space({{"x", {}, Continuous{0, 1}}});
  problem.objectives.push_back({"y", {}});
  std::vector<Observation> observations;
  for (int i = 0; i < 8; ++i) observations.push_back(measured({i / 9.0}, std::sin(i), 0.2));
  for (int i = 0; i < 4; ++i) observations.push_back(measured({0.5}, 5, 0.2));
  const OutcomeModel model = fit_outcome(problem, observations, 0);
  CHECK(std::abs(model.predict(Matrix::Constant(1, 1, 0.5))[0].mean - 5) < 0.3);
}
