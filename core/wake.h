// Wakes a loop that waits.
#pragma once

namespace athanor {

/// Wakes a waiting loop from another thread or from a signal handler.
class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  int fd() const { return fd_; }
  void notify() const noexcept;  ///< async-signal-safe
  void clear() const noexcept;

 private:
  int fd_;
};

}  // namespace athanor
