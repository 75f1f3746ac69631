// Chance, from named streams under one seed: the same seed and name give the same numbers on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace athanor {

/// xoshiro256++ (Blackman & Vigna 2019, "Scrambled linear pseudorandom number generators"), seeded through splitmix64.
class RandomStream {
 public:
  using result_type = std::uint64_t;

  RandomStream(std::uint64_t seed, std::string_view name, std::uint64_t index = 0);

  std::uint64_t operator()();
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  /// In [0, 1), 53 random bits.
  double uniform();
  double uniform(double low, double high);
  /// In {0, …, count − 1}, without modulo bias; `count` ≥ 1.
  std::uint64_t below(std::uint64_t count);
  /// Standard normal (polar method; no state kept between calls).
  double normal();

 private:
  std::array<std::uint64_t, 4> state_;
};

/// All the chance of one run: hands out streams by name. Streams of different names (or indices) are independent.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t seed() const { return seed_; }
  RandomStream stream(std::string_view name, std::uint64_t index = 0) const { return {seed_, name, index}; }
  /// A seed for something that takes one, derived from this seed, `name` and `index`.
  std::uint64_t derive(std::string_view name, std::uint64_t index = 0) const;

 private:
  std::uint64_t seed_;
};

}  // namespace athanor
