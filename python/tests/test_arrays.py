"""Large data: arrays that handlers yield, row by row."""

import array
import hashlib
import os
import pathlib
import subprocess
import sys
import time
import unittest

import zmq

from athanor.arrays import ArrayWindow, bytes_of, described
from athanor.errors import InputError
from athanor.instrument import Array, Rows
from athanor.proto import driver_pb2 as wire
from athanor.testing import PATIENCE_S, Controller
from camera import ROW, frame
from rig import BenchTest

FRAME_BYTES = 2 * ROW


class Arrays(BenchTest):
    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).parent / "camera.py"), "--address", self.address,
             "--ledger", str(self.folder / "ledger"), *arguments],
            env=dict(os.environ, BENCH=str(self.folder)), cwd=self.folder, text=True, stderr=subprocess.DEVNULL)
        self.addCleanup(self.bury, process)
        return process

    def film(self, frames: int) -> str:
        told = self.tell("film", "camera-1", frames=float(frames))
        self.controller.next("accepted")
        return told.id

    def assert_whole(self, outcome: wire.Outcome, frames: int, bytes_of_images: bytes) -> None:
        self.assertTrue(outcome.done, outcome)
        values = {value.name: value for value in outcome.results}
        self.assertEqual(values["exposure"].number, 0.25)
        self.assertEqual(values["image"].array.rows, frames)
        self.assertEqual(values["image"].unit, "count")
        self.assertEqual(values["times"].array.rows, frames)
        expected = b"".join(frame(number).tobytes() for number in range(frames))
        self.assertEqual(bytes_of_images, expected)
        self.assertEqual(values["image"].array.sha256, hashlib.sha256(expected).hexdigest())

    def given(self) -> int:
        file = self.folder / "given"
        return int(file.read_text() or 0) if file.exists() else 0

    def test_whole(self) -> None:
        id = self.film(20)
        outcome = self.controller.outcome(id)
        assert self.controller.store
        self.assert_whole(outcome, 20, bytes(self.controller.store.arrays[(id, "image")]))
        self.assertEqual(array.array("d", bytes(self.controller.store.arrays[(id, "times")])).tolist(), [n * 0.5 for n in range(20)])

    def test_no_rows(self) -> None:
        id = self.film(0)
        self.assert_whole(self.controller.outcome(id), 0, b"")

    def test_window_and_a_controller_that_comes_back(self) -> None:
        """Goal: the handler waits while nothing is acknowledged, and nothing is lost when the controller dies in the middle.
        Method: nobody reads the data socket until the frames stop; then a new controller, with what the old one has."""
        frames = (72 << 20) // FRAME_BYTES  # more than the window
        id = self.film(frames)
        before, seen = -1, 0
        until = time.monotonic() + PATIENCE_S
        while before != seen or seen == 0:
            before = seen
            time.sleep(0.3)
            seen = self.given()
            self.assertLess(time.monotonic(), until)
        self.assertLess(seen, frames)
        assert self.controller.store
        for _ in range(40):
            self.controller.store.take()  # some of it, and then it dies
        self.assertEqual(self.standing(id).standing, wire.CommandState.RUNNING)
        had = self.controller.store.arrays
        self.controller.close()
        self.controller = self.connect()
        self.controller.hello()
        assert self.controller.store
        self.controller.store.arrays = had
        outcome = self.controller.outcome(id)
        self.assert_whole(outcome, frames, bytes(had[(id, "image")]))

    def test_cancelled_while_the_window_is_full(self) -> None:
        assert self.controller.store
        id = self.film(10 ** 6)
        until = time.monotonic() + PATIENCE_S
        while self.given() * FRAME_BYTES < 60 << 20:
            time.sleep(0.05)
            self.assertLess(time.monotonic(), until)
        self.controller.send(cancel=wire.Cancel(id=id))
        self.controller.store.socket.close()
        self.controller.store = None
        outcome = self.controller.outcome(id)
        self.assertEqual((outcome.done, outcome.fault, list(outcome.results)), (False, wire.INTERRUPTED, []))

    def test_what_is_wrong(self) -> None:
        for how, words in {"element": "uint16", "part": "rows come whole", "name": "no array", "fault": "shutter"}.items():
            told = self.tell("spoil", "camera-1", how=how)
            outcome = self.controller.outcome(told.id)
            self.assertEqual((outcome.done, outcome.fault), (False, wire.DEVICE), how)
            self.assertIn(words, outcome.message)

    def test_heartbeats(self) -> None:
        self.assertTrue(self.controller.heard[-1].welcome.data_heartbeats)
        assert self.controller.store
        for _ in range(3):
            self.controller.store.say(heartbeat=wire.Heartbeat())
            self.assertEqual(self.controller.store.take().WhichOneof("body"), "heartbeat")

    def test_doubled(self) -> None:
        told = self.tell("film", "camera-1", frames=3.0)
        self.controller.send(command=told)
        first = self.controller.outcome(told.id)
        self.controller.send(command=told)
        self.assertEqual(self.controller.outcome(told.id), first)
        self.assertEqual(self.given(), 3)

    def test_an_older_controller_is_refused(self) -> None:
        older = Controller(self.address, "older")
        self.addCleanup(older.close)
        older.send(hello=wire.Hello(controller="older"))
        older.next("welcome")
        self.controller.close()
        self.controller = older
        outcome = older.outcome(self.tell("film", "camera-1", frames=3.0).id)
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LIMIT, True))
        self.assertIn("takes none", outcome.message)
        self.assertTrue(older.outcome(self.tell("look", "camera-1").id).done)

    def test_strangers_get_nothing(self) -> None:
        """Goal: who shows no ticket neither takes arrays nor disturbs them. Method: a stranger says what it likes; then a film."""
        context = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(f"{self.address}.data")
        for said in (b"garbage", wire.DataToDriver(version=1, collect=wire.Collect(ticket="guessed")).SerializeToString(),
                     wire.DataToDriver(version=1, stored=wire.Stored(stream=1)).SerializeToString()):
            stranger.send(said)
            self.assertTrue(stranger.poll(PATIENCE_S * 1000))
            self.assertTrue(wire.DataFromDriver.FromString(stranger.recv()).HasField("refused"))
        self.test_whole()
        stranger.close()
        context.term()


