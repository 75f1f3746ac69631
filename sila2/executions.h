// What a driver keeps of its SiLA 2 servers' executions beside its ledger, so that after its own death it can ask a
// server what became of one instead of doing it again.
#pragma once

#include <mutex>
#include <string>

#include "core/database.h"

namespace athanor::sila2 {

/// Of each instrument the command that was sent to it last. One file a driver; from any thread.
class Executions {
 public:
  /// What is known of a command that the ledger shows as begun.
  struct Trace {
    enum class Kind {
      kNotSent,    ///< certainly
      kSent,       ///< perhaps; the server had not confirmed it
      kConfirmed,  ///< under `uuid`
      kUnknown     ///< the file is new: an earlier one was lost
    };
    Kind kind = Kind::kUnknown;
    std::string uuid;
  };

  /// Opens or makes `file` ("" in memory). throws EnvironmentError: in use, not such a file.
  explicit Executions(const std::string& file);

  // Both are synced when they return. throw EnvironmentError, and have then changed nothing.

  /// The command is about to be sent.
  void sending(const std::string& instrument, const std::string& command);
  void confirmed(const std::string& instrument, const std::string& uuid);

  Trace find(const std::string& instrument, const std::string& command);

 private:
  std::mutex mutex_;
  Database database_;
  bool made_ =
      false;  ///< it is when the first command is sent, so that a file that was lost is never taken for one that tells
};

}  // namespace athanor::sila2
