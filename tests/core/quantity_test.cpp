// Goal: numbers keep their meaning through units and text. Method: conversions with known values, affine ones among
// them; round trips of random doubles; texts that are no quantities.
#include "core/quantity.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "tests/core/messages.h"

using namespace athanor;
using Catch::Matchers::Contains;

TEST_CASE("units of a laboratory are known and convert by their definitions", "[quantity]") {
  struct Case {
    const char* quantity;
    const char* target;
    double expected;
  };
  const auto c = GENERATE(Case{"25 degC", "K", 298.15}, Case{"25 °C", "K", 298.15}, Case{"0 K", "degC", -273.15},
                          Case{"212 degF", "degC", 100}, Case{"0.5 mL", "uL", 500}, Case{"500 µL", "mL", 0.5},
                          Case{"500 μL", "mL", 0.5}, Case{"2 h", "min", 120}, Case{"90 min", "s", 5400},
                          Case{"2 bar", "kPa", 200}, Case{"25 %", "", 0.25}, Case{"0.25", "%", 25},
                          Case{"1 M", "mol/L", 1}, Case{"3 mM", "mol/L", 0.003}, Case{"3 uM", "nM", 3000},
                          Case{"3 µM", "mol/m3", 0.003}, Case{"7 nM", "mol/L", 7e-9}, Case{"60 rpm", "rpm", 60},
                          Case{"2 g/L", "mg/mL", 2}, Case{"3 K/min", "degC/h", 180}, Case{"1 Mm", "m", 1e6},
                          Case{"10 cm^2", "m2", 1e-3}, Case{"4 1/min", "1/h", 240}, Case{"250 mAU", "AU", 0.25});
  CAPTURE(c.quantity, c.target);
  // One rounding in each of the few multiplications.
  CHECK(in_unit(parse_quantity(c.quantity), Unit::parse(c.target)) == Approx(c.expected).epsilon(1e-12));
}

TEST_CASE("a conversion and its inverse give the number back", "[quantity]") {
  RandomStream random(1, "quantity");
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"degC", "K"}, {"degF", "degC"}, {"mL", "L"}, {"min", "s"}, {"mM", "mol/L"}};
  for (const auto& [from, to] : pairs) {
    for (int i = 0; i < 100; ++i) {
      const Unit a = Unit::parse(from), b = Unit::parse(to);
      const double value = random.uniform(-500, 500);
      CHECK(b.convert(a.convert(value, b), a) == Approx(value).margin(1e-9));  // 1e-9 of a degree or less
    }
  }
}

TEST_CASE("decimal prefixes convert without a rounding of their own", "[quantity]") {
  const Unit ml = Unit::parse("mL"), ul = Unit::parse("uL"), litre = Unit::parse("L");
  for (int i = 1; i <= 1000; ++i) {
    REQUIRE(ml.convert(i, ul) == i * 1000.0);
    REQUIRE(ul.convert(i, ml) == i / 1000.0);
    REQUIRE(ul.convert(i, litre) == i / 1e6);
    REQUIRE(Unit::parse("min").convert(i, Unit::parse("s")) == i * 60.0);
    REQUIRE(Unit::parse("%").convert(i, Unit()) == i / 100.0);
    REQUIRE(Unit::parse("degC").convert(i, Unit::parse("K")) == i + 273.15);
  }
}

TEST_CASE("differences convert without offsets", "[quantity]") {
  const Unit celsius = Unit::parse("degC"), kelvin = Unit::parse("K"), fahrenheit = Unit::parse("degF");
  CHECK(celsius.convert_difference(1, kelvin) == 1);
  CHECK(kelvin.convert_difference(0.1, celsius) == 0.1);
  CHECK(celsius.convert_difference(5, fahrenheit) == Approx(9).epsilon(1e-12));
  CHECK(difference_in_unit(parse_quantity("2 min"), Unit::parse("s")) == 120);
  CHECK_THROWS_AS(difference_in_unit(parse_quantity("2 min"), kelvin), InputError);
  CHECK_THROWS_AS(difference_in_unit(parse_quantity("2"), kelvin), InputError);
  CHECK_THAT(message_of<InputError>([] { difference_in_unit(parse_quantity("3 lg(re 1 mW)"), Unit::parse("W")); }),
             Contains("write it in “W”"));
}

