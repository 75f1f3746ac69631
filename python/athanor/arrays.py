"""The rows of arrays that handlers yield, on their way to the controller: a bounded window of what is not on its disk yet.

It is the same as instruments/array_window.cpp; docs/driver-protocol.md, “Large data”, tells what is said and why.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import InputError
from .instrument import Array, Rows
from .proto import driver_pb2 as wire

WINDOW = 64 << 20  # bytes
CHUNK = 1 << 20  # the most that one message holds
_GATHERED = 64 << 10  # small rows are gathered in pieces of so many bytes
_SMALL = 16 << 10

# Element → its size and the letters by which the buffers of Python and NumPy call it.
_ELEMENTS: Mapping[str, tuple[int, str]] = {
    "int8": (1, "b"), "uint8": (1, "Bc?"), "int16": (2, "h"), "uint16": (2, "H"), "int32": (4, "il"), "uint32": (4, "IL"),
    "int64": (8, "ql"), "uint64": (8, "QL"), "float32": (4, "f"), "float64": (8, "d")}


def described(name: str, array: Array) -> wire.Field:
    """Raises InputError for an unknown element, or rows that are none."""
    if array.element not in _ELEMENTS:
        raise InputError(f"array “{name}” is of “{array.element}”; expected one of {', '.join(_ELEMENTS)}")
    if any(length < 1 for length in array.row_shape):
        raise InputError(f"array “{name}” has rows of {array.row_shape}, which hold no element")
    field = wire.Field(name=name, unit=array.unit)
    field.array.element = wire.ArrayType.Element.Value(array.element.upper())
    field.array.row_shape.extend(array.row_shape)
    return field


def row_bytes(type: wire.ArrayType) -> int:
    size, _ = _ELEMENTS[wire.ArrayType.Element.Name(type.element).lower()]
    return size * int(math.prod(type.row_shape))


def bytes_of(rows: Rows, type: wire.ArrayType) -> bytes:
    """Copied unless they are `bytes`: most cameras fill the same buffer again. Raises TypeError if they are not what was
    described."""
    element = wire.ArrayType.Element.Name(type.element).lower()
    size, letters = _ELEMENTS[element]
    if isinstance(rows.data, bytes):
        raw = rows.data
    else:
        view = memoryview(rows.data)  # type: ignore[arg-type]
        letter = view.format.lstrip("@=<")
        if view.format != "B" and (letter not in letters or view.itemsize != size):
            raise TypeError(f"rows of “{rows.result}” are of the format “{view.format}”; {element}, little-endian, is described")
        raw = view.tobytes()  # in C order, whatever the strides
    if len(raw) % row_bytes(type):
        raise TypeError(f"rows of “{rows.result}”: {len(raw)} bytes, where one row has {row_bytes(type)}; rows come whole")
    return raw


@dataclass(frozen=True)
class Settled:
    """What became of a command's arrays; `why_not`: one of them cannot be stored."""

    arrays: list[wire.Value]
    why_not: str = ""


@dataclass
class _Piece:
    offset: int
    data: bytes | bytearray
    held: int  # what it counts for in the window

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


@dataclass
class _Stream:
    named: wire.Open
    row: int
    pieces: deque[_Piece] = field(default_factory=deque)  # not known to be durable, in order
    end: int = 0  # so many bytes were put in
    durable: int = 0
    closed: bool = False
    stored: bool = False
    lost: str = ""  # why it never will be
    # With the controller that collects:
    told: bool = False
    next: int | None = None  # byte to be sent
    close_told: bool = False
    # The socket's thread alone:
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    digested: int = 0

    @property
    def begin(self) -> int:
        return self.pieces[0].offset if self.pieces else self.end


