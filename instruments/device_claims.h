// Which instrument has which device: one device is not two instruments, however its address is written, or it would be
// told two things at once.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "instruments/lab.h"

namespace athanor {

class DeviceClaims {
 public:
  /// drivers  whose endpoints tell on which machine each runs: serial ports, and addresses such as “localhost”, are
  /// that
  ///          machine's. Without them, all run on one.
  explicit DeviceClaims(const std::vector<LabDriver>& drivers = {});

  /// What is wrong if `one` has the device at `address`, in words; empty where nobody else has it. Two profiles may
  /// speak to one device, each to a part of it, and folders may be shared: which of the files is meant, the
  /// instrument's id can say.
  ///
  /// address  where the instrument is; with the device's own, where the profile knows what the lab file leaves out.
  std::string add(const LabInstrument& one, const std::string& address);

 private:
  struct Claim {
    std::string instrument, driver, at;
  };
  std::map<std::string, std::string> machines_;                                 // by driver
  std::map<std::tuple<std::string, std::string, std::string>, Claim> devices_;  // machine, address, profile
  std::map<std::pair<std::string, std::string>, Claim> ports_;                  // machine, serial line
};

}  // namespace athanor
