// Ctrl-C, SIGTERM and a hang-up as something a loop can wait for.
#pragma once

#include <atomic>

#include "core/wake.h"

namespace athanor {

/// From construction on, SIGINT and SIGTERM are counted and wake `wake` instead of ending the process. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const Wake& wake() const { return wake_; }
  const std::atomic<int>& count() const;

 private:
  Wake wake_;
};

}  // namespace athanor
