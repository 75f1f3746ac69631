// Goal: the boxes are what a set of outcomes leaves undominated, each point of it once. Method: every cell of the grid
// that all coordinates span, looked at one by one; hypervolumes known by hand.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "optimizers/box_decomposition.h"

using namespace athanor;

namespace {

bool dominated(const Matrix& outcomes, const Vector& y) {
  for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
    if ((outcomes.row(i).transpose().array() >= y.array()).all()) return true;
  }
  return false;
}

/// Every cell of the grid: calls `cell` with its lower and upper corner.
template <class F>
void each_cell(const std::vector<std::vector<double>>& levels, const F& cell) {
  const auto m = static_cast<Eigen::Index>(levels.size());
  std::vector<std::size_t> at(levels.size(), 0);
  Vector low(m), high(m);
  for (;;) {
    for (Eigen::Index j = 0; j < m; ++j) {
      const auto k = static_cast<std::size_t>(j);
      low[j] = levels[k][at[k]];
      high[j] = levels[k][at[k] + 1];
    }
    cell(low, high);
    std::size_t j = 0;
    while (j < at.size() && ++at[j] + 1 == levels[j].size()) at[j++] = 0;
    if (j == at.size()) return;
  }
}

std::vector<std::vector<double>> grid(const Matrix& outcomes, const Vector& reference) {
  std::vector<std::vector<double>> levels;
  for (Eigen::Index j = 0; j < reference.size(); ++j) {
    std::set<double> distinct{reference[j]};
    for (Eigen::Index i = 0; i < outcomes.rows(); ++i) distinct.insert(std::max(outcomes(i, j), reference[j]));
    levels.emplace_back(distinct.begin(), distinct.end());
    if (levels.back().size() == 1) levels.back().push_back(reference[j]);  // one cell of no size
  }
  return levels;
}

double slow_hypervolume(const Matrix& outcomes, const Vector& reference) {
  double sum = 0;
  each_cell(grid(outcomes, reference), [&](const Vector& low, const Vector& high) {
    if (dominated(outcomes, high)) sum += (high - low).prod();
  });
  return sum;
}

Matrix random_outcomes(Eigen::Index n, Eigen::Index m, RandomStream& random) {
  Matrix out(n, m);
  for (double& v : out.reshaped()) v = random.uniform();
  return out;
}

/// As above, of few distinct values: many ties and duplicates, some rows not above 0.
Matrix tied_outcomes(Eigen::Index n, Eigen::Index m, RandomStream& random) {
  Matrix out(n, m);
  for (double& v : out.reshaped()) v = static_cast<double>(random.below(5)) - 0.5;
  for (double& v : out.reshaped()) v = v < 0 ? 0 : v;
  return out;
}

/// Points on the sphere's positive part: none dominates another.
Matrix random_front(Eigen::Index n, Eigen::Index m, RandomStream& random) {
  Matrix out(n, m);
  for (double& v : out.reshaped()) v = std::abs(random.normal());
  return out.rowwise().normalized();
}

void check_partition(const Matrix& outcomes, const Vector& reference) {
  const BoxDecomposition boxes = nondominated_boxes(outcomes, reference);
  REQUIRE((boxes.lower.array() < boxes.upper.array()).all());
  std::vector<std::vector<double>> levels = grid(outcomes, reference);
  for (auto& level : levels) {
    level.erase(std::unique(level.begin(), level.end()), level.end());
    level.push_back(std::numeric_limits<double>::infinity());
  }
  const auto m = reference.size();
  bool once = true;
  each_cell(levels, [&](const Vector& low, const Vector& high) {
    int holding = 0;
    for (Eigen::Index b = 0; b < boxes.count(); ++b) {
      bool inside = true;
      for (Eigen::Index j = 0; j < m; ++j) {
        const Vector& level = boxes.levels[static_cast<std::size_t>(j)];
        inside = inside && level[boxes.lower(b, j)] <= low[j] && high[j] <= level[boxes.upper(b, j)];
      }
      holding += inside ? 1 : 0;
    }
    // A cell is dominated as a whole if its upper corner is, and not at all otherwise.
    once = once && holding == (dominated(outcomes, high) ? 0 : 1);
  });
  CHECK(once);
  for (Eigen::Index j = 0; j < m; ++j) {
    const Vector& level = boxes.levels[static_cast<std::size_t>(j)];
    CHECK(level[0] == reference[j]);
    CHECK(std::isinf(level[level.size() - 1]));
    CHECK(std::is_sorted(level.begin(), level.end()));
  }
  CHECK((boxes.upper.col(m - 1).array() == static_cast<int>(boxes.levels.back().size()) - 1).all());
}

}  // namespace

