#include "optimizers/plan_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/document.h"
#include "core/error.h"
#include "core/nesting.h"
#include "core/utf8.h"
#include "optimizers/models.h"

namespace athanor {
namespace {

constexpr int kDeepest = 32;               // nesting of a line; the protocol needs five
constexpr std::size_t kMostMistakes = 10;  // told of one line

/// The few characters of `line` at which its reading ended; `at` counts from 1.
std::string excerpt(const std::string& line, std::size_t at) {
  constexpr std::size_t kAround = 20;
  std::size_t begin = std::min(at == 0 ? 0 : at - 1, line.size());
  if (begin == line.size()) return "the end";
  const auto inside = [&](std::size_t i) {
    return i < line.size() && (static_cast<unsigned char>(line[i]) & 0xC0) == 0x80;
  };
  while (begin > 0 && inside(begin)) --begin;
  std::size_t end = std::min(line.size(), begin + kAround);
  while (inside(end)) ++end;
  return line.substr(begin, end - begin);
}

/// A number, or a text with a number and a unit, in `unit`.
std::optional<double> read_number(const Json& value, const Unit& unit, const std::string& where, Mistakes& mistakes) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    try {
      const Quantity quantity = parse_quantity(value.get<std::string>());
      number = quantity.unit.text().empty() ? quantity.value : in_unit(quantity, unit);
    } catch (const InputError& error) {
      mistakes.add(where, error.what());
      return std::nullopt;
    }
  } else {
    mistakes.add(where, fmt::format("expected a number or a quantity such as “80 degC”, found {}", shown(value)));
    return std::nullopt;
  }
  if (std::isfinite(number)) return number;
  mistakes.add(where, fmt::format("{} is not a finite number", shown(value)));
  return std::nullopt;
}

std::optional<double> read_choice(const Json& value, const Choices& choices, const std::string& where,
                                  Mistakes& mistakes) {
  std::string name;
  if (value.is_string()) {
    name = value.get<std::string>();
  } else if (value.is_number()) {
    name = format_number(value.get<double>());
  } else {
    mistakes.add(where, fmt::format("expected one of its choices, found {}", shown(value)));
    return std::nullopt;
  }
  const auto found = std::find(choices.names.begin(), choices.names.end(), name);
  if (found != choices.names.end()) return static_cast<double>(found - choices.names.begin());
  mistakes.add(where, fmt::format("“{}” is none of its choices{}", name, suggest_name(name, choices.names)));
  return std::nullopt;
}

}  // namespace

Json parse_line(const std::string& line) {
  if (json_nesting(line) > kDeepest)
    throw InputError(fmt::format("the line is nested deeper than {} levels", kDeepest));
  if (const auto at = bad_byte(line)) {
    throw InputError(fmt::format("this line is not UTF-8: byte {} is 0x{:02x}, which is no part of a character",
                                 *at + 1, static_cast<unsigned char>(line[*at])));
  }
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    const std::string where = excerpt(line, error.byte);
    const bool no_number = where.find("NaN") != where.npos || where.find("Infinity") != where.npos;
    throw InputError(
        fmt::format("this line is not JSON from character {} on: “{}”{}", error.byte, where,
                    no_number ? " (NaN and Infinity are not JSON; a value that was not measured is left out)" : ""));
  } catch (const Json::out_of_range&) {
    throw InputError("this line has a number that is too large for any machine");
  }
}

void Mistakes::add(const std::string& where, const std::string& what) {
  list_.push_back(where.empty() ? what : where + ": " + what);
}

void Mistakes::throw_if_any() const {
  if (list_.empty()) return;
  std::string text;
  for (std::size_t i = 0; i < std::min(list_.size(), kMostMistakes); ++i) text += (i == 0 ? "" : "; ") + list_[i];
  if (list_.size() > kMostMistakes) text += fmt::format("; and {} more", list_.size() - kMostMistakes);
  throw InputError(text);
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) {
    // Cut between characters, not inside one.
    std::size_t end = 57;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  return text;
}

void check_keys(const Json& object, const std::vector<std::string>& known, const std::string& where,
                Mistakes& mistakes) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      mistakes.add(where, fmt::format("unknown key “{}”{}", key, suggest_name(key, known)));
    }
  }
}

