"""Goal: whatever a handler yields, returns or raises is a fault of its command, and never the end of its driver. Method: the
mistakes that authors make, and every way out of a handler with everything that no message can hold."""

import contextlib
import itertools
import logging
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import athanor
from athanor import DeviceFault, Instrument, Progress, Quantity, Rows, SampleFault, Work, capability, reading
from athanor.driver import Driver
from athanor.ledger import Ledger
from athanor.proto import driver_pb2 as wire
from athanor.testing import PATIENCE_S, command
from athanor.words import LONGEST_TEXT


class Evil(Exception):
    """Fails at everything that is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__
    __float__ = __bool__ = __len__ = __str__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("equal to nothing")


class Unfinished(DeviceFault):
    """Its author forgot super().__init__(), and made a kind up."""

    kind = "PUMP"

    def __init__(self) -> None: ...


THINGS: list[Any] = [
    None, True, 5, -1, 10**400, 1.5, float("nan"), float("inf"), 1e300, 2j, "", "text", "\ud800", "a\0b", "x" * 2_000_000, b"\xff", [],
    ["a"], (1, "x"), {}, {"number": 1}, {"number": Evil(), "text": Evil()}, {7: 8}, object, object(), Evil(), Evil, Unfinished(),
    ValueError("\ud800"), ValueError("z" * 2_000_000), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration("x"),
    MemoryError(), BaseException("base"), DeviceFault("\udc80"), SampleFault(Evil()), DeviceFault(7), DeviceFault(""),  # type: ignore[arg-type]
    Progress("pumping"), Progress(0.5, ["a"]), Progress(0.5, "\ud800"), Progress(Evil()), Progress(Evil(), Evil()),  # type: ignore[arg-type]
    Rows("number", b"x"), Rows(Evil(), Evil()), lambda: None, range(3)]  # type: ignore[arg-type]
WAYS = ("yield", "fraction", "note", "return", "number", "text", "raise", "fault", "sample")


class Both(NamedTuple):
    number: Annotated[float, Quantity("mL")]
    text: str


class Author(Instrument):
    """Does with `thing` what `way` says."""

    way, thing, safes, happened, unsafe = "", None, 0, "", False

    @capability()
    def act(self) -> Work[Both]:
        self.happened = "began"
        try:
            match self.way:
                case "yield":
                    yield self.thing
                case "swallow":
                    with contextlib.suppress(Exception):
                        yield self.thing
                    self.happened = "went on"
                    yield self.thing
                case "fraction":
                    yield Progress(self.thing)
                case "note":
                    yield Progress(0.5, self.thing)
                case "number":
                    return Both(self.thing, "x")
                case "text":
                    return Both(1, self.thing)
                case "return":
                    return self.thing
                case "raise":
                    raise self.thing
                case "fault":
                    raise DeviceFault(self.thing)
                case "sample":
                    raise SampleFault(self.thing)
            self.happened = "went on"
            return Both(1, "x")
        finally:
            self.happened += ", tidied"

    @reading
    def shown(self) -> Annotated[float, Quantity("mL")]:
        if isinstance(self.thing, BaseException):
            raise self.thing
        return self.thing  # type: ignore[return-value]

    def safe(self) -> None:
        self.safes += 1
        if self.unsafe:
            raise Evil()


class Mistakes(unittest.TestCase):
    def setUp(self) -> None:
        logging.getLogger("athanor").setLevel(logging.CRITICAL + 1)
        self.addCleanup(logging.getLogger("athanor").setLevel, logging.NOTSET)
        self.woken = threading.Event()
        self.author, self.ledger = Author("a"), Ledger(":memory:")
        self.driver = Driver("test", "boot", [self.author], self.ledger, 60, self.woken.set)

    def heard(self) -> Iterator[wire.FromDriver]:
        """What the driver says, as it is sent."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.woken.wait(PATIENCE_S)
            self.woken.clear()
            for _, message in self.driver.advance():
                yield wire.FromDriver.FromString(message.SerializeToString())
        self.fail("the driver says nothing")

    def act(self, way: str, thing: object) -> tuple[wire.Outcome, list[wire.Progress]]:
        self.author.way, self.author.thing, self.author.safes = way, thing, 0
        told = command("a", "act")
        (accepted,) = self.driver.receive(wire.ToDriver(version=1, command=told))
        self.assertTrue(accepted.HasField("accepted"), accepted)
        progress = []
        for message in self.heard():
            if message.HasField("progress"):
                progress.append(message.progress)
            if message.HasField("outcome"):
                self.assertEqual(message.outcome.id, told.id)
                return message.outcome, progress
        raise AssertionError

    def test_every_way_with_every_thing_has_an_outcome(self) -> None:
        for way, thing in itertools.product(WAYS, THINGS):
            with self.subTest(way=way, thing=type(thing).__name__):
                outcome, _ = self.act(way, thing)
                self.assertEqual(self.author.happened[-6:], "tidied")
                if not outcome.done:
                    self.assertIn(outcome.fault, (wire.DEVICE, wire.SAMPLE))
                    self.assertLessEqual(len(outcome.message.encode()), LONGEST_TEXT)
                    deliberate = way in ("fault", "sample") or way == "raise" and isinstance(thing, athanor.Fault)
                    self.assertEqual(self.author.safes, 0 if deliberate else 1)
                    if not deliberate:
                        self.assertIn("“act” ended with", outcome.message)
        self.assertTrue(self.act("", None)[0].done)

    def test_every_thing_read_leaves_the_driver_alone(self) -> None:
        for thing in THINGS:
            self.author.thing = thing
            self.driver.telemetry()
            self.assertTrue(self.act("", thing)[0].done)  # begun after the reading

    def test_the_mistake_is_said(self) -> None:
        for way, thing, words in (
                ("yield", Progress("pumping"), "the fraction of Progress(fraction, note) is 'pumping'; expected a number"),  # type: ignore[arg-type]
                ("yield", Progress(0.5, ["a"]), "the note of Progress(fraction, note) is ['a']; expected a text"),  # type: ignore[arg-type]
                ("fraction", float("nan"), "is nan; expected 0 to 1"),
                ("yield", 5, "it yielded 5; expected Progress(fraction, note) or Rows(result, data)"),
                ("text", "flow \ud800", "result “text” is 'flow \\ud800', with a lone surrogate at character 5"),
                ("text", "x" * 1_048_577, "result “text” has 1048577 bytes; a text has 1048576 (1 MiB) at most"),
                ("raise", Evil(), "Evil, whose text cannot be made"),
                ("fault", "bad \ud800 text", "bad \\ud800 text")):
            outcome, _ = self.act(way, thing)
            self.assertEqual(outcome.fault, wire.DEVICE)
            self.assertIn(words, outcome.message)
            self.assertIn("tidied", self.author.happened)
            self.assertNotIn("went on", self.author.happened)

    def test_a_mistake_that_is_held_back_counts_all_the_same(self) -> None:
        outcome, _ = self.act("swallow", 5)
        self.assertIn("it yielded 5", outcome.message)
        self.assertEqual(self.author.happened, "went on, tidied")

    def test_what_people_read_is_mended_and_cut(self) -> None:
        outcome, (progress,) = self.act("note", "\udc80" + "é" * 100_000)
        self.assertTrue(outcome.done)
        self.assertEqual((progress.note[:7], progress.note[-1]), ("\\udc80é", "…"))
        self.assertIn(len(progress.note.encode()), (LONGEST_TEXT - 1, LONGEST_TEXT))
        self.assertEqual([each.fraction for each in self.act("fraction", 1.5)[1]], [1])
        outcome, _ = self.act("sample", "z" * 20_000_000)
        self.assertEqual((outcome.fault, len(outcome.message.encode()), outcome.message[-1]), (wire.SAMPLE, LONGEST_TEXT, "…"))

    def test_what_cannot_be_made_safe_takes_no_command(self) -> None:
        self.author.unsafe = True
        outcome, _ = self.act("raise", ValueError("broken"))
        self.assertIn("“act” ended with ValueError: broken; and it could not be made safe: Evil", outcome.message)
        (refused,) = self.driver.receive(wire.ToDriver(version=1, command=command("a", "act")))
        self.assertIn("has not reached its safe state yet", refused.outcome.message)
        self.author.unsafe = False
        self.driver.receive(wire.ToDriver(version=1, stop=wire.Stop(id="s")))
        next(message for message in self.heard() if message.HasField("stopped"))
        self.assertTrue(self.act("", None)[0].done)


class LastResort(unittest.TestCase):
    def test_a_fault_of_the_kit_makes_safe_before_the_process_ends(self) -> None:
        with tempfile.TemporaryDirectory(prefix="athanor-") as folder:
            file = pathlib.Path(folder) / "driver.py"
            file.write_text("""
import athanor, athanor.driver

class Pump(athanor.Instrument):
    def safe(self): print(self.id + " is safe\\n", end="", flush=True)

def fail(self): raise RuntimeError("nobody foresaw this")

athanor.driver.Driver.advance = fail
athanor.main("pumps", Pump("a"), Pump("b"))
""")
            ended = subprocess.run([sys.executable, str(file), "--address", f"ipc://{folder}/socket", "--ledger", f"{folder}/ledger"],
                                   capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((ended.returncode, sorted(ended.stdout.splitlines())), (1, ["a is safe", "b is safe"]))
        self.assertIn("everything was made safe", ended.stderr)
        self.assertIn("RuntimeError: nobody foresaw this", ended.stderr)


if __name__ == "__main__":
    unittest.main()
