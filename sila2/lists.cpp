#include "sila2/lists.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/document.h"
#include "core/error.h"
#include "core/nesting.h"
#include "core/quantity.h"
#include "core/utf8.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor::sila2 {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;
using Kind = DataType::Kind;
using Why = std::optional<std::string>;

constexpr int kDeepest = 64;        // brackets within brackets
constexpr std::size_t kShown = 60;  // bytes of what was given, in messages

std::string shown(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= kShown ? text : fmt::format("{}…", shortened(text, kShown));
}

// ── Given ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// As a single parameter of that type would be given. None for another kind of thing; throws InputError for a quantity
/// that is none.
std::optional<wire::Value> value_of(const Leaf& item, const Json& json) {
  const wire::Field& field = item.field;
  if (field.is_text()) {
    if (json.is_string()) return text_value(field.name(), json.get<std::string>());
    if (item.type.kind == Kind::kBoolean && json.is_boolean())
      return text_value(field.name(), json.get<bool>() ? "true" : "false");
    return std::nullopt;
  }
  if (json.is_number()) return number_value(field.name(), json.get<double>(), field.unit());
  if (json.is_string()) return read_value(field.name(), json.get<std::string>(), &field);
  return std::nullopt;
}

std::string expected(const Leaf& item) {
  if (item.type.kind == Kind::kBoolean) return "true or false";
  if (item.field.is_text()) return "a text";
  return item.field.unit().empty() ? "a number"
                                   : fmt::format("a number in {}, or a text with its unit", item.field.unit());
}

Why put_elements(const Leaf& leaf, const Json& json, pb::Message& message);

Why put_item(const Leaf& item, const Json& json, pb::Message& element) {
  if (item.form == Leaf::Form::kList) return put_elements(item, json, element);
  const std::string& name = item.field.name();
  try {
    std::optional<wire::Value> value = value_of(item, json);
    if (!value) return fmt::format("parameter “{}” is {}; expected {}", name, shown(json), expected(item));
    if (const std::string why = why_refused(item.field, *value); !why.empty()) return "parameter " + why;
    if (value->has_number()) value->set_number(in_unit_of(item.field, *value));
    return put(item, *value, element);
  } catch (const InputError& error) {
    return fmt::format("parameter “{}” is {}: {}", name, shown(json), error.what());
  }
}

/// What is wrong is said of the whole list's name: “wells, element 3, row”.
Why put_named(const Leaf& item, const std::string& element_name, const Json& json, pb::Message& element) {
  if (!put_item(item, json, element)) return std::nullopt;
  Leaf named = item;
  named.field.set_name(item.field.name().empty() ? element_name : element_name + ", " + item.field.name());
  return put_item(named, json, element);
}

Why put_structure(const Leaf& leaf, const std::string& element_name, const Json& json, pb::Message& element) {
  if (!json.is_object())
    return fmt::format("parameter “{}” is {}; expected an object with {} by name", element_name, shown(json),
                       leaf.items.size() == 1 ? "its element" : "its elements");
  std::vector<std::string> names;
  for (const Leaf& item : leaf.items) {
    names.push_back(item.field.name());
    const auto found = json.find(item.field.name());
    if (found == json.end()) return fmt::format("parameter “{}” has no “{}”", element_name, item.field.name());
    if (Why why = put_named(item, element_name, *found, element)) return why;
  }
  for (const auto& [name, value] : json.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fmt::format("parameter “{}” has no element “{}”{}", element_name, name, suggest_name(name, names));
  }
  return std::nullopt;
}

Why put_elements(const Leaf& leaf, const Json& json, pb::Message& message) {
  const std::string& name = leaf.field.name();
  if (!json.is_array()) return fmt::format("parameter “{}” is {}; expected a JSON array", name, shown(json));
  const Constraints& counts = leaf.type.constraints;
  const auto wrong_count = [&](const char* bound, std::size_t allowed) {
    return fmt::format("parameter “{}” has {} element{}; expected at {} {}", name, json.size(),
                       json.size() == 1 ? "" : "s", bound, allowed);
  };
  if (counts.least && json.size() < *counts.least) return wrong_count("least", *counts.least);
  if (counts.most && json.size() > *counts.most) return wrong_count("most", *counts.most);
  pb::Message* at = &message;
  for (std::size_t i = 0; i + 1 < leaf.path.size(); ++i)
    at = at->GetReflection()->MutableMessage(at, &field_of(*at, leaf.path[i]));
  const pb::FieldDescriptor& list = field_of(*at, leaf.path.back());
  const bool bare = leaf.items.front().field.name().empty();
  std::size_t number = 0;
  for (const Json& one : json) {
    const std::string element_name = fmt::format("{}, element {}", name, ++number);
    pb::Message& element = *at->GetReflection()->AddMessage(at, &list);
    if (Why why = bare ? put_named(leaf.items.front(), element_name, one, element)
                       : put_structure(leaf, element_name, one, element))
      return why;
  }
  return std::nullopt;
}

