#include "core/clock.h"

#include <fmt/format.h>

#include <cmath>

#include "core/check.h"

namespace athanor {

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) * 1e-6;
}

Duration from_seconds(double value) {
  const double microseconds = std::round(value * 1e6);
  // As good as for ever, and yet a time and a few of these can be added up. The comparison is false for NaN.
  constexpr Duration kLimit = Duration::max() / 8;
  if (!(microseconds < static_cast<double>(kLimit.count()))) return kLimit;
  if (microseconds < -static_cast<double>(kLimit.count())) return -kLimit;
  return Duration(static_cast<Duration::rep>(microseconds));
}

std::string to_string(Time time) {
  if (time == kNever) return "never";
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Time SystemClock::now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

ScaledClock::ScaledClock(Time lab, double speed) : lab_(lab), speed_(speed), began_(monotonic_seconds()) {
  ATHANOR_CHECK(speed > 0, "a clock's speed must be positive");
}

Time ScaledClock::now() const {
  return lab_ + from_seconds((monotonic_seconds() - began_) * speed_);
}

Duration ScaledClock::wall(Duration lab) const {
  return from_seconds(seconds(lab) / speed_);
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace athanor
