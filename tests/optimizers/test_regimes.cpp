// Goal: outcomes that fall into two are seen to, and others are not; what an experiment is then worth is the
// expectation that it claims to be. Method: made-up regimes, random smooth functions, brute-force Monte-Carlo.
#include "optimizers/regimes.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "optimizers/box_decomposition.h"
#include "optimizers/design.h"
#include "optimizers/regimes_gain.h"

using namespace athanor;

namespace {

/// Two objectives over a square, the first large, the second small.
Problem square() {
  Problem problem;
  problem.space = Space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}});
  problem.objectives.push_back({"product", {}});
  problem.objectives.push_back({"hours", {}});
  problem.objectives[1].goal = Objective::Goal::kMinimize;
  problem.objectives[0].reference = -1;
  problem.objectives[1].reference = 120;
  return problem;
}

bool lives(const Point& at) {
  return at[0] + 0.5 * at[1] > 0.6;
}

Observation measured(const Point& at, double product, double hours) {
  return {"", at, {Measurement{product, {}}, Measurement{hours, {}}}, {}};
}

/// A culture that dies within hours at one side of a line.
Observation culture(const Point& at) {
  if (!lives(at)) return measured(at, 0.02 * at[1], 3 + at[0]);
  return measured(at, 8 + std::sin(3 * at[0]) + at[1], 80 + 10 * at[0] - 12 * at[1] * at[1]);
}

std::vector<Observation> cultures(int count, RandomStream& random) {
  std::vector<Observation> out;
  for (int i = 0; i < count; ++i) out.push_back(culture({random.uniform(), random.uniform()}));
  return out;
}

}  // namespace

TEST_CASE("outcomes are split at the gap that makes them most probable", "[regimes]") {
  Matrix outcomes(7, 2);
  outcomes << 1, 5, 1.2, 900, 1.1, 7, 9, 6, 9.3, 5.5, 9.1, 6.5, 0.9, 6.2;
  const auto split = most_probable_split(outcomes);
  REQUIRE(split);
  CHECK(split->told_by == 0);
  CHECK(split->below == 1.2);
  CHECK(split->above == 9);
  // By hand: seven labels paid for, then each part's spread beside that of all.
  const auto spread = [](std::vector<double> y) {
    const Eigen::Map<const Vector> v(y.data(), static_cast<Eigen::Index>(y.size()));
    return std::sqrt((v.array() - v.mean()).square().mean());
  };
  const double odds = 4 * std::log(4.0 / 7) + 3 * std::log(3.0 / 7) -
                      4 * std::log(spread({1, 1.2, 1.1, 0.9}) / spread({1, 1.2, 1.1, 9, 9.3, 9.1, 0.9})) -
                      3 * std::log(spread({9, 9.3, 9.1}) / spread({1, 1.2, 1.1, 9, 9.3, 9.1, 0.9})) -
                      4 * std::log(spread({5, 900, 7, 6.2}) / spread({5, 900, 7, 6, 5.5, 6.5, 6.2})) -
                      3 * std::log(0.01);
  CHECK(split->log_odds == Approx(odds));
  outcomes.col(0) << 1, 9, 1, 9, 1.4, 1.7, 30;  // the widest gap leaves one alone, the widest of the others is less
  outcomes.col(1) << 5, 6, 7, 8, 9, 10, 11;     // than what it parts is spread over
  CHECK_FALSE(most_probable_split(outcomes));
  CHECK_FALSE(most_probable_split(Matrix::Constant(6, 2, 3.5)));
  CHECK_FALSE(most_probable_split(outcomes.topRows(3)));  // too few for two of either
}

TEST_CASE("regimes are found where outcomes jump, and the models of each are its own", "[regimes]") {
  RandomStream random(1, "cultures");
  const Problem problem = square();
  const std::vector<Observation> observations = cultures(24, random);
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  Matrix points(60, 2);
  for (double& x : points.reshaped()) x = random.uniform();
  const Vector upper = models.regimes->probability_of_upper(points);
  const bool upper_lives = models.regimes->told_by == 0 || models.regimes->above > 50;
  const std::vector<Forecast> forecasts = forecast(problem, models, points);
  int right = 0, close = 0, sure = 0;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const Observation truth = culture({points(i, 0), points(i, 1)});
    right += ((upper[i] > 0.5) == upper_lives) == lives(truth.at) ? 1 : 0;
    if (std::abs(upper[i] - 0.5) < 0.45) continue;
    ++sure;
    const auto& of = forecasts[static_cast<std::size_t>(i)].of;
    close +=
        std::abs(of[0]->mean - truth.measured[0]->value) < 0.7 && std::abs(of[1]->mean - truth.measured[1]->value) < 6
            ? 1
            : 0;
  }
  CHECK(right >= 50);
  CHECK(sure >= 20);
  CHECK(close >= sure - 4);  // one model of both would be wrong by half of the jump, 4 and 40
}

