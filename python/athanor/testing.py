"""For tests of drivers: starts one as a process of its own, and plays its controller."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from types import TracebackType

import zmq

from .driver import MOST_ASKED, PROTOCOL_VERSION
from .limits import values_of
from .proto import driver_pb2 as wire

Value = float | str
Outcome = float | str | bytes  # of a result: the bytes of an array
_CREDIT = 8 << 20
PATIENCE_S = 30.0  # that a test waits for an answer; no test passes because of it


class Failed(AssertionError):
    """A command that ended with a fault: “LIMIT: instrument … refused: …”."""


class Store:
    """A controller's data store, in memory, with its end of the data socket."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, ticket: str) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)
        self.arrays: dict[tuple[str, str], bytearray] = {}  # by command and result
        self._open: dict[int, tuple[str, str]] = {}
        self._taken = 0
        self.say(collect=wire.Collect(ticket=ticket))
        self.say(credit=wire.Credit(bytes=_CREDIT))

    def say(self, **body: object) -> None:
        self.socket.send(wire.DataToDriver(version=PROTOCOL_VERSION, **body).SerializeToString())  # type: ignore[arg-type]

    def take(self) -> wire.DataFromDriver:
        """Takes in one message, and acknowledges it."""
        frames = self.socket.recv_multipart()
        message: wire.DataFromDriver = wire.DataFromDriver.FromString(frames[0])
        match message.WhichOneof("body"):
            case "open":
                opened = message.open
                self._open[opened.stream] = (opened.command, opened.result)
                array = self.arrays.setdefault(self._open[opened.stream], bytearray())
                self.say(resume=wire.Resume(stream=opened.stream, offset=len(array)))
            case "chunk":
                array = self.arrays[self._open[message.chunk.stream]]
                if message.chunk.offset <= len(array):
                    array += frames[1][len(array) - message.chunk.offset:]
                self._taken += len(frames[1])
                self.say(durable=wire.Durable(stream=message.chunk.stream, bytes=len(array)))
                self.say(credit=wire.Credit(bytes=self._taken + _CREDIT))
            case "close":
                array = self.arrays[self._open[message.close.stream]]
                if len(array) != message.close.bytes or hashlib.sha256(array).hexdigest() != message.close.sha256:
                    self.say(unstored=wire.Unstored(stream=message.close.stream, why="its length or hash is another one"))
                else:
                    self.say(stored=wire.Stored(stream=message.close.stream))
            case "refused":
                raise AssertionError(message.refused.why)
        return message


def _data_address(address: str, place: str) -> str:
    return address + place if address.startswith("ipc://") else f"{address[:address.rfind(':')]}:{place}"


class Controller:
    """A controller's end of the link to the driver at `address`."""

    def __init__(self, address: str, name: str = "test") -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)
        self.address, self.name = address, name
        self.store: Store | None = None  #: what it was sent of arrays; None: the driver makes none
        self.heard: list[wire.FromDriver] = []  # all but heartbeats, in order
        self._read = 0

    def close(self) -> None:
        self.socket.close()
        if self.store:
            self.store.socket.close()
        self._context.term()

    def send(self, **body: object) -> None:
        self.socket.send(wire.ToDriver(version=PROTOCOL_VERSION, **body).SerializeToString())  # type: ignore[arg-type]

    def next(self, kind: str, wanted: Callable[[wire.FromDriver], bool] = lambda _: True) -> wire.FromDriver:
        """The next message of that kind; what comes before it is passed over, and stays in `heard`."""
        until = time.monotonic() + PATIENCE_S
        while True:
            while self._read < len(self.heard):
                message = self.heard[self._read]
                self._read += 1
                if message.WhichOneof("body") == kind and wanted(message):
                    return message
            if not self._wait(until):
                raise TimeoutError(f"no “{kind}” within {PATIENCE_S:g} s; heard before: {self.heard[-5:]}")
            message = wire.FromDriver.FromString(self.socket.recv())
            if kind == "heartbeat" or message.WhichOneof("body") != "heartbeat":
                self.heard.append(message)

    def _wait(self, until: float) -> bool:
        """For a message on the control socket; arrays are taken in meanwhile."""
        while True:
            sockets = [self.socket, self.store.socket] if self.store else [self.socket]
            poller = zmq.Poller()
            for each in sockets:
                poller.register(each, zmq.POLLIN)
            ready = dict(poller.poll(max(0, int(1000 * (until - time.monotonic())))))
            if self.store and self.store.socket in ready:
                self.store.take()
            if self.socket in ready or not ready:
                return bool(ready)

    def hello(self) -> wire.Welcome:
        self.send(hello=wire.Hello(controller=self.name, takes_arrays=True))
        welcome = self.next("welcome").welcome
        if welcome.data:
            self.store = Store(self._context, _data_address(self.address, welcome.data), welcome.data_ticket)
        return welcome

    def ask(self, *ids: str) -> list[wire.CommandState]:
        states: list[wire.CommandState] = []
        for start in range(0, len(ids) or 1, MOST_ASKED):
            asked = ids[start:start + MOST_ASKED]
            self.send(question=wire.Question(ids=asked))
            states += self.next("answer").answer.states
            while len(states) < start + len(asked):  # a long answer goes on in the next
                states += self.next("answer").answer.states
        return states

    def outcome(self, id: str) -> wire.Outcome:
        return self.next("outcome", lambda message: message.outcome.id == id).outcome


