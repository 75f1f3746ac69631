// Reads the feature definition language. Only what Athanor makes use of is looked at; descriptions, lengths and
// patterns are passed over, and so is what a later version of the language may add.
#include "sila2/feature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <pugixml.hpp>
#include <set>

#include "core/document.h"
#include "core/error.h"
#include "core/table.h"
#include "core/text.h"

namespace athanor::sila2 {
namespace {

constexpr double kMostElements = 1e15;  // a list's, in a definition
constexpr int kDeepest = 32;            // data types within data types: what nests deeper is no instrument's

const std::vector<std::pair<const char*, DataType::Kind>>& basic_types() {
  static const std::vector<std::pair<const char*, DataType::Kind>> types = {
      {"String", DataType::Kind::kString},   {"Integer", DataType::Kind::kInteger},     {"Real", DataType::Kind::kReal},
      {"Boolean", DataType::Kind::kBoolean}, {"Binary", DataType::Kind::kBinary},       {"Date", DataType::Kind::kDate},
      {"Time", DataType::Kind::kTime},       {"Timestamp", DataType::Kind::kTimestamp}, {"Any", DataType::Kind::kAny}};
  return types;
}

/// The name without its namespace's prefix, which any definition may choose for itself.
std::string local_name(const pugi::xml_node& node) {
  const char* colon = std::strchr(node.name(), ':');
  return colon != nullptr ? colon + 1 : node.name();
}

bool numeric(DataType::Kind kind) {
  return kind == DataType::Kind::kInteger || kind == DataType::Kind::kReal;
}

class Reader {
 public:
  Reader(const std::string& xml, const std::string& name) : xml_(xml), name_(name) {}

  Feature read() {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(xml_.data(), xml_.size());
    if (!parsed) fail(parsed.offset, fmt::format("this is no XML: {}", parsed.description()));
    const pugi::xml_node root = document.document_element();
    if (local_name(root) != "Feature")
      fail(root, fmt::format("the document is a “{}”; expected a SiLA 2 “Feature”", local_name(root)));
    Feature feature;
    feature.identifier = identifier_of(root);
    feature.originator = dotted(root, "Originator", "");
    feature.category = dotted(root, "Category", "none");
    const std::string version = root.attribute("FeatureVersion").value();
    feature.major = version.substr(0, version.find('.'));
    if (!is_all(feature.major, [](unsigned char c) { return std::isdigit(c) != 0; }))
      fail(root, fmt::format("FeatureVersion “{}”; expected two numbers, such as “1.0”", version));
    for (const pugi::xml_node node : root.children()) read_part(node, feature);
    check_names(root, feature);
    return feature;
  }

 private:
  template <class Is>
  static bool is_all(const std::string& text, Is is) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is);
  }

  void read_part(const pugi::xml_node& node, Feature& feature) {
    const std::string part = local_name(node);
    if (part == "Command") {
      Command command{identifier_of(node), yes(node, "Observable"), {}, {}};
      for (const pugi::xml_node child : node.children()) {
        if (local_name(child) == "Parameter") command.parameters.push_back(element(child, 0));
        if (local_name(child) == "Response") command.responses.push_back(element(child, 0));
      }
      feature.commands.push_back(std::move(command));
    } else if (part == "Property") {
      feature.properties.push_back(
          {identifier_of(node), yes(node, "Observable"), data_type(needed(node, "DataType"), 0)});
    } else if (part == "DataTypeDefinition") {
      feature.types.push_back(element(node, 0));
    } else if (part == "Metadata") {
      feature.metadata.push_back(element(node, 0));
    }
  }

  /// Two things of one name would be one message.
  void check_names(const pugi::xml_node& root, const Feature& feature) {
    std::set<std::string> calls, types, metadata;
    const auto once = [&](std::set<std::string>& names, const std::string& name) {
      if (!names.insert(name).second) fail(root, fmt::format("“{}” is defined twice", name));
    };
    for (const Command& command : feature.commands) {
      once(calls, command.identifier);
      check_elements(root, command.parameters);
      check_elements(root, command.responses);
    }
    for (const Property& property : feature.properties) {
      once(calls, property.identifier);
      check_known(root, feature, property.type);
    }
    for (const Element& type : feature.types) once(types, type.identifier);
    for (const Element& type : feature.types) check_known(root, feature, type.type);
    for (const Element& one : feature.metadata) {
      once(metadata, one.identifier);
      check_known(root, feature, one.type);
    }
    for (const Command& command : feature.commands) {
      for (const Element& parameter : command.parameters) check_known(root, feature, parameter.type);
      for (const Element& response : command.responses) check_known(root, feature, response.type);
    }
  }

