// Goal: chance that is the same on every machine and looks like chance. Method: first numbers pinned (computed by an
// independent implementation of xoshiro256++ and splitmix64), moments against closed forms, correlation of streams.
#include "core/random.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <vector>

using namespace athanor;

TEST_CASE("the first numbers of a stream never change", "[random]") {
  RandomStream design(42, "design");
  CHECK(design() == 0x51c19e0b63730031U);
  CHECK(design() == 0x940c946867f06bf0U);
  CHECK(design() == 0x51cb299529bd33a5U);
  CHECK(design() == 0xd6fd3c3deadfaa96U);
  RandomStream seventh(42, "design", 7);
  CHECK(seventh() == 0x27f79775b9419641U);
  CHECK(seventh() == 0xa3143c50ccfba273U);
  RandomStream zero(0, "");
  CHECK(zero() == 0x8a2571860bf662ecU);
  CHECK(zero() == 0x5768b5b2317bf207U);
  CHECK(Random(42).derive("design") == 0xaf5cf1914693f8edU);
  CHECK(Random(42).stream("design")() == 0x51c19e0b63730031U);
}

TEST_CASE("uniform and normal numbers have the moments of their distributions", "[random]") {
  constexpr int kCount = 200'000;
  RandomStream random(3, "moments");
  double u1 = 0, u2 = 0, n1 = 0, n2 = 0, n3 = 0, n4 = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.uniform(), n = random.normal();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    u1 += u / kCount;
    u2 += u * u / kCount;
    n1 += n / kCount;
    n2 += n * n / kCount;
    n3 += n * n * n / kCount;
    n4 += n * n * n * n / kCount;
  }
  // Five standard errors: sd of the mean is (moment's sd) / √N.
  const double se = 5 / std::sqrt(double{kCount});
  CHECK(std::abs(u1 - 0.5) < se * std::sqrt(1.0 / 12));
  CHECK(std::abs(u2 - 1.0 / 3) < se * std::sqrt(4.0 / 45));
  CHECK(std::abs(n1) < se);
  CHECK(std::abs(n2 - 1) < se * std::sqrt(2.0));
  CHECK(std::abs(n3) < se * std::sqrt(15.0));
  CHECK(std::abs(n4 - 3) < se * std::sqrt(96.0));
}

TEST_CASE("below gives each number equally often", "[random]") {
  const std::uint64_t count = GENERATE(1u, 2u, 3u, 7u, 100u);
  constexpr int kDraws = 70'000;
  RandomStream random(4, "below", count);
  std::vector<int> seen(count, 0);
  for (int i = 0; i < kDraws; ++i) ++seen.at(random.below(count));
  double chi_squared = 0;
  const double expected = static_cast<double>(kDraws) / static_cast<double>(count);
  for (const int n : seen) chi_squared += (n - expected) * (n - expected) / expected;
  const double freedom = static_cast<double>(count) - 1;
  CHECK(chi_squared <= freedom + 5 * std::sqrt(2 * freedom));
}

TEST_CASE("below stays below a bound that does not divide 2^64", "[random]") {
  RandomStream random(5, "large");
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 12345;
  for (int i = 0; i < 1000; ++i) REQUIRE(random.below(bound) < bound);
}

TEST_CASE("streams of different seeds, names or indices are unrelated", "[random]") {
  std::set<std::uint64_t> firsts;
  int streams = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const char* name : {"a", "b", "ab", "ba", ""}) {
      for (std::uint64_t index = 0; index < 20; ++index, ++streams) {
        firsts.insert(RandomStream(seed, name, index)());
        firsts.insert(Random(seed).derive(name, index));
      }
    }
  }
  CHECK(firsts.size() == static_cast<std::size_t>(2 * streams));

  RandomStream a(1, "x", 0), b(1, "x", 1);
  constexpr int kCount = 50'000;
  double covariance = 0;
  for (int i = 0; i < kCount; ++i) covariance += (a.uniform() - 0.5) * (b.uniform() - 0.5) / kCount;
  CHECK(std::abs(covariance) < 5.0 / 12 / std::sqrt(double{kCount}));
}
