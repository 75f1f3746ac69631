// Goal: the search finds the best point of mixed and constrained spaces, by moves of every kind of coordinate. Method:
// acquisitions with a known best point; enumeration.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "optimizers/design.h"
#include "optimizers/search.h"
#include "spaces.h"

using namespace athanor;

namespace {

/// −|x − centre|² in numeric columns, −1 for each categorical column that differs from the centre's.
class Hill final : public Acquisition {
 public:
  Hill(Vector centre, std::vector<Column> columns) : centre_(std::move(centre)), columns_(std::move(columns)) {}
  Vector evaluate(const Matrix& points, Matrix* gradients) const override {
    Vector out = Vector::Zero(points.rows());
    if (gradients) gradients->setZero(points.rows(), points.cols());
    for (Eigen::Index j = 0; j < points.cols(); ++j) {
      const Vector apart = points.col(j).array() - centre_[j];
      if (columns_[static_cast<std::size_t>(j)] == Column::kNumeric) {
        out -= apart.cwiseAbs2();
        if (gradients) gradients->col(j) = -2 * apart;
      } else {
        out.array() -= (apart.array() != 0).cast<double>();
      }
    }
    return out;
  }

 private:
  Vector centre_;
  std::vector<Column> columns_;
};

std::optional<Found> top(const Space& space, const Vector& centre, const Tried& tried, std::uint64_t seed = 1) {
  const Region region(space);
  RandomStream random(seed, "search");
  return search(region, Hill(centre, columns(space)), tried, {}, random);
}

}  // namespace

TEST_CASE("a mixed space: every coordinate finds its own place") {
  std::vector<Parameter> parameters = {{"c", {}, Continuous{0, 10}},
                                       {"n", {}, Integer{0, 1000}},
                                       {"l", {}, Levels{{1, 2, 5, 10}}},
                                       {"k", {}, Choices{{"a", "b", "c", "d", "e"}}},
                                       {"k2", {}, Choices{{"a", "b", "c", "d", "e"}}}};
  const Space space(parameters);
  const Point best = {3.3, 617, 5, 4, 2};
  const auto found = top(space, encode(space, {best}).row(0), Tried(space));
  REQUIRE(found);
  CHECK(found->at[0] == Approx(3.3).margin(0.01));
  CHECK(std::abs(found->at[1] - 617) <= 1);
  CHECK(found->at[2] == 5);
  CHECK(found->at[3] == 4);
  CHECK(found->at[4] == 2);
}

TEST_CASE("a constraint cuts the hill off: the best point lies on it, a logarithmic parameter included") {
  LinearConstraint limit;
  limit.terms = {{0, 1}, {1, 1}};
  limit.bound = 1;
  limit.text = "a + b <= 1";
  const Space space({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0.01, 1, true}}}, {limit});
  const auto found = top(space, Vector{{0.9, 1.0}}, Tried(space));  // the centre, a = 0.9 and b = 1, is not feasible
  REQUIRE(found);
  CHECK(space.feasible(found->at));
  CHECK(found->at[0] + found->at[1] == Approx(1).margin(1e-6));
  // On the constraint a = 1 − b; the best of a fine scan along it.
  double best = -1e300;
  for (double b = 0.01; b <= 1; b += 1e-4) {
    const std::vector<double> unit = space.encode(Point{1 - b, b});
    best = std::max(best, -std::pow(unit[0] - 0.9, 2) - std::pow(unit[1] - 1, 2));
  }
  CHECK(found->value == Approx(best).margin(1e-4));
}

