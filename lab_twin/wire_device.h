// A simulated device behind its own language: what a maker's firmware knows of the job that it does.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lab_twin/device.h"

namespace athanor {

/// One job at a time. It knows nothing of command ids but the label that a job may be given, and forgets everything but
/// the world when it is switched off.
class WireDevice {
 public:
  enum class State { kIdle, kRunning, kDone, kFailed };
  using Value = std::variant<double, std::string>;

  /// `places` are the laboratory's, of which the how-manieth is named by a position from 1.
  WireDevice(std::unique_ptr<Device> device, std::shared_ptr<World> world, std::vector<std::string> places);

  const wire::Instrument& description() const { return description_; }
  const std::vector<std::string>& places() const { return places_; }

  /// Begins a job. with: parameters by name, in the units of the description. Where a sample and a place are named,
  /// that is where the sample stands from now on; where only a place is, the sample that stands there is meant. The
  /// fault for which it was not begun, with the kind that the language shows.
  std::optional<Fault> begin(const std::string& capability, const std::map<std::string, Value>& with,
                             const std::string& label, std::string sample, const std::string& place, Time now);
  /// Ends what runs.
  void abort(Time now);
  /// As if it had been switched off and on: what runs is broken off, and nothing is known of it any more.
  void restart(Time now);

  /// What follows is as of `now`.
  State state(Time now);
  const std::string& label() const { return label_; }
  double seconds_left(Time now);
  const Fault& fault() const { return fault_; }                ///< of kFailed
  std::optional<Value> result(const std::string& name) const;  ///< of kDone, in the units of the description
  unsigned long jobs() const { return jobs_; }                 ///< that were ever begun, also under earlier programs
  std::vector<wire::Value> readings(Time now) { return device_->readings(now); }

 private:
  void look(Time now);

  std::unique_ptr<Device> device_;
  std::shared_ptr<World> world_;
  std::vector<std::string> places_;
  wire::Instrument description_;
  State state_ = State::kIdle;
  std::string label_, id_;
  Time ends_at_{};
  Fault fault_;
  wire::Outcome outcome_;
  unsigned long jobs_ = 0;
};

/// A language that simulated devices speak. Shared by a device's connections; what one has heard of a message is kept
/// with the connection.
class WireLanguage {
 public:
  virtual ~WireLanguage() = default;
  /// Takes whole messages off the front of `heard`, and gives the answer to each that gets one.
  virtual std::vector<std::string> hear(std::string& heard, Time now) = 0;
  /// `answer` as a line with a bad contact would deliver it.
  virtual std::string spoiled(std::string answer) const = 0;
};

std::unique_ptr<WireLanguage> speak_scpi(WireDevice& device);    // wire_scpi.cpp
std::unique_ptr<WireLanguage> speak_sics(WireDevice& device);    // wire_sics.cpp
std::unique_ptr<WireLanguage> speak_modbus(WireDevice& device);  // wire_modbus.cpp

/// Of Modbus, for a line that several devices share: the next whole message, taken off the front, and who is meant.
struct ModbusMessage {
  int unit = 0;
  std::string bytes;
};
std::optional<ModbusMessage> next_modbus_message(std::string& heard);

}  // namespace athanor
