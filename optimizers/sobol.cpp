#include "optimizers/sobol.h"

#include <algorithm>
#include <bit>

#include "optimizers/joe_kuo.h"
#include "optimizers/normal.h"

namespace athanor {
namespace {

/// v_1, …, v_32 of one dimension (0-based) as binary fractions, the first bit highest.
void direction_numbers(std::size_t dimension, std::size_t offset, std::uint32_t* v) {
  if (dimension == 0) {
    for (unsigned k = 0; k < 32; ++k) v[k] = 1u << (31 - k);
    return;
  }
  const unsigned polynomial = kJoeKuoPolynomials[dimension - 1];
  const unsigned degree = static_cast<unsigned>(std::bit_width(polynomial)) - 1;
  for (unsigned k = 0; k < degree; ++k) v[k] = kJoeKuoNumbers[offset + k] << (31 - k);
  for (unsigned k = degree; k < 32; ++k) {
    v[k] = v[k - degree] ^ (v[k - degree] >> degree);
    for (unsigned i = 1; i < degree; ++i) {
      if ((polynomial >> (degree - i)) & 1u) v[k] ^= v[k - i];
    }
  }
}

/// `v` multiplied by a random lower-triangular bit matrix with ones on its diagonal (the first bit highest).
std::uint32_t multiply(const std::uint32_t* rows, std::uint32_t v) {
  std::uint32_t result = 0;
  for (unsigned k = 0; k < 32; ++k) result |= static_cast<std::uint32_t>(std::popcount(rows[k] & v) & 1) << (31 - k);
  return result;
}

}  // namespace

Sobol::Sobol(std::size_t dimension, RandomStream& random, Scramble scramble)
    : dimension_(dimension),
      directions_(std::min<std::size_t>(dimension, kJoeKuoDimensions) * kBits),
      state_(std::min<std::size_t>(dimension, kJoeKuoDimensions)),
      scrambled_(scramble == Scramble::kOn),
      spare_(random(), "beyond the direction numbers") {
  std::size_t offset = 0;
  for (std::size_t j = 0; j < state_.size(); ++j) {
    std::uint32_t* v = &directions_[j * kBits];
    direction_numbers(j, offset, v);
    if (j > 0) offset += static_cast<std::size_t>(std::bit_width(kJoeKuoPolynomials[j - 1])) - 1;
    if (!scrambled_) continue;
    std::uint32_t rows[kBits];
    for (unsigned k = 0; k < kBits; ++k) {
      const std::uint32_t diagonal = 1u << (31 - k);
      const std::uint32_t left_of_it = k == 0 ? 0 : ~std::uint32_t{0} << (32 - k);
      rows[k] = (static_cast<std::uint32_t>(random() >> 32) & left_of_it) | diagonal;
    }
    for (unsigned k = 0; k < kBits; ++k) v[k] = multiply(rows, v[k]);
    state_[j] = static_cast<std::uint32_t>(random() >> 32);
  }
}

Matrix Sobol::next(std::size_t count) {
  Matrix points(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(dimension_));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (std::size_t j = 0; j < dimension_; ++j) {
      const double half_a_step = scrambled_ ? 0.5 : 0;
      points(i, static_cast<Eigen::Index>(j)) =
          j < state_.size() ? (static_cast<double>(state_[j]) + half_a_step) * 0x1p-32 : spare_.uniform();
    }
    // Gray code: the next point differs by the direction of the lowest zero bit of the index.
    const unsigned bit = static_cast<unsigned>(std::countr_one(index_++)) % kBits;
    for (std::size_t j = 0; j < state_.size(); ++j) state_[j] ^= directions_[j * kBits + bit];
  }
  return points;
}

Matrix Sobol::next_normal(std::size_t count) {
  return next(count).unaryExpr([](double p) { return normal_quantile(std::min(std::max(p, 1e-16), 1 - 1e-16)); });
}

}  // namespace athanor
