// Goal: outcomes that fall into two are seen to, and others are not. Method: made-up regimes, random smooth functions.
// What an experiment is then worth has test_regimes_gain.cpp.
#include "optimizers/regimes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "cultures.h"
#include "optimizers/design.h"

using namespace athanor;

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
}

TEST_CASE("experiments that failed say nothing of regimes", "[regimes]") {
  RandomStream random(7, "failed");
  std::vector<Observation> observations = cultures(20, random);
  observations.push_back({"", {0.3, 0.3}, {}, "lost"});
  const Models models = fit_models(square(), observations);
  REQUIRE(models.regimes);
  CHECK(models.regimes->found_at(Vector{{0.3, 0.3}}) == std::array<bool, 2>{});
}

TEST_CASE("regimes that there is no time for are told of", "[regimes]") {
  RandomStream random(14, "hurried");
  FitEffort effort;
  CHECK_FALSE(fit_models(square(), cultures(20, random), effort).regimes_unsought);
  effort.stop = [] { return true; };
  const Models models = fit_models(square(), cultures(20, random), effort);
  CHECK_FALSE(models.regimes);
  CHECK(models.regimes_unsought);
}

TEST_CASE("what did not give the outcome that tells regimes apart is of the more probable one", "[regimes]") {
  RandomStream random(8, "partial");
  // Each experiment gives but two of three outcomes, in turn; the third is much the same in both regimes.
  Problem problem = square();
  problem.objectives.push_back({"purity", {}});
  std::vector<Observation> observations = cultures(45, random);
  for (std::size_t i = 0; i < observations.size(); ++i) {
    observations[i].measured.push_back(Measurement{50 + observations[i].at[0], {}});
    observations[i].measured[i % 3] = std::nullopt;
  }
  const Models models = fit_models(problem, observations);
  REQUIRE(models.regimes);
  const bool upper_lives = models.regimes->above > 7;  // both of the product and of the hours
  std::size_t right = 0;
  for (const Observation& o : observations) {
    const auto found = models.regimes->found_at(encode(problem.space, {o.at}).row(0));
    CHECK(found[0] != found[1]);
    right += found[1] == (lives(o.at) == upper_lives) ? 1 : 0;
  }
  CHECK(right == observations.size());
  for (std::size_t j = 0; j < 3; ++j) {  // none of them left out
    CHECK(models.regimes->of[0][j].gp->rows() + models.regimes->of[1][j].gp->rows() == 30);
  }

  // By its outcome, where its place says otherwise.
  observations.push_back({"", {0.05, 0.05}, {{}, Measurement{81, {}}, {}}, {}});
  observations.back().measured[models.regimes->told_by] = std::nullopt;
  if (models.regimes->told_by == 1) observations.back().measured[0] = Measurement{8.5, {}};
  const Models with = fit_models(problem, observations);
  REQUIRE(with.regimes);
  CHECK(with.regimes->found_at(Vector{{0.05, 0.05}})[upper_lives]);

  // Where no experiment says which regime another outcome is of, there are none.
  observations = cultures(30, random);
  for (std::size_t i = 0; i < observations.size(); ++i) observations[i].measured[i % 2] = std::nullopt;
  CHECK_FALSE(fit_models(square(), observations).regimes);
}

TEST_CASE("regimes are not sought where an objective says how it is to be modelled", "[regimes]") {
  RandomStream random(9, "transform");
  Problem problem = square();
  const std::vector<Observation> observations = cultures(20, random);
  CHECK(fit_models(problem, observations).regimes);
  problem.objectives[1].transform = Objective::Transform::kNone;
  CHECK_FALSE(fit_models(problem, observations).regimes);
  problem = square();
  problem.planner.acquisition = PlannerSettings::Acquisition::kParego;
  CHECK_FALSE(fit_models(problem, observations).regimes);
}

TEST_CASE("a regime whose outcomes are all the same knows no unit", "[regimes]") {
  RandomStream random(10, "constant");
  const std::vector<Observation> seen = cultures(24, random);
  const auto spread = [&](double scale, double shift) {
    std::vector<Observation> observations = seen;
    for (Observation& o : observations) {
      if (!lives(o.at)) o.measured[0]->value = 0;
      o.measured[0]->value = o.measured[0]->value * scale + shift;
    }
    const Models models = fit_models(square(), observations);
    REQUIRE(models.regimes);
    Vector mean, variance;
    models.regimes->of[models.regimes->told_by == 1 && models.regimes->below > 50][0].moments(Matrix{{0.1, 0.4}}, mean,
                                                                                              variance);
    CHECK(mean[0] == Approx(shift).margin(0.1 * scale));
    return std::sqrt(variance[0]) / scale;
  };
  const double plain = spread(1, 0);
  CHECK(plain < 0.2);  // of outcomes up to 10
  CHECK(spread(1e6, 0) == Approx(plain).epsilon(0.01));
  CHECK(spread(1e-6, 0) == Approx(plain).epsilon(0.01));
  CHECK(spread(1, 1000) == Approx(plain).epsilon(0.01));
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

TEST_CASE("what lies at the edge of two regimes is no mistake", "[regimes]") {
  const auto accused = [&](const std::vector<Observation>& observations) {
    std::size_t out = 0;
    for (const ModelReport& report : describe(square(), observations)) {
      CHECK(report.left_out->coverage > 0.75);
      for (const std::string& one : report.warnings) out += one.find("standard deviations from") != std::string::npos;
    }
    return out;
  };
  // By the deviation from the mixture's mean, in its standard deviations, these all have such a point.
  for (const std::uint64_t seed : {16, 17, 18, 20, 24, 31}) {
    RandomStream random(seed, "accused");
    std::vector<Observation> observations = cultures(40, random);
    CAPTURE(seed);
    CHECK(accused(observations) == 0);
    observations[3].measured[0]->value = lives(observations[3].at) ? 30 : -20;  // a slip of the pen
    CHECK(accused(observations) == 1);
  }
}

TEST_CASE("the place is trusted as far as it tells the regime", "[regimes]") {
  const Problem problem = square();
  RandomStream random(12, "trust");
  std::vector<Observation> by_place = cultures(40, random), by_chance = by_place;
  for (Observation& o : by_chance) {
    const bool lived = random.uniform() < 0.5;
    o = measured(o.at, lived ? 8 + o.at[0] : 0.02 * o.at[1], lived ? 80 + 10 * o.at[0] : 3 + o.at[0]);
  }
  const auto regimes = [&](const std::vector<Observation>& observations) {
    auto found = find_regimes(problem, observations, fit_models(problem, observations));
    REQUIRE(found);
    return found;
  };
  Matrix at(200, 2);
  for (double& x : at.reshaped()) x = random.uniform();
  CHECK(regimes(by_place)->trust == 1);
  const Vector told = regimes(by_place)->probability_of_upper(at),
               guessed = regimes(by_chance)->probability_of_upper(at);
  int right = 0;
  for (Eigen::Index i = 0; i < at.rows(); ++i) right += (told[i] > 0.5) == lives({at(i, 0), at(i, 1)});
  CHECK(right > 180);
  CHECK(told.maxCoeff() < 1);
  CHECK(told.minCoeff() > 0);
  CHECK(regimes(by_chance)->trust < 0.5);
  CHECK((guessed.array() - 0.5).abs().maxCoeff() < 0.4);
}
