"""What goes on and on is told once, and then ever less often, so that whoever causes it cannot fill a disk."""

from __future__ import annotations

import logging
import time

_AGAIN_S = 60.0  # until the same is told again, then twice as long each time …
_AGAIN_AT_LAST_S = 3600.0  # … up to this
_MOST = 1000  # things that are remembered

_log = logging.getLogger("athanor")


class QuietLog:
    def __init__(self) -> None:
        self._told: dict[str, tuple[float, float]] = {}  # what → not to be told before, and how long after the last time that was

    def note(self, what: str) -> None:
        now = time.monotonic()
        until, again = self._told.get(what, (-float("inf"), 0.0))
        if now < until:
            return
        if again and now > until + again:  # it had stopped for as long
            again = 0.0
        again = min(2 * again, _AGAIN_AT_LAST_S) if again else _AGAIN_S
        if len(self._told) >= _MOST and what not in self._told:
            self._told.clear()
        self._told[what] = (now + again, again)
        _log.warning("%s", what)