std::optional<Point> read_point(const Space& space, const Json& value, const std::string& where, Mistakes& mistakes) {
  if (!value.is_object()) {
    mistakes.add(where, fmt::format("expected an object of parameters and values, found {}", shown(value)));
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Parameter& p : space.parameters()) names.push_back(p.name);
  for (const auto& [key, ignored] : value.items()) {
    if (!space.find(key))
      mistakes.add(where, fmt::format("there is no parameter “{}”{}", key, suggest_name(key, names)));
  }
  Point point(space.size());
  bool whole = true;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& p = space[i];
    const auto at = value.find(p.name);
    if (at == value.end()) {
      mistakes.add(where, fmt::format("the parameter “{}” is missing", p.name));
      whole = false;
      continue;
    }
    const std::string here = fmt::format("{}, “{}”", where, p.name);
    const auto* choices = std::get_if<Choices>(&p.kind);
    const auto number = choices ? read_choice(*at, *choices, here, mistakes) : read_number(*at, p.unit, here, mistakes);
    whole = whole && number;
    if (!number) continue;
    // A converted quantity is off by rounding: take the legal number that it means.
    const double legal = p.nearest(*number);
    const double slack = 1e-9 * (p.continuous() ? std::abs(legal) : 1);
    point[i] = std::abs(legal - *number) <= slack ? legal : *number;
  }
  if (!whole) return std::nullopt;
  try {
    check_point(space, point, where);
  } catch (const InputError& error) {
    mistakes.add("", error.what());
    return std::nullopt;
  }
  return point;
}

Json write_point(const Space& space, const Point& point) {
  Json out = Json::object();
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& p = space[i];
    if (const auto* choices = std::get_if<Choices>(&p.kind)) {
      out[p.name] = choices->names[static_cast<std::size_t>(point[i])];
    } else if (std::holds_alternative<Integer>(p.kind)) {
      out[p.name] = static_cast<std::int64_t>(point[i]);
    } else {
      out[p.name] = point[i];
    }
  }
  return out;
}

Json write_predictions(const Problem& problem, const Forecast& forecast) {
  Json out = Json::object();
  const std::vector<Measurand> measurands = problem.measurands();
  for (std::size_t k = 0; k < forecast.of.size(); ++k) {
    const auto& one = forecast.of[k];
    if (one) out[measurands[k].name] = {{"mean", one->mean}, {"sd", one->sd}};
  }
  return out;
}

std::vector<std::optional<Measurement>> read_measured(const std::vector<Measurand>& measurands, const Json& item,
                                                      const std::string& where, Mistakes& mistakes) {
  std::vector<std::optional<Measurement>> out(measurands.size());
  std::vector<std::string> names;
  for (const Measurand& measurand : measurands) names.push_back(measurand.name);
  for (const char* key : {"measured", "sd"}) {
    if (!item.contains(key)) continue;
    const Json& values = item[key];
    const std::string here = fmt::format("{}, {}", where, key);
    if (!values.is_object() || (values.empty() && key == std::string("measured"))) {
      mistakes.add(here, fmt::format("expected an object of measured values, found {}", shown(values)));
      continue;
    }
    for (const auto& [name, value] : values.items()) {
      const auto at = std::find(names.begin(), names.end(), name);
      if (at == names.end()) {
        mistakes.add(here, fmt::format("nothing measured is named “{}”{}", name, suggest_name(name, names)));
        continue;
      }
      const auto k = static_cast<std::size_t>(at - names.begin());
      const std::string there = fmt::format("{}, “{}”", here, name);
      const auto number = read_number(value, measurands[k].unit, there, mistakes);
      if (!number) continue;
      if (std::abs(*number) > kLargestOutcome) {
        mistakes.add(there, fmt::format("{} cannot be computed with; the largest number that can, either way, is {}",
                                        shown(value), format_number(kLargestOutcome)));
      } else if (key == std::string("measured")) {
        out[k] = Measurement{*number, std::nullopt};
      } else if (!(*number >= 0)) {
        mistakes.add(there, fmt::format("a standard deviation must be 0 or more, found {}", shown(value)));
      } else if (!out[k]) {
        mistakes.add(there, "a standard deviation of something that was not measured");
      } else {
        out[k]->sd = *number;
      }
    }
  }
  return out;
}

}  // namespace athanor
