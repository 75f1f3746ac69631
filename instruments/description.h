// Descriptions of instruments, held against good sense.
#pragma once

#include <string>
#include <vector>

#include "proto/driver.pb.h"

namespace athanor {

/// What is wrong in a driver's description of an instrument, each in one sentence; empty if nothing is: names missing
/// or given twice, units that are none, limits the wrong way round or not finite, a duration that is negative,
/// parameters of `duration_parameter` and `uses` that are not there or of the wrong kind, a self-test that needs
/// parameters, or may do harm.
std::vector<std::string> mistakes_in(const driver::v1::Instrument& instrument);

/// The capability of that name, or null.
const driver::v1::Capability* find_capability(const driver::v1::Instrument& instrument, const std::string& name);
/// The parameter of that name, or null.
const driver::v1::Field* find_parameter(const driver::v1::Capability& capability, const std::string& name);
/// The value of that name that the command gives, or null.
const driver::v1::Value* find_value(const driver::v1::Command& command, const std::string& name);

/// How long the command is expected to take, laboratory seconds: the usual duration, and what its duration parameter
/// adds.
double expected_seconds(const driver::v1::Capability& capability, const driver::v1::Command& command);

/// "-5 degC", "“XPhos”": a value as it stands in messages.
std::string readable(const driver::v1::Value& value);

/// What an approval of `command` is bound to: SHA-256, in hexadecimal, of its capability, parameters, sample and place,
/// as a serialised Command that holds these alone.
std::string approval_digest(const driver::v1::Command& command);

}  // namespace athanor
