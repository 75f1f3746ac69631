#include "core/quantity.h"

#include <fmt/format.h>
#include <udunits2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>

#include "core/check.h"
#include "core/error.h"
#include "core/text.h"

namespace athanor {
namespace {

/// value · factor / divisor + offset, or what the library says where that is no straight line (decibels).
struct Converter {
  bool possible = false;
  double factor = 1, divisor = 1, offset = 0;
  cv_converter* curved = nullptr;

  double operator()(double value) const {
    return curved != nullptr ? cv_convert_double(curved, value) : difference(value) + offset;
  }
  double difference(double value) const { return value * factor / divisor; }
};

// The library's factors carry a rounding or two: 1000.0000000000001 from mL to uL. A number that is short but for that
// was meant.
double unrounded(double value) {
  const double brief = std::stod(fmt::format("{:.12g}", value));
  return std::abs(brief - value) <= 1e-15 * std::abs(value) ? brief : value;
}

// Takes over `library_converter`, which may be null.
Converter make_converter(cv_converter* library_converter) {
  Converter converter;
  if (library_converter == nullptr) return converter;
  const auto f = [&](double value) { return cv_convert_double(library_converter, value); };
  const double slope = f(1) - f(0);
  // The library converts seconds to hertz by their reciprocal; in a laboratory that is a slip, not a wish.
  converter.possible = f(2) > f(1);
  if (converter.possible && !(std::abs(f(2) - f(1) - slope) <= 1e-9 * std::abs(slope))) {
    converter.curved = library_converter;
    return converter;
  }
  converter.offset = unrounded(f(0));
  // With an offset f(1) − f(0) cancels; far out it does not.
  const double exact = f(0) == 0 ? slope : (f(1e9) - f(0)) / 1e9;
  converter.factor = unrounded(exact);
  // Dividing by 1000 rounds once where multiplying by 0.001 rounds twice.
  const double inverse = unrounded(1 / exact);
  if (inverse > 1 && inverse == std::trunc(inverse)) {
    converter.factor = 1;
    converter.divisor = inverse;
  }
  cv_free(library_converter);
  return converter;
}

// The library's unit system and all that was ever parsed with it. The library keeps state of its own (its status, its
// parser), so one mutex guards every call. Never freed: units may outlive any order of destruction.
struct UnitLibrary {
  std::mutex mutex;
  ut_system* system = nullptr;
  std::map<std::string, std::shared_ptr<const void>, std::less<>> units;
  std::map<std::pair<std::string, std::string>, Converter> converters;

  UnitLibrary() {
    ut_set_error_message_handler(ut_ignore);
    system = ut_read_xml(nullptr);
    if (system == nullptr) {
      throw EnvironmentError(
          "the table of units of UDUNITS-2 cannot be read; install the package libudunits2-data, or set "
          "UDUNITS2_XML_PATH to its file udunits2.xml");
    }
    add("M", "mol/L");
    add("AU", "1");  // of absorbance, the logarithm of a ratio
  }

  // What laboratories write, and UDUNITS-2 does not know: with every prefix.
  void add(const char* symbol, const char* meaning) {
    ut_unit* unit = ut_parse(system, meaning, UT_UTF8);
    ATHANOR_CHECK(unit != nullptr, std::string("UDUNITS-2 does not know ") + meaning);
    ut_map_symbol_to_unit(symbol, UT_UTF8, unit);
    ut_free(unit);
  }

  // The dimensionless unit is the empty text; null if there is no such unit. The caller holds the mutex.
  std::shared_ptr<const void> find(std::string_view text) {
    const auto known = units.find(text);
    if (known != units.end()) return known->second;
    ut_unit* unit =
        text.empty() ? ut_get_dimensionless_unit_one(system) : ut_parse(system, std::string(text).c_str(), UT_UTF8);
    if (unit == nullptr) return nullptr;
    return units.emplace(text, std::shared_ptr<const void>(unit, [](const void*) {})).first->second;
  }