class Window(unittest.TestCase):
    def test_descriptions(self) -> None:
        self.assertEqual(described("image", Array("uint8", (2, 3), "V")).array.row_shape, [2, 3])
        for wrong in (Array("uint12"), Array("uint8", (0,))):
            with self.assertRaises(InputError):
                described("image", wrong)

    def test_rows(self) -> None:
        type = described("image", Array("int32", (2,))).array
        numbers = array.array("i", [1, 2, 3, 4])
        self.assertEqual(bytes_of(Rows("image", memoryview(numbers)), type), numbers.tobytes())
        strided = memoryview(numbers)[::2]
        self.assertEqual(bytes_of(Rows("image", strided), type), array.array("i", [1, 3]).tobytes())
        for wrong in (array.array("I", [1, 2]), array.array("h", [1, 2, 3, 4]), array.array("i", [1])):
            with self.assertRaises(TypeError):
                bytes_of(Rows("image", memoryview(wrong)), type)

    def test_nothing_without_credit_and_again_from_where_it_is_told(self) -> None:
        window = ArrayWindow(lambda: None, 1 << 20)
        window.open(wire.Command(id="1", instrument="a"),
                    wire.Capability(results=[described("image", Array("uint8"))]))
        put = window.put("1", Rows("image", bytes(range(256)) * 4096))
        self.assertTrue(put())
        self.assertFalse(window.put("1", Rows("image", b"x" * 20000))())
        window.collect()
        self.assertEqual(window.send()[0].open.stream, 1)  # type: ignore[index]
        window.hear(wire.DataToDriver(version=1, resume=wire.Resume(stream=1, offset=0)))
        self.assertIsNone(window.send())
        window.hear(wire.DataToDriver(version=1, credit=wire.Credit(bytes=4 << 20)))
        header, part = window.send()  # type: ignore[misc]
        self.assertEqual((header.chunk.offset, len(part)), (0, 1 << 20))
        window.hear(wire.DataToDriver(version=1, resume=wire.Resume(stream=1, offset=1 << 19)))
        self.assertEqual(window.send()[0].chunk.offset, 1 << 19)  # type: ignore[index]
        window.close("1")
        closed = window.send()[0].close  # type: ignore[index]
        self.assertEqual(closed.sha256, hashlib.sha256(bytes(range(256)) * 4096).hexdigest())
        window.hear(wire.DataToDriver(version=1, stored=wire.Stored(stream=1)))
        settled = window.settled("1")
        assert settled
        self.assertEqual((settled.why_not, settled.arrays[0].array.rows), ("", 1 << 20))
        self.assertTrue(window.has_room(1 << 20))


if __name__ == "__main__":
    unittest.main()