TEST_CASE("units that are no straight line convert too", "[quantity]") {
  const Unit level = Unit::parse("lg(re 1 mW)");
  CHECK(level.convert(3, Unit::parse("W")) == Approx(1).epsilon(1e-12));
}

TEST_CASE("dimensionless units are equal however they are written", "[quantity]") {
  CHECK(Unit::parse("") == Unit());
  CHECK(Unit::parse(" 1 ") == Unit());
  CHECK(Unit::parse("%").convertible_to(Unit()));
  CHECK_FALSE(Unit::parse("%") == Unit());
}

TEST_CASE("things that differ in kind do not convert", "[quantity]") {
  CHECK_FALSE(Unit::parse("mL").convertible_to(Unit::parse("g")));
  CHECK_FALSE(Unit::parse("s").convertible_to(Unit::parse("Hz")));  // though the library knows the reciprocal
  CHECK_THROWS_AS(Unit::parse("s").convert(2, Unit::parse("1/min")), InputError);
  CHECK_THAT(message_of<InputError>([] { in_unit(parse_quantity("80 C"), Unit::parse("degC")); }),
             Contains("80 C") && Contains("degC") && Contains("coulomb"));
  CHECK_THAT(message_of<InputError>([] { in_unit(parse_quantity("80"), Unit::parse("degC")); }),
             Contains("“80” has no unit") && Contains("“80 degC”"));
}

TEST_CASE("a quantity is a number and a unit, with or without a space", "[quantity]") {
  CHECK(parse_quantity("80degC").value == 80);
  CHECK(parse_quantity("80degC").unit.text() == "degC");
  CHECK(parse_quantity("  +1e-3   mol/L ").value == 1e-3);
  CHECK(parse_quantity("-.5").value == -0.5);
  CHECK(parse_quantity("5eV").unit.text() == "eV");
  CHECK(parse_quantity("1e3").value == 1000);
  CHECK(to_string(parse_quantity("80degC")) == "80 degC");
  CHECK(to_string(Quantity{0.1, Unit()}) == "0.1");
}

TEST_CASE("what is no quantity is refused with its text and an example", "[quantity]") {
  const std::string text = GENERATE("", "degC", "80 degX", "nan", "inf", "-inf K", "1e999", "0,5 mL", "80 90",
                                    "80 K @ 3", "--5", "+-5", "5 2e3 m", "0x10", "K 80", "80 degC since 2000");
  const std::string message = message_of<InputError>([&] { parse_quantity(text); });
  CAPTURE(text, message);
  CHECK_THAT(message, Contains("“" + text + "”") && Contains("“80 degC”"));
}

TEST_CASE("a text that is no unit is named", "[quantity]") {
  CHECK_THAT(message_of<InputError>([] { Unit::parse("degX"); }), Contains("“degX” is no unit") && Contains("degC"));
  CHECK_THROWS_AS(Unit::parse("80 degC"), InputError);
  CHECK_THROWS_AS(Unit::parse("m @ 5"), InputError);
}

TEST_CASE("format_number reads back as the same double, for any bits", "[quantity]") {
  RandomStream random(2, "format");
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    REQUIRE(std::strtod(format_number(value).c_str(), nullptr) == value);
  }
  CHECK(format_number(0.1) == "0.1");
  CHECK(format_number(80) == "80");
}

TEST_CASE("pretty numbers are short", "[quantity]") {
  CHECK(pretty_number(0) == "0");
  CHECK(pretty_number(80) == "80");
  CHECK(pretty_number(0.30000000000000004) == "0.3");
  CHECK(pretty_number(3.14159) == "3.142");
  CHECK(pretty_number(9.99996) == "10");
  CHECK(pretty_number(-12.3456) == "-12.35");
  CHECK(pretty_number(1234567.0) == "1235000");
  CHECK(pretty_number(12345678.0) == "1.235e7");
  CHECK(pretty_number(0.000123456) == "0.0001235");
  CHECK(pretty_number(0.0000123456) == "1.235e-5");
  CHECK(pretty_number(2.0e-12) == "2e-12");
}

TEST_CASE("units can be used from several threads", "[quantity]") {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong, t] {
      for (int i = 0; i < 500; ++i) {
        const double value =
            in_unit(parse_quantity(std::to_string(i) + " degC"), Unit::parse(i % 2 == 0 ? "K" : "degF"));
        const double expected = i % 2 == 0 ? i + 273.15 : i * 1.8 + 32;
        wrong[t] += std::abs(value - expected) > 1e-9 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}
