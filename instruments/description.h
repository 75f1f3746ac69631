// Descriptions of instruments, held against good sense.
#pragma once

#include <string>
#include <vector>

#include "core/array.h"
#include "proto/driver.pb.h"

namespace athanor {

/// Bytes of one row of each array of a command: what a driver holds until it is on the controller's disk
/// (array_window.h) has room for them at least.
constexpr std::uint64_t kLargestRow = std::uint64_t{64} << 20;

// What a description, and so a profile, may hold at most: far more than any device needs, and little enough for the
// controller's memory and its journal, whoever sends it.
constexpr std::size_t kLongestName = 200;       ///< bytes of a name of an instrument, capability, parameter, unit, …
constexpr std::size_t kMostInstruments = 1000;  ///< of a driver
constexpr std::size_t kMostCapabilities = 1000;
constexpr std::size_t kMostFields = 1000;     ///< parameters, or results, of a capability
constexpr std::size_t kMostChoices = 10'000;  ///< or levels, of a parameter
constexpr std::size_t kLongestChoice = 1000;  ///< bytes

/// `text`, cut short for a message if it is longer than a name may be.
std::string shortened(const std::string& text);
/// The first of these bounds that is exceeded, in words; empty if none is.
std::string beyond_bounds(const driver::v1::Instrument& instrument);
std::string beyond_bounds(const driver::v1::Welcome& welcome);

/// What is wrong in a driver's description of an instrument, each in one sentence; empty if nothing is: names missing
/// or given twice, units that are none, limits the wrong way round or not finite, a duration that is negative,
/// parameters of `duration_parameter` and `uses` that are not there or of the wrong kind, a self-test that needs
/// parameters, or may do harm, a text that is no UTF-8, an array that is no result, has limits, or rows of more than
/// kLargestRow bytes. Of one that exceeds a bound, only that.
std::vector<std::string> mistakes_in(const driver::v1::Instrument& instrument);
/// The same of one parameter or result. what: "parameter" or "result".
std::vector<std::string> mistakes_in(const driver::v1::Field& field, const std::string& what);
/// Of a capability whose parameters and results are good, each for itself: what does not go together.
std::vector<std::string> mistakes_between_parts(const driver::v1::Capability& capability);

/// The capability of that name, or null.
const driver::v1::Capability* find_capability(const driver::v1::Instrument& instrument, const std::string& name);
/// The parameter of that name, or null.
const driver::v1::Field* find_parameter(const driver::v1::Capability& capability, const std::string& name);
/// The result of that name, or null.
const driver::v1::Field* find_result(const driver::v1::Capability& capability, const std::string& name);
/// The value of that name that the command gives, or null.
const driver::v1::Value* find_value(const driver::v1::Command& command, const std::string& name);

/// Whether one of its results is an array.
bool makes_arrays(const driver::v1::Capability& capability);
ArrayType from_wire(const driver::v1::ArrayType& type, const std::string& unit);
driver::v1::ArrayType to_wire(const ArrayType& type);  ///< without its unit, which stands beside

/// "512 × 512 uint16 in count".
std::string row_in_words(const ArrayType& type);

/// How long the command is expected to take, laboratory seconds: the usual duration, and what its duration parameter
/// adds.
double expected_seconds(const driver::v1::Capability& capability, const driver::v1::Command& command);

/// "-5 degC", "“XPhos”": a value as it stands in messages.
std::string readable(const driver::v1::Value& value);

/// What an approval of `command` is bound to: SHA-256, in hexadecimal, of its capability, parameters, sample and place,
/// as a serialised Command that holds these alone.
std::string approval_digest(const driver::v1::Command& command);

}  // namespace athanor
