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
  bool changes() const { return factor != 1 || offset != 0; }
};
Scale scale_of(const Constraints::Unit& unit);

/// One parameter or result, which stands somewhere in a message. Elements of structures are leaves of their own:
/// "position.x".
struct Leaf {
  enum class Form {
    kOne,   ///< a number or a text
    kList,  ///< a text that is a JSON array (lists.h)
    kArray  ///< of a result: a Binary's bytes, or the numbers of a list
  };
  std::vector<std::string> path;  ///< fields of messages, from the outermost in, without the basic type's own
  DataType type;                  ///< basic, or a list
  driver::v1::Field field;
  Scale scale;  ///< of a number
  Form form = Form::kOne;
  /// What each element of a list is made of, with paths within the element: of a structure, its leaves; otherwise one
  /// without a name.
  std::vector<Leaf> items;
};

struct Leaves {
  std::vector<Leaf> leaves;
  std::vector<std::string> left_out;  ///< what is none, in words: "“what” is of the type Any"
};

enum class Side { kParameters, kResults };

/// Of parameters, or of what a device gives. Dates and times are texts (dates.h), lists are texts or arrays (lists.h),
/// a Binary is an array, or as a parameter a text in Base64.
Leaves flatten(const Feature& feature, const std::vector<Element>& elements, Side side);

/// A value of a file as what `field` is, a quantity without a unit in the field's; null: as a text. throws InputError
/// for a quantity that is none.
driver::v1::Value read_value(const std::string& name, const std::string& text, const driver::v1::Field* field);

/// Puts `value`, which the leaf's field allows, where it belongs. Gives why it cannot be: a count that is not whole, a
/// date that is none. Of a quantity that the device takes in whole steps of its unit, the nearest is taken.
std::optional<std::string> put(const Leaf& leaf, const driver::v1::Value& value, google::protobuf::Message& message);
/// The number or text that stands there, in the field's unit; a truth value as "true" or "false". None if the device
/// left it out.
std::optional<driver::v1::Value> take(const Leaf& leaf, const google::protobuf::Message& message);

/// The message at the end of the path; null if the device left it out.
const google::protobuf::Message* find_part(const std::vector<std::string>& path,
                                           const google::protobuf::Message& message);
/// A field that the definition names; one that is not there is a bug.
const google::protobuf::FieldDescriptor& field_of(const google::protobuf::Message& message, const std::string& name);

/// "TargetTemperature" → "target_temperature", "PHValue" → "ph_value".
std::string our_name(const std::string& identifier);

}  // namespace athanor::sila2
