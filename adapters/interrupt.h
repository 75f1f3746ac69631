// A file descriptor with its owner, and one that ends what waits.
#pragma once

#include <atomic>
#include <utility>

#include "core/outcome.h"

namespace athanor {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = other.release();
    return *this;
  }
  int get() const { return fd_; }
  /// Somebody else's from now on.
  int release() { return std::exchange(fd_, -1); }
  void close();

 private:
  int fd_;
};

/// Of what was broken off.
inline const Fault kBrokenOff{Fault::Kind::kInterrupted, "broken off"};

/// Breaks off, from any thread, what waits for descriptors: its own is readable from `set` until `clear`.
class Interrupt {
 public:
  Interrupt();  ///< throws EnvironmentError
  void set();
  void clear();
  bool is_set() const { return set_; }
  int fd() const { return fd_.get(); }

 private:
  Descriptor fd_;
  std::atomic<bool> set_ = false;
};

}  // namespace athanor