TEST_CASE("a mixture with an integer beside it") {
  LinearConstraint sum, limit;
  sum.sense = LinearConstraint::Sense::kEqual;
  sum.terms = {{0, 1}, {1, 1}, {2, 1}};
  sum.bound = 1;
  limit.terms = {{0, 1}, {3, 0.1}};
  limit.bound = 0.9;
  std::vector<Parameter> parameters;
  for (int i = 0; i < 3; ++i) parameters.push_back({fmt::format("m{}", i), {}, Continuous{0, 1}});
  parameters.push_back({"n", {}, Integer{1, 8}});
  const Space space(parameters, {sum, limit});
  // Wants m0 = 0.7 and n = 8, but 0.7 + 0.8 > 0.9.
  const auto found = top(space, encode(space, {{0.7, 0.2, 0.1, 8}}).row(0), Tried(space));
  REQUIRE(found);
  CHECK(space.feasible(found->at));
  double best = -1e300;
  for (int n = 1; n <= 8; ++n) {
    for (double m0 = 0; m0 <= std::min(1.0, 0.9 - 0.1 * n) + 1e-12; m0 += 0.01) {
      for (double m1 = 0; m0 + m1 <= 1 + 1e-12; m1 += 0.01) {
        const double m2 = 1 - m0 - m1;
        best = std::max(
            best, -std::pow(m0 - 0.7, 2) - std::pow(m1 - 0.2, 2) - std::pow(m2 - 0.1, 2) - std::pow((n - 8) / 7.0, 2));
      }
    }
  }
  CHECK(found->value > best - 0.003);  // the scan's own steps
}

TEST_CASE("integers under an equality move in pairs") {
  std::vector<Parameter> parameters;
  LinearConstraint sum;
  sum.sense = LinearConstraint::Sense::kEqual;
  sum.bound = 60;
  for (int i = 0; i < 4; ++i) {
    parameters.push_back({fmt::format("n{}", i), {}, Integer{0, 60}});
    sum.terms.push_back({static_cast<std::size_t>(i), 1});
  }
  const Space space(parameters, {sum});
  const auto found = top(space, encode(space, {{40, 5, 7, 8}}).row(0), Tried(space));
  REQUIRE(found);
  CHECK(found->at == Point{40, 5, 7, 8});
}

TEST_CASE("small spaces and pools are searched exactly, without what was tried, until they are exhausted") {
  const Space grid({{"n", {}, Integer{0, 4}}, {"k", {}, Choices{{"a", "b", "c"}}}});
  CandidatePool pool;
  pool.rows = 4;
  pool.values = {0.1, 0.2, 0.3, 0.9, 0.8, 0.1, 0.5, 0.5};
  const Space rows({{"a", {}, Continuous{0, 1}}, {"b", {}, Continuous{0, 1}}}, {}, pool);
  for (const Space* space : {&grid, &rows}) {
    Tried tried(*space);
    const Vector centre = Vector{{0.45, 0.5}};
    double last = 1;
    std::size_t count = 0;
    while (const auto found = top(*space, centre, tried)) {
      CHECK_FALSE(tried.near(found->at));
      CHECK(found->value <= last);
      last = found->value;
      tried.add(found->at);
      REQUIRE(++count <= 15);
    }
    CHECK(count == (space == &grid ? 15u : 4u));
  }
}

TEST_CASE("a continuous space never gives a tried point again") {
  const Space space({{"a", {}, Continuous{0, 1}}});
  Tried tried(space);
  for (int i = 0; i < 10; ++i) {
    const auto found = top(space, Vector{{0.4}}, tried);
    REQUIRE(found);
    CHECK_FALSE(tried.near(found->at));
    tried.add(found->at);
  }
}

TEST_CASE("a pool whose time is up gives a row that nobody tried, if there is one, and what comes next") {
  CandidatePool pool;
  for (int i = 0; i < 300; ++i) pool.values.push_back(i / 300.0);
  pool.rows = 300;
  const Space space({{"a", {}, Continuous{0, 1}}}, {}, pool);
  const Region region(space);
  const Hill hill(Vector{{0.4}}, columns(space));
  Tried tried(space);
  for (int left = 300; left > 0; --left) {
    RandomStream random(1, "late");
    SearchOptions late;
    late.stop = [] { return true; };
    const auto found = search(region, hill, tried, {}, random, late);
    REQUIRE(found);
    CHECK_FALSE(tried.near(found->at));
    for (const Point& point : found->next) CHECK((!tried.near(point) && point != found->at));
    tried.add(found->at);
  }
  RandomStream random(1, "in time");
  CHECK_FALSE(search(region, hill, tried, {}, random));
  const auto all = search(region, hill, Tried(space), {}, random);
  REQUIRE(all);
  REQUIRE(all->next.size() > 2);
  CHECK(std::abs(all->next[0][0] - 0.4) < 0.01);
}
