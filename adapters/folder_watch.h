// Wakes who waits for a file in a folder.
#pragma once

#include <string>

#include "adapters/interrupt.h"

namespace athanor {

/// By inotify, which tells what processes of this machine do there, and nothing of what happens on a shared folder
/// elsewhere: whoever waits looks by himself now and then, too. Belongs to one thread.
class FolderWatch {
 public:
  FolderWatch();
  /// From now on, of the folder that is there now; without effect where that cannot be watched.
  void begin(const std::string& folder);
  void end();

  /// Comes back after `s` seconds at the latest, and at once when a file whose name fits the pattern has appeared since
  /// `begin` or was written, or when `interrupt` is set.
  void wait(double s, const std::string& pattern, const Interrupt& interrupt);

 private:
  bool heard_of(const std::string& pattern);

  Descriptor events_;
  int watch_ = -1;
};

}  // namespace athanor
