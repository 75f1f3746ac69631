// Sobol points: fill the unit cube evenly, the more so the more there are.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "surrogates/surrogate.h"

namespace athanor {

/// A scrambled Sobol sequence. Any 2^m consecutive points from a multiple of 2^m hold one in each of 2^m equal slices
/// of every axis. Method: Joe & Kuo 2008 for the direction numbers; scrambled by random lower-triangular bit matrices
/// and a digital shift (Matoušek 1998). Dimensions beyond 160 are plain random numbers.
class Sobol {
 public:
  enum class Scramble { kOn, kOff };
  Sobol(std::size_t dimension, RandomStream& random, Scramble scramble = Scramble::kOn);

  std::size_t dimension() const { return dimension_; }
  /// The next `count` points (count × d), each coordinate inside (0, 1); unscrambled ones inside [0, 1).
  Matrix next(std::size_t count);
  /// The next `count` points through Φ⁻¹: standard normal draws.
  Matrix next_normal(std::size_t count);

 private:
  static constexpr unsigned kBits = 32;
  std::size_t dimension_;
  std::vector<std::uint32_t> directions_;  // d × 32
  std::vector<std::uint32_t> state_;       // d
  std::uint64_t index_ = 0;
  bool scrambled_;
  RandomStream spare_;
};

}  // namespace athanor
