// What the thread of a device has to say to its driver, whose loop never blocks.
#pragma once

#include <mutex>
#include <vector>

#include "core/clock.h"
#include "core/wake.h"
#include "instruments/messages.h"

namespace athanor {

/// Messages of one instrument that wait for its driver's next poll, which they wake. Any thread may call it.
class Outbox {
 public:
  void put(wire::FromDriver message, Time now);
  void nudge(Time now);  ///< a poll is wanted though nothing is said: something else about the instrument is new

  std::vector<wire::FromDriver> take();  ///< what waited, in order
  Time since() const;                    ///< when something was put or nudged last; kNever if nothing waits
  int wake_fd() const { return wake_.fd(); }

 private:
  const Wake wake_;
  mutable std::mutex mutex_;  // for all that follows
  std::vector<wire::FromDriver> messages_;
  Time since_ = kNever;
};

}  // namespace athanor
