// Goal: what counts as tried is what the laboratory cannot tell apart, found fast and left by the shortest way. Method:
// small cases by hand; many random points against the definition; a top in the middle of excluded boxes.
#include "optimizers/tried.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "optimizers/design.h"
#include "optimizers/ways_out.h"
#include "spaces.h"

using namespace athanor;

namespace {

Parameter coarse(const std::string& name, std::variant<Continuous, Integer, Levels, Choices> kind, double resolution) {
  return {name, {}, std::move(kind), resolution};
}

/// −|x − centre|² in encoded coordinates.
class Hill final : public Acquisition {
 public:
  explicit Hill(Vector centre) : centre_(std::move(centre)) {}
  Vector evaluate(const Matrix& points, Matrix* gradients) const override {
    const Matrix apart = points.rowwise() - centre_.transpose();
    if (gradients != nullptr) *gradients = -2 * apart;
    return -apart.rowwise().squaredNorm();
  }

 private:
  Vector centre_;
};

}  // namespace

TEST_CASE("near means within the resolution in every parameter", "[tried]") {
  const Space space({coarse("t", Continuous{30, 110}, 1),
                     coarse("n", Integer{1, 9}, 2),
                     coarse("s", Continuous{1, 1000, true}, 10),
                     {"l", {}, Choices{{"A", "B"}}},
                     {"p", {}, Levels{{1, 2, 5}}},
                     {"x", {}, Continuous{0, 1}}});
  Tried tried(space);
  CHECK(tried.coarse());
  const Point at = {70, 5, 100, 0, 2, 0.5};
  CHECK_FALSE(tried.near(at));
  tried.add(at);
  CHECK(tried.near(at));
  const auto moved = [&](std::size_t i, double value) {
    Point point = at;
    point[i] = value;
    return tried.near(point);
  };
  CHECK((moved(0, 70.999) && moved(0, 69.001)));
  CHECK_FALSE((moved(0, 71) || moved(0, 69)));
  CHECK((moved(1, 4) && moved(1, 6)));
  CHECK_FALSE((moved(1, 3) || moved(1, 7)));
  CHECK((moved(2, 90.1) && moved(2, 109.9)));  // as a difference, though the scale is logarithmic
  CHECK_FALSE((moved(2, 110) || moved(2, 90)));
  CHECK_FALSE((moved(3, 1) || moved(4, 1) || moved(4, 5)));
  CHECK(moved(5, 0.50009));
  CHECK_FALSE(moved(5, 0.5002));
  CHECK(tried.near({70.5, 6, 95, 0, 2, 0.5}));
}

TEST_CASE("steps of a resolution that is no binary number are not near", "[tried]") {
  const Space space({coarse("x", Continuous{0, 1}, 0.1)});
  for (int i = 0; i < 10; ++i) {
    Tried tried(space);
    tried.add({i * 0.1});
    CHECK_FALSE(tried.near({(i + 1) * 0.1}));
  }
}

TEST_CASE("near agrees with the definition for many random points", "[tried]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomStream random(seed, "tried");
    std::vector<Parameter> parameters = testing::random_space(random).parameters();
    for (Parameter& p : parameters) {
      const bool numeric = p.continuous() || std::holds_alternative<Integer>(p.kind);
      if (numeric && random.below(2) == 0) p.resolution = p.width() * random.uniform(0.1, 1);
    }
    const Space space(parameters);
    const Region region(space);
    Tried tried(space);
    std::vector<Point> points;
    for (int i = 0; i < 60; ++i) {
      const Point point = region.sample(random).value();
      const bool expected = std::any_of(points.begin(), points.end(), [&](const Point& other) {
        const auto a = space.encode(point), b = space.encode(other);
        for (std::size_t k = 0; k < space.size(); ++k) {
          const double reach = space.finite() || !space[k].continuous() ? 1e-9 : 1e-4;
          const bool same = space[k].resolution > 0 ? std::abs(point[k] - other[k]) <= space[k].resolution * (1 - 1e-6)
                                                    : std::abs(a[k] - b[k]) <= reach;
          if (!same) return false;
        }
        return true;
      });
      CHECK(tried.near(point) == expected);
      tried.add(point);
      points.push_back(point);
    }
  }
}

