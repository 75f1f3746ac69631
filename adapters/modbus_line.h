// A line over which Modbus is spoken, by libmodbus: a connection over TCP, or a serial line (RTU).
#pragma once

#include <modbus/modbus.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/interrupt.h"
#include "adapters/shared_line.h"

namespace athanor {

/// After a fault it is closed.
class ModbusLine final : public SharedLine {
 public:
  ModbusLine(const std::string& address, const SerialSettings& serial) : SharedLine(address, serial) {}

  // By whoever's turn it is:
  /// Who is spoken to from now on, and how long an answer may take.
  void speak_to(int unit, double timeout_s);
  /// For libmodbus's functions, while the line is open.
  modbus_t* context() const { return context_.get(); }
  /// Closes it, since an answer may be on its way still. what: follows on “the device at …” in the fault.
  Fault lost(const std::string& what);

 private:
  struct Free {
    void operator()(modbus_t* context) const {
      modbus_close(context);
      modbus_free(context);
    }
  };

  bool is_open() const override { return context_ != nullptr; }
  bool is_gone() const override;
  std::optional<Fault> open(bool greeted, bool shared) override;
  void break_off() override;
  void go_on() override { interrupt_.clear(); }
  void set_up();
  std::string open_serial(const std::string& port);
  std::optional<Fault> open_socket();
  bool hear_out();
  Fault unreachable(const std::string& why) { return lost("cannot be reached: " + why); }
  void close();

  int unit_ = 1;
  double timeout_s_ = 1;
  Interrupt interrupt_;
  std::unique_ptr<modbus_t, Free> context_;
  bool late_ = false;  ///< an answer may be on its way still
  std::mutex mutex_;
  int socket_ = -1;  ///< of a connection over TCP, as long as it may be shut down
};

}  // namespace athanor