TEST_CASE("the front is what nothing else dominates, equal rows once") {
  Matrix outcomes(7, 2);
  outcomes << 1, 3, 2, 2, 2, 2, 1, 2, 3, 1, 0, 3, 3, 0;
  CHECK(pareto_front(outcomes) == std::vector<Eigen::Index>{0, 1, 4});
  CHECK(pareto_front(Matrix(0, 3)).empty());
}

TEST_CASE("the front of random rows is that of all pairs") {
  RandomStream random(31, "pairs");
  for (Eigen::Index m = 1; m <= 4; ++m) {
    for (const Matrix& outcomes : {random_outcomes(60, m, random), tied_outcomes(60, m, random)}) {
      std::vector<Eigen::Index> expected;
      for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
        bool out = false;
        for (Eigen::Index k = 0; k < outcomes.rows() && !out; ++k) {
          const bool as_good = (outcomes.row(k).array() >= outcomes.row(i).array()).all();
          out = k != i && as_good && (k < i || outcomes.row(k) != outcomes.row(i));
        }
        if (!out) expected.push_back(i);
      }
      CHECK(pareto_front(outcomes) == expected);
    }
  }
}

TEST_CASE("boxes hold every undominated cell once and no dominated one") {
  RandomStream random(32, "partition");
  for (Eigen::Index m = 2; m <= 4; ++m) {
    const Vector reference = Vector::Constant(m, 0.1);
    for (int repeat = 0; repeat < 6; ++repeat) {
      check_partition(random_outcomes(12, m, random), reference);
      check_partition(random_front(9, m, random), reference);
      check_partition(tied_outcomes(5 + 4 * repeat, m, random), reference);
    }
  }
}

TEST_CASE("the improvement by boxes is the difference of hypervolumes") {
  RandomStream random(33, "improvement");
  for (Eigen::Index m = 2; m <= 4; ++m) {
    const Vector reference = Vector::Constant(m, 0.2);
    for (const Matrix& outcomes :
         {random_outcomes(12, m, random), random_front(10, m, random), tied_outcomes(14, m, random)}) {
      const BoxDecomposition boxes = nondominated_boxes(outcomes, reference);
      const double before = slow_hypervolume(outcomes, reference);
      CHECK(hypervolume(boxes) == Approx(before).epsilon(1e-12));  // rounding alone
      for (int repeat = 0; repeat < 10; ++repeat) {
        Matrix more(outcomes.rows() + 1, m);
        more.topRows(outcomes.rows()) = outcomes;
        for (double& v : more.bottomRows(1).reshaped()) v = random.uniform(0, 1.5);
        if (repeat == 0) more.bottomRows(1) = outcomes.row(3);
        const double growth = slow_hypervolume(more, reference) - before;
        CHECK(hypervolume_improvement(boxes, more.bottomRows(1).transpose()) == Approx(growth).margin(1e-12));
      }
    }
  }
}

TEST_CASE("with nothing above the reference there is one box, and no hypervolume") {
  for (Eigen::Index m = 2; m <= 4; ++m) {
    for (const Matrix& outcomes : {Matrix(0, m), Matrix(Matrix::Zero(1, m)), Matrix(Matrix::Identity(m, m))}) {
      const BoxDecomposition boxes = nondominated_boxes(outcomes, Vector::Zero(m));
      REQUIRE(boxes.count() == 1);
      CHECK((boxes.lower.array() == 0).all());
      CHECK((boxes.upper.array() == 1).all());
      CHECK(hypervolume(boxes) == 0);
      CHECK(hypervolume_improvement(boxes, Vector::Constant(m, 2)) == std::pow(2.0, m));
    }
  }
}

TEST_CASE("the order of rows does not matter, nor do rows that are dominated or not above the reference") {
  RandomStream random(34, "order");
  for (Eigen::Index m = 2; m <= 4; ++m) {
    const Matrix front = random_front(20, m, random);
    Matrix more(43, m);
    more << front.colwise().reverse(), 0.9 * front, front.topRows(3);
    more.row(25)[0] = -3;
    const BoxDecomposition a = nondominated_boxes(front, Vector::Zero(m));
    const BoxDecomposition b = nondominated_boxes(more, Vector::Zero(m));
    CHECK(a.lower == b.lower);
    CHECK(a.upper == b.upper);
    CHECK(a.levels == b.levels);
  }
}

TEST_CASE("boxes are few: k + 1 of two objectives, 2k + 1 of three, at most (k + 1)² of four") {
  RandomStream random(35, "few");
  for (const Eigen::Index k : {1, 10, 30, 100}) {
    CHECK(nondominated_boxes(random_front(k, 2, random), Vector::Zero(2)).count() == k + 1);
    CHECK(nondominated_boxes(random_front(k, 3, random), Vector::Zero(3)).count() == 2 * k + 1);
    CHECK(nondominated_boxes(random_front(k, 4, random), Vector::Zero(4)).count() <= (k + 1) * (k + 1));
  }
}
