"""Starts example.py as the controller would, and drives it: python3 test_example.py"""

import pathlib
import unittest

from athanor.testing import DriverProcess, Failed
from example import Example

DRIVER = pathlib.Path(__file__).with_name("example.py")


class ExampleTest(unittest.TestCase):
    def test_carries_out(self) -> None:
        with DriverProcess(DRIVER) as driver:
            self.assertAlmostEqual(float(driver.do("measure", level=60, duration=0.1)["signal"]), 90.5, delta=1)

    def test_refuses_beyond_its_limits(self) -> None:
        with DriverProcess(DRIVER) as driver:
            with self.assertRaisesRegex(Failed, "LIMIT.*above the limit of 100 %"):
                driver.do("measure", level=500, duration=0.1)

    def test_works_only_meanwhile(self) -> None:
        device = Example("example-1")
        for _ in device.measure(60, duration=0):
            self.assertEqual(device.level, 60)
        self.assertEqual(device.level, 0)


if __name__ == "__main__":
    unittest.main()
