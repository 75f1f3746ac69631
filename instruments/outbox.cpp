#include "instruments/outbox.h"

#include <utility>

namespace athanor {

void Outbox::put(wire::FromDriver message, Time now) {
  const std::scoped_lock lock(mutex_);
  messages_.push_back(std::move(message));
  since_ = now;
  wake_.notify();
}

void Outbox::nudge(Time now) {
  const std::scoped_lock lock(mutex_);
  since_ = now;
  wake_.notify();
}

std::vector<wire::FromDriver> Outbox::take() {
  const std::scoped_lock lock(mutex_);
  wake_.clear();
  since_ = kNever;
  return std::exchange(messages_, {});
}

Time Outbox::since() const {
  const std::scoped_lock lock(mutex_);
  return since_;
}

}  // namespace athanor
