"""Starts example.py as the controller would, and drives it: python3 test_example.py"""

import pathlib
import unittest

from athanor.testing import DriverProcess, Failed

DRIVER = pathlib.Path(__file__).with_name("example.py")


class ExampleTest(unittest.TestCase):
    def test_carries_out(self) -> None:
        with DriverProcess(DRIVER) as driver:
            self.assertAlmostEqual(float(driver.do("react", temperature=85, duration=0.1)["yield"]), 90.5, delta=1)

    def test_refuses_beyond_its_limits(self) -> None:
        with DriverProcess(DRIVER) as driver:
            with self.assertRaisesRegex(Failed, "LIMIT.*above the limit of 150 degC"):
                driver.do("react", temperature=500, duration=0.1)


if __name__ == "__main__":
    unittest.main()
