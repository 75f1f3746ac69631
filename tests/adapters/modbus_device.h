// A Modbus device, by libmodbus's own server: over TCP, or in RTU at a pseudo-terminal.
#pragma once

#include <modbus/modbus.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace athanor::rig {

class ModbusDevice {
 public:
  explicit ModbusDevice(bool serial);
  ~ModbusDevice();

  /// Holding registers from `place` on.
  void hold(int place, const std::vector<std::uint16_t>& words);
  std::uint16_t held(int place);
  bool coil(int place);
  /// What was written, in its order.
  struct Written {
    int place = 0;
    std::vector<std::uint16_t> words;
    bool operator==(const Written&) const = default;
  };
  std::vector<Written> written();
  /// Which units were spoken to.
  std::set<int> units();

  std::string address;
  std::atomic<int> silent_for = 0;    ///< so many requests are not answered
  std::atomic<int> exception = 0;     ///< the next is answered with this
  std::atomic<double> late_s = 0;     ///< the next comes so late
  std::atomic<bool> paused = false;   ///< what is heard is answered later
  std::atomic<bool> garbled = false;  ///< the next answer is a telegram whose check sum is wrong; serial only
  std::atomic<int> heard = 0;         ///< requests so far

 private:
  void live();
  void answer(const std::uint8_t* request, int size);

  modbus_mapping_t* registers_;
  modbus_t* context_ = nullptr;
  int listening_ = -1, line_ = -1, keep_open_ = -1;
  std::mutex mutex_;
  std::vector<Written> written_;
  std::set<int> units_;
  std::atomic<bool> quit_ = false;
  std::thread thread_;
};

}  // namespace athanor::rig
