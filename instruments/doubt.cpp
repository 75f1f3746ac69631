#include "instruments/doubt.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/quantity.h"
#include "instruments/description.h"

namespace athanor {

namespace wire = driver::v1;

std::optional<Doubt> doubt(const std::string& instrument, const wire::Capability& capability, const wire::Value& value,
                           std::uint32_t equal_before) {
  const wire::Field* field = find_result(capability, value.name());
  if (field == nullptr || value.kind_case() != wire::Value::kNumber) return std::nullopt;
  double number = 0;
  try {
    number = in_unit({value.number(), Unit::parse(value.unit())}, Unit::parse(field->unit()));
  } catch (const InputError&) {
    return std::nullopt;  // said where it is asked for
  }
  const auto since = [&](const std::string& why, bool instrument_is_at_fault) {
    return Doubt{fmt::format("{} of {} is {}, {}", value.name(), instrument, readable(value), why),
                 instrument_is_at_fault};
  };
  const auto bound = [&](double limit) { return to_string(Quantity{limit, Unit::parse(field->unit())}); };
  if (field->has_low() && number < field->low())
    return since(fmt::format("below {}, the least there can be", bound(field->low())), true);
  if (field->has_high() && number > field->high())
    return since(fmt::format("above {}, the most there can be", bound(field->high())), true);
  if (field->has_saturates_low() && number <= field->saturates_low())
    return since(fmt::format("where it is saturated (at or below {})", bound(field->saturates_low())), false);
  if (field->has_saturates_high() && number >= field->saturates_high())
    return since(fmt::format("where it is saturated (at or above {})", bound(field->saturates_high())), false);
  if (field->flat_after() > 0 && equal_before + 1 >= field->flat_after())
    return since(fmt::format("to the last digit, for the {}th time in a row: it measures nothing", equal_before + 1),
                 true);
  return std::nullopt;
}

}  // namespace athanor
