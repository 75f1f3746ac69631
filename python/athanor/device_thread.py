"""The one thread in which an instrument's methods run, so that they may block while the driver goes on answering.

The driver's main thread puts work in and takes reports out; neither ever waits for the other.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial

from .description import Reader, Results
from .arrays import ArrayWindow
from .instrument import Command, Fault, Instrument, Interrupted, Progress, Rows
from .proto import driver_pb2 as wire
from .words import as_fraction, as_number, as_text, in_words, readable, shown

PROGRESS_EVERY_S = 1.0  # of one command is told, however often its handler yields it
PATIENCE_S = 0.5  # a handler that was asked to end has so long before safe() is called over its head

_log = logging.getLogger("athanor")


@dataclass
class Run:
    """One command on its way through its handler."""

    command: Command
    work: Callable[[], object]
    results: Callable[[object], Results]
    deadline_s: float = math.inf
    asked: str = ""  # to end, and why
    asked_for: str = "INTERRUPTED"  # the kind of fault that is told then
    told: bool = False  # that it is to end: it was not done to its end
    overruled: bool = False  # safe() was called while it was in the middle
    over: bool = False
    earlier_s: float = 0  # for what was recalled: how long it had run before
    began: float = field(default_factory=time.monotonic)

    @property
    def ends_by(self) -> float:
        """Monotonic seconds."""
        return self.began + self.deadline_s


# What is reported can be sent as it is, whatever the code of the driver's author gave.


@dataclass(frozen=True)
class Progressed:
    command: str
    fraction: float
    note: str


@dataclass(frozen=True)
class Failed:
    """A fault: its kind as the wire calls it, and in words."""

    kind: str
    message: str
    not_begun: bool = False

    @classmethod
    def by(cls, fault: Fault) -> Failed:
        """What an author raised or gave: a class of his own may lack what Fault has, and fail at saying what it is."""
        try:
            message = readable(str(fault))
        except BaseException:
            message = in_words(fault)
        try:
            known = fault.kind in wire.FaultKind.keys()
            return cls(fault.kind if known else "DEVICE", message, bool(fault.not_begun))
        except BaseException:
            return cls("DEVICE", message)


@dataclass(frozen=True)
class Finished:
    """With its results, or with a fault: its kind, and in words."""

    command: str
    took_s: float
    results: Results
    fault: str = ""
    message: str = ""
    not_begun: bool = False


@dataclass(frozen=True)
class MadeSafe:
    """The answer to the make_safe() of that number; `why_not` is empty where the instrument is safe."""

    number: int
    why_not: str


@dataclass(frozen=True)
class Measured:
    values: list[tuple[str, float | str, str]]  # name, value, unit


Report = Progressed | Finished | MadeSafe | Measured


class DeviceThread:
    def __init__(self, instrument: Instrument, readers: list[Reader], wake: Callable[[], None],
                 arrays: ArrayWindow | None = None) -> None:
        """`wake` is called from any thread when there is a report; `arrays` takes the rows that handlers yield."""
        self.instrument = instrument
        self.run: Run | None = None  # the last that was begun
        self._readers = readers
        self._wake = wake
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._progress: Progressed | None = None  # the newest, that waits for its time
        self._progress_at = -math.inf  # when the last was told
        self._attention = threading.Condition()
        self._arrays = arrays
        if arrays is not None:
            arrays.when_room.append(self._look_up)
        self._readings_due = False
        self._unreadable = ""  # said already
        self.asked_safe = 0  # how often, so far
        self._in_safe = threading.Lock()
        instrument._pause = self._pause
        instrument._to_end = self._is_told
        self._thread = threading.Thread(target=self._work, name=instrument.id, daemon=True)
        self._thread.start()

    # ── From the main thread ─────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, run: Run) -> None:
        self.run = run
        self._jobs.put(partial(self._carry_out, run))

    def interrupt(self, why: str, kind: str = "INTERRUPTED") -> None:
        """Asks what runs to end; the first reason stays."""
        with self._attention:
            if self.run is not None and not self.run.over and not self.run.asked:
                self.run.asked, self.run.asked_for = why, kind
                self._attention.notify_all()

    def make_safe(self, why: str) -> int:
        """Ends what runs, and calls safe(). Gives the number under which MadeSafe is reported."""
        self.interrupt(why)
        self.asked_safe += 1
        turn = threading.Event()
        self._jobs.put(partial(self._make_safe, self.asked_safe, turn))
        threading.Thread(target=self._insist, args=(turn, self.run), daemon=True).start()
        return self.asked_safe

    def ask_readings(self) -> None:
        with self._attention:
            if self._readings_due or not self._readers:
                return
            self._readings_due = True
            self._attention.notify_all()
        self._jobs.put(self._take_readings)

    def reports(self) -> list[Report]:
        """What has happened, in order; of progress the newest alone, once a second."""
        found: list[Report] = []
        with self._attention:
            if self._progress is not None and self.progress_due() <= time.monotonic():
                found.append(self._progress)
                self._progress, self._progress_at = None, time.monotonic()
        while True:
            try:
                found.append(self._reports.get_nowait())
            except queue.Empty:
                return found

    def progress_due(self) -> float:
        """Monotonic seconds: when `reports` will have progress to tell."""
        return math.inf if self._progress is None else self._progress_at + PROGRESS_EVERY_S

    # ── In the instrument's thread ───────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while True:
            try:
                self._jobs.get()()
            except BaseException:  # a reading that wants to end the process, say; the instrument is still there
                _log.exception("%s: an exception that nobody expected", self.instrument.id)

    def _report(self, report: Report) -> None:
        self._reports.put(report)
        self._wake()

    def _carry_out(self, run: Run) -> None:
        run.began = time.monotonic()
        fault: Failed | None = None
        broke = False
        results: Results = []
        begun = not run.asked
        try:
            if begun:
                self.instrument.command = run.command
                returned = run.work()
                if isinstance(returned, Generator):
                    returned = self._follow(run, returned)
                results = run.results(returned)
        except Interrupted:
            run.told = True
        except Fault as raised:
            fault = Failed.by(raised)
        except BaseException as error:
            _log.exception("%s: “%s” ended with an exception", self.instrument.id, run.command.capability)
            fault = Failed("DEVICE", readable(f"“{run.command.capability}” ended with {in_words(error)}"))
            broke = True
        with self._attention:
            run.over = True  # from now on it cannot be asked to end
            if self._progress is not None and self.progress_due() <= time.monotonic():
                self._reports.put(self._progress)
            self._progress, self._progress_at = None, -math.inf
        took_s = run.earlier_s + time.monotonic() - run.began
        if broke and fault is not None and (why_not := self._safe_after_exception()):
            fault = Failed("DEVICE", readable(f"{fault.message}; and it could not be made safe: {why_not}"))
        if not begun or run.told or run.overruled:
            message = run.asked if fault is None else readable(f"{run.asked}; while ending: {fault.message}")
            end = Finished(run.command.id, took_s, [], run.asked_for, message, not begun)
        elif fault is not None:
            end = Finished(run.command.id, took_s, [], fault.kind, fault.message, fault.not_begun)
        else:
            end = Finished(run.command.id, took_s, results)
        self._report(end)

    def _safe_after_exception(self) -> str:
        """A handler that did not foresee its end has left the device nobody knows how. Gives why it is not safe; then the
        instrument takes no command until it is."""
        number = self.asked_safe  # a stop that comes meanwhile is answered by its own call
        with self._in_safe:
            why_not = self._call_safe()
        self._report(MadeSafe(number, why_not))
        return why_not

    def _follow(self, run: Run, steps: Generator[object, None, object]) -> object:
        """A mistake in what it yields is raised at that `yield`, where it may tidy up; a second one ends it there."""
        mistake: Exception | None = None
        try:
            step = next(steps)
            while True:
                now_wrong: Exception | None = None
                try:
                    self._take(run, step)
                except Exception as error:
                    if mistake is not None:
                        steps.close()
                        raise
                    mistake = now_wrong = error
                if self._readings_due:
                    self._take_readings()
                if now_wrong is not None:
                    step = steps.throw(now_wrong)
                else:
                    step = steps.throw(Interrupted()) if self._is_told_first() else next(steps)
        except StopIteration as end:
            if mistake is not None:  # held back by the handler, which is no way out of it
                raise mistake from None
            return end.value
        except Fault as fault:
            if mistake is not None:
                raise mistake from fault
            raise

    def _take(self, run: Run, step: object) -> None:
        if isinstance(step, Rows):
            self._put(run, step)
        elif isinstance(step, Progress):
            note = readable(step.note) if isinstance(step.note, str) else as_text("the note of Progress(fraction, note)", step.note)
            self._report_progress(Progressed(run.command.id, as_fraction(step.fraction), note))
        else:
            raise TypeError(f"it yielded {shown(step)}; expected Progress(fraction, note) or Rows(result, data)")

    def _report_progress(self, progress: Progressed) -> None:
        """Nothing piles up where a handler yields faster than is told, and the driver is woken once."""
        with self._attention:
            first = self._progress is None
            self._progress = progress
        if first:
            self._wake()

    def _put(self, run: Run, rows: Rows) -> None:
        """Waits while the window is full, and takes readings meanwhile; one that is to end waits no longer."""
        if self._arrays is None:
            raise TypeError(f"rows of “{rows.result}”, which is no array of this capability")
        put = self._arrays.put(run.command.id, rows)
        is_in = False

        def stirs() -> bool:
            nonlocal is_in
            is_in = put()
            return is_in or self._readings_due or self._is_to_be_told()

        while not is_in and not self._is_to_be_told():
            with self._attention:
                self._attention.wait_for(stirs)
            if self._readings_due:
                self._take_readings()

    def _look_up(self) -> None:
        with self._attention:
            self._attention.notify_all()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        if threading.current_thread() is not self._thread:  # safe(), called over a handler's head
            return time.sleep(seconds)
        while True:
            with self._attention:
                self._attention.wait_for(lambda: self._readings_due or self._is_to_be_told(), max(0, until - time.monotonic()))
            if self._is_told_first():
                raise Interrupted
            if self._readings_due:
                self._take_readings()
            if time.monotonic() >= until:
                return

    def _is_to_be_told(self) -> bool:
        return self.run is not None and not self.run.over and bool(self.run.asked) and not self.run.told

    def _is_told_first(self) -> bool:
        """Once only: what tidies up after that may sleep and yield."""
        if not self._is_to_be_told():
            return False
        return self._is_told()

    def _is_told(self) -> bool:
        if threading.current_thread() is self._thread and self._is_to_be_told() and self.run is not None:
            self.run.told = True
        return self.run is not None and self.run.told and not self.run.over

    def _make_safe(self, number: int, turn: threading.Event) -> None:
        turn.set()
        with self._in_safe:
            self._report(MadeSafe(number, self._call_safe()))

    def _insist(self, turn: threading.Event, run: Run | None) -> None:
        """In a thread of its own: what does not come back is not waited for. Its safe() does not count as an answer, since
        what it interrupted may still do something."""
        if turn.wait(PATIENCE_S) or not self._in_safe.acquire(blocking=False):
            return
        try:
            if run is not None and not run.over:
                run.overruled = True
            _log.warning("%s does not come back; its safe() is called meanwhile", self.instrument.id)
            self._call_safe()
        finally:
            self._in_safe.release()

    def _call_safe(self) -> str:
        try:
            self.instrument.safe()
            return ""
        except BaseException as error:
            _log.exception("%s could not be made safe", self.instrument.id)
            return in_words(error)

    def _take_readings(self) -> None:
        if not self._readings_due:
            return  # taken meanwhile, by a handler that slept
        self._readings_due = False
        values: list[tuple[str, float | str, str]] = []
        failed = ""
        for reader in self._readers:
            try:
                value = reader.method()
                measured: float | str = as_text("it", value) if isinstance(value, str) else as_number("it", value)
                values.append((reader.name, measured, reader.unit))
            except Interrupted:  # it slept, and what was told is the handler's
                raise
            except BaseException as error:
                failed = f"gives no reading “{reader.name}”: {in_words(error)}"
        self._complain(failed)
        self._report(Measured(values))

    @property
    def trouble(self) -> str:
        """What is the matter with its sensors, in words; empty: nothing."""
        return self._unreadable

    def _complain(self, what: str) -> None:
        if what and what != self._unreadable:
            _log.warning("%s %s", self.instrument.id, what)
        self._unreadable = what
