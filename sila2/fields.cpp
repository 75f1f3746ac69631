#include "sila2/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/check.h"
#include "core/error.h"
#include "core/quantity.h"
#include "instruments/messages.h"
#include "proto/sila2.pb.h"
#include "sila2/dates.h"

namespace athanor::sila2 {
namespace {

namespace pb = google::protobuf;
namespace sila = ::sila2::org::silastandard;
using Kind = DataType::Kind;

constexpr std::size_t kDeepest = 16;             // structures within structures: beyond, a type may hold itself
constexpr double kMostExact = 9007199254740992;  // 2^53: beyond, not every whole number is a double

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
  for (const std::string& level : limits.set) field.add_levels(ours(std::strtod(level.c_str(), nullptr)));
  std::sort(field.mutable_levels()->begin(), field.mutable_levels()->end());
}

/// Collects leaves, with the path of messages that leads to each.
class Flattener {
 public:
  explicit Flattener(const Feature& feature) : feature_(feature) {}

  void add(const Element& element, std::vector<std::string> path, const std::string& prefix) {
    path.push_back(element.identifier);
    add(element.type, std::move(path), prefix + our_name(element.identifier));
  }

  Leaves found;

 private:
  void add(const DataType& type, std::vector<std::string> path, const std::string& name) {
    if (path.size() > kDeepest) return leave_out(name, "a structure within structures without end");
    switch (type.kind) {
      case Kind::kDefined: {
        const Element* defined = feature_.find_type(type.defined);
        ATHANOR_CHECK(defined != nullptr, "a data type that was not found missing when the feature was read");
        path.push_back(defined->identifier);
        // A constraint may narrow a type of the feature's own once more.
        DataType narrowed = defined->type;
        if (type.constraints.low || type.constraints.high || !type.constraints.set.empty())
          narrowed.constraints = type.constraints;
        return add(narrowed, std::move(path), name);
      }
      case Kind::kStructure:
        for (const Element& part : type.elements) add(part, path, name + ".");
        return;
      case Kind::kList:
      case Kind::kBinary:
      case Kind::kAny:
        return leave_out(name, fmt::format("a {}", to_string(type.kind)));
      default:
        break;
    }
    Leaf leaf{std::move(path), type, {}, {}};
    leaf.field.set_name(name);
    if (type.kind == Kind::kInteger || type.kind == Kind::kReal) {
      describe_number(leaf);
    } else {
      leaf.field.set_is_text(true);
      if (type.kind == Kind::kBoolean) leaf.field.mutable_choices()->Add("true");
      if (type.kind == Kind::kBoolean) leaf.field.mutable_choices()->Add("false");
      if (type.kind == Kind::kString)
        leaf.field.mutable_choices()->Assign(type.constraints.set.begin(), type.constraints.set.end());
    }
    found.leaves.push_back(std::move(leaf));
  }

  void leave_out(const std::string& name, const std::string& what) {
    found.left_out.push_back(fmt::format("“{}” is {}", name, what));
  }

  const Feature& feature_;
};

const pb::FieldDescriptor& field_of(const pb::Message& message, const std::string& name) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  ATHANOR_CHECK(field != nullptr, fmt::format("{} has no field “{}”", message.GetDescriptor()->full_name(), name));
  return *field;
}

/// A basic type inside a message made at run time, as the program's own type.
template <class Basic>
Basic as(const pb::Message& message) {
  Basic basic;
  ATHANOR_CHECK(basic.ParseFromString(message.SerializeAsString()), "a message that cannot be read back");
  return basic;
}

std::string text_of(const Leaf& leaf, const pb::Message& basic) {
  switch (leaf.type.kind) {
    case Kind::kString:
      return as<sila::String>(basic).value();
    case Kind::kBoolean:
      return as<sila::Boolean>(basic).value() ? "true" : "false";
    case Kind::kDate:
      return to_text(as<sila::Date>(basic));
    case Kind::kTime:
      return to_text(as<sila::Time>(basic));
    case Kind::kTimestamp:
      return to_text(as<sila::Timestamp>(basic));
    default:
      ATHANOR_CHECK(false, "a leaf that is no text");
  }
}

template <class Time>
std::optional<std::string> put_time(const Leaf& leaf, const std::optional<Time>& time, const char* such_as,
                                    const wire::Value& value, pb::Message& into) {
  if (!time) {
    return fmt::format("parameter “{}” is “{}”; expected a {} of ISO 8601 with its time zone, such as {}",
                       leaf.field.name(), value.text(), to_string(leaf.type.kind), such_as);
  }
  ATHANOR_CHECK(into.ParseFromString(time->SerializeAsString()), "a message that cannot be read back");
  return std::nullopt;
}

}  // namespace

Leaves flatten(const Feature& feature, const std::vector<Element>& elements) {
  Flattener flattener(feature);
  for (const Element& element : elements) flattener.add(element, {}, "");
  return std::move(flattener.found);
}

std::optional<std::string> put(const Leaf& leaf, const wire::Value& value, pb::Message& message) {
  pb::Message* at = &message;
  for (const std::string& name : leaf.path) at = at->GetReflection()->MutableMessage(at, &field_of(*at, name));
  const pb::Reflection& reflection = *at->GetReflection();
  const double number = (value.number() - leaf.scale.offset) / leaf.scale.factor;
  switch (leaf.type.kind) {
    case Kind::kReal:
      reflection.SetDouble(at, &field_of(*at, "value"), number);
      return std::nullopt;
    case Kind::kInteger:
      if (std::abs(number) > kMostExact || (!leaf.type.constraints.unit && number != std::round(number)))
        return fmt::format("parameter “{}” is {}; expected a whole number", leaf.field.name(), format_number(number));
      reflection.SetInt64(at, &field_of(*at, "value"), std::llround(number));
      return std::nullopt;
    case Kind::kBoolean:
      reflection.SetBool(at, &field_of(*at, "value"), value.text() == "true");
      return std::nullopt;
    case Kind::kString:
      reflection.SetString(at, &field_of(*at, "value"), value.text());
      return std::nullopt;
    case Kind::kDate:
      return put_time(leaf, parse_date(value.text()), "2026-03-01Z", value, *at);
    case Kind::kTime:
      return put_time(leaf, parse_time(value.text()), "08:15:30.250Z", value, *at);
    case Kind::kTimestamp:
      return put_time(leaf, parse_timestamp(value.text()), "2026-03-01T08:15:30+02:00", value, *at);
    default:
      ATHANOR_CHECK(false, fmt::format("a parameter that is a {}", to_string(leaf.type.kind)));
  }
}

std::optional<wire::Value> take(const Leaf& leaf, const pb::Message& message) {
  const pb::Message* at = &message;
  for (const std::string& name : leaf.path) {
    const pb::FieldDescriptor& field = field_of(*at, name);
    if (!at->GetReflection()->HasField(*at, &field)) return std::nullopt;
    at = &at->GetReflection()->GetMessage(*at, &field);
  }
  const auto number = [&](double device) {
    return number_value(leaf.field.name(), device * leaf.scale.factor + leaf.scale.offset, leaf.field.unit());
  };
  if (leaf.type.kind == Kind::kReal) return number(as<sila::Real>(*at).value());
  if (leaf.type.kind == Kind::kInteger) return number(static_cast<double>(as<sila::Integer>(*at).value()));
  return text_value(leaf.field.name(), text_of(leaf, *at));
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
