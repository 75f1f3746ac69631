// Goal: a transform is monotone, and its way back and its slope are right. Method: round trips, finite differences.
#include <catch2/catch.hpp>
#include <cmath>

#include "surrogates/outcome_transform.h"

using athanor::OutcomeTransform;

TEST_CASE("transforms rise, come back, and have the slope of finite differences") {
  for (const OutcomeTransform& transform :
       {OutcomeTransform(), OutcomeTransform::log_gap(90, true, 80, 0.1),
        OutcomeTransform::log_gap(10, false, 80, 0.01), OutcomeTransform::bilog(42.1, 20)}) {
    INFO(transform.text());
    CHECK(transform.none() == transform.text().empty());
    for (double y = 11; y < 89; y += 3.7) {
      CHECK(transform(y + 0.1) > transform(y));
      CHECK(transform.inverse(transform(y)) == Approx(y).epsilon(1e-12));
      const double slope = (transform(y + 1e-6) - transform(y - 1e-6)) / 2e-6;
      CHECK(std::exp(transform.log_slope(y)) == Approx(slope).epsilon(1e-6));
    }
  }
}

TEST_CASE("the logarithm of the gap stretches what lies near the best, whichever end that is") {
  const auto most = OutcomeTransform::log_gap(100, true, 100, 0.01),
             least = OutcomeTransform::log_gap(0, false, 100, 0.01);
  CHECK(most(100) - most(99) > 10 * (most(51) - most(50)));
  CHECK(least(1) - least(0) > 10 * (least(51) - least(50)));
  CHECK(most(101) == most(100));  // beyond the best counts as the best
}

TEST_CASE("winsorise moves what lies outside its limits to them") {
  const auto transform = OutcomeTransform::winsorise(-3, 5);
  CHECK(transform(-1e9) == -3);
  CHECK(transform(2.5) == 2.5);
  CHECK(transform(1e9) == 5);
}
