// Cholesky's factor of a symmetric matrix, its inverse and the inverse of the matrix, for a few hundred rows.
//
// All three are sums Σ_k A(·, k) B(·, k)ᵀ over columns, computed in tiles of 8 × 4 numbers that stay in registers. They
// do n³/6 multiplications each, a third of what solving for the identity and squaring the result would do.
#pragma once

#include <Eigen/Dense>

namespace athanor {

/// `n` rounded up to whole tiles. A matrix is padded with those of the identity.
constexpr Eigen::Index whole_tiles(Eigen::Index n) {
  return (n + 7) / 8 * 8;
}

/// Σ = L Lᵀ in place. matrix (at least m × n; m ≥ n, both whole tiles): in its first n rows the lower triangle of Σ, in
/// the others Bᵀ, which becomes (L⁻¹ B)ᵀ. What stands above the diagonal is lost. Says whether Σ is positive definite.
bool factor_in_tiles(Eigen::MatrixXd& matrix, Eigen::Index m, Eigen::Index n);

/// L⁻ᵀ, zeros below its diagonal included, into the first n rows of `inverse` (at least n × n, whole tiles).
void invert_in_tiles(const Eigen::MatrixXd& factor, Eigen::Index n, Eigen::MatrixXd& inverse);

/// The lower triangle of V Vᵀ into the first n rows of `out`; `v` is upper triangular, zeros included. What stands
/// above the diagonal of `out` is lost.
void square_in_tiles(const Eigen::MatrixXd& v, Eigen::Index n, Eigen::MatrixXd& out);

/// L⁻¹ of a lower triangle of any size, zeros above its diagonal included: large ones by halves,
///   (A 0; B C)⁻¹ = (A⁻¹ 0; −C⁻¹ B A⁻¹ C⁻¹).
Eigen::MatrixXd inverse_of_lower(const Eigen::MatrixXd& factor);

}  // namespace athanor
