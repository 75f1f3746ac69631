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

/// All that the program starts in turn ends with it, with this or with our own process, whichever ends first: also what
/// goes into the background, and into a group or session of its own. But for what is another user's, whom we cannot
/// end.
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
  /// Becomes readable when it has ended, and all that it started.
  int ended() const { return ended_.get(); }
  /// Asks it, and what is in its group, to end.
  void ask_to_end() const;
  /// Kills it with all that it started.
  void kill();
  /// Waits for its end. Empty: it did well; otherwise how it ended, in words.
  std::string reap();

  Pipe in, out, errors;  ///< as the program calls them

 private:
  [[noreturn]] void keep(const std::vector<char*>& argv, const std::string& folder);
  [[noreturn]] void become(const std::vector<char*>& argv, const std::string& folder, pid_t keeper);

  Pipe started_, orders_, status_;
  Descriptor ended_;
  int start_error_ = 0;
  pid_t keeper_ = -1;
};

}  // namespace athanor