  void check_elements(const pugi::xml_node& where, const std::vector<Element>& elements) {
    std::set<std::string> names;
    for (const Element& one : elements) {
      if (!names.insert(one.identifier).second)
        fail(where, fmt::format("“{}” is defined twice in one place", one.identifier));
    }
  }

  void check_known(const pugi::xml_node& where, const Feature& feature, const DataType& type) {
    if (type.kind == DataType::Kind::kDefined && feature.find_type(type.defined) == nullptr) {
      std::vector<std::string> known;
      for (const Element& one : feature.types) known.push_back(one.identifier);
      fail(where, fmt::format("the data type “{}” is not defined{}", type.defined, suggest_name(type.defined, known)));
    }
    for (const Element& one : type.elements) check_known(where, feature, one.type);
    for (const DataType& item : type.item) check_known(where, feature, item);
  }

  Element element(const pugi::xml_node& node, int depth) {
    return {identifier_of(node), data_type(needed(node, "DataType"), depth)};
  }

  DataType data_type(const pugi::xml_node& node, int depth) {
    if (depth > kDeepest) fail(node, fmt::format("data types within data types, more than {} deep", kDeepest));
    DataType type;
    for (const pugi::xml_node child : node.children()) {
      const std::string kind = local_name(child);
      if (kind == "Basic") {
        type.kind = basic(child);
      } else if (kind == "List") {
        type.kind = DataType::Kind::kList;
        type.item.push_back(data_type(needed(child, "DataType"), depth + 1));
      } else if (kind == "Structure") {
        type.kind = DataType::Kind::kStructure;
        for (const pugi::xml_node part : child.children()) {
          if (local_name(part) == "Element") type.elements.push_back(element(part, depth + 1));
        }
        check_elements(child, type.elements);
      } else if (kind == "Constrained") {
        type = data_type(needed(child, "DataType"), depth + 1);
        constrain(needed(child, "Constraints"), type);
      } else if (kind == "DataTypeIdentifier") {
        type.kind = DataType::Kind::kDefined;
        type.defined = identifier(child);
      } else {
        continue;
      }
      return type;
    }
    fail(node, "a DataType without a type; expected Basic, List, Structure, Constrained or DataTypeIdentifier");
  }

  DataType::Kind basic(const pugi::xml_node& node) {
    const std::string name = text(node);
    std::vector<std::string> known;
    for (const auto& [each, kind] : basic_types()) {
      if (name == each) return kind;
      known.emplace_back(each);
    }
    fail(node, fmt::format("“{}” is no basic data type{}", name, suggest_name(name, known)));
  }

  void constrain(const pugi::xml_node& node, DataType& type) {
    Constraints constraints;
    const bool is_number = numeric(type.kind);
    // What a type of the feature's own is may not be known yet: bounds of one that is no number are dates.
    const bool may_be_number = is_number || type.kind == DataType::Kind::kDefined;
    for (const pugi::xml_node child : node.children()) {
      const std::string name = local_name(child);
      const bool maximal = name.starts_with("Maximal"), open = name.ends_with("Exclusive");
      if (may_be_number && (open || name.ends_with("Inclusive"))) {
        if (!is_number && !parse_number(text(child))) continue;
        (maximal ? constraints.high : constraints.low) = number(child);
        (maximal ? constraints.high_open : constraints.low_open) = open;
      } else if (name == "Set") {
        for (const pugi::xml_node value : child.children()) {
          if (local_name(value) != "Value") continue;
          if (is_number) number(value);
          constraints.set.push_back(text(value));
        }
      } else if (may_be_number && name == "Unit") {
        constraints.unit = unit(child);
      } else if (name.ends_with("ElementCount")) {
        if (!maximal) constraints.least = count(child);
        if (!name.starts_with("Minimal")) constraints.most = count(child);
      }
    }
    type.constraints.narrow(constraints);
  }

  std::size_t count(const pugi::xml_node& node) {
    const double value = number(node);
    if (!(value >= 0 && value <= kMostElements) || value != std::round(value))
      fail(node, fmt::format("{} as {}; expected a whole number from 0 on", value, local_name(node)));
    return static_cast<std::size_t>(value);
  }

  Constraints::Unit unit(const pugi::xml_node& node) {
    Constraints::Unit unit;
    unit.label = text(needed(node, "Label"));
    unit.factor = number(needed(node, "Factor"));
    unit.offset = number(needed(node, "Offset"));
    if (unit.factor == 0) fail(node, fmt::format("the unit “{}” has the factor 0", unit.label));
    for (const pugi::xml_node child : node.children()) {
      if (local_name(child) != "UnitComponent") continue;
      const double exponent = number(needed(child, "Exponent"));
      if (exponent != std::round(exponent) || std::abs(exponent) > 100)
        fail(child, fmt::format("the exponent {} in the unit “{}”; expected a whole number", exponent, unit.label));
      unit.components[text(needed(child, "SIUnit"))] += static_cast<int>(exponent);
    }
    return unit;
  }