TEST_CASE("what changes without a jump has one regime", "[regimes]") {
  RandomStream random(2, "smooth");
  const Problem problem = square();
  for (int round = 0; round < 40; ++round) {
    const double a = 1 + 6 * random.uniform(), b = 1 + 6 * random.uniform(), noise = 0.2 * random.uniform();
    std::vector<Observation> observations;
    for (int i = 0; i < 30; ++i) {
      const Point at = {random.uniform(), random.uniform()};
      // Also what rises steeply over a part of the space, and what is spread over orders of magnitude.
      const double y = round % 2 == 0 ? std::exp(a * at[0] + std::sin(b * at[1])) : std::tanh(a * (at[0] - 0.5));
      observations.push_back(measured(at, y + noise * random.normal(), std::sin(b * at[0] + at[1])));
    }
    CAPTURE(round, a, b, noise);
    CHECK_FALSE(fit_models(problem, observations).regimes);
  }
}

TEST_CASE("experiments of one regime alone, or too few of the other, have one", "[regimes]") {
  RandomStream random(3, "one");
  const Problem problem = square();
  std::vector<Observation> observations;
  while (observations.size() < 15) {
    const Observation one = culture({random.uniform(), random.uniform()});
    if (lives(one.at)) observations.push_back(one);
  }
  CHECK_FALSE(fit_models(problem, observations).regimes);
  observations.push_back(culture({0.1, 0.1}));
  CHECK_FALSE(fit_models(problem, observations).regimes);
  observations.push_back(culture({0.2, 0.3}));
  CHECK(fit_models(problem, observations).regimes);
  // Those that failed, or did not give what tells the regimes apart, say nothing of it; those that gave it count.
  observations.push_back({"", {0.3, 0.3}, {}, "lost"});
  observations.push_back({"", {0.9, 0.3}, {Measurement{8.9, {}}, {}}, {}});
  observations.push_back({"", {0.95, 0.4}, {{}, Measurement{81, {}}}, {}});
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const bool by_product = models.regimes->told_by == 0;
  CHECK(models.regimes->found[0].rows() + models.regimes->found[1].rows() == 18);
  CHECK(models.regimes->found_at(Vector{{0.9, 0.3}}) == std::array<bool, 2>{false, by_product});
  CHECK(models.regimes->found_at(Vector{{0.95, 0.4}}) == std::array<bool, 2>{false, !by_product});
}

TEST_CASE("regimes are told of, and judged by what is predicted with them", "[regimes]") {
  RandomStream random(6, "described");
  const Problem problem = square();
  const std::vector<Observation> observations = cultures(24, random);
  const std::vector<ModelReport> reports = describe(problem, observations);
  REQUIRE(reports.size() == 2);
  std::size_t told = 0;
  for (const ModelReport& report : reports) {
    for (const std::string& warning : report.warnings) told += warning.find("fall into two") != std::string::npos;
  }
  CHECK(told == 1);

  double squares = 0, of_one = 0;
  for (std::size_t i = 0; i < 20; ++i) {  // groups of their own, but for the last four
    std::vector<Observation> rest;
    std::vector<Point> left;
    for (std::size_t k = 0; k < observations.size(); ++k) {
      if (k % 20 == i) {
        left.push_back(observations[k].at);
      } else {
        rest.push_back(observations[k]);
      }
    }
    const std::vector<Forecast> forecasts = predict(problem, rest, left);
    for (std::size_t k = 0; k < left.size(); ++k) {
      squares += std::pow(forecasts[k].of[0]->mean - culture(left[k]).measured[0]->value, 2);
    }
  }
  for (const Observation& o : observations) of_one += std::pow(o.measured[0]->value - 4, 2);
  CHECK(reports[0].left_out->rmse == Approx(std::sqrt(squares / 24)));
  CHECK(squares < 0.5 * of_one);

  // What was measured is predicted by the regime that it showed, and by nothing else.
  for (const Observation& o : observations) {
    const Forecast here = predict(problem, observations, {o.at})[0];
    CHECK(here.of[0]->mean == Approx(o.measured[0]->value).margin(0.3));
  }
}

TEST_CASE("the expected gain over two regimes equals brute-force Monte-Carlo", "[regimes]") {
  RandomStream random(4, "gain");
  const Problem problem = square();
  const std::vector<Observation> observations = cultures(20, random);
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const Beliefs beliefs(problem, models, {}, random);
  const RegimesGain gain = gain_in_regimes(problem, models, beliefs, random);
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();

  Matrix merits(static_cast<Eigen::Index>(observations.size()), 2);
  for (Eigen::Index i = 0; i < merits.rows(); ++i) {
    const auto& of = observations[static_cast<std::size_t>(i)].measured;
    merits.row(i) << of[0]->value, -of[1]->value;
  }
  const BoxDecomposition boxes = nondominated_boxes(merits, Vector{{-1, -120}});
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
  Matrix merits(0, 2);
  for (const Observation& o : observations) {
    if (o.at[1] > 0.5) continue;
    merits.conservativeResize(merits.rows() + 1, Eigen::NoChange);
    merits.bottomRows(1) << o.measured[0]->value, -o.measured[1]->value;
  }
  const double unit = models.of[0]->gp->scale() * models.of[1]->gp->scale();
  const double known = hypervolume(nondominated_boxes(merits, Vector{{-1, -120}}));
  CHECK(gain.dominated * unit >= 0.98 * known);  // what is pending may add to it
  CHECK(gain.dominated * unit <= 1.1 * known);
}
