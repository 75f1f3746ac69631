"""A camera whose driver is in Python, and the campaign that it films for: what the tests of arrays share."""

import os
import subprocess
import sys

from program import SOURCE, ProgramTest

# The camera makes frames as fast as they are taken; of each command it writes down the hash of what it gave.
DRIVER = '''
import hashlib, os, pathlib
from typing import Annotated
from athanor import Array, Instrument, Quantity, Rows, Work, capability, main

HERE = pathlib.Path(__file__).parent

class Camera(Instrument):
    @capability(usual="1 s", repeatable=True, arrays={"image": Array("uint16", (256, 256), "count")})
    def film(self, gain: Annotated[float, Quantity("", 0, 10)]) -> Work[Annotated[float, "contrast", Quantity("")]]:
        with open(HERE / "begun", "a") as file:
            file.write(f"{self.command.id}\\\\n")
        digest = hashlib.sha256()
        for number in range(FRAMES):
            frame = hashlib.sha256(f"{gain} {number}".encode()).digest() * 4096
            digest.update(frame)
            yield Rows("image", frame)
        with open(HERE / "given", "a") as file:
            file.write(f"{self.command.id} {digest.hexdigest()}\\\\n")
        return 5 - abs(gain - 3)

main("eyes", Camera("camera-1"))
'''.replace("\\\\n", "\\n")
LAB = 'lab: dark room\ndrivers: {eyes: {endpoint: "ipc://%s/eyes.sock"}}\ninstruments: {camera-1: {driver: eyes}}\n'
CAMPAIGN = '''
campaign: focus
lab: lab.yaml
space: {gain: {range: [0, 10]}}
objectives: {contrast: {goal: maximize}}
procedure: [{step: film, do: film, with: {gain: $gain}, gives: {contrast: contrast}}]
stop: {experiments: %d}
'''


class CameraTest(ProgramTest):
    FRAMES = 160  # 20 MiB

    def setUp(self):
        super().setUp()
        self.processes = []
        self.addCleanup(lambda: [(process.kill(), process.wait()) for process in self.processes])
        self.write("eyes.py", DRIVER.replace("FRAMES", str(self.FRAMES)))
        self.write("lab.yaml", LAB % self.folder)

    def drive(self):
        process = subprocess.Popen([sys.executable, "eyes.py", "--address", f"ipc://{self.folder}/eyes.sock"], cwd=self.folder,
                                   env=dict(os.environ, PYTHONPATH=str(SOURCE / "python")), stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def begun(self):
        file = self.folder / "begun"
        return len(file.read_text().split()) if file.exists() else 0
