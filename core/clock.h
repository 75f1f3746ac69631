// The only place that asks what time it is. Everything else is told.
#pragma once

#include <chrono>
#include <string>

namespace athanor {

using Duration = std::chrono::microseconds;
/// Laboratory time: the system's time in production, a simulated one in the twin. Microseconds since 1970 UTC.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

constexpr Time kNever = Time::max();

double seconds(Duration duration);
/// Rounded to the nearest microsecond. NaN, and what is too long to be added to a time, is the longest that is not.
Duration from_seconds(double seconds);
/// ISO 8601 in UTC, to the millisecond: "2026-03-01T08:15:30.250Z".
std::string to_string(Time time);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

/// The system's wall clock.
class SystemClock final : public Clock {
 public:
  Time now() const override;
};

/// Laboratory time that stood at `lab` when this was made and runs `speed` times as fast as real time, evenly: somebody
/// who sets the system's clock meanwhile changes nothing, so that no step seems to take hours.
class ScaledClock final : public Clock {
 public:
  ScaledClock(Time lab, double speed);
  Time now() const override;
  /// How much wall time passes while `lab` of laboratory time does.
  Duration wall(Duration lab) const;

 private:
  Time lab_;
  double speed_, began_;  // began: monotonic seconds
};

/// Stands still until moved; for simulation and tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start) : now_(start) {}
  Time now() const override { return now_; }
  /// Moves forward to `time`; an earlier one is ignored, so that time never runs backwards.
  void advance_to(Time time) {
    if (time > now_) now_ = time;
  }

 private:
  Time now_;
};

/// Seconds of a monotonic clock since an arbitrary start: for measuring how long our own work took, and for deadlines.
double monotonic_seconds();

}  // namespace athanor
