// Small makers of wire messages, so that the same thing is written the same way everywhere.
#pragma once

#include <string>

#include "core/outcome.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

wire::Value number_value(std::string name, double number, std::string unit);
wire::Value text_value(std::string name, std::string text);

/// A message to a driver with this program's protocol version and no body yet.
wire::ToDriver to_driver();
wire::ToDriver to_driver(const wire::Command& command);

wire::FaultKind to_wire(Fault::Kind kind);
Fault::Kind from_wire(wire::FaultKind kind);
/// The outcome of a command that was not carried out, or not to its end.
wire::Outcome failed_outcome(const std::string& id, const Fault& fault, double took_s = 0);

}  // namespace athanor