  // ── Small parts ────────────────────────────────────────────────────────────────────────────────────────────────────

  pugi::xml_node needed(const pugi::xml_node& node, const char* name) {
    for (const pugi::xml_node child : node.children()) {
      if (local_name(child) == name) return child;
    }
    fail(node, fmt::format("“{}” without “{}”", local_name(node), name));
  }

  static std::string text(const pugi::xml_node& node) { return std::string(trimmed(node.text().get())); }

  double number(const pugi::xml_node& node) {
    const std::string written = text(node);
    char* end = nullptr;
    const double value = std::strtod(written.c_str(), &end);
    if (written.empty() || end != written.c_str() + written.size() || !std::isfinite(value))
      fail(node, fmt::format("“{}” in {}; expected a number", written, local_name(node)));
    return value;
  }

  bool yes(const pugi::xml_node& node, const char* name) {
    const pugi::xml_node child = needed(node, name);
    const std::string word = text(child);
    if (word != "Yes" && word != "No") fail(child, fmt::format("“{}” as {}; expected Yes or No", word, name));
    return word == "Yes";
  }

  std::string identifier_of(const pugi::xml_node& node) { return identifier(needed(node, "Identifier")); }

  /// It becomes the name of a message: what the standard forbids would break that.
  std::string identifier(const pugi::xml_node& node) {
    const std::string name = text(node);
    if (!is_all(name, [](unsigned char c) { return c < 128 && std::isalnum(c) != 0; }) || name[0] < 'A' ||
        name[0] > 'Z' || name.size() > 255)
      fail(node,
           fmt::format("“{}” as an identifier; expected letters and digits, a capital first", name.substr(0, 300)));
    return name;
  }

  std::string dotted(const pugi::xml_node& node, const char* attribute, const char* otherwise) {
    const std::string name = node.attribute(attribute).as_string(otherwise);
    if (!is_all(name, [](unsigned char c) { return (c >= 'a' && c <= 'z') || c == '.'; }) || name.front() == '.' ||
        name.back() == '.' || name.find("..") != name.npos)
      fail(node, fmt::format("“{}” as {}; expected lower-case words with dots between, such as “org.example”", name,
                             attribute));
    return name;
  }

  [[noreturn]] void fail(const pugi::xml_node& node, const std::string& what) { fail(node.offset_debug(), what); }

  [[noreturn]] void fail(std::ptrdiff_t offset, const std::string& what) {
    const std::size_t at = std::clamp<std::ptrdiff_t>(offset, 0, static_cast<std::ptrdiff_t>(xml_.size()));
    Place place{name_, 1, 1};
    for (std::size_t i = 0; i < at; ++i) {
      place.column = xml_[i] == '\n' ? 1 : place.column + 1;
      place.line += xml_[i] == '\n';
    }
    throw InputError(place, what);
  }

  const std::string& xml_;
  const std::string& name_;
};

}  // namespace

std::string Feature::full_identifier() const {
  return fmt::format("{}/{}/{}/v{}", originator, category, identifier, major);
}

std::string Feature::package() const {
  std::string lower = identifier;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return fmt::format("sila2.{}.{}.{}.v{}", originator, category, lower, major);
}

const Element* Feature::find_type(const std::string& type) const {
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const Element& one) { return one.identifier == type; });
  return found == types.end() ? nullptr : &*found;
}

const char* to_string(DataType::Kind kind) {
  for (const auto& [name, basic] : basic_types()) {
    if (basic == kind) return name;
  }
  return kind == DataType::Kind::kList ? "list" : kind == DataType::Kind::kStructure ? "structure" : "type of its own";
}

void Constraints::narrow(const Constraints& by) {
  if (by.low && (!low || *by.low > *low || (*by.low == *low && by.low_open))) {
    low = by.low;
    low_open = by.low_open;
  }
  if (by.high && (!high || *by.high < *high || (*by.high == *high && by.high_open))) {
    high = by.high;
    high_open = by.high_open;
  }
  if (!by.set.empty()) set = by.set;
  if (by.unit) unit = by.unit;
  if (by.least) least = std::max(least.value_or(0), *by.least);
  if (by.most) most = std::min(most.value_or(*by.most), *by.most);
}

Feature parse_feature(const std::string& xml, const std::string& name) {
  return Reader(xml, name).read();
}

}  // namespace athanor::sila2
