// Goal: a random weighting is the function that ParEGO states, its weights uniform, its optimum on the front. Method:
// the definition term by term, the moments of the simplex, brute force.
#include "optimizers/trade_off.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "optimizers/box_decomposition.h"

using namespace athanor;

TEST_CASE("a trade-off is the augmented Chebyshev function of normalised merits") {
  RandomStream random(1, "trade-off");
  for (const Eigen::Index m : {2, 3, 5}) {
    Matrix merits(9, m);
    for (double& y : merits.reshaped()) y = 1e3 * random.normal();
    merits.col(m - 1).setConstant(-7);  // tells nothing, and is no better or worse anywhere
    const TradeOff found = draw_trade_off(merits, random);
    CHECK(found.weights.sum() == Approx(1));
    CHECK(found.weights.minCoeff() >= 0);
    for (Eigen::Index i = 0; i < merits.rows(); ++i) {
      double least = 1e300, sum = 0;
      for (Eigen::Index k = 0; k < m; ++k) {
        const double low = merits.col(k).minCoeff(), high = merits.col(k).maxCoeff();
        const double term = k == m - 1 ? 0 : found.weights[k] * (merits(i, k) - low) / (high - low);
        least = std::min(least, term);
        sum += term;
      }
      CHECK(found.outcomes[i] == Approx(least + 0.05 * sum).margin(1e-12));
    }
  }
}

TEST_CASE("the weights of trade-offs are uniform on the simplex") {
  RandomStream random(2, "weights");
  const int draws = 20'000;
  const Matrix merits = Matrix::Identity(4, 3);
  Vector sum = Vector::Zero(3), squares = Vector::Zero(3);
  double product = 0;
  for (int s = 0; s < draws; ++s) {
    const Vector w = draw_trade_off(merits, random).weights;
    sum += w / draws;
    squares += w.cwiseAbs2() / draws;
    product += w[0] * w[1] / draws;
  }
  // Dirichlet(1, 1, 1): mean 1/3, second moments 1/6 and 1/12.
  for (int k = 0; k < 3; ++k) {
    CHECK(sum[k] == Approx(1.0 / 3).margin(0.008));
    CHECK(squares[k] == Approx(1.0 / 6).margin(0.008));
  }
  CHECK(product == Approx(1.0 / 12).margin(0.004));
}

TEST_CASE("what is best by a trade-off is on the front, and all of the front is best by some") {
  RandomStream random(3, "front");
  // Five on a hollow front, where a weighted sum would choose the two ends alone, and twenty behind it.
  Matrix merits(25, 2);
  merits.topRows(5) << 0, 1, 0.15, 0.6, 0.3, 0.3, 0.6, 0.15, 1, 0;
  for (Eigen::Index i = 5; i < 25; ++i) merits.row(i) = merits.row(i % 5) * random.uniform(0.1, 0.99);
  const std::vector<Eigen::Index> front = pareto_front(merits);
  std::set<Eigen::Index> chosen;
  for (int s = 0; s < 500; ++s) {
    Eigen::Index best = 0;
    draw_trade_off(merits, random).outcomes.maxCoeff(&best);
    CHECK(std::binary_search(front.begin(), front.end(), best));
    chosen.insert(best);
  }
  for (Eigen::Index i = 0; i < 5; ++i) CHECK(chosen.count(i) == 1);
}
