"""Goal: what docs/python-kit.md shows works as it stands. Method: its driver is taken out of the page and driven."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from athanor.testing import DriverProcess, Failed

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python-kit.md"


class Documentation(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-"))
        self.addCleanup(shutil.rmtree, self.folder)
        blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        (self.driver,) = [block for block in blocks if "main(" in block]
        self.file = self.folder / "stirrers.py"
        self.file.write_text(self.driver)
        (self.camera,) = [block for block in blocks if "class Camera" in block]

    def test_the_driver_of_the_page(self) -> None:
        with DriverProcess(self.file) as driver:
            self.assertEqual(sorted(driver.instruments), ["stirrer-1", "stirrer-2"])
            sample = driver.do("stir", "stirrer-1", temperature=80, duration=0.1)
            self.assertEqual(sample["temperature"], 80)
            self.assertEqual(driver.do("identify", "stirrer-2"), {"firmware": "1.4.2"})
            for why, settings in (("SAMPLE: the stirring bar was thrown", {"speed": 1500}), ("LIMIT.*above the limit of 150 degC",
                                  {"temperature": 151}), ("LIMIT.*none of its choices", {"bar": "huge"})):
                with self.assertRaisesRegex(Failed, why):
                    driver.do("stir", "stirrer-1", **{"temperature": 80, "duration": 0.1, **settings})
            with self.assertRaisesRegex(LookupError, "offered by stirrer-1, stirrer-2; name one"):
                driver.do("identify")

    def test_the_camera_of_the_page(self) -> None:
        """With a device of three frames, and no NumPy: what is read of a frame is its mean."""
        (self.folder / "numpy.py").write_text("class ndarray(bytearray):\n    def mean(self): return self[0]\n")
        self.file.write_text("from typing import Annotated\n" + self.camera + """
class Device:
    def __init__(self): self.at = 0
    def start(self, exposure): self.at = 0
    def stop(self): pass
    def next_frame(self):
        self.at += 1
        return np.ndarray(bytes([self.at]) * 512 * 512 * 2)

from athanor import main
camera = Camera("camera-1")
camera.device = Device()
main("camera", camera)
""")
        with DriverProcess(self.file) as driver:
            results = driver.do("film", frames=3)
            self.assertEqual(results["mean"], 2)
            self.assertEqual(results["image"], b"".join(bytes([number]) * 512 * 512 * 2 for number in (1, 2, 3)))

    def test_its_types_are_sound(self) -> None:
        if shutil.which("mypy") is None:
            self.skipTest("no mypy")
        run = subprocess.run(["mypy", "--strict", "--cache-dir", str(self.folder / "cache"), "--config-file",
                              str(PAGE.parents[1] / "python" / "pyproject.toml"), str(self.file)],
                             capture_output=True, text=True, cwd=PAGE.parents[1] / "python")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_its_options(self) -> None:
        told = subprocess.run([sys.executable, str(self.file), "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"(--[a-z-]+)", told)) - {"--help"}
        table = set(re.findall(r"^\| `(--[a-z-]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
        self.assertEqual(table, options)


if __name__ == "__main__":
    unittest.main()