// ── Taken ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The elements of the list at the end of a path; of one whose structure the device left out, none.
struct Elements {
  Elements(const std::vector<std::string>& path, const pb::Message& message)
      : within(find_part({path.begin(), path.end() - 1}, message)) {
    if (within != nullptr) field = &field_of(*within, path.back());
  }
  explicit operator bool() const { return within != nullptr; }
  int size() const { return within->GetReflection()->FieldSize(*within, field); }
  const pb::Message& operator[](int i) const { return within->GetReflection()->GetRepeatedMessage(*within, field, i); }

  const pb::Message* within;
  const pb::FieldDescriptor* field = nullptr;
};

Fault missing(const std::string& name) {
  return {Fault::Kind::kDevice, fmt::format("the server gave no “{}”", name)};
}

std::string named(const std::string& list, int element, const std::string& item) {
  return fmt::format("{}, element {}{}{}", list, element + 1, item.empty() ? "" : ", ", item);
}

Outcome<Json> json_of(const Leaf& leaf, const std::string& name, const pb::Message& message);

Outcome<Json> json_of_item(const Leaf& item, const std::string& name, const pb::Message& element) {
  if (item.form == Leaf::Form::kList) return json_of(item, name, element);
  const pb::Message* part = find_part(item.path, element);
  if (part == nullptr) return missing(name);
  if (item.type.kind == Kind::kInteger && !item.scale.changes())
    return Json(part->GetReflection()->GetInt64(*part, &field_of(*part, "value")));
  const wire::Value value = *take(item, element);
  if (item.type.kind == Kind::kBoolean) return Json(value.text() == "true");
  if (value.has_text()) return Json(value.text());
  if (std::isfinite(value.number())) return Json(value.number());
  return Fault{Fault::Kind::kDevice,
               fmt::format("the server gave {} as “{}”, which is no number", value.number(), name)};
}

Outcome<Json> json_of(const Leaf& leaf, const std::string& name, const pb::Message& message) {
  const Elements elements(leaf.path, message);
  if (!elements) return missing(name);
  Json list = Json::array();
  for (int i = 0; i < elements.size(); ++i) {
    Json one;
    for (const Leaf& item : leaf.items) {
      Outcome<Json> json = json_of_item(item, named(name, i, item.field.name()), elements[i]);
      if (!json) return json.fault();
      if (item.field.name().empty()) {
        one = std::move(json.value());
      } else {
        one[item.field.name()] = std::move(json.value());
      }
    }
    list.push_back(std::move(one));
  }
  return list;
}

template <class Number, class Read>
Outcome<SharedBytes> column(const Leaf& leaf, const Elements& elements, const Read& read) {
  const Leaf& item = leaf.items.front();
  std::vector<Number> numbers;
  numbers.reserve(static_cast<std::size_t>(elements.size()));
  for (int i = 0; i < elements.size(); ++i) {
    const pb::Message* part = find_part(item.path, elements[i]);
    if (part == nullptr) return missing(named(leaf.field.name(), i, ""));
    numbers.push_back(read(*part, *part->GetReflection(), field_of(*part, "value")));
  }
  return SharedBytes::of(std::move(numbers));
}

}  // namespace

std::optional<std::string> put_list(const Leaf& leaf, const std::string& text, pb::Message& message) {
  const Json json = json_nesting(text) > kDeepest ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
  if (json.is_discarded())
    return fmt::format("parameter “{}” is “{}{}”; expected a JSON array", leaf.field.name(), shortened(text, kShown),
                       text.size() > kShown ? "…" : "");
  return put_elements(leaf, json, message);
}

Outcome<std::string> take_list(const Leaf& leaf, const pb::Message& message) {
  const Outcome<Json> json = json_of(leaf, leaf.field.name(), message);
  if (!json) return json.fault();
  return json.value().dump(-1, ' ', false, Json::error_handler_t::replace);
}

Outcome<SharedBytes> take_numbers(const Leaf& leaf, const pb::Message& message) {
  const Elements elements(leaf.path, message);
  if (!elements) return missing(leaf.field.name());
  const Leaf& item = leaf.items.front();
  using Part = pb::Message;
  using Reading = pb::Reflection;
  using Field = pb::FieldDescriptor;
  switch (item.type.kind) {
    case Kind::kBoolean:
      return column<std::uint8_t>(leaf, elements, [](const Part& part, const Reading& reading, const Field& field) {
        return static_cast<std::uint8_t>(reading.GetBool(part, &field));
      });
    case Kind::kInteger:
      if (item.scale.changes()) {
        return column<double>(leaf, elements, [&](const Part& part, const Reading& reading, const Field& field) {
          return static_cast<double>(reading.GetInt64(part, &field)) * item.scale.factor + item.scale.offset;
        });
      }
      return column<std::int64_t>(leaf, elements, [](const Part& part, const Reading& reading, const Field& field) {
        return static_cast<std::int64_t>(reading.GetInt64(part, &field));
      });
    default:
      return column<double>(leaf, elements, [&](const Part& part, const Reading& reading, const Field& field) {
        return reading.GetDouble(part, &field) * item.scale.factor + item.scale.offset;
      });
  }
}

}  // namespace athanor::sila2