TEST_CASE("the next free value lies beyond all that stand in the way", "[tried]") {
  const Space space(
      {coarse("x", Continuous{0, 10}, 1), coarse("y", Continuous{0, 10}, 1), coarse("n", Integer{0, 9}, 2)});
  Tried tried(space);
  for (const double x : {3.0, 3.9, 4.7, 8.0}) tried.add({x, 5, 4});
  tried.add({5.2, 9, 4});  // stands in nobody's way
  CHECK(tried.next_free({4, 5.5, 4}, 0, true).value() == 5.7);
  CHECK(tried.next_free({4, 5.5, 4}, 0, false).value() == 2);
  CHECK(tried.next_free({4, 5.5, 4}, 2, true).value() == 6);
  CHECK(tried.next_free({4, 5.5, 4}, 2, false).value() == 2);
  CHECK(tried.next_free({6, 5, 4}, 0, true).value() == 6);  // free already
  for (const double x : {0.5, 1.4, 2.2}) tried.add({x, 5, 4});
  CHECK_FALSE(tried.next_free({2, 5, 4}, 0, false));
}

TEST_CASE("a top among tried points is left along the parameter that costs least", "[tried]") {
  const Space space({coarse("x", Continuous{0, 10}, 1), coarse("y", Continuous{0, 100}, 2)});
  const Region region(space);
  Tried tried(space);
  tried.add({5, 50});
  const Hill hill(encode(space, {{5.1, 50.1}}).row(0));
  RandomStream random(1, "search");
  const auto found = search(region, hill, tried, {}, random);
  REQUIRE(found);
  CHECK(found->at[0] == Approx(5.1).margin(1e-3));  // 2 of 100 is nearer than 1 of 10
  CHECK(found->at[1] == 52);
}

TEST_CASE("the ways out keep a mixture", "[tried]") {
  std::vector<Parameter> parameters = {coarse("a", Continuous{0, 1}, 0.1), coarse("b", Continuous{0, 1}, 0.1),
                                       coarse("c", Continuous{0, 1}, 0.1)};
  const Space space(parameters, {parse_constraint("a + b + c = 1", parameters)});
  const Region region(space);
  Tried tried(space);
  tried.add({0.3, 0.3, 0.4});
  const std::vector<Point> ways = ways_out(region, tried, {0.3, 0.3, 0.4});
  CHECK(ways.size() == 6);
  for (const Point& way : ways) {
    CHECK(space.feasible(way));
    CHECK_FALSE(tried.near(way));
    for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(way[i] - Point{0.3, 0.3, 0.4}[i]) < 0.25);
  }
}

TEST_CASE("where tried points shut out nearly everything, the search still finds what is left", "[tried]") {
  const Space space({coarse("x", Continuous{0, 10}, 1), coarse("y", Continuous{0, 10}, 1)});
  const Region region(space);
  Tried tried(space);
  for (int i = 0; i <= 7; ++i) {
    for (int k = 0; k <= 7; ++k) {
      if (i != 2 || k != 5) tried.add({1.42 * i, 1.42 * k});  // all but a square of 0.84 around (2.84, 7.1) is shut out
    }
  }
  const Hill hill(encode(space, {{8, 2}}).row(0));
  RandomStream random(3, "search");
  const auto found = search(region, hill, tried, {}, random);
  REQUIRE(found);
  CHECK_FALSE(tried.near(found->at));
  CHECK(std::abs(found->at[0] - 2.84) <= 0.4201);
  CHECK(std::abs(found->at[1] - 7.1) <= 0.4201);
}
