// Small makers of wire messages, so that the same thing is written the same way everywhere.
#pragma once

#include <cstddef>
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
inline constexpr int kMostAsked = 1000;  ///< ids in one question

wire::FaultKind to_wire(Fault::Kind kind);
Fault::Kind from_wire(wire::FaultKind kind);
/// The outcome of a command that was not carried out, or not to its end.
wire::Outcome failed_outcome(const std::string& id, const Fault& fault, double took_s = 0);

constexpr std::size_t kLongestTexts = std::size_t{1} << 20;     ///< bytes of an outcome's texts together
constexpr std::size_t kLongestMessage = std::size_t{64} << 10;  ///< bytes of a fault's message
/// `outcome` as it can be sent, whatever a device said: one beyond what a frame holds would never reach anybody, and
/// nothing after it. Too much text among the results is a fault of the device; a fault's message is cut short.
wire::Outcome fit_to_be_sent(wire::Outcome outcome);

}  // namespace athanor
