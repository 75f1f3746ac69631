"""Stops, and which instruments are safe: whoever asked is answered once they are, or after 5 s without those that are not."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .device_thread import DeviceThread, MadeSafe
from .proto import driver_pb2 as wire

SAFE_WITHIN_S = 5.0  # the controller waits for 10 s

# Who asked, and what he is told; a text: what is not safe, and why.
Answer = tuple[bytes | None, wire.Stopped | str]

_NEVER_ASKED = MadeSafe(0, "")


@dataclass
class _Stop:
    """One that is not answered yet, or not for all."""

    asker: bytes | None
    id: str
    waits_for: dict[str, int]  # instrument → the number under which it reports that it is safe
    until: float
    safe: list[str] = field(default_factory=list)


class Stops:
    def __init__(self, threads: Mapping[str, DeviceThread]) -> None:
        self._threads = threads  # of all instruments, once they are described
        self._stops: list[_Stop] = []
        self._made_safe: dict[str, MadeSafe] = {}  # instrument → what came of the last make_safe() that has ended

    def begin(self, stop: wire.Stop, asker: bytes | None) -> bool:
        """False if there is nothing to be made safe."""
        waits_for = self.make_safe(stop.instruments)
        if waits_for:
            self._stops.append(_Stop(asker, stop.id, waits_for, time.monotonic() + SAFE_WITHIN_S))
        return bool(waits_for)

    def make_safe(self, meant: Sequence[str] = ()) -> dict[str, int]:
        """Begins with it at once, for all instruments or those that are meant, whatever the ledger does. Gives what
        `was_tried` takes; how it ended is known after some `advance` of the driver."""
        return {id: thread.make_safe("stopped: the instrument was brought to its safe state")
                for id, thread in self._threads.items() if not meant or id in meant}

    def make_safe_at_last(self) -> bool:
        """For a process that cannot go on: calls for safe() without looking at anything else, and waits for it, 5 s at most.
        Gives whether all are safe."""
        asked = self.make_safe()
        safe: set[str] = set()
        until = time.monotonic() + SAFE_WITHIN_S
        while len(safe) < len(asked) and time.monotonic() < until:
            for id, number in asked.items():
                for report in self._threads[id].reports():
                    if isinstance(report, MadeSafe) and report.number >= number and not report.why_not:
                        safe.add(id)
            time.sleep(0.01)
        return len(safe) == len(asked)

    def was_tried(self, asked: Mapping[str, int]) -> bool:
        """Whether that make_safe() has ended for every instrument, well or not."""
        return all(self._made_safe.get(id, _NEVER_ASKED).number >= number for id, number in asked.items())

    def is_safe(self, instrument: str) -> bool:
        """Whether the last make_safe() of an instrument has ended well, or none was ever asked for."""
        made = self._made_safe.get(instrument, _NEVER_ASKED)
        return made.number >= self._threads[instrument].asked_safe and not made.why_not

    def why_not_safe(self, instrument: str) -> str:
        """Why the last make_safe() that has ended did not end well; empty: it did."""
        return self._made_safe.get(instrument, _NEVER_ASKED).why_not

    def wakes_at(self) -> float:
        """Monotonic seconds: when `late` has something to say."""
        return min((stop.until for stop in self._stops), default=math.inf)

    def on_made_safe(self, instrument: str, report: MadeSafe) -> list[Answer]:
        answers: list[Answer] = []
        self._made_safe[instrument] = report
        for stop in list(self._stops):
            if stop.waits_for.get(instrument, math.inf) > report.number:
                continue
            del stop.waits_for[instrument]
            if report.why_not:
                answers.append((stop.asker, f"instrument “{instrument}” could not be made safe: {report.why_not}. "
                                            "Switch it off by hand if need be"))
            else:
                stop.safe.append(instrument)
            if not stop.waits_for or stop.until == math.inf:
                answers += self._answer(stop)
        return answers

    def late(self, now: float) -> list[Answer]:
        """To those whose stop takes too long."""
        answers: list[Answer] = []
        for stop in [stop for stop in self._stops if stop.until <= now]:
            stop.until = math.inf
            answers += self._answer(stop)
            names = ", ".join(f"“{id}”" for id in stop.waits_for)
            answers.append((stop.asker, f"not known to be safe after {SAFE_WITHIN_S:g} s: {names}. What it does has not come back; "
                                        "safe() was called all the same. Look at it, and switch it off by hand if need be"))
        return answers

    def _answer(self, stop: _Stop) -> list[Answer]:
        """Those that are safe by now; a Stopped without a name would say less than nothing."""
        safe, stop.safe = stop.safe, []
        if not stop.waits_for:
            self._stops.remove(stop)
        return [(stop.asker, wire.Stopped(instruments=safe, id=stop.id))] if safe else []
