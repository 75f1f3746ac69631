// Which fields a capability has for the data types of a definition.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>

#include "core/check.h"
#include "core/error.h"
#include "core/quantity.h"
#include "core/table.h"
#include "sila2/fields.h"

namespace athanor::sila2 {
namespace {

namespace wire = driver::v1;
using Kind = DataType::Kind;

constexpr std::size_t kDeepest = 16;  // structures within structures: beyond, a type may hold itself
constexpr int kMostParts =
    10'000;  // of all structures and lists of one command: a type that holds itself twice has 2^16

/// What is tried for a unit whose label is none of UDUNITS-2.
constexpr const char* kUsualUnits[] = {
    "%",     "degC",   "degF",   "min",  "h",    "day",   "L",    "mL",    "uL",     "nL",     "cm",
    "mm",    "um",     "nm",     "g",    "mg",   "ug",    "ng",   "Hz",    "kHz",    "MHz",    "1/min",
    "N",     "Pa",     "kPa",    "mbar", "bar",  "psi",   "J",    "kJ",    "W",      "mW",     "V",
    "mV",    "kV",     "mA",     "uA",   "ohm",  "mmol",  "umol", "mol/L", "mmol/L", "umol/L", "g/L",
    "L/min", "mL/min", "uL/min", "mL/s", "uL/s", "K/min", "mm/s", "degree"};

/// A bound that is itself not allowed becomes the nearest number that is.
double bound(double value, bool open, bool whole, double towards) {
  if (whole) {
    const double inner = towards > 0 ? std::ceil(value) : std::floor(value);
    return open && inner == value ? value + (towards > 0 ? 1 : -1) : inner;
  }
  return open ? std::nextafter(value, towards) : value;
}

void describe_number(Leaf& leaf) {
  const Constraints& limits = leaf.type.constraints;
  wire::Field& field = leaf.field;
  const bool whole = leaf.type.kind == Kind::kInteger;
  const double infinity = std::numeric_limits<double>::infinity();
  if (limits.unit) leaf.scale = scale_of(*limits.unit);
  const auto ours = [&](double number) { return number * leaf.scale.factor + leaf.scale.offset; };
  field.set_unit(leaf.scale.unit);
  const bool upside_down = leaf.scale.factor < 0;
  if (limits.low) {
    const double low = ours(bound(*limits.low, limits.low_open, whole, infinity));
    upside_down ? field.set_high(low) : field.set_low(low);
  }
  if (limits.high) {
    const double high = ours(bound(*limits.high, limits.high_open, whole, -infinity));
    upside_down ? field.set_low(high) : field.set_high(high);
  }
  for (const std::string& level : limits.set) {
    if (const auto number = parse_number(level)) field.add_levels(ours(*number));
  }
  std::sort(field.mutable_levels()->begin(), field.mutable_levels()->end());
}

/// Collects leaves, with the path of messages that leads to each.
class Flattener {
 public:
  enum class Where { kParameters, kResults, kListOfResults };

  /// parts: how many more may be looked at.
  Flattener(const Feature& feature, Where where, int& parts, std::size_t depth = 0)
      : feature_(feature), where_(where), parts_(parts), depth_(depth) {}

  void add(const Element& element, std::vector<std::string> path, const std::string& prefix) {
    path.push_back(element.identifier);
    add(element.type, std::move(path), prefix + our_name(element.identifier));
  }

  void add(const DataType& type, std::vector<std::string> path, const std::string& name) {
    if (depth_ + path.size() > kDeepest || --parts_ < 0)
      return leave_out(name, "a structure within structures without end");
    switch (type.kind) {
      case Kind::kDefined:
        return add_defined(type, std::move(path), name);
      case Kind::kStructure:
        for (const Element& part : type.elements) add(part, path, name.empty() ? "" : name + ".");
        return;
      case Kind::kList:
        return add_list(type, std::move(path), name);
      case Kind::kBinary:
        if (where_ == Where::kListOfResults) return leave_out(name, "a Binary");
        break;
      case Kind::kAny:
        return leave_out(name, "of the type Any");
      default:
        break;
    }
    add_one(type, std::move(path), name);
  }

  Leaves found;

 private:
  void add_defined(const DataType& type, std::vector<std::string> path, const std::string& name) {
    const Element* defined = feature_.find_type(type.defined);
    ATHANOR_CHECK(defined != nullptr, "a data type that was not found missing when the feature was read");
    path.push_back(defined->identifier);
    // A constraint may narrow a type of the feature's own once more.
    DataType narrowed = defined->type;
    narrowed.constraints.narrow(type.constraints);
    add(narrowed, std::move(path), name);
  }

  void add_list(const DataType& type, std::vector<std::string> path, const std::string& name) {
    Flattener inner(feature_, where_ == Where::kParameters ? where_ : Where::kListOfResults, parts_,
                    depth_ + path.size());
    inner.add(type.item.front(), {}, "");
    if (!inner.found.left_out.empty()) return leave_out(name, "a list, of which " + inner.found.left_out.front());
    std::vector<Leaf>& items = inner.found.leaves;
    if (items.empty()) return leave_out(name, "a list of structures without elements");
    if (where_ == Where::kResults && std::all_of(items.begin(), items.end(), is_number)) {
      for (Leaf& item : items) add_array(type, path, name, std::move(item));
      return;
    }
    Leaf& leaf = found.leaves.emplace_back();
    leaf.path = std::move(path);
    leaf.type = type;
    leaf.field.set_name(name);
    leaf.field.set_is_text(true);
    leaf.form = Leaf::Form::kList;
    leaf.items = std::move(items);
  }

