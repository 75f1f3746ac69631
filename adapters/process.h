// A program that was started, with pipes to and from it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "adapters/interrupt.h"

namespace athanor {

/// Both ends, neither of which blocks. throws EnvironmentError.
struct Pipe {
  Descriptor read, write;
  Pipe();
};

/// Killed with all that it started when this ends first, or this process.
class Process {
 public:
  /// Runs the program `words[0]` with the other words as its arguments, in `folder`. throws EnvironmentError if the
  /// system starts none at all.
  Process(const std::vector<std::string>& words, const std::string& folder);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Why there is no such program, or no such folder; 0: it runs.
  int start_error() const { return start_error_; }
  /// Becomes readable when it has ended.
  int ended() const { return ended_.get(); }
  /// To it and all that it started.
  void signal(int number) const;
  /// Waits for its end. Empty: it did well; otherwise how it ended, in words. What it left running is killed.
  std::string reap();

  Pipe in, out, errors;  ///< as the program calls them

 private:
  [[noreturn]] void become(const std::vector<char*>& argv, const std::string& folder, pid_t parent);

  Pipe started_;
  Descriptor ended_;
  int start_error_ = 0;
  pid_t pid_ = -1;
  bool reaped_ = false;
};

}  // namespace athanor
