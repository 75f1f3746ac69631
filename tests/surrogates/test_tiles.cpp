// Goal: the factor, its inverse and the inverse of the matrix are what their names say, whatever the size. Method:
// Eigen's, on random matrices.
#include <catch2/catch.hpp>
#include <limits>

#include "core/random.h"
#include "surrogates/tiles.h"

using namespace athanor;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

MatrixXd random_matrix(Index rows, Index columns, RandomStream& random) {
  return MatrixXd::NullaryExpr(rows, columns, [&] { return random.normal(); });
}

MatrixXd lower(const MatrixXd& matrix) {
  return matrix.triangularView<Eigen::Lower>();
}

}  // namespace

TEST_CASE("factor, inverse factor and inverse equal Eigen's") {
  RandomStream random(1, "tiles");
  for (const Index n : {8, 16, 24, 56, 64, 104}) {
    const MatrixXd root = random_matrix(n, n, random), sides = random_matrix(n, 8, random);
    const MatrixXd covariance = root * root.transpose() + MatrixXd::Identity(n, n);
    MatrixXd matrix = MatrixXd::Constant(n + 24, n, 7);  // taller than needed
    matrix.topRows(n) = covariance;
    matrix.middleRows(n, 8) = sides.transpose();
    REQUIRE(factor_in_tiles(matrix, n + 8, n));
    const MatrixXd factor = covariance.llt().matrixL();
    // Condition at most 10³, so that all of it is right to 10⁻¹³ or so.
    CHECK((lower(matrix.topRows(n)) - factor).norm() < 1e-11 * factor.norm());
    const MatrixXd solved = factor.triangularView<Eigen::Lower>().solve(sides);
    CHECK((matrix.middleRows(n, 8).transpose() - solved).norm() < 1e-11 * solved.norm());

    MatrixXd inverse = MatrixXd::Constant(n, n, 7);
    invert_in_tiles(matrix, n, inverse);
    CHECK((factor.transpose() * inverse - MatrixXd::Identity(n, n)).norm() < 1e-11);
    CHECK(MatrixXd(inverse.triangularView<Eigen::StrictlyLower>()).norm() == 0);
    square_in_tiles(inverse, n, matrix);
    const MatrixXd expected = covariance.inverse();
    CHECK((lower(matrix.topRows(n)) - lower(expected)).norm() < 1e-11 * expected.norm());
  }
}

TEST_CASE("a lower triangle of any size is inverted") {
  RandomStream random(2, "any size");
  for (const Index n : {1, 7, 8, 60, 256, 257, 530}) {
    const MatrixXd root = random_matrix(n, n, random);
    const MatrixXd factor = (root * root.transpose() + MatrixXd::Identity(n, n)).llt().matrixL();
    const MatrixXd inverse = inverse_of_lower(factor);
    CHECK((factor * inverse - MatrixXd::Identity(n, n)).norm() < 1e-10);
    CHECK(MatrixXd(inverse.triangularView<Eigen::StrictlyUpper>()).norm() == 0);
  }
}

TEST_CASE("a matrix that is not positive definite has no factor") {
  MatrixXd matrix = MatrixXd::Identity(16, 16);
  matrix(12, 3) = 1.5;
  CHECK_FALSE(factor_in_tiles(matrix, 16, 16));
  matrix = MatrixXd::Constant(16, 16, std::numeric_limits<double>::quiet_NaN());
  CHECK_FALSE(factor_in_tiles(matrix, 16, 16));
}
