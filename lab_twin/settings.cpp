#include "lab_twin/settings.h"

#include <fmt/format.h>

#include <algorithm>

namespace athanor {

Settings::Settings(const Node& node, std::string what) : what_(std::move(what)) {
  if (node && node.kind() != Node::Kind::kNull) reader_.emplace(node, what_);
}

double Settings::in_range(const Node& node, std::optional<double> value, const std::string& unit, double otherwise,
                          double low, double high) const {
  if (!value) return otherwise;
  if (*value >= low && *value <= high) return *value;
  const auto shown = [&](double number) {
    return unit.empty() ? pretty_number(number) : pretty_number(number) + " " + unit;
  };
  node.error(fmt::format("{} is outside what the twin can simulate: {} to {}", shown(*value), shown(low), shown(high)));
  return otherwise;
}

double Settings::number(const std::string& key, double otherwise, double low, double high) {
  const Node node = raw(key);
  return node ? in_range(node, node.number(), "", otherwise, low, high) : otherwise;
}

long Settings::integer(const std::string& key, long otherwise, long low, long high) {
  const Node node = raw(key);
  const auto value = node ? node.integer() : std::nullopt;
  if (!value || (*value >= low && *value <= high)) return value.value_or(otherwise);
  node.error(fmt::format("{} is outside what the twin can simulate: {} to {}", *value, low, high));
  return otherwise;
}

double Settings::quantity(const std::string& key, const std::string& unit, double otherwise, double low, double high) {
  const Node node = raw(key);
  return node ? in_range(node, node.quantity_in(Unit::parse(unit)), unit, otherwise, low, high) : otherwise;
}

std::optional<double> Settings::required_quantity(const std::string& key, const std::string& unit, double low,
                                                  double high) {
  const Node node = required(key);
  if (!node) return std::nullopt;
  const auto value = node.quantity_in(Unit::parse(unit));
  if (!value) return std::nullopt;
  return in_range(node, value, unit, std::clamp(*value, low, high), low, high);
}

bool Settings::flag(const std::string& key, bool otherwise) {
  const Node node = raw(key);
  return node ? node.boolean().value_or(otherwise) : otherwise;
}

std::string Settings::choice(const std::string& key, const std::vector<std::string>& allowed,
                             const std::string& otherwise) {
  const Node node = raw(key);
  return node ? node.one_of(allowed).value_or(otherwise) : otherwise;
}

Node Settings::raw(const std::string& key) {
  return reader_ ? reader_->optional(key) : Node();
}
Node Settings::required(const std::string& key) {
  return reader_ ? reader_->required(key) : Node();
}

void Settings::finish() {
  if (reader_) reader_->finish();
}

}  // namespace athanor
