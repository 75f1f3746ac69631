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

/// Whether `one` and `other`, names of ledgers, are both known, and different.
bool is_another_ledger(const std::string& one, const std::string& other);

/// A message to a driver with this program's protocol version and no body yet.
wire::ToDriver to_driver();
wire::ToDriver to_driver(const wire::Command& command);
inline constexpr int kMostAsked = 1000;  ///< ids in one question

wire::FaultKind to_wire(Fault::Kind kind);
Fault::Kind from_wire(wire::FaultKind kind);
/// The outcome of a command that was not carried out, or not to its end.
wire::Outcome failed_outcome(const std::string& id, const Fault& fault, double took_s = 0);

// A frame has 16 MiB; what is longer reaches nobody, and ends the connection that it was to go over.
constexpr std::size_t kLongestTexts = std::size_t{1} << 20;     ///< bytes of an outcome's texts together; of a command
constexpr std::size_t kLongestMessage = std::size_t{64} << 10;  ///< bytes of what is said to a person: faults, notes
constexpr std::size_t kLongestAnswer = std::size_t{8} << 20;    ///< bytes of an Answer, and of a Welcome

/// What a device or its driver's author gave, as it can be sent: with a byte that is no UTF-8, neither the ledger nor
/// the other end could read it again. Such bytes are written as “\xff”; too much text among results is a fault of the
/// device; what is said to a person is cut short.
wire::Outcome fit_to_be_sent(wire::Outcome outcome);
wire::FromDriver fit_to_be_sent(wire::FromDriver message);
std::string fit_to_be_sent(const std::string& said);

}  // namespace athanor
