"""What the tests of instruments share: a driver of two ovens that runs in the test's folder, and a laboratory around it."""

import os
import subprocess

from program import ProgramTest

BROKEN_DRIVER = os.environ["ATHANOR_BROKEN_DRIVER"]  # with nothing to break, it keeps every promise
LAB = """
lab: bakery
drivers: {ovens: {endpoint: "ipc://ovens.sock"}}
instruments:
  oven-1: {driver: ovens, limits: {heat: {temperature: {max: 100 degC}}}}
  oven-2: {driver: ovens, approve: [heat]}
"""


class OvensTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("lab.yaml", LAB)

    def start_driver(self, *arguments):
        driver = subprocess.Popen(
            [BROKEN_DRIVER, "--address", "ipc://ovens.sock", "--ledger", "ledger", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL
        )
        self.addCleanup(driver.wait)
        self.addCleanup(driver.kill)
        return driver
