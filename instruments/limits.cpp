// What a capability allows: every parameter of a command held against its description. The last of three such checks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/document.h"
#include "core/quantity.h"
#include "instruments/description.h"
#include "instruments/driver.h"

namespace athanor {

namespace {

std::string suggestion(const wire::Capability& capability, const std::string& name) {
  std::vector<std::string> known;
  for (const wire::Field& field : capability.parameters()) known.push_back(field.name());
  return known.empty() ? " (it has none)" : suggest_name(name, known);
}

std::string text_refused(const wire::Field& field, const wire::Value& value) {
  if (value.kind_case() != wire::Value::kText) {
    return fmt::format("“{}” is {}; expected a text", field.name(), readable(value));
  }
  if (field.choices().empty()) return {};
  const std::vector<std::string> choices(field.choices().begin(), field.choices().end());
  for (const std::string& choice : choices) {
    if (choice == value.text()) return {};
  }
  return fmt::format("“{}” is “{}”, which is none of its choices{}", field.name(), value.text(),
                     suggest_name(value.text(), choices));
}

// Empty if `number` is one of the levels, to a millionth of all that they span.
std::string level_refused(const wire::Field& field, double number, const std::string& found) {
  if (field.levels().empty()) return {};
  const auto above = std::lower_bound(field.levels().begin(), field.levels().end(), number);
  const double tolerance = 1e-6 * (*field.levels().rbegin() - *field.levels().begin());
  std::string nearest;
  for (const auto level : {above - 1, above}) {
    if (level < field.levels().begin() || level == field.levels().end()) continue;
    if (std::abs(number - *level) <= tolerance) return {};
    nearest += (nearest.empty() ? "" : " and ") + format_number(*level);
  }
  return fmt::format("{}, which is none of its {} levels (the nearest: {}{}{})", found, field.levels().size(), nearest,
                     field.unit().empty() ? "" : " ", field.unit());
}

std::string number_refused(const wire::Field& field, const wire::Value& value) {
  const std::string wanted =
      field.unit().empty() ? "a number without a unit" : fmt::format("a number in {}", field.unit());
  if (value.kind_case() != wire::Value::kNumber) {
    return fmt::format("“{}” is {}; expected {}", field.name(), readable(value), wanted);
  }
  if (!std::isfinite(value.number())) {
    return fmt::format("“{}” is {}; expected a finite number", field.name(), readable(value));
  }
  double number = value.number(), rounding = 0, relative = 0;
  std::string found = fmt::format("“{}” is {}", field.name(), readable(value));
  if (value.unit() != field.unit()) {
    try {
      const Unit from = Unit::parse(value.unit()), to = Unit::parse(field.unit());
      if (!from.convertible_to(to)) {
        return fmt::format("“{}” is {}, which cannot be converted; expected {}", field.name(), readable(value), wanted);
      }
      number = from.convert(value.number(), to);
      // A number that stands exactly on its limit may come out of the conversion some last digits beyond it.
      relative = 1e-12;
      rounding = relative * std::abs(value.number()) * std::abs(from.convert(1, to) - from.convert(0, to));
      found += fmt::format(" ({:.6g}{}{})", number, field.unit().empty() ? "" : " ", field.unit());  // 30 is 3000 %
    } catch (const InputError& error) {
      return fmt::format("“{}” is {}: {}; expected {}", field.name(), readable(value), error.what(), wanted);
    }
  }
  const auto beyond = [&](const char* side, double limit) {
    return fmt::format("{}, {} the limit of {}{}{}", found, side, format_number(limit), field.unit().empty() ? "" : " ",
                       field.unit());
  };
  if (field.has_low() && number < field.low() - rounding - relative * std::abs(field.low())) {
    return beyond("below", field.low());
  }
  if (field.has_high() && number > field.high() + rounding + relative * std::abs(field.high())) {
    return beyond("above", field.high());
  }
  return level_refused(field, number, found);
}

}  // namespace

std::string why_refused(const wire::Field& field, const wire::Value& value) {
  return field.is_text() ? text_refused(field, value) : number_refused(field, value);
}

double in_unit_of(const wire::Field& field, const wire::Value& value) {
  double number = value.number();
  if (value.unit() != field.unit()) number = Unit::parse(value.unit()).convert(number, Unit::parse(field.unit()));
  // Converting can put a number that stood on its limit a last digit beyond it.
  if (field.has_low()) number = std::max(number, field.low());
  if (field.has_high()) number = std::min(number, field.high());
  return number;
}

std::string why_refused(const wire::Capability& capability, const wire::Command& command) {
  std::set<std::string> given;
  for (const wire::Value& value : command.with()) {
    const wire::Field* field = find_parameter(capability, value.name());
    if (field == nullptr) {
      return fmt::format("“{}” has no parameter “{}”{}", capability.name(), value.name(),
                         suggestion(capability, value.name()));
    }
    if (!given.insert(value.name()).second) {
      return fmt::format("“{}” was given parameter “{}” twice", capability.name(), value.name());
    }
    const std::string why = why_refused(*field, value);
    if (!why.empty()) return fmt::format("parameter {} of “{}”", why, capability.name());
  }
  for (const wire::Field& field : capability.parameters()) {
    if (!field.may_be_missing() && given.count(field.name()) == 0) {
      return fmt::format("“{}” needs parameter “{}”{}, which was not given", capability.name(), field.name(),
                         field.unit().empty() ? "" : fmt::format(" (in {})", field.unit()));
    }
  }
  return {};
}

}  // namespace athanor
