// Goal: the hypervolume is exact. Method: cases known by hand; random fronts against counted random points.
#include <catch2/catch.hpp>
#include <cmath>

#include "bench/hypervolume.h"
#include "core/random.h"

using athanor::RandomStream;
using athanor::bench::hypervolume;

TEST_CASE("hypervolumes that are known by hand", "[hypervolume]") {
  CHECK(hypervolume({}, {1, 1}) == 0);
  CHECK(hypervolume({{0, 0}}, {1, 1}) == 1);
  CHECK(hypervolume({{1, 3}, {2, 2}, {3, 1}}, {4, 4}) == 6);
  CHECK(hypervolume({{1, 3}, {2, 2}, {2, 2}, {3, 3}, {5, 0}}, {4, 4}) == 5);  // double, dominated, beyond
  CHECK(hypervolume({{0, 0, 1}, {0, 1, 0}, {1, 0, 0}}, {2, 2, 2}) == Approx(7).epsilon(1e-14));
}

TEST_CASE("the hypervolume is the share of random points that are dominated", "[hypervolume]") {
  constexpr int kPoints = 20, kSamples = 100000;
  for (std::size_t size = 2; size <= 4; ++size) {
    RandomStream random(7, "hypervolume", size);
    std::vector<std::vector<double>> points(kPoints, std::vector<double>(size));
    for (auto& point : points) {
      for (double& v : point) v = random.uniform();
    }
    int dominated = 0;
    for (int i = 0; i < kSamples; ++i) {
      std::vector<double> at(size);
      for (double& v : at) v = random.uniform();
      bool found = false;
      for (const auto& point : points) {
        bool covers = true;
        for (std::size_t k = 0; k < size; ++k) covers = covers && point[k] <= at[k];
        found = found || covers;
      }
      dominated += found ? 1 : 0;
    }
    const double share = static_cast<double>(dominated) / kSamples;
    // Five standard errors of a share.
    CHECK(hypervolume(points, std::vector<double>(size, 1)) == Approx(share).margin(5 * std::sqrt(0.25 / kSamples)));
  }
}
