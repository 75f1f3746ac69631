#include "adapters/bus.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/answer.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {

std::string why_no_time(double time_s) {
  if (time_s >= 0 && time_s <= kLongestTime) return "";
  return fmt::format("{} s; expected 0 s to 365 d", time_s);
}

double timeout_of(const nlohmann::json& step, double otherwise_s) {
  return step.contains("timeout") ? in_unit(parse_quantity(raw(step.at("timeout"))), Unit::parse("s")) : otherwise_s;
}

void check_timeout(const nlohmann::json& step, const Node& node) {
  try {
    const double timeout_s = timeout_of(step, 1);
    if (!(timeout_s > 0 && timeout_s <= kLongestTime))
      node.error(fmt::format("a timeout of {} s; expected more than 0 s and at most 365 d", timeout_s));
  } catch (const InputError& error) {
    node.error(error.what());
  }
}

double read_time(MapReader& reader, const std::string& key, double otherwise_s, double most_s) {
  const Node node = reader.optional(key);
  if (!node) return otherwise_s;
  const auto time_s = node.quantity_in(Unit::parse("s"));
  if (time_s && !(*time_s > 0 && *time_s <= most_s))
    node.error(fmt::format("“{}” of {} s; expected more than 0 s and at most {} s", key, *time_s, most_s));
  return time_s.value_or(otherwise_s);
}

}  // namespace athanor
