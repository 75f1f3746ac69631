#include "sila2/fields.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/check.h"
#include "core/quantity.h"
#include "instruments/messages.h"
#include "proto/sila2.pb.h"
#include "sila2/base64.h"
#include "sila2/dates.h"
#include "sila2/lists.h"

namespace athanor::sila2 {
namespace {

namespace pb = google::protobuf;
namespace sila = ::sila2::org::silastandard;
using Kind = DataType::Kind;

constexpr double kMostExact = 9007199254740992;  // 2^53: from there on a double may stand for its neighbour, too

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

std::optional<std::string> put_binary(const Leaf& leaf, const wire::Value& value, pb::Message& into) {
  std::optional<std::string> bytes = from_base64(value.text());
  if (!bytes) return fmt::format("parameter “{}” is no Base64, in which a Binary is given", leaf.field.name());
  into.GetReflection()->SetString(&into, &field_of(into, "value"), std::move(*bytes));
  return std::nullopt;
}

}  // namespace

const pb::FieldDescriptor& field_of(const pb::Message& message, const std::string& name) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  ATHANOR_CHECK(field != nullptr, fmt::format("{} has no field “{}”", message.GetDescriptor()->full_name(), name));
  return *field;
}

const pb::Message* find_part(const std::vector<std::string>& path, const pb::Message& message) {
  const pb::Message* at = &message;
  for (const std::string& name : path) {
    const pb::FieldDescriptor& field = field_of(*at, name);
    if (!at->GetReflection()->HasField(*at, &field)) return nullptr;
    at = &at->GetReflection()->GetMessage(*at, &field);
  }
  return at;
}

wire::Value read_value(const std::string& name, const std::string& text, const wire::Field* field) {
  if (field == nullptr || field->is_text()) return text_value(name, text);
  const Quantity quantity = parse_quantity(text);
  return number_value(name, quantity.value, quantity.unit.text().empty() ? field->unit() : quantity.unit.text());
}

std::optional<std::string> put(const Leaf& leaf, const wire::Value& value, pb::Message& message) {
  if (leaf.form == Leaf::Form::kList) return put_list(leaf, value.text(), message);
  pb::Message* at = &message;
  for (const std::string& name : leaf.path) at = at->GetReflection()->MutableMessage(at, &field_of(*at, name));
  const pb::Reflection& reflection = *at->GetReflection();
  const double number = (value.number() - leaf.scale.offset) / leaf.scale.factor;
  switch (leaf.type.kind) {
    case Kind::kReal:
      reflection.SetDouble(at, &field_of(*at, "value"), number);
      return std::nullopt;
    case Kind::kInteger:
      if (std::abs(number) >= kMostExact || (!leaf.type.constraints.unit && number != std::round(number)))
        return fmt::format("parameter “{}” is {}; expected a whole number", leaf.field.name(), format_number(number));
      reflection.SetInt64(at, &field_of(*at, "value"), std::llround(number));
      return std::nullopt;
    case Kind::kBoolean:
      reflection.SetBool(at, &field_of(*at, "value"), value.text() == "true");
      return std::nullopt;
    case Kind::kString:
      reflection.SetString(at, &field_of(*at, "value"), value.text());
      return std::nullopt;
    case Kind::kBinary:
      return put_binary(leaf, value, *at);
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
  const pb::Message* at = find_part(leaf.path, message);
  if (at == nullptr) return std::nullopt;
  const auto number = [&](double device) {
    return number_value(leaf.field.name(), device * leaf.scale.factor + leaf.scale.offset, leaf.field.unit());
  };
  if (leaf.type.kind == Kind::kReal) return number(as<sila::Real>(*at).value());
  if (leaf.type.kind == Kind::kInteger) return number(static_cast<double>(as<sila::Integer>(*at).value()));
  return text_value(leaf.field.name(), text_of(leaf, *at));
}

}  // namespace athanor::sila2
