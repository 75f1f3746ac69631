// A SiLA 2 feature as its definition tells it: commands, properties and the data types they speak in.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace athanor::sila2 {

/// What a constrained data type allows. Constraints that are not here (patterns, lengths, schemas) are the server's to
/// check.
struct Constraints {
  struct Unit {
    std::string label;
    double factor = 1, offset = 0;          ///< SI value = value · factor + offset
    std::map<std::string, int> components;  ///< "Kelvin" → 1
  };
  std::optional<double> low, high;           ///< of numbers, as written
  bool low_open = false, high_open = false;  ///< the bound itself is not allowed
  std::vector<std::string> set;
  std::optional<Unit> unit;
  std::optional<std::size_t> least, most;  ///< elements of a list

  /// Allows what both do. Of two sets the other one counts, and so does its unit; bounds are numbers as written, which
  /// no unit changes.
  void narrow(const Constraints& by);
};

struct Element;

struct DataType {
  enum class Kind {
    kString,
    kInteger,
    kReal,
    kBoolean,
    kBinary,
    kDate,
    kTime,
    kTimestamp,
    kAny,
    kList,
    kStructure,
    kDefined
  };
  Kind kind = Kind::kString;
  Constraints constraints;
  std::vector<Element> elements;  ///< of a structure
  std::vector<DataType> item;     ///< of a list: one
  std::string defined;            ///< the identifier of the feature's own type
};

/// A parameter, a response, an element of a structure, or a type's definition.
struct Element {
  std::string identifier;
  DataType type;
};

struct Command {
  std::string identifier;
  bool observable = false;
  std::vector<Element> parameters, responses;
};

struct Property {
  std::string identifier;
  bool observable = false;
  DataType type;
};

struct Feature {
  std::string originator, category, identifier, major;
  std::vector<Command> commands;
  std::vector<Property> properties;
  std::vector<Element> types;
  std::vector<Element> metadata;  ///< what clients may have to send along with calls

  /// "org.silastandard/core/SiLAService/v1"
  std::string full_identifier() const;
  /// "sila2.org.silastandard.core.silaservice.v1"
  std::string package() const;
  const Element* find_type(const std::string& type) const;
};

/// "Boolean", "a list": for messages.
const char* to_string(DataType::Kind kind);

/// `name` stands for the definition in messages. throws InputError with the place of what is no XML, or no feature
/// definition.
Feature parse_feature(const std::string& xml, const std::string& name);

}  // namespace athanor::sila2