  /// One column of a list of numbers, or of structures of numbers.
  void add_array(const DataType& type, const std::vector<std::string>& path, const std::string& name, Leaf item) {
    Leaf& leaf = found.leaves.emplace_back();
    leaf.path = path;
    leaf.type = type;
    leaf.field.set_name(item.field.name().empty() ? name : name + "." + item.field.name());
    leaf.field.set_unit(item.field.unit());
    const bool whole = item.type.kind == Kind::kInteger && !item.scale.changes();
    leaf.field.mutable_array()->set_element(item.type.kind == Kind::kBoolean ? wire::ArrayType::UINT8
                                            : whole                          ? wire::ArrayType::INT64
                                                                             : wire::ArrayType::FLOAT64);
    leaf.form = Leaf::Form::kArray;
    leaf.items.push_back(std::move(item));
  }

  void add_one(const DataType& type, std::vector<std::string> path, const std::string& name) {
    Leaf& leaf = found.leaves.emplace_back();
    leaf.path = std::move(path);
    leaf.type = type;
    leaf.field.set_name(name);
    if (type.kind == Kind::kInteger || type.kind == Kind::kReal) return describe_number(leaf);
    if (type.kind == Kind::kBinary && where_ == Where::kResults) {
      leaf.form = Leaf::Form::kArray;
      leaf.field.mutable_array()->set_element(wire::ArrayType::UINT8);
      return;
    }
    leaf.field.set_is_text(true);
    if (type.kind == Kind::kBoolean) leaf.field.mutable_choices()->Add("true");
    if (type.kind == Kind::kBoolean) leaf.field.mutable_choices()->Add("false");
    if (type.kind == Kind::kString)
      leaf.field.mutable_choices()->Assign(type.constraints.set.begin(), type.constraints.set.end());
  }

  static bool is_number(const Leaf& item) {
    return item.form == Leaf::Form::kOne && (!item.field.is_text() || item.type.kind == Kind::kBoolean);
  }

  void leave_out(const std::string& name, const std::string& what) {
    found.left_out.push_back(name.empty() ? fmt::format("each element is {}", what)
                                          : fmt::format("“{}” is {}", name, what));
  }

  const Feature& feature_;
  const Where where_;
  int& parts_;
  const std::size_t depth_;
};

}  // namespace

Leaves flatten(const Feature& feature, const std::vector<Element>& elements, Side side) {
  int parts = kMostParts;
  Flattener flattener(feature, side == Side::kParameters ? Flattener::Where::kParameters : Flattener::Where::kResults,
                      parts);
  for (const Element& element : elements) flattener.add(element, {}, "");
  return std::move(flattener.found);
}

Scale scale_of(const Constraints::Unit& unit) {
  static const std::map<std::string, std::string> si = {{"Meter", "m"},   {"Kilogram", "kg"}, {"Second", "s"},
                                                        {"Ampere", "A"},  {"Kelvin", "K"},    {"Mole", "mol"},
                                                        {"Candela", "cd"}};
  std::string base;
  for (const auto& [name, exponent] : unit.components) {
    const auto symbol = si.find(name);
    if (symbol == si.end() || exponent == 0) continue;  // “Dimensionless”
    base +=
        fmt::format("{}{}{}", base.empty() ? "" : ".", symbol->second, exponent == 1 ? "" : std::to_string(exponent));
  }
  const Unit target = Unit::parse(base);
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); };
  const auto means_it = [&](const char* text) {
    try {
      const Unit candidate = Unit::parse(text);
      return candidate.convertible_to(target) && near(candidate.convert(0, target), unit.offset) &&
             near(candidate.convert(1, target) - candidate.convert(0, target), unit.factor);
    } catch (const InputError&) {
      return false;  // a label in words: “degrees Celsius of the block”
    }
  };
  if (means_it(unit.label.c_str())) return {unit.label};
  if (unit.factor == 1 && unit.offset == 0 && base.size() <= 2) return {base};
  for (const char* usual : kUsualUnits) {
    if (means_it(usual)) return {usual};
  }
  return {base, unit.factor, unit.offset};
}

std::string our_name(const std::string& identifier) {
  std::string name;
  const auto upper = [&](std::size_t i) {
    return i < identifier.size() && std::isupper(static_cast<unsigned char>(identifier[i])) != 0;
  };
  const auto lower = [&](std::size_t i) {
    return i < identifier.size() && std::islower(static_cast<unsigned char>(identifier[i])) != 0;
  };
  for (std::size_t i = 0; i < identifier.size(); ++i) {
    if (i > 0 && upper(i) && (!upper(i - 1) || lower(i + 1))) name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(identifier[i])));
  }
  return name;
}

}  // namespace athanor::sila2
