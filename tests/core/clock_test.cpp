// Goal: time as text and scaled time. Method: known dates, arithmetic on clocks that are told the time.
#include "core/clock.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace athanor;
using namespace std::chrono_literals;

TEST_CASE("a time is written in ISO 8601, UTC, to the millisecond", "[clock]") {
  CHECK(to_string(Time{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_string(Time{Duration(1772352930250999)}) == "2026-03-01T08:15:30.250Z");
  CHECK(to_string(Time{Duration(951782399999999)}) == "2000-02-28T23:59:59.999Z");
  CHECK(to_string(Time{Duration(951782400000000)}) == "2000-02-29T00:00:00.000Z");
  CHECK(to_string(Time{Duration(-1)}) == "1969-12-31T23:59:59.999Z");
  CHECK(to_string(kNever) == "never");
}

TEST_CASE("seconds and durations convert to the microsecond", "[clock]") {
  CHECK(from_seconds(1.5) == 1500000us);
  CHECK(from_seconds(0.0000014) == 1us);
  CHECK(from_seconds(-2e-6) == -2us);
  CHECK(seconds(250ms) == 0.25);
  constexpr Duration kForEver = Duration::max() / 8;
  CHECK(from_seconds(1e30) == kForEver);
  CHECK(from_seconds(-1e30) == -kForEver);
  CHECK(from_seconds(std::numeric_limits<double>::quiet_NaN()) == kForEver);
  CHECK(SystemClock().now() + 2 * from_seconds(1e30) < kNever);
}

TEST_CASE("a scaled clock runs as many times as fast as it is told", "[clock]") {
  const Time lab{Duration(0)};
  const double earliest = monotonic_seconds();
  const ScaledClock clock(lab, 360);
  const double latest = monotonic_seconds();
  const Time before = lab + from_seconds((monotonic_seconds() - latest) * 360);
  const Time between = clock.now();
  const Time after = lab + from_seconds((monotonic_seconds() - earliest) * 360);
  CHECK(before <= between);
  CHECK(between <= after);
  CHECK(clock.wall(1h) == 10s);
}

TEST_CASE("a manual clock moves forward only", "[clock]") {
  ManualClock clock(Time{5s});
  clock.advance_to(Time{4s});
  CHECK(clock.now() == Time{5s});
  clock.advance_to(Time{7s});
  CHECK(clock.now() == Time{7s});
}

TEST_CASE("monotonic seconds do not run backwards", "[clock]") {
  double last = monotonic_seconds();
  for (int i = 0; i < 1000; ++i) {
    const double now = monotonic_seconds();
    REQUIRE(now >= last);
    last = now;
  }
}
