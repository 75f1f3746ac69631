#include "surrogates/tiles.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace athanor {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
constexpr Index kRows = 8, kColumns = 4;
constexpr Index kWhole = 256;  // rows that are inverted at once: they stay in the cache

using Rows = Eigen::Array<double, kRows, 1>;
struct Tile {
  Rows at[kColumns];
};

Eigen::Map<Rows> rows(MatrixXd& a, Index i, Index j) {
  return Eigen::Map<Rows>(&a(i, j));
}

/// Σ_k a(i…i + 7, k) b(j…j + 3, k)ᵀ for begin ≤ k < end.
inline Tile product(const MatrixXd& a, Index i, const MatrixXd& b, Index j, Index begin, Index end) {
  // Four names instead of an array, which the compiler would keep in memory.
  Rows c0 = Rows::Zero(), c1 = c0, c2 = c0, c3 = c0;
  for (Index k = begin; k < end; ++k) {
    const Rows x = Eigen::Map<const Rows>(&a(i, k));
    const double* y = &b(j, k);
    c0 += x * y[0];
    c1 += x * y[1];
    c2 += x * y[2];
    c3 += x * y[3];
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace

bool factor_in_tiles(MatrixXd& matrix, Index m, Index n) {
  ATHANOR_CHECK(m % kRows == 0 && n % kRows == 0 && m <= matrix.rows() && n <= m && n <= matrix.cols(),
                "not whole tiles");
  for (Index j = 0; j < n; j += kColumns) {
    for (Index i = j / kRows * kRows; i < m; i += kRows) {
      const Tile sum = product(matrix, i, matrix, j, 0, j);
      for (Index c = 0; c < kColumns; ++c) rows(matrix, i, j + c) -= sum.at[c];
    }
    for (Index c = j; c < j + kColumns; ++c) {
      if (!(matrix(c, c) > 0)) return false;
      const Index below = m - c;
      matrix.col(c).segment(c, below) *= 1 / std::sqrt(matrix(c, c));
      for (Index next = c + 1; next < j + kColumns; ++next) {
        matrix.col(next).segment(c, below) -= matrix(next, c) * matrix.col(c).segment(c, below);
      }
    }
  }
  return true;
}

void invert_in_tiles(const MatrixXd& factor, Index n, MatrixXd& inverse) {
  ATHANOR_CHECK(n % kRows == 0 && n <= inverse.rows() && n <= inverse.cols(), "not whole tiles");
  // Column by column of V Lᵀ = 1.
  for (Index j = 0; j < n; j += kColumns) {
    for (Index i = 0; i < j + kColumns; i += kRows) {
      const Tile sum = product(inverse, i, factor, j, i, j);
      for (Index c = 0; c < kColumns; ++c) rows(inverse, i, j + c) = -sum.at[c];
    }
    const Index filled = j / kRows * kRows + kRows;
    for (Index c = j; c < j + kColumns; ++c) {
      inverse(c, c) += 1;
      for (Index before = j; before < c; ++before) {
        inverse.col(c).head(filled) -= factor(c, before) * inverse.col(before).head(filled);
      }
      inverse.col(c).head(filled) *= 1 / factor(c, c);
      inverse.col(c).segment(filled, n - filled).setZero();
    }
  }
}

void square_in_tiles(const MatrixXd& v, Index n, MatrixXd& out) {
  ATHANOR_CHECK(n % kRows == 0 && n <= out.rows() && n <= out.cols(), "not whole tiles");
  for (Index j = 0; j < n; j += kColumns) {
    for (Index i = j / kRows * kRows; i < n; i += kRows) {
      const Tile sum = product(v, i, v, j, std::max(i, j), n);
      for (Index c = 0; c < kColumns; ++c) rows(out, i, j + c) = sum.at[c];
    }
  }
}

MatrixXd inverse_of_lower(const MatrixXd& factor) {
  const Index n = factor.rows();
  if (n <= kWhole) {
    const Index padded = whole_tiles(n);
    MatrixXd matrix = MatrixXd::Identity(padded, padded), inverse(padded, padded);
    matrix.topLeftCorner(n, n) = factor;
    invert_in_tiles(matrix, padded, inverse);
    return inverse.topLeftCorner(n, n).transpose();
  }
  const Index half = whole_tiles(n / 2), rest = n - half;
  MatrixXd out = MatrixXd::Zero(n, n);
  const MatrixXd first = inverse_of_lower(factor.topLeftCorner(half, half));
  const MatrixXd second = inverse_of_lower(factor.bottomRightCorner(rest, rest));
  const MatrixXd between = factor.bottomLeftCorner(rest, half) * first.triangularView<Eigen::Lower>();
  out.bottomLeftCorner(rest, half).noalias() = -(second.triangularView<Eigen::Lower>() * between);
  out.topLeftCorner(half, half) = first;
  out.bottomRightCorner(rest, rest) = second;
  return out;
}

}  // namespace athanor
