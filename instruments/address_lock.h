// Two drivers never share an address: over "ipc" the second would silently take the first one's place.
#pragma once

#include <string>

namespace athanor {

/// Holds the lock file (FILE.lock) beside the socket file of an "ipc://" address; nothing for other addresses, which
/// the system guards itself. Freed by the system when the process dies; at an orderly end the socket's file goes, too.
class AddressLock {
 public:
  /// throws EnvironmentError, naming the address, if another driver holds it, if another program listens there, if the
  /// file is no socket (binding would delete it), or if the lock file cannot be made.
  explicit AddressLock(const std::string& address);
  ~AddressLock();
  AddressLock(const AddressLock&) = delete;
  AddressLock& operator=(const AddressLock&) = delete;

 private:
  std::string file_;
  int fd_ = -1;
};

}  // namespace athanor
