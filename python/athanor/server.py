"""A driver's main loop behind a ROUTER socket: one controller at a time, heartbeats, and the dead-man time."""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import secrets
import time

import zmq
from google.protobuf.message import DecodeError

from .address_lock import AddressLock
from .data_server import DataServer
from .decode import decoded
from .driver import PROTOCOL_VERSION, Driver
from .errors import EnvironmentFailure, InputError
from .keys import Gate, Keys, require_key
from .proto import driver_pb2 as wire
from .quiet_log import QuietLog
from .stops import SAFE_WITHIN_S
from .waker import Waker

HEARTBEAT_EVERY_S = 1.0  # since the last message of any kind
TELEMETRY_EVERY_S = 1.0
_MESSAGES_PER_TURN = 100  # before the instruments are looked at again
_STRANGERS_PER_SECOND = 100  # messages of one who is not the controller; more are dropped
_SILENCE_S = 5.0  # a controller that was not heard for so long is in charge of nothing
_LONGEST_WATCH_S = 60.0  # whoever stays says Visit again
_MOST_WATCHERS = 16
_QUEUE_LENGTH = 100_000  # messages waiting for a slow controller; more are dropped and asked about later
_RECEIVE_QUEUE = 100
_LARGEST_FRAME = 16 << 20

_log = logging.getLogger("athanor")