def command(instrument: str, capability: str, *, id: str = "", sample: str = "", place: str = "",
            **parameters: Value | tuple[float, str]) -> wire.Command:
    """A parameter with another unit than none is a tuple: (80.0, "degC")."""
    made = wire.Command(id=id or uuid.uuid4().hex, instrument=instrument, capability=capability, sample=sample, place=place)
    for name, value in parameters.items():
        number, unit = value if isinstance(value, tuple) else (value, "")
        _give(made, name, number, unit)
    return made


def _give(told: wire.Command, name: str, value: Value, unit: str) -> None:
    if isinstance(value, str):
        values_of(told).add(name=name, text=value)
    else:
        values_of(told).add(name=name, number=value, unit=unit)


class DriverProcess:
    """`python3 FILE --address … --ledger …`, from `with` to its end; `do` carries commands out."""

    def __init__(self, file: str | pathlib.Path, folder: str | pathlib.Path | None = None, *arguments: str) -> None:
        """`folder` keeps socket and ledger; left out, a new one that is removed at the end."""
        self._own = tempfile.TemporaryDirectory(prefix="athanor-") if folder is None else None
        self.folder = pathlib.Path(self._own.name if self._own else folder or ".")
        self.address = f"ipc://{self.folder}/driver.sock"
        self._command = [sys.executable, str(file), "--address", self.address, "--ledger", str(self.folder / "driver.ledger"),
                         *arguments]

    def __enter__(self) -> DriverProcess:
        self.process = subprocess.Popen(self._command)
        self.controller = Controller(self.address)
        try:
            self.controller.send(visit=wire.Visit())
            while not self.controller.socket.poll(100):
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self._command[1]} ended with status {self.process.returncode} instead of serving; it said why")
            self.controller.next("welcome")
            self.instruments = {each.id: each for each in self.controller.hello().instruments}
            return self
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.controller.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            if self._own:
                self._own.cleanup()

    def do(self, capability: str, instrument: str = "", *, sample: str = "", place: str = "", **parameters: Value) -> dict[str, Outcome]:
        """Carries it out, with numbers in the described units; gives the results, of an array its bytes. Raises Failed.

        `instrument` may be left out where only one offers the capability."""
        able = [id for id, each in self.instruments.items() if capability in (offer.name for offer in each.capabilities)]
        who = instrument or (able[0] if len(able) == 1 else "")
        if not who:
            raise LookupError(f"“{capability}” is offered by {', '.join(able) or 'no instrument'}; name one")
        units = {field.name: field.unit for offer in self.instruments[who].capabilities if offer.name == capability
                 for field in offer.parameters}
        told = command(who, capability, sample=sample, place=place)
        for name, value in parameters.items():
            _give(told, name, value, units.get(name, ""))
        self.controller.send(command=told)
        outcome = self.controller.outcome(told.id)
        if not outcome.done:
            raise Failed(f"{wire.FaultKind.Name(outcome.fault)}: {outcome.message}")
        return {value.name: self._result(told.id, value) for value in outcome.results}

    def _result(self, id: str, value: wire.Value) -> Outcome:
        if value.WhichOneof("kind") == "array" and self.controller.store:
            return bytes(self.controller.store.arrays[(id, value.name)])
        return value.text if value.WhichOneof("kind") == "text" else value.number
