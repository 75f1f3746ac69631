"""Links between machines: which address needs a key, whose keys are allowed, and who stands at the gate (docs/security.md)."""

from __future__ import annotations

import ipaddress
import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from .errors import EnvironmentFailure, InputError

_log = logging.getLogger("athanor")
_TOLD_AGAIN_S = 60.0  # the same thing of the same source


def stays_on_this_machine(address: str) -> bool:
    """Whether nothing that is said there leaves it. What is not understood counts as leaving it."""
    if address.startswith("ipc://"):
        return True
    host, colon, _ = address.removeprefix("tcp://").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        return bool(colon) and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= 65535


def require_port(address: str) -> None:
    """Raises InputError for a port that TCP has not: ZeroMQ takes 99999 for 34463, −1 for 65535 and 5571x for 5571."""
    _, colon, port = address.removeprefix("tcp://").rpartition(":")
    if address.startswith("tcp://") and colon and port != "*" and not is_port(port):
        raise InputError(f"“{address}” has the port {port}; expected 1 to 65535")


def require_key(address: str, has_key: bool) -> None:
    """Raises InputError for an address that other machines can reach, if there is no key, and for one whose port is none."""
    require_port(address)
    if has_key or not address.startswith("tcp://") or stays_on_this_machine(address):
        return  # what is no address, ZeroMQ refuses
    raise InputError(f"{address} can be reached from other machines and has no key: whoever reaches it could command the "
                     "instruments. Give it one (“athanor keys new NAME”, then --key NAME; docs/security.md), or use "
                     "tcp://127.0.0.1:PORT or ipc://FILE")


def key_folder() -> Path:
    if folder := os.environ.get("ATHANOR_KEYS"):
        return Path(folder)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "athanor" / "keys"


class AllowList:
    """The public keys that may enter, as the file is now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "allowed"
        self._stamp: tuple[int, ...] | None = None
        self._names: dict[str, str] = {}

    def name_of(self, key: str) -> str | None:
        """The name under which a key (Z85) is allowed; None: it is not."""
        self._refresh()
        return self._names.get(key)

    def _refresh(self) -> None:
        try:
            found = os.stat(self._file)
            stamp: tuple[int, ...] = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode, os.stat(self._folder).st_mode)
        except OSError:
            stamp = ()
        if stamp == self._stamp:
            return
        self._stamp, self._names = stamp, {}
        if not stamp:
            return _log.warning("%s is not there: nobody is allowed", self._file)
        if any(mode & (stat.S_IWGRP | stat.S_IWOTH) for mode in stamp[3:]):
            return _log.warning("%s, or its folder, can be changed by others than you: nobody is allowed", self._file)
        for number, line in enumerate(self._file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 2 or not _is_key(words[1]):
                _log.warning("%s:%d: this is no public key and allows nobody; expected “NAME KEY COMMENT”", self._file, number)
            else:
                self._names[words[1]] = words[0]


@dataclass
class Keys:
    """What a driver's end of a protected link needs: its own secret (Z85), and whom it allows."""

    secret: bytes
    allowed: AllowList

    @staticmethod
    def load(name: str, folder: Path | None = None) -> Keys:
        """Of `folder`, as `athanor keys` keeps them. Raises InputError, EnvironmentFailure."""
        folder = folder or key_folder()
        file = folder / f"{name}.private"
        if not zmq.has("curve"):
            raise EnvironmentFailure("this ZeroMQ library was built without CURVE, so that links cannot be encrypted")
        try:
            mode = os.stat(file).st_mode
            words = file.read_text(encoding="utf-8").split()
        except FileNotFoundError as error:
            raise InputError(f"there is no key “{name}” in {folder}; make one: athanor keys new {name}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFailure(f"the key {file} cannot be read: {error}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"others than you can read {file}, so that it is no secret; revoke it, and make a new one")
        if len(words) != 3 or words[1] != "private" or not _is_key(words[2]):
            raise InputError(f"{file} is no private key; expected “NAME private SECRET” in one line")
        return Keys(words[2].encode(), AllowList(folder))


class Gate:
    """Answers ZeroMQ who may enter (ZAP, RFC 27). Made before the socket that it guards is bound."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: Keys) -> None:
        self._allowed = keys.allowed
        self._told: dict[str, float] = {}
        self.socket = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind("inproc://zeromq.zap.01")

    def answer(self) -> None:
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            key = _text_of(frames[6]) if len(frames) == 7 and frames[5] == b"CURVE" else ""
            enters = self._allowed.name_of(key) is not None
            if not enters:
                self._turned_away(frames[3].decode(errors="replace") if len(frames) > 3 else "", key)
            self.socket.send_multipart([b"1.0", frames[1] if len(frames) > 1 else b"", b"200" if enters else b"400",
                                        b"welcome" if enters else b"no such key is allowed", key.encode() if enters else b"", b""])

    def _turned_away(self, source: str, key: str) -> None:
        now = time.monotonic()
        if now - self._told.get(key, -_TOLD_AGAIN_S) < _TOLD_AGAIN_S:
            return
        self._told = {each: at for each, at in self._told.items() if now - at < _TOLD_AGAIN_S} | {key: now}
        _log.warning("%s: turned away, since its key %s is not allowed here. If it may command this driver: "
                     "athanor keys allow \"NAME %s\"", source, key, key)


def _is_key(text: str) -> bool:
    try:
        return len(text) == 40 and len(z85.decode(text.encode())) == 32  # type: ignore[no-untyped-call]
    except (ValueError, KeyError, UnicodeEncodeError):
        return False


def _text_of(key: bytes) -> str:
    return str(z85.encode(key), "ascii") if len(key) == 32 else ""  # type: ignore[no-untyped-call]
