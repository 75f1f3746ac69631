// Numbers with units. Units are those of UDUNITS-2 ("degC", "mL", "mol/L", "%"), and "M" for mol/L with its prefixes
// (mM, uM, nM).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace athanor {

/// A unit of measure. The empty text is the dimensionless unit 1.
class Unit {
 public:
  Unit() = default;
  /// throws InputError naming the text if it is no unit.
  static Unit parse(std::string_view text);

  const std::string& text() const { return text_; }
  bool convertible_to(const Unit& other) const;
  /// `value` of this unit in `target`; offsets included (25 degC = 298.15 K). throws InputError if not convertible.
  double convert(double value, const Unit& target) const;
  /// A difference of two numbers of this unit as one of `target`; offsets play no part (a difference of 1 degC is one
  /// of 1 K). throws InputError if not convertible, or if equal differences would not be equal in `target` (decibels).
  double convert_difference(double difference, const Unit& target) const;
  bool operator==(const Unit& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::shared_ptr<const void> handle_;  // the library's parsed unit
};

struct Quantity {
  double value = 0;
  Unit unit;
};

/// "80 degC", "0.5 mL", "1e-3", "25 %". throws InputError that names the text where there is no number or no such unit.
Quantity parse_quantity(std::string_view text);
/// `quantity` as a number of `target`. throws InputError that names both units if they measure different things.
double in_unit(const Quantity& quantity, const Unit& target);
/// The same for a quantity that is a difference: "1 degC" is 1 in K. throws InputError also for units that have none.
double difference_in_unit(const Quantity& quantity, const Unit& target);
/// The shortest text that reads back as the same number: "80 degC".
std::string to_string(const Quantity& quantity);
/// The shortest text that reads back as the same double.
std::string format_number(double value);
/// For people: `digits` significant digits, trailing zeros dropped, no exponent between 1e-4 and 1e7.
std::string pretty_number(double value, int digits = 4);

}  // namespace athanor
