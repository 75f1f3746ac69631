"""Ends the wait of a loop, from any thread or signal handler."""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """Called, it makes `fd` readable until `drain`."""

    def __init__(self) -> None:
        # A pair of sockets and no pipe, which not every system can wait for.
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self.fd = self._reading.fileno()

    def __call__(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is awake already
            self._writing.send(b"\0")

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._reading.recv(4096):
                pass
