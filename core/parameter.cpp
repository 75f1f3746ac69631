#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/space.h"

namespace athanor {
namespace {

template <class... Functions>
struct Visitor : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Visitor(Functions...) -> Visitor<Functions...>;

}  // namespace

std::size_t Parameter::cardinality() const {
  return std::visit(
      Visitor{[](const Continuous&) { return std::size_t{0}; },
              [](const Integer& k) { return static_cast<std::size_t>(k.high - k.low) + 1; },
              [](const Levels& k) { return k.values.size(); }, [](const Choices& k) { return k.names.size(); }},
      kind);
}

double Parameter::low() const {
  return std::visit(
      Visitor{[](const Continuous& k) { return k.low; }, [](const Integer& k) { return static_cast<double>(k.low); },
              [](const Levels& k) { return k.values.front(); }, [](const Choices&) { return 0.0; }},
      kind);
}

double Parameter::high() const {
  return std::visit(
      Visitor{[](const Continuous& k) { return k.high; }, [](const Integer& k) { return static_cast<double>(k.high); },
              [](const Levels& k) { return k.values.back(); },
              [](const Choices& k) { return static_cast<double>(k.names.size()) - 1; }},
      kind);
}

double Parameter::nearest(double value) const {
  if (std::isnan(value)) return low();
  const double clamped = std::clamp(value, low(), high());
  if (continuous()) return clamped;
  if (const auto* levels = std::get_if<Levels>(&kind)) {
    const auto above = std::lower_bound(levels->values.begin(), levels->values.end(), clamped);
    if (above == levels->values.begin()) return *above;
    const double below = *(above - 1);
    return clamped - below < *above - clamped ? below : *above;
  }
  return std::round(clamped);
}

bool Parameter::admits(double value) const {
  constexpr double kRangeSlack = 1e-6;
  if (!std::isfinite(value)) return false;
  if (const auto* range = std::get_if<Continuous>(&kind)) {
    if (range->log) {
      const double factor = std::pow(range->high / range->low, kRangeSlack);
      return value >= range->low / factor && value <= range->high * factor;
    }
    const double slack = kRangeSlack * (range->high - range->low);
    return value >= range->low - slack && value <= range->high + slack;
  }
  const double off = std::abs(nearest(value) - value);
  return off <= 1e-9 * std::max(1.0, std::abs(value)) && off < 1e-3;
}

std::string Parameter::legal_values() const {
  const std::string its_unit = unit.text().empty() ? "" : " " + unit.text();
  if (const auto* choices = std::get_if<Choices>(&kind)) {
    return fmt::format("one of its {} choices", choices->names.size());
  }
  if (const auto* levels = std::get_if<Levels>(&kind)) {
    std::string text = "one of the levels";
    for (std::size_t i = 0; i < levels->values.size(); ++i) {
      text += (i == 0 ? " " : ", ") + format_number(levels->values[i]);
    }
    return text + its_unit;
  }
  return fmt::format("{}between {} and {}{}", continuous() ? "" : "an integer ", format_number(low()),
                     format_number(high()), its_unit);
}

std::string Parameter::with_unit(double value) const {
  return categorical() ? format_number(value) : to_string(Quantity{value, unit});
}

std::string Parameter::text(double value) const {
  const auto* choices = std::get_if<Choices>(&kind);
  if (choices == nullptr) return format_number(value);
  const double index = std::round(value);
  ATHANOR_CHECK(index >= 0 && index < static_cast<double>(choices->names.size()), "no such choice");
  return choices->names[static_cast<std::size_t>(index)];
}

}  // namespace athanor