class Server:
    def __init__(self, driver: Driver, address: str, waker: Waker, keys: Keys | None = None,
                 data_port: int = 0) -> None:
        """Raises EnvironmentFailure if the address cannot be had, InputError if it is none, or needs a key and has none."""
        require_key(address, keys is not None)
        self._driver = driver
        self._keys = keys
        self._waker = waker
        self._lock = AddressLock(address)
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.SNDHWM, _QUEUE_LENGTH)
        self._router.setsockopt(zmq.RCVHWM, _RECEIVE_QUEUE)
        self._router.setsockopt(zmq.MAXMSGSIZE, _LARGEST_FRAME)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._gate = Gate(self._context, keys) if keys else None
        if keys:
            self._router.setsockopt(zmq.CURVE_SERVER, 1)
            self._router.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
            self._router.setsockopt(zmq.ZAP_DOMAIN, b"athanor")
            # ZeroMQ leaves a connection deaf over which something forged came; this ends it.
            self._router.setsockopt(zmq.HEARTBEAT_IVL, 1000)
            self._router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 5000)
        self._data: DataServer | None = None  # None: the driver makes no arrays
        self._ticket = ""  # of the controller, for the data socket
        try:
            self._router.bind(address)
            if driver.arrays:
                self._data = DataServer(driver.arrays, address, data_port, keys)
        except zmq.ZMQError as error:
            self.close()
            raise _unusable(address, error) from error
        self._poller = zmq.Poller()
        self._poller.register(self._router, zmq.POLLIN)
        self._poller.register(waker.fd, zmq.POLLIN)
        if self._gate:
            self._poller.register(self._gate.socket, zmq.POLLIN)
        self._controller = b""  # its routing id; empty: none
        self._controller_name = self._controller_key = ""
        self._watchers: dict[bytes, float] = {}  # routing id → until when, monotonic seconds
        self._said: dict[str | bytes, int] = {}  # by whom, messages in this second
        self._second_began = 0.0
        self._heard_at = self._said_at = self._measured_at = time.monotonic()
        self._abandoned = False  # the dead-man time is over, and the instruments were told to be safe
        self._dropped = 0
        self._quiet = QuietLog()
        self._ending = False

    def end(self) -> None:
        """From a signal handler: what runs is ended and made safe, and `serve` returns."""
        self._ending = True
        self._waker()

    def close(self) -> None:
        if self._data:
            self._data.close()
        self._router.close()
        if self._gate:
            self._gate.socket.close()
        self._context.term()
        self._lock.remove()

    def serve(self) -> bool:
        """Until `end`. Gives whether all instruments are known to be safe."""
        while not self._ending:
            self._turn(math.inf)
        self._driver.ending = True
        asked = self._driver.stops.make_safe()
        until = time.monotonic() + SAFE_WITHIN_S
        while time.monotonic() < until and not self._driver.stops.was_tried(asked):
            self._turn(until)
        return all(self._driver.stops.is_safe(id) for id in asked)

    def _turn(self, until: float) -> None:
        for to, message in self._driver.advance():
            self._show(message) if to is None else self._send(to, message)
        now = time.monotonic()
        if self._gate:
            self._gate.answer()
        if self._keys and self._controller and self._keys.allowed.name_of(self._controller_key) is None:
            _log.warning("“%s”: its key was revoked; it commands no more", self._controller_name)
            self._controller = b""
            if self._data:
                self._data.admit("")
        self._watchers = {each: until for each, until in self._watchers.items() if until > now}
        if not self._abandoned and 0 < self._driver.dead_man_s < now - self._heard_at:
            self._abandoned = True
            _log.warning("no controller was heard for %g s: the instruments are made safe", self._driver.dead_man_s)
            self._driver.stops.make_safe()
        if (self._controller or self._watchers) and now - self._measured_at >= TELEMETRY_EVERY_S:
            self._measured_at = now
            self._driver.telemetry()
        if self._controller and now - self._said_at >= HEARTBEAT_EVERY_S:
            self._say_here()
        # Rounded up: waking a moment too early would only mean to wait again.
        wait_ms = min(1000 * (min(self._wakes_at(), until) - time.monotonic()), 1e9)
        self._poller.poll(max(0, math.ceil(wait_ms)))
        self._waker.drain()
        for _ in range(_MESSAGES_PER_TURN):
            try:
                received = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            # Of the last frame: that of the routing id may know nothing of it.
            key = str(received[-1].get("User-Id")) if self._keys else ""  # type: ignore[arg-type]
            frames = [frame.bytes for frame in received]
            if self._may_speak(frames[0], key):
                self._hear(frames, key)

    def _wakes_at(self) -> float:
        at = self._driver.wakes_at()
        if self._controller:
            at = min(at, self._said_at + HEARTBEAT_EVERY_S)
        if self._controller or self._watchers:
            at = min(at, self._measured_at + TELEMETRY_EVERY_S)
        if self._driver.dead_man_s > 0 and not self._abandoned:
            at = min(at, self._heard_at + self._driver.dead_man_s)
        return at

    # ── Hearing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _may_speak(self, sender: bytes, key: str) -> bool:
        """Whose key was revoked after it had connected gets no further than this, and is told so once a second."""
        if not self._keys or self._keys.allowed.name_of(key) is not None:
            return True
        self._quiet.note(f"the key {key} was revoked; what it says is dropped")
        if not self._is_flood(f"revoked {key}", 1):
            self._send(sender, self._message(refused=wire.Refused(
                why="your key was revoked on the machine of this driver; nothing is done for it", not_allowed=True)))
        return False

    def _is_flood(self, who: str | bytes, most: int) -> bool:
        """Whether `who` has said more than `most` messages in this second."""
        now = time.monotonic()
        if now - self._second_began >= 1:
            self._second_began, self._said = now, {}
        self._said[who] = self._said.get(who, 0) + 1
        return self._said[who] > most

    def _hear(self, frames: list[bytes], key: str) -> None:
        sender = frames[0]
        said: wire.ToDriver | None = None
        if len(frames) == 2:
            with contextlib.suppress(DecodeError):
                said = decoded(wire.ToDriver, frames[1])
        is_stop = said is not None and said.WhichOneof("body") == "stop"  # is heard in any flood
        if sender != self._controller and not is_stop and self._is_flood(key or sender, _STRANGERS_PER_SECOND):
            return
        if said is None:
            self._dropped += 1
            return self._refuse(sender, f"a message of {len(frames) - 1} frames that is none of protocol version "
                                        f"{PROTOCOL_VERSION} ({self._dropped} such so far)")
        body = said.WhichOneof("body")
        if body == "hello" and said.version == PROTOCOL_VERSION:
            if said.hello.only_if_free and sender != self._controller and self._in_charge():
                return self._refuse(sender, f"driver “{self._driver.name}” takes commands from “{self._controller_name}”")
            if self._data and sender != self._controller:
                self._ticket = secrets.token_hex(20)
                self._data.admit(self._ticket)
            self._controller, self._controller_name, self._controller_key = sender, said.hello.controller, key
            if self._keys:  # what it calls itself is a courtesy; its key is who it is
                self._controller_name += f" (key “{self._keys.allowed.name_of(key)}”)"
            _log.info("“%s” is the controller from now on", self._controller_name)
            self._measured_at = time.monotonic()  # the Welcome comes first
        if sender != self._controller:
            return self._hear_stranger(sender, said, body)
        self._heard_at = time.monotonic()
        self._abandoned = False
        if body == "heartbeat" and said.version == PROTOCOL_VERSION:
            return  # ours go out by themselves
        for answer in self._driver.receive(said, sender):
            self._tell_controller(self._naming_controller(said, answer))

    def _in_charge(self) -> bool:
        """Whether there is a controller; one that has gone is noticed by what cannot be sent to it any more."""
        self._say_here()
        return bool(self._controller) and time.monotonic() - self._heard_at <= _SILENCE_S

    def _naming_controller(self, said: wire.ToDriver, answer: wire.FromDriver) -> wire.FromDriver:
        if said.HasField("visit") and answer.HasField("welcome") and self._in_charge():
            answer.welcome.controller = self._controller_name
        if said.HasField("hello") and answer.HasField("welcome") and self._data:
            answer.welcome.data, answer.welcome.data_ticket = self._data.place, self._ticket
            answer.welcome.data_heartbeats = True
        return answer

    def _hear_stranger(self, sender: bytes, said: wire.ToDriver, body: str | None) -> None:
        """Somebody who did not say Hello last: may ask, look and stop, not command."""
        if body in ("command", "cancel"):
            why = f"driver “{self._driver.name}” has no controller; say Hello first"
            if self._controller:
                why = f"driver “{self._driver.name}” takes commands from “{self._controller_name}”, which said Hello after you"
            return self._refuse(sender, why, said.command.id if body == "command" else said.cancel.id)
        if body == "visit" and said.version == PROTOCOL_VERSION and said.visit.watch_s > 0:
            if len(self._watchers) >= _MOST_WATCHERS and sender not in self._watchers:
                return self._refuse(sender, f"{len(self._watchers)} watch driver “{self._driver.name}” already")
            self._watchers[sender] = time.monotonic() + min(said.visit.watch_s, _LONGEST_WATCH_S)
        # Without a controller there is no answer, so that whoever believes to be it goes silent and says Hello again.
        if body == "heartbeat" and not self._controller:
            return
        for answer in self._driver.receive(said, sender):
            self._send(sender, self._naming_controller(said, answer))

    # ── Saying ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _say_here(self) -> None:
        self._tell_controller(self._message(heartbeat=wire.Heartbeat()))

    def _show(self, message: wire.FromDriver) -> None:
        """To the controller; what sensors show, to those who watch, too."""
        self._tell_controller(message)
        if message.HasField("telemetry"):
            self._watchers = {each: until for each, until in self._watchers.items() if self._send(each, message)}

    def _tell_controller(self, message: wire.FromDriver) -> None:
        if not self._controller:
            return  # it will ask when it is back
        self._said_at = time.monotonic()
        if not self._send(self._controller, message):
            self._controller = b""

    def _send(self, to: bytes, message: wire.FromDriver) -> bool:
        try:
            self._router.send_multipart([to, message.SerializeToString()], zmq.NOBLOCK)
            return True
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            return False

    def _refuse(self, to: bytes, why: str, id: str = "") -> None:
        self._send(to, self._message(refused=wire.Refused(why=why, id=id)))

    def _message(self, **body: object) -> wire.FromDriver:
        return wire.FromDriver(version=PROTOCOL_VERSION, driver=self._driver.name, boot=self._driver.boot,
                               **body)  # type: ignore[arg-type]


def _unusable(address: str, error: zmq.ZMQError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return EnvironmentFailure(f"the address {address} is in use: another driver or program listens there. Stop it, or choose "
                                  "another address")
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        return EnvironmentFailure(f"“{address}” is no place to listen at on this machine; write the host in numbers, not as a name: such as "
                                  "tcp://127.0.0.1:5571 (from this machine alone) or tcp://0.0.0.0:5571 (from all its networks)")
    if error.errno in (errno.EINVAL, errno.EPROTONOSUPPORT, zmq.ENOCOMPATPROTO):
        return InputError(f"“{address}” is no address; expected “tcp://HOST:PORT” or “ipc://FILE”")
    return EnvironmentFailure(f"the address {address} cannot be used: {error.strerror}")
