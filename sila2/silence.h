// How long a server that does not answer is waited for.
#pragma once

#include "core/clock.h"
#include "core/outcome.h"

namespace athanor::sila2 {

constexpr double kAgain = 1;  ///< seconds until a server that was lost is asked again
constexpr double kLost = 60;  ///< seconds without an answer after which what was waited for counts as lost

/// For how long a server has not answered.
class Silence {
 public:
  void heard() { since_ = kHeard; }
  /// Another try without an answer; true if there were enough.
  bool is_too_long() {
    if (since_ == kHeard) since_ = monotonic_seconds();
    return monotonic_seconds() - since_ > kLost;
  }

 private:
  static constexpr double kHeard = -1;
  double since_ = kHeard;  // monotonic seconds
};

inline Fault broken_off() {
  return {Fault::Kind::kInterrupted, "broken off"};
}

}  // namespace athanor::sila2
