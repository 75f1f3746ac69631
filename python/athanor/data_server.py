"""A driver's data socket: a thread of its own hands the arrays of the window to the controller."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

import zmq
from google.protobuf.message import DecodeError

from .arrays import ArrayWindow
from .decode import decoded
from .keys import Gate, Keys
from .proto import driver_pb2 as wire
from .waker import Waker

_PARCELS_PER_TURN = 8  # before the controller is heard again
_TRY_AGAIN_MS = 10  # where the queue to the controller is full
_LARGEST_MESSAGE = 4096  # towards a driver; there are no large ones
_COMPLAIN_EVERY_S = 60.0  # of those who are not the controller

_log = logging.getLogger("athanor")


def bind_address(address: str, port: int) -> str:
    """Beside the control socket: over tcp a port of the same host (0: one that the system chooses)."""
    return f"{address}.data" if address.startswith("ipc://") else f"{address[:address.rfind(':')]}:{port or '*'}"


class DataServer:
    def __init__(self, window: ArrayWindow, address: str, port: int, keys: Keys | None) -> None:
        """Serves until `close`. Raises zmq.ZMQError if the address cannot be had."""
        self._window, self._keys = window, keys
        self._context = zmq.Context()
        self._gate = Gate(self._context, keys) if keys else None
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.MAXMSGSIZE, _LARGEST_MESSAGE)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        if keys:
            self._router.setsockopt(zmq.CURVE_SERVER, 1)
            self._router.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
            self._router.setsockopt(zmq.ZAP_DOMAIN, b"athanor")
        try:
            self._router.bind(bind_address(address, port))
        except zmq.ZMQError:
            self._free()
            raise
        bound = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.place = ".data" if bound.startswith("ipc://") else bound[bound.rfind(":") + 1:]  #: for the Welcome
        self._waker = Waker()
        window.wake_sender = self._waker
        self._lock = threading.Lock()
        self._ticket = ""
        self._ending = False
        self._collector = b""  # its routing id; empty: none
        self._shown = ""  # the ticket that it showed
        self._unsent: tuple[wire.DataFromDriver, bytes | memoryview] | None = None
        self._complained_at = -_COMPLAIN_EVERY_S
        self._thread = threading.Thread(target=self._serve, name="data socket", daemon=True)
        self._thread.start()

    def admit(self, ticket: str) -> None:
        """Whoever shows it collects from now on, and nobody else; empty: nobody."""
        with self._lock:
            self._ticket = ticket
        self._waker()

    def close(self) -> None:
        with self._lock:
            self._ending = True
        self._waker()
        self._thread.join()
        self._free()

    def _free(self) -> None:
        self._router.close()
        if self._gate:
            self._gate.socket.close()
        self._context.term()

    # ── In the thread of the socket ──────────────────────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._waker.fd, zmq.POLLIN)
        if self._gate:
            poller.register(self._gate.socket, zmq.POLLIN)
        while True:
            with self._lock:
                if self._ending:
                    return
                if self._collector and self._shown != self._ticket:
                    self._lose_collector()  # another controller is in charge
            if self._gate:
                self._gate.answer()
            self._hear()
            more = self._send()
            poller.poll(_TRY_AGAIN_MS if self._unsent else 0 if more else None)
            self._waker.drain()

    def _lose_collector(self) -> None:
        self._collector, self._unsent = b"", None
        self._window.leave()

    def _hear(self) -> None:
        while True:
            try:
                received = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            frames = [frame.bytes for frame in received]
            said: wire.DataToDriver | None = None
            if len(frames) == 2:
                with contextlib.suppress(DecodeError):
                    said = decoded(wire.DataToDriver, frames[1])
            key = str(received[-1].get("User-Id")) if self._keys else ""  # type: ignore[arg-type]
            if self._keys and self._keys.allowed.name_of(key) is None:
                said = None  # revoked after it had connected
            if said is None or said.version != 1:
                self._complain(frames[0], "a message that is none of the data socket of protocol version 1")
            elif said.WhichOneof("body") == "collect":
                self._on_collect(frames[0], said.collect.ticket)
            elif frames[0] == self._collector and said.WhichOneof("body") == "heartbeat":
                self._say(frames[0], wire.DataFromDriver(version=1, heartbeat=wire.Heartbeat()))
            elif frames[0] == self._collector:
                self._window.hear(said)
            else:
                self._complain(frames[0], "say Collect first, with the ticket of your Welcome")

    def _on_collect(self, sender: bytes, ticket: str) -> None:
        with self._lock:
            admitted = bool(self._ticket) and ticket == self._ticket
            self._shown = ticket if admitted else self._shown
        if not admitted:
            return self._complain(sender, "this is not the ticket of the controller in charge; say Hello on the control socket")
        self._collector, self._unsent = sender, None
        self._window.collect()

    def _complain(self, sender: bytes, why: str) -> None:
        now = time.monotonic()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            _log.warning("data socket: refused: %s", why)
        self._say(sender, wire.DataFromDriver(version=1, refused=wire.Refused(why=why)))

    def _say(self, to: bytes, answer: wire.DataFromDriver) -> None:
        with contextlib.suppress(zmq.ZMQError):
            self._router.send_multipart([to, answer.SerializeToString()], zmq.NOBLOCK)

    def _send(self) -> bool:
        """Whether there may be more."""
        for _ in range(_PARCELS_PER_TURN):
            if not self._collector:
                return False
            self._unsent = self._unsent or self._window.send()
            if not self._unsent:
                return False
            header, part = self._unsent
            frames: list[bytes | memoryview] = [self._collector, header.SerializeToString()]
            try:
                self._router.send_multipart(frames + ([part] if header.HasField("chunk") else []), zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return False
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                self._lose_collector()
                continue
            self._unsent = None
        return True
