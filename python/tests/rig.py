"""What the tests of the protocol share: the bench as a process, which may be killed and started again."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from athanor.proto import driver_pb2 as wire
from athanor.testing import PATIENCE_S, Controller, command

HERE = pathlib.Path(__file__).parent


class BenchTest(unittest.TestCase):
    arguments: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.address = f"ipc://{self.folder}/socket"
        self.process = self.start()
        self.controller = self.connect()
        self.controller.hello()

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(HERE / "bench.py"), "--address", self.address, "--ledger", str(self.folder / "ledger"),
             *self.arguments, *arguments],
            env=dict(os.environ, BENCH=str(self.folder)), cwd=self.folder, text=True, stderr=subprocess.DEVNULL)
        self.addCleanup(self.bury, process)
        return process

    def bury(self, process: "subprocess.Popen[str]") -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()

    def connect(self, name: str = "test") -> Controller:
        controller = Controller(self.address, name)
        self.addCleanup(controller.close)
        return controller

    def kill_and_restart(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = self.start()
        self.controller = self.connect()
        self.controller.hello()

    def fails_to_start(self, *arguments: str, status: int = 3) -> str:
        """What it says."""
        process = subprocess.run([sys.executable, str(HERE / "bench.py"), *arguments], capture_output=True, text=True,
                                 env=dict(os.environ, BENCH=str(self.folder)), cwd=self.folder, timeout=PATIENCE_S)
        self.assertEqual(process.returncode, status, process.stderr)
        return process.stderr

    def tell(self, capability: str, instrument: str = "a", **settings: object) -> wire.Command:
        told = command(instrument, capability, **settings)  # type: ignore[arg-type]
        self.controller.send(command=told)
        return told

    def begin(self, capability: str, instrument: str = "a", **settings: object) -> str:
        """Gives the id, when the device has physically begun."""
        told = self.tell(capability, instrument, **settings)
        self.controller.next("accepted")
        self.await_line(f"begin {told.id}")
        return told.id

    def standing(self, id: str) -> wire.CommandState:
        (state,) = self.controller.ask(id)
        return state

    # ── What physically happened ──

    def happened(self) -> list[str]:
        file = self.folder / "happened"
        return file.read_text().splitlines() if file.exists() else []

    def await_line(self, line: str, times: int = 1) -> None:
        until = time.monotonic() + PATIENCE_S
        while self.happened().count(line) < times:
            self.assertLess(time.monotonic(), until, f"“{line}” did not happen {times} times, but {self.happened()}")
            time.sleep(0.01)

    def begun(self, id: str) -> int:
        return self.happened().count(f"begin {id}")

    def lever(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)
