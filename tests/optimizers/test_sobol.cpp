// Goal: the sequence is Sobol's, scrambled or not. Method: its first points, its balance, its discrepancy.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "optimizers/sobol.h"

using namespace athanor;

TEST_CASE("the first points are those published with the direction numbers") {
  RandomStream random(1, "sobol");
  Sobol sobol(4, random, Sobol::Scramble::kOff);
  const Matrix points = sobol.next(8);
  // Joe & Kuo's notes list these, in Gray code order.
  const double expected[8][3] = {{0, 0, 0},
                                 {0.5, 0.5, 0.5},
                                 {0.75, 0.25, 0.25},
                                 {0.25, 0.75, 0.75},
                                 {0.375, 0.375, 0.625},
                                 {0.875, 0.875, 0.125},
                                 {0.625, 0.125, 0.875},
                                 {0.125, 0.625, 0.375}};
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 3; ++j) CHECK(points(i, j) == expected[i][j]);
  }
}

TEST_CASE("every axis of every scrambled block of 2^m points has one in each of 2^m slices") {
  RandomStream random(2, "sobol");
  Sobol sobol(160, random);
  for (int block = 0; block < 3; ++block) {
    const Matrix points = sobol.next(64);
    CHECK(points.minCoeff() > 0);
    CHECK(points.maxCoeff() < 1);
    for (Eigen::Index j = 0; j < points.cols(); ++j) {
      std::set<int> slices;
      for (Eigen::Index i = 0; i < 64; ++i) slices.insert(static_cast<int>(points(i, j) * 64));
      CHECK(slices.size() == 64);
    }
  }
}

TEST_CASE("pairs of axes are filled more evenly than by chance") {
  // Warnock's formula for the squared L2 star discrepancy; chance gives (2^−d − 3^−d)/n on average.
  RandomStream random(3, "sobol");
  Sobol sobol(12, random);
  const Eigen::Index n = 256;
  const Matrix points = sobol.next(static_cast<std::size_t>(n));
  for (Eigen::Index a = 0; a < 12; ++a) {
    for (Eigen::Index b = a + 1; b < 12; ++b) {
      double single = 0, pairs = 0;
      for (Eigen::Index i = 0; i < n; ++i) {
        single += (1 - points(i, a) * points(i, a)) * (1 - points(i, b) * points(i, b));
        for (Eigen::Index k = 0; k < n; ++k) {
          pairs += (1 - std::max(points(i, a), points(k, a))) * (1 - std::max(points(i, b), points(k, b)));
        }
      }
      const auto count = static_cast<double>(n);
      const double discrepancy = 1.0 / 9 - single / (2 * count) + pairs / (count * count);
      CHECK(discrepancy < 0.5 * (1.0 / 4 - 1.0 / 9) / count);
    }
  }
}

TEST_CASE("scrambles differ by their stream and repeat with it, beyond the table's dimensions too") {
  const auto points = [](std::uint64_t seed) {
    RandomStream random(seed, "sobol");
    Sobol sobol(200, random);
    return sobol.next(10);
  };
  CHECK(points(4) == points(4));
  CHECK(points(4) != points(5));
}

TEST_CASE("normal draws have the normal's moments") {
  RandomStream random(6, "sobol");
  Sobol sobol(5, random);
  const Matrix draws = sobol.next_normal(1024);
  CHECK(draws.colwise().mean().cwiseAbs().maxCoeff() < 0.01);  // chance would give 0.03
  CHECK((draws.array().square().colwise().mean() - 1).abs().maxCoeff() < 0.02);
}
