// Lists of SiLA 2: as parameters texts that are JSON arrays, as results such texts or arrays of numbers.
//
// An element that is a structure is an object with its leaves by name: [{"row": "A", "column": 3}, …]. Numbers are in
// the unit of their leaf; one that is given may also be a text with a unit of its own: "80 degC".
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

#include "core/outcome.h"
#include "instruments/shared_bytes.h"
#include "sila2/fields.h"

namespace athanor::sila2 {

/// Puts the elements where the list `leaf` belongs. Gives why they cannot be: no JSON array, too few or too many, or
/// the first element that the definition does not allow.
std::optional<std::string> put_list(const Leaf& leaf, const std::string& text, google::protobuf::Message& message);

/// The list that stands there as a JSON array. A fault of the device: something is missing, or no number.
Outcome<std::string> take_list(const Leaf& leaf, const google::protobuf::Message& message);

/// The numbers of a leaf that is an array, from a list: as its type says, little-endian, whatever they are. A fault of
/// the device: one is missing.
Outcome<SharedBytes> take_numbers(const Leaf& leaf, const google::protobuf::Message& message);

}  // namespace athanor::sila2
