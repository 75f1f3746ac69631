// Goal: what an experiment is worth where outcomes fall into two is the expectation that it claims to be. Method:
// made-up regimes, brute-force Monte-Carlo, finite differences.
#include "optimizers/regimes_gain.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "cultures.h"
#include "optimizers/box_decomposition.h"
#include "optimizers/regimes.h"

using namespace athanor;

TEST_CASE("the expected gain over two regimes equals brute-force Monte-Carlo", "[regimes]") {
  RandomStream random(4, "gain");
  const Problem problem = square();
  const std::vector<Observation> observations = cultures(20, random);
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const Beliefs beliefs(problem, models, {}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();

  const BoxDecomposition boxes = nondominated_boxes(merits_of(observations), Vector{{-1, -120}});
  CHECK(gain.dominated * unit == Approx(hypervolume(boxes)).epsilon(0.02));
  for (const Vector& at : {Vector{{0.5, 0.2}}, Vector{{0.55, 0.15}}, Vector{{0.8, 0.9}}, Vector{{0.35, 0.4}}}) {
    const double upper = models.regimes->probability_of_upper(at.transpose())[0];
    double sum = 0, squares = 0;
    const int draws = 200'000;
    for (int s = 0; s < draws; ++s) {
      const auto& of = models.regimes->of[random.uniform() < upper];
      Vector outcome(2);
      for (Eigen::Index j = 0; j < 2; ++j) {
        const PointPosterior here = of[static_cast<std::size_t>(j)].gp->at(at);
        outcome[j] = (j == 0 ? 1 : -1) * (here.mean + std::sqrt(here.variance) * random.normal());
      }
      const double one = hypervolume_improvement(boxes, outcome);
      sum += one;
      squares += one * one;
    }
    const double mean = sum / draws, error = std::sqrt((squares / draws - mean * mean) / draws);
    CAPTURE(at, upper);
    // What was measured is not exactly what the models believe of it: a hundredth of the hypervolume's gain, or so.
    CHECK(std::exp(gain.acquisition->value(at, nullptr)) * unit ==
          Approx(mean).margin(4 * error + 0.1 * mean + 1e-4 * hypervolume(boxes)));

    Vector gradient;
    gain.acquisition->value(at, &gradient);
    for (Eigen::Index j = 0; j < 2; ++j) {
      Vector more = at, less = at;
      more[j] += 1e-6;
      less[j] -= 1e-6;
      const double slope = (gain.acquisition->value(more, nullptr) - gain.acquisition->value(less, nullptr)) / 2e-6;
      CHECK(gradient[j] == Approx(slope).epsilon(1e-4).margin(1e-4));
    }
  }
}

TEST_CASE("what holds an outcome constraint alone is on the front of either regime", "[regimes]") {
  RandomStream random(5, "constrained");
  Problem problem = square();
  problem.measured_too = {{"impurity", {}}};
  problem.outcome_constraints = {{2, true, 0.5, "impurity <= 0.5"}};
  std::vector<Observation> observations = cultures(20, random);
  for (Observation& o : observations) o.measured.push_back(Measurement{o.at[1], {}});
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const Beliefs beliefs(problem, models, {{0.9, 0.2}}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const Matrix merits = merits_of(observations, [](const Observation& o) { return o.at[1] <= 0.5; });
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();
  const double known = hypervolume(nondominated_boxes(merits, Vector{{-1, -120}}));
  CHECK(gain.dominated * unit >= 0.98 * known);  // what is pending may add to it
  CHECK(gain.dominated * unit <= 1.1 * known);
}

TEST_CASE("a batch in two regimes looks at more than their edge", "[regimes]") {
  Problem problem;
  problem.space = Space({{"t", {}, Continuous{0, 100}}});
  problem.objectives.push_back({"y", {}});
  problem.objectives.push_back({"z", {}});
  problem.objectives[1].goal = Objective::Goal::kMinimize;
  PlanQuestion question;
  for (const double t : {0, 10, 20, 30, 40, 50})
    question.observations.push_back(measured({t}, 60 + 0.3 * t, 40 - 0.2 * t));
  for (const double t : {70, 80, 90, 100}) question.observations.push_back(measured({t}, 1 + 0.01 * t, 2 - 0.01 * t));
  question.count = 8;
  problem.planner.initial = 0;
  std::vector<double> t;
  const Plan answer = plan(problem, question);
  for (const Suggestion& one : answer.suggestions) t.push_back(one.at[0]);
  REQUIRE(t.size() == 8);
  CHECK(answer.suggestions[0].reason.find("; “y” is ") != std::string::npos);
  std::sort(t.begin(), t.end());
  CHECK(t.back() - t.front() > 8);  // the edge lies between 50 and 70
  for (std::size_t i = 0; i + 3 < t.size(); ++i) CHECK(t[i + 3] - t[i] > 0.5);
}

TEST_CASE("what is pending counts in either regime, and tells of its surroundings", "[regimes]") {
  RandomStream random(11, "pending");
  const Problem problem = square();
  const std::vector<Observation> observations = cultures(20, random);
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const Regimes& regimes = *models.regimes;
  // A point of which nobody knows, and one beside it.
  Vector pending(2), at(2);
  double even = 1;
  for (int i = 0; i < 4000; ++i) {
    const Vector one{{random.uniform(), random.uniform()}};
    const double off = std::abs(regimes.probability_of_upper(one.transpose())[0] - 0.5);
    if (off >= even) continue;
    even = off;
    pending = one;
  }
  REQUIRE(even < 0.02);
  const Beliefs beliefs(problem, models, {{pending[0], pending[1]}}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();

  Matrix merits = merits_of(observations);
  merits.conservativeResize(merits.rows() + 1, Eigen::NoChange);  // and of what is pending
  for (const Vector& shift : {Vector{{0.02, 0.03}}, Vector{{0.1, -0.05}}, Vector{{0.3, 0.1}}}) {
    at = (pending + shift).cwiseMax(0).cwiseMin(1);
    Matrix pair(2, 2);
    pair << pending.transpose(), at.transpose();
    std::array<std::array<Posterior, 2>, 2> joint;  // by regime and objective
    for (const bool upper : {false, true}) {
      for (std::size_t j = 0; j < 2; ++j) joint[upper][j] = regimes.of[upper][j].gp->posterior(pair);
    }
    double sum = 0;
    const int draws = 20'000;
    for (int s = 0; s < draws; ++s) {
      const bool upper = s % 2 == 0;
      const Vector label{{((upper ? 1 : 0) - regimes.upper->location()) / regimes.upper->scale()}};
      const PointPosterior place = regimes.upper->with(pending.transpose(), label).at(at);
      const double probable = 0.5 * std::erfc((0.5 - place.mean) / std::sqrt(2 * place.variance));
      const bool here = random.uniform() < probable;
      Vector outcome(2);
      for (std::size_t j = 0; j < 2; ++j) {
        const double sign = j == 0 ? 1 : -1;
        const Posterior& of = joint[upper][j];
        const double first = std::sqrt(of.covariance(0, 0)), z = random.normal();
        merits(merits.rows() - 1, static_cast<Eigen::Index>(j)) = sign * (of.mean[0] + first * z);
        const Posterior& own = joint[here][j];
        const double shared = here == upper ? own.covariance(1, 0) / first : 0;
        const double rest = std::sqrt(std::max(own.covariance(1, 1) - shared * shared, 0.0));
        outcome[static_cast<Eigen::Index>(j)] = sign * (own.mean[1] + shared * z + rest * random.normal());
      }
      sum += hypervolume_improvement(nondominated_boxes(merits, Vector{{-1, -120}}), outcome);
    }
    CAPTURE(pending, at);
    const double mean = sum / draws, known = hypervolume(nondominated_boxes(merits, Vector{{-1, -120}}));
    CHECK(std::exp(gain.acquisition->value(at, nullptr)) * unit == Approx(mean).margin(0.15 * mean + 2e-3 * known));
  }
}

TEST_CASE("a constraint on an objective holds or not in either regime", "[regimes]") {
  RandomStream random(12, "constraint");
  Problem problem = square();
  problem.outcome_constraints = {{0, false, 5, "product >= 5"}};  // what lives holds it, what dies does not
  const std::vector<Observation> observations = cultures(24, random);
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const bool upper_lives = models.regimes->told_by == 0 || models.regimes->above > 50;
  Matrix points(50, 2);
  for (double& x : points.reshaped()) x = random.uniform();
  const Vector upper = models.regimes->probability_of_upper(points);
  const std::vector<Forecast> forecasts = forecast(problem, models, points);
  const Beliefs beliefs(problem, models, {}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();
  const Matrix merits = merits_of(observations, [](const Observation& o) { return lives(o.at); });
  const BoxDecomposition boxes = nondominated_boxes(merits, Vector{{-1, -120}});
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double alive = upper_lives ? upper[i] : 1 - upper[i];
    CAPTURE(points.row(i), alive);
    CHECK(*forecasts[static_cast<std::size_t>(i)].feasible == Approx(alive).margin(0.02));
    // Whatever dies gains nothing, good as its hours may be.
    double sum = 0;
    for (int s = 0; s < 2000; ++s) {
      Vector outcome(2);
      for (std::size_t j = 0; j < 2; ++j) {
        const PointPosterior here = models.regimes->of[upper_lives][j].gp->at(points.row(i));
        outcome[static_cast<Eigen::Index>(j)] =
            (j == 0 ? 1 : -1) * (here.mean + std::sqrt(here.variance) * random.normal());
      }
      sum += alive * hypervolume_improvement(boxes, outcome) / 2000;
    }
    CHECK(std::exp(gain.acquisition->value(points.row(i), nullptr)) * unit ==
          Approx(sum).margin(0.15 * sum + 1e-3 * hypervolume(boxes)));
  }
  for (Eigen::Index i = 0; i < beliefs.tried(); ++i) {
    const Vector at = beliefs.base().row(i);
    CHECK((beliefs.feasible_share(i) > 0.5) == lives({at[0], at[1]}));
  }
}

TEST_CASE("what only a constraint speaks of is of the regimes where it jumps with them", "[regimes]") {
  RandomStream random(12, "beside");
  Problem problem = square();
  problem.measured_too = {{"impurity", {}}, {"colour", {}}};
  problem.outcome_constraints = {{2, true, 3, "impurity <= 3"}, {3, true, 3, "colour <= 3"}};
  std::vector<Observation> observations = cultures(30, random);
  for (Observation& o : observations) {
    o.measured.push_back(Measurement{lives(o.at) ? 1 + 0.1 * o.at[0] : 8 + 0.1 * o.at[1], {}});  // the dead rot
    o.measured.push_back(Measurement{o.at[0] + o.at[1], {}});                                    // none breaks it
  }
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  CHECK(models.regimes->beside == std::vector<std::size_t>{2});
  const bool upper_lives = models.regimes->told_by == 0 || models.regimes->above > 50;
  Matrix points(60, 2);
  for (double& x : points.reshaped()) x = random.uniform();
  const Vector upper = models.regimes->probability_of_upper(points);
  const std::vector<Forecast> forecasts = forecast(problem, models, points);
  const Beliefs beliefs(problem, models, {{0.9, 0.2}}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const BoxDecomposition boxes =
      nondominated_boxes(merits_of(observations, [](const Observation& o) { return lives(o.at); }), Vector{{-1, -120}});
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const double alive = upper_lives ? upper[i] : 1 - upper[i];
    CAPTURE(points.row(i), alive);
    const Forecast& told = forecasts[static_cast<std::size_t>(i)];
    CHECK(*told.feasible == Approx(alive).margin(0.03));
    CHECK(told.of[2]->mean == Approx(8.05 - 7 * alive).margin(0.3));
    // Of two dimensions and both regimes, what lives alone gains.
    Vector outcome(2);
    for (std::size_t j = 0; j < 2; ++j) {
      outcome[static_cast<Eigen::Index>(j)] =
          (j == 0 ? 1 : -1) * models.regimes->of[upper_lives][j].gp->at(points.row(i)).mean;
    }
    const double most = hypervolume_improvement(boxes, outcome) + 0.05 * hypervolume(boxes);
    CHECK(std::exp(gain.acquisition->value(points.row(i), nullptr)) * unit <= most);
  }
  for (Eigen::Index i = 0; i < beliefs.tried(); ++i) {
    const Vector at = beliefs.base().row(i);
    CHECK((beliefs.feasible_share(i) > 0.5) == lives({at[0], at[1]}));
  }
}
