// Data types of SiLA 2 as fields of a capability, and values of the one as values of the other.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/driver.pb.h"
#include "sila2/feature.h"

namespace athanor::sila2 {

/// A unit of SiLA 2 in UDUNITS-2's words. Where it has none for it, in SI base units: what stands in a field is then
/// the device's number · factor + offset.
struct Scale {
  std::string unit;
  double factor = 1, offset = 0;
};
Scale scale_of(const Constraints::Unit& unit);

/// One number or text somewhere in a message. Elements of structures are leaves of their own: "position.x".
struct Leaf {
  std::vector<std::string> path;  ///< fields of messages, from the outermost in, without the basic type's own
  DataType type;                  ///< basic
  driver::v1::Field field;
  Scale scale;  ///< of a number
};

struct Leaves {
  std::vector<Leaf> leaves;
  std::vector<std::string> left_out;  ///< what is no number and no text, in words: "“image” is a Binary"
};

/// Of parameters, or of what a device gives. Dates and times are texts (dates.h).
Leaves flatten(const Feature& feature, const std::vector<Element>& elements);

/// Puts `value`, which the leaf's field allows, where it belongs. Gives why it cannot be: a count that is not whole, a
/// date that is none. Of a quantity that the device takes in whole steps of its unit, the nearest is taken.
std::optional<std::string> put(const Leaf& leaf, const driver::v1::Value& value, google::protobuf::Message& message);
/// What stands there, in the field's unit; a truth value as "true" or "false". None if the device left it out.
std::optional<driver::v1::Value> take(const Leaf& leaf, const google::protobuf::Message& message);

/// "TargetTemperature" → "target_temperature", "PHValue" → "ph_value".
std::string our_name(const std::string& identifier);

}  // namespace athanor::sila2
