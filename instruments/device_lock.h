// A device over the network takes what anybody says; two drivers, each with a ledger of its own, would do things twice.
#pragma once

#include <string>

namespace athanor {

/// On this machine, no other process has the device meanwhile. Freed by the system when the process dies. Other
/// machines know nothing of it; serial ports need none, which are locked themselves.
class DeviceLock {
 public:
  /// address  as people write it; every spelling that normal_address knows is the same device.
  /// part     what of the device is spoken for, where several drivers may each have a part of it.
  ///
  /// throws EnvironmentError, naming the address and the process, if another one has it for longer than one that is
  /// just ending.
  DeviceLock(const std::string& address, const std::string& part);
  ~DeviceLock();
  DeviceLock(const DeviceLock&) = delete;
  DeviceLock& operator=(const DeviceLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace athanor
