// What the ways in which devices are spoken to share when they are measured (bench/adapters.cpp).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/bus.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/clock.h"
#include "instruments/instrument.h"

namespace athanor {

// One function a way, each in a file of its own but for those over sockets (sockets.cpp). `times`: how often each is
// done.
void measure_text(int times);
void measure_modbus(int times);
void measure_http(int times);
void measure_program(int times);
void measure_folder(int times);
/// `python`: an interpreter that has asyncua, in which the server, its bare client and ours run.
void measure_opcua(int times, const std::string& python);
/// `takes_ms`: how long its server takes for each answer. The last of all: after gRPC has begun, this process cannot
/// fork.
void measure_sila2(int times, int takes_ms);

/// One way to bring about a question and its answer. `once`: how long it took, in µs.
struct How {
  std::string name;
  std::function<double()> once;
};
/// By this process's clock.
How timed(const std::string& name, std::function<void()> once);

/// The ways in turns, so that what else the machine does meets all; prints a JSON line of each, with its median over
/// that of the first.
void measure(const std::string& way, int times, const std::vector<How>& hows);

/// A device in a process of its own.
class DeviceProcess {
 public:
  explicit DeviceProcess(const std::function<void()>& live);
  ~DeviceProcess();
  DeviceProcess(const DeviceProcess&) = delete;
  DeviceProcess& operator=(const DeviceProcess&) = delete;

 private:
  pid_t pid_;
};

/// Our side, by a profile with a capability “look”: its steps by the adapter's bus, and the whole command of an
/// instrument.
class OurSide {
 public:
  using Step = std::pair<std::string, nlohmann::json>;  ///< its verb, and all of it

  OurSide(const std::string& profile, const std::string& address);
  void exchange(const std::vector<Step>& steps);
  void command();
  How adapter(const std::vector<Step>& steps);
  How whole();

 private:
  Profile profile_;
  ScaledClock clock_;
  Lines lines_, device_lines_;
  std::unique_ptr<Bus> bus_;
  std::unique_ptr<Instrument> device_;
  int last_id_ = 0;
};

/// Has `device` carry `capability` out, under that id, and waits for its outcome.
void carry_out(Instrument& device, const ScaledClock& clock, const std::string& capability, const std::string& id);

/// A folder of its own, deleted at the end.
struct TemporaryFolder {
  TemporaryFolder();
  ~TemporaryFolder();
  std::filesystem::path path;
};

}  // namespace athanor
