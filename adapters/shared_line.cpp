#include "adapters/shared_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/interrupt.h"
#include "core/error.h"

namespace athanor {

Speaker::Speaker(std::shared_ptr<SharedLine> line, std::string device)
    : line_(std::move(line)), device_(std::move(device)) {
  const std::lock_guard lock(line_->mutex_);
  ++line_->speakers_;
}

Speaker::~Speaker() {
  const std::lock_guard lock(line_->mutex_);
  --line_->speakers_;
}

Speaker::Turn::Turn(Speaker& speaker) : speaker_(speaker) {
  SharedLine& line = *speaker.line_;
  std::unique_lock lock(line.mutex_);
  line.queue_.push_back(&speaker);
  line.changed_.wait(lock, [&] { return speaker.interrupted_ || line.queue_.front() == &speaker; });
  taken_ = !speaker.interrupted_;
  if (taken_) {
    line.device_ = speaker.device_;
    return;
  }
  line.queue_.erase(std::find(line.queue_.begin(), line.queue_.end(), &speaker));
  line.changed_.notify_all();
}

Speaker::Turn::~Turn() {
  if (!taken_) return;
  SharedLine& line = *speaker_.line_;
  const std::lock_guard lock(line.mutex_);
  line.go_on();
  line.queue_.pop_front();
  line.changed_.notify_all();
}

std::optional<Fault> Speaker::connect(bool greeted) {
  if (!line_->is_open() || opened_ == line_->opened_) return open(greeted);
  opened_ = line_->opened_;
  return std::nullopt;
}

std::optional<Fault> Speaker::be_connected() {
  return line_->is_open() ? std::nullopt : open(false);
}

std::optional<Fault> Speaker::open(bool greeted) {
  bool shared = false;
  {
    const std::lock_guard lock(line_->mutex_);
    shared = line_->speakers_ > 1;
  }
  opened_ = ++line_->opened_;
  return line_->open(greeted, shared);
}

void Speaker::interrupt() {
  const std::lock_guard lock(line_->mutex_);
  interrupted_ = true;
  if (!line_->queue_.empty() && line_->queue_.front() == this) line_->break_off();
  line_->changed_.notify_all();
}

void Speaker::resume() {
  const std::lock_guard lock(line_->mutex_);
  interrupted_ = false;
}

std::optional<Fault> SharedBus::connect(bool greeted) {
  const Turn turn(*this);
  return turn ? speaker_.connect(greeted) : kBrokenOff;
}

bool SharedBus::is_gone() {
  const Turn turn(*this);
  return turn && speaker_.is_gone();
}

void Lines::require_same(const SharedLine& line, const SerialSettings& serial, bool same_kind) {
  if (!same_kind) {
    throw InputError(
        fmt::format("the line {} is spoken over in another language to another instrument; all devices at "
                    "a line need the same adapter",
                    line.address()));
  }
  if (!serial_address(line.address()) || serial == line.serial()) return;
  throw InputError(
      fmt::format("the line {} is set to {} for this instrument, and to {} for another one at it; all "
                  "devices at a line need the same “serial:” in their profiles",
                  line.address(), in_words(serial), in_words(line.serial())));
}

}  // namespace athanor
