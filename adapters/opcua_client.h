// The program that speaks OPC UA for us: python/athanor_opcua, on the library asyncua, one process for each device.
// Debian 12 has no client library for C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "adapters/interrupt.h"
#include "adapters/process.h"
#include "core/outcome.h"

namespace athanor {

/// Its requests and answers are in python/athanor_opcua/requests.py. Belongs to one thread.
class OpcuaClient {
 public:
  /// Starts the program. While `interrupt` is set, whatever waits comes back as kInterrupted.
  explicit OpcuaClient(const Interrupt& interrupt);

  /// Waits until it can be asked. Why it cannot: it is not installed.
  std::optional<Fault> ready();
  /// The answer to a request, or the fault that it was answered with.
  Outcome<nlohmann::json> ask(nlohmann::json request, double timeout_s);
  /// It ended or is out of step: nothing can be asked any more.
  bool is_broken() const { return broken_; }

 private:
  std::optional<Fault> say(const std::string& text, double timeout_s);
  Outcome<nlohmann::json> line(double timeout_s);
  std::optional<Fault> wait(double end, double timeout_s);
  Fault ended();
  Fault broken(const std::string& what);

  Process process_;
  const Interrupt& interrupt_;
  std::string heard_, errors_;
  int last_id_ = 0;
  bool broken_ = false;
};

}  // namespace athanor