  // The caller holds the mutex.
  const Converter& converter(const std::string& from, const std::string& to) {
    const auto [place, is_new] = converters.try_emplace({from, to});
    if (!is_new) return place->second;
    const auto raw = [this](const std::string& text) {
      return const_cast<ut_unit*>(static_cast<const ut_unit*>(find(text).get()));
    };
    return place->second = make_converter(ut_get_converter(raw(from), raw(to)));
  }
};

UnitLibrary& library() {
  static UnitLibrary* const instance = new UnitLibrary;
  return *instance;
}

// The library would also take “80 degC” or “K @ 273.15” for a unit; here these are a number with a unit, or a slip.
bool plain(std::string_view text) {
  for (const std::string_view origin : {"@", " since ", " after ", " from ", " ref "}) {
    if (text.find(origin) != std::string_view::npos) return false;
  }
  if (text.front() == '1') return text.size() == 1 || text[1] == '/';
  return text.find_first_of("0123456789+-.") != 0;
}

std::string named(const Unit& unit) {
  return unit.text().empty() ? "a number without a unit" : "“" + unit.text() + "”";
}

std::string hint(const Unit& unit) {
  if (unit.text() == "C") return " (“C” is the coulomb; degrees Celsius are “degC”)";
  if (unit.text() == "F") return " (“F” is the farad; degrees Fahrenheit are “degF”)";
  return "";
}

}  // namespace

Unit Unit::parse(std::string_view text) {
  const std::string_view name = trimmed(text);
  Unit unit;
  if (name.empty() || name == "1") return unit;
  UnitLibrary& units = library();
  const std::lock_guard lock(units.mutex);
  if (plain(name)) unit.handle_ = units.find(name);
  if (!unit.handle_) {
    throw InputError(fmt::format(
        "“{}” is no unit; expected one of UDUNITS-2, such as “degC”, “mL”, “mol/L”, “%” or, without dimension, “1”",
        name));
  }
  unit.text_ = name;
  return unit;
}

bool Unit::convertible_to(const Unit& other) const {
  if (text_ == other.text_) return true;
  UnitLibrary& units = library();
  const std::lock_guard lock(units.mutex);
  return units.converter(text_, other.text_).possible;
}

double Unit::convert(double value, const Unit& target) const {
  if (text_ == target.text_) return value;
  UnitLibrary& units = library();
  const std::lock_guard lock(units.mutex);
  const Converter& converter = units.converter(text_, target.text_);
  if (!converter.possible) {
    throw InputError(fmt::format("{} cannot be converted to {}: they measure different things{}", named(*this),
                                 named(target), hint(*this) + hint(target)));
  }
  return converter(value);
}

double Unit::convert_difference(double difference, const Unit& target) const {
  if (text_ == target.text_) return difference;
  convert(difference, target);  // refuses what measures something else
  UnitLibrary& units = library();
  const std::lock_guard lock(units.mutex);
  const Converter& converter = units.converter(text_, target.text_);
  if (converter.curved != nullptr) {
    throw InputError(
        fmt::format("a difference in {} is none in {}, for one is no straight line over the other; write "
                    "it in {}",
                    named(*this), named(target), named(target)));
  }
  return converter.difference(difference);
}

Quantity parse_quantity(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const auto fail = [&](const std::string& why) {
    return InputError(
        fmt::format("“{}” {}; expected a number with its unit, such as “80 degC”, “0.5 mL” or “0.5”", whole, why));
  };
  std::string_view digits = whole;
  if (digits.starts_with('+') && digits.substr(1).find_first_of("+-") != 0) digits.remove_prefix(1);
  double value = 0;
  const auto [rest, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem == std::errc::result_out_of_range) throw fail("has a number that is too large or too small");
  if (problem != std::errc() || !std::isfinite(value)) throw fail("does not begin with a number");
  const std::string_view unit = trimmed(digits.substr(static_cast<std::size_t>(rest - digits.data())));
  if (unit.starts_with(',')) throw fail("has a comma in its number (write a point)");
  try {
    return {value, Unit::parse(unit)};
  } catch (const InputError&) {
    throw fail(fmt::format("has no known unit: “{}” is none of UDUNITS-2", unit));
  }
}

double in_unit(const Quantity& quantity, const Unit& target) {
  try {
    return quantity.unit.convert(quantity.value, target);
  } catch (const InputError&) {
    if (quantity.unit.text().empty()) {
      throw InputError(fmt::format("“{}” has no unit; expected one that converts to “{}”, such as “{} {}”",
                                   format_number(quantity.value), target.text(), format_number(quantity.value),
                                   target.text()));
    }
    throw InputError(fmt::format("“{}” cannot be converted to {}: they measure different things{}", to_string(quantity),
                                 target.text().empty() ? "a number without a unit" : "“" + target.text() + "”",
                                 hint(quantity.unit) + hint(target)));
  }
}

double difference_in_unit(const Quantity& quantity, const Unit& target) {
  in_unit(quantity, target);  // refuses what measures something else
  return quantity.unit.convert_difference(quantity.value, target);
}

std::string to_string(const Quantity& quantity) {
  if (quantity.unit.text().empty()) return format_number(quantity.value);
  return format_number(quantity.value) + " " + quantity.unit.text();
}

std::string format_number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string pretty_number(double value, int digits) {
  if (!std::isfinite(value)) return format_number(value);
  if (value == 0) return "0";
  // The exponent after rounding: 9.9999 to four digits is 10.
  const std::string rounded = fmt::format("{:.{}e}", value, digits - 1);
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  std::string text;
  if (exponent < -4 || exponent >= 7) {
    text = rounded.substr(0, rounded.find('e'));
  } else {
    text = fmt::format("{:.{}f}", std::stod(rounded), std::max(0, digits - 1 - exponent));
  }
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return exponent < -4 || exponent >= 7 ? fmt::format("{}e{}", text, exponent) : text;
}

}  // namespace athanor
