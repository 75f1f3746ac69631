"""Goal: a unit is one here where it is one for the controller, and converts to the same last digit. Method: the cases of
tests/core/quantity_test.cpp, with the exactness that they ask for."""

import math
import random
import struct
import unittest

from athanor.errors import InputError
from athanor.limits import converted, why_refused
from athanor.proto import driver_pb2 as wire
from athanor.testing import command
from athanor.units import UnitError, convert, convertible, format_number, normal, parse_quantity, seconds


class Units(unittest.TestCase):
    def test_convert_by_their_definitions(self) -> None:
        for text, target, expected in (
                ("25 degC", "K", 298.15), ("25 °C", "K", 298.15), ("0 K", "degC", -273.15), ("212 degF", "degC", 100),
                ("0.5 mL", "uL", 500), ("500 µL", "mL", 0.5), ("500 μL", "mL", 0.5), ("2 h", "min", 120), ("90 min", "s", 5400),
                ("2 bar", "kPa", 200), ("25 %", "", 0.25), ("0.25", "%", 25), ("1 M", "mol/L", 1), ("3 mM", "mol/L", 0.003),
                ("3 uM", "nM", 3000), ("3 µM", "mol/m3", 0.003), ("7 nM", "mol/L", 7e-9), ("60 rpm", "rpm", 60),
                ("2 g/L", "mg/mL", 2), ("3 K/min", "degC/h", 180), ("1 Mm", "m", 1e6), ("10 cm^2", "m2", 1e-3),
                ("4 1/min", "1/h", 240), ("250 mAU", "AU", 0.25), ("3 lg(re 1 mW)", "W", 1)):
            value, unit = parse_quantity(text)
            self.assertAlmostEqual(convert(value, unit, target) / expected, 1, delta=1e-12, msg=text)

    def test_decimal_prefixes_convert_without_a_rounding_of_their_own(self) -> None:
        for i in range(1, 1001):
            self.assertEqual(convert(i, "mL", "uL"), i * 1000.0)
            self.assertEqual(convert(i, "uL", "mL"), i / 1000.0)
            self.assertEqual(convert(i, "uL", "L"), i / 1e6)
            self.assertEqual(convert(i, "min", "s"), i * 60.0)
            self.assertEqual(convert(i, "%", ""), i / 100.0)
            self.assertEqual(convert(i, "degC", "K"), i + 273.15)
            self.assertEqual(convert(i, "degF", "degR"), i + 459.67)

    def test_what_is_no_unit_and_what_does_not_convert(self) -> None:
        for text in ("degX", "80 degC", "K @ 273.15", "s since 2000", "-1", "m\0"):
            with self.assertRaisesRegex(UnitError, "is no unit; expected one of UDUNITS-2"):
                normal(text)
        self.assertEqual(normal(" 1 "), "")
        self.assertTrue(convertible("%", ""))
        for unit, target in (("mL", "g"), ("s", "Hz"), ("s", "1/min")):
            self.assertFalse(convertible(unit, target))
            with self.assertRaisesRegex(UnitError, "measure different things"):
                convert(2, unit, target)
        with self.assertRaisesRegex(UnitError, "“C” is the coulomb; degrees Celsius are “degC”"):
            convert(80, "C", "degC")

    def test_a_limit_is_allowed_in_every_unit_and_never_passed_on_beyond_itself(self) -> None:
        """Method: random limits, given in other units as a controller would convert them."""
        chance = random.Random(1)
        for unit, others in (("degC", ("K", "degF", "mK")), ("uL", ("mL", "L", "in3")), ("s", ("min", "h", "day"))):
            for _ in range(300):
                low, high = sorted((chance.gauss(0, 100), chance.gauss(0, 100)))
                offered = wire.Capability(name="c", parameters=[wire.Field(name="x", unit=unit, low=low, high=high)])
                for other in others:
                    for limit, outward in ((low, -1), (high, 1)):
                        told = command("a", "c", x=(convert(limit, unit, other), other))
                        self.assertEqual(why_refused(offered, told), "")
                        self.assertTrue(low <= converted(offered, told)["x"] <= high)
                        beyond = command("a", "c", x=(convert(limit + outward * 1e-6, unit, other), other))
                        self.assertIn("the limit of", why_refused(offered, beyond))

    def test_durations(self) -> None:
        self.assertEqual([seconds(text) for text in ("90 s", "5 min", "0.5h", "+1e3 ms")], [90, 300, 1800, 1])
        for text in ("soon", "5 mL", "5", "", "nan s"):
            with self.assertRaisesRegex(InputError, "is no time"):
                seconds(text)

    def test_numbers_are_written_as_the_controller_writes_them(self) -> None:
        """The expected texts are those of std::to_chars."""
        for value, text in ((0.1, "0.1"), (80, "80"), (1e5, "1e+05"), (123456, "123456"), (0.0001, "1e-04"), (1e-5, "1e-05"),
                            (-0.0, "-0"), (0, "0"), (1.5e300, "1.5e+300"), (353.15, "353.15"), (1e22, "1e+22"), (-2.5, "-2.5"),
                            (100, "100"), (0.001, "0.001"), (12000, "12000"), (1200000, "1200000"), (math.inf, "inf")):
            self.assertEqual(format_number(value), text)
        chance = random.Random(1)
        for _ in range(20000):
            (value,) = struct.unpack("d", chance.randbytes(8))
            if math.isfinite(value):
                self.assertEqual(float(format_number(value)), value)


if __name__ == "__main__":
    unittest.main()