class ArrayWindow:
    """Safe from all threads; `send`, `hear`, `collect` and `leave` are for that of the data socket alone."""

    def __init__(self, wake_driver: Callable[[], None], size: int = WINDOW) -> None:
        self.wake_sender: Callable[[], None] = lambda: None
        self.when_room: list[Callable[[], None]] = []
        self._wake_driver, self._size = wake_driver, size
        self._lock = threading.Lock()
        self._held = self._last_number = 0
        self._streams: dict[int, _Stream] = {}
        self._abandoned: list[int] = []
        self._collected = False
        self._credit = self._sent = 0
        self._turn = 0  # the stream that was served last

    # ── From handlers ────────────────────────────────────────────────────────────────────────────────────────────────

    def has_room(self, size: int) -> bool:
        with self._lock:
            return self._held + size <= self._size

    def put(self, command: str, rows: Rows) -> Callable[[], bool]:
        """Gives a function that puts them in as soon as there is room, and says whether it has: ask it until it has."""
        with self._lock:
            stream = self._find(command, rows.result)
        raw = bytes_of(rows, stream.named.type)
        if len(raw) > self._size:
            raise TypeError(f"{len(raw)} bytes of “{rows.result}” at once; {self._size} is the most, so yield fewer rows at a time")

        def try_it() -> bool:
            with self._lock:
                if stream.lost or not raw:
                    return True
                if self._held + len(raw) > self._size:
                    return False
                self._add(stream, raw)
            self.wake_sender()
            return True

        return try_it

    def _find(self, command: str, result: str) -> _Stream:
        for stream in self._streams.values():
            if (stream.named.command, stream.named.result) == (command, result):
                return stream
        raise TypeError(f"rows of “{result}”, which is no array of this capability")

    def _add(self, stream: _Stream, raw: bytes) -> None:
        last = stream.pieces[-1] if stream.pieces else None
        if len(raw) >= _SMALL:
            stream.pieces.append(_Piece(stream.end, raw, len(raw)))
            self._held += len(raw)
        elif last is not None and isinstance(last.data, bytearray) and len(last.data) + len(raw) <= _GATHERED:
            last.data += raw
        else:
            stream.pieces.append(_Piece(stream.end, bytearray(raw), _GATHERED))
            self._held += _GATHERED
        stream.end += len(raw)

    # ── From the driver ──────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, command: wire.Command, capability: wire.Capability) -> None:
        with self._lock:
            for described in capability.results:
                if not described.HasField("array"):
                    continue
                self._last_number += 1
                named = wire.Open(stream=self._last_number, command=command.id, instrument=command.instrument,
                                  result=described.name, type=described.array, unit=described.unit)
                self._streams[self._last_number] = _Stream(named, row_bytes(described.array))
        self.wake_sender()

    def close(self, command: str) -> None:
        with self._lock:
            for stream in self._of(command):
                stream.closed = True
        self.wake_sender()
        self._wake_driver()  # one may be lost already

    def abandon(self, command: str) -> None:
        with self._lock:
            for stream in self._of(command):
                if stream.told and not stream.stored and not stream.lost:
                    self._abandoned.append(stream.named.stream)
                self._lose(stream, "abandoned")
                del self._streams[stream.named.stream]
        self._tell_of_room()
        self.wake_sender()

    def settled(self, command: str) -> Settled | None:
        """None while it is not known; given once."""
        with self._lock:
            streams = self._of(command)
            lost = next((stream for stream in streams if stream.lost), None)
            if not lost and not all(stream.stored for stream in streams):
                return None
            why_not = f"its array “{lost.named.result}” was not stored: {lost.lost}" if lost else ""
            arrays = [wire.Value(name=stream.named.result, unit=stream.named.unit,
                                 array=wire.Array(type=stream.named.type, rows=stream.end // stream.row,
                                                  sha256=stream.digest.hexdigest()))
                      for stream in streams if stream.stored]
        self.abandon(command)
        return Settled(arrays, why_not)

    def _of(self, command: str) -> list[_Stream]:
        return [stream for stream in self._streams.values() if stream.named.command == command]

    # ── From the data socket ─────────────────────────────────────────────────────────────────────────────────────────

    def collect(self) -> None:
        """A controller has come, or come again."""
        self.leave()
        with self._lock:
            self._collected = True

    def leave(self) -> None:
        with self._lock:
            self._collected = False
            self._credit = self._sent = 0
            self._abandoned.clear()
            for stream in self._streams.values():
                stream.told = stream.close_told = False
                stream.next = None

    def hear(self, message: wire.DataToDriver) -> None:
        body = message.WhichOneof("body")
        if body == "credit":
            with self._lock:
                self._credit = max(self._credit, message.credit.bytes)
            return
        if body not in ("resume", "durable", "stored", "unstored"):
            return
        with self._lock:
            stream = self._streams.get(getattr(message, body).stream)
            if stream is None or not stream.told or stream.stored or stream.lost:
                return  # settled or abandoned meanwhile
            # Of the answers to Open the first says what the store has; a later one may be out of date.
            if body == "resume" and stream.next is None and message.resume.offset < stream.begin:
                self._lose(stream, f"the controller's data store had {stream.begin} of its bytes on the disk, and has "
                                   f"{message.resume.__getattribute__('from')} now")
            elif body == "resume":
                stream.next, stream.close_told = max(message.resume.offset, stream.begin), False
            elif body == "durable":
                stream.durable = max(stream.durable, message.durable.bytes)
                self._release(stream)
            elif body == "stored" and stream.close_told:
                stream.stored, stream.durable = True, stream.end
                self._release(stream)
            elif body == "unstored":
                self._lose(stream, message.unstored.why or "no reason was given")
        self._tell_of_room()

    def _tell_of_room(self) -> None:
        for tell in self.when_room:
            tell()
        self._wake_driver()

    def _release(self, stream: _Stream) -> None:
        """Forgets what is durable; but nothing that was not hashed."""
        done = min(stream.durable, stream.digested)
        while stream.pieces and stream.pieces[0].end <= done:
            self._held -= stream.pieces.popleft().held
        if stream.next is not None:
            stream.next = max(stream.next, stream.begin)

    def _lose(self, stream: _Stream, why: str) -> None:
        if not stream.stored:
            stream.lost = why
        self._held -= sum(piece.held for piece in stream.pieces)
        stream.pieces.clear()

    def send(self) -> tuple[wire.DataFromDriver, bytes | memoryview] | None:
        """The next message within the controller's credit, if there is one; with a Chunk, its bytes."""
        with self._lock:
            if not self._collected:
                return None
            if self._abandoned:
                return _message(abandon=wire.Abandon(stream=self._abandoned.pop())), b""
            # The others first: every array has its turn.
            in_turn = sorted(self._streams, key=lambda number: (number <= self._turn, number))
            streams = [self._streams[number] for number in in_turn]
        for stream in streams:
            found = self._send(stream)
            if found:
                self._turn = stream.named.stream
                return found
        return None

    def _send(self, stream: _Stream) -> tuple[wire.DataFromDriver, bytes | memoryview] | None:
        with self._lock:
            if not stream.told:
                stream.told = True
                return _message(open=stream.named), b""
            if stream.stored or stream.lost or stream.next is None:
                return None
            start = stream.next
        # What the store has of an earlier start of this driver is not sent, and hashed all the same.
        while (skipped := self._part(stream, stream.digested)) and stream.digested < start:
            self._hash(stream, skipped[:start - stream.digested])
        part = self._part(stream, start)
        if part:
            with self._lock:
                if self._sent + len(part) > self._credit:
                    return None
                stream.next = start + len(part)
                self._sent += len(part)
            if start + len(part) > stream.digested:
                self._hash(stream, part[stream.digested - start:])
            return _message(chunk=wire.Chunk(stream=stream.named.stream, offset=start)), part
        with self._lock:
            if not stream.closed or stream.close_told or stream.lost or start < stream.end:
                return None
            stream.close_told = True
            return _message(close=wire.Close(stream=stream.named.stream, bytes=stream.end, sha256=stream.digest.hexdigest())), b""

    def _part(self, stream: _Stream, start: int) -> memoryview | None:
        """From byte `start` on: at most a chunk, and within one piece."""
        with self._lock:
            for piece in stream.pieces:
                if piece.offset <= start < piece.end:
                    at = start - piece.offset
                    # What is still gathered would not grow while somebody looks into it.
                    data = bytes(piece.data) if isinstance(piece.data, bytearray) else piece.data
                    return memoryview(data)[at:at + CHUNK]
        return None

    def _hash(self, stream: _Stream, part: memoryview) -> None:
        stream.digest.update(part)
        with self._lock:
            stream.digested += len(part)
            self._release(stream)


def _message(**body: object) -> wire.DataFromDriver:
    return wire.DataFromDriver(version=1, **body)  # type: ignore[arg-type]
