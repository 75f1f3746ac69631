"""Who may speak with a driver over the network, and who may look at one: keys, and visits."""

import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest

import zmq

from athanor.keys import AllowList, Keys, stays_on_this_machine
from athanor.errors import InputError
from athanor.proto import driver_pb2 as wire
from athanor.testing import PATIENCE_S
from rig import BenchTest


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Visits(BenchTest):
    def test_who_looks_is_told_who_is_in_charge(self) -> None:
        """Goal: a visitor disturbs nobody. Method: it visits, and the controller's next command is taken as ever."""
        visitor = self.connect("visitor")
        visitor.send(visit=wire.Visit(watch_s=30))
        welcome = visitor.next("welcome").welcome
        self.assertEqual(welcome.controller, "test")
        self.assertTrue(welcome.instruments)
        self.assertTrue(visitor.next("telemetry").telemetry.values)
        self.begin("wait", duration=(30.0, "s"))

    def test_only_if_free(self) -> None:
        second = Guest(self.address, None, b"")
        self.addCleanup(second.close)
        second.send(hello=wire.Hello(controller="second", only_if_free=True))
        self.assertIn("takes commands from “test”", second.next("refused").refused.why)
        self.controller.close()
        self.controller = self.connect("none")  # closed once more at the end
        until = time.monotonic() + PATIENCE_S
        while True:  # a driver learns of a closed connection a moment later
            second.send(hello=wire.Hello(controller="second", only_if_free=True))
            if any(said.HasField("welcome") for said in second.heard(0.2)):
                break
            self.assertLess(time.monotonic(), until)


class Guarded(BenchTest):
    """A driver with a key, and peers whose keys are allowed, or not."""

    def setUp(self) -> None:
        self.keys = {name: zmq.curve_keypair() for name in ("bench", "laptop", "stranger")}
        super().setUp()

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        folder = self.folder / "keys"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "bench.private").write_text(f"bench private {self.keys['bench'][1].decode()}\n")
        (folder / "bench.private").chmod(0o600)
        self.allow("laptop")
        os.environ["ATHANOR_KEYS"] = str(folder)
        self.addCleanup(os.environ.pop, "ATHANOR_KEYS", None)
        self.address = f"tcp://127.0.0.1:{free_port()}"
        return super().start("--key", "bench", *arguments)

    def allow(self, *names: str) -> None:
        file = self.folder / "keys" / "allowed"
        file.write_text("# who may command\n" + "".join(f"{name} {self.keys[name][0].decode()} test\n" for name in names))
        file.chmod(0o644)

    def connect(self, name: str = "laptop") -> "Guest":  # type: ignore[override]
        guest = Guest(self.address, self.keys.get(name), self.keys["bench"][0])
        self.addCleanup(guest.close)
        return guest

    def test_an_allowed_key_is_served(self) -> None:
        self.assertTrue(self.controller.hello())

    def test_others_get_nothing(self) -> None:
        for name in ("stranger", "plain"):
            guest = self.connect(name)
            guest.send(hello=wire.Hello(controller=name))
            self.assertFalse(guest.hears(1.0), name)
        self.assertTrue(self.controller.hello())

    def test_a_revoked_key_gets_no_further(self) -> None:
        self.allow("stranger")
        self.controller.send(question=wire.Question(ids=["x"]))
        refused = self.controller.next("refused").refused
        self.assertIn("revoked", refused.why)
        self.assertTrue(refused.not_allowed)
        self.controller.send(hello=wire.Hello(controller="again"))
        self.assertFalse(any(said.HasField("welcome") for said in self.controller.heard(1.5)))


class Guest:
    """A socket of the test's own, encrypted or plain."""

    def __init__(self, address: str, pair: tuple[bytes, bytes] | None, server: bytes) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        if pair:
            self._socket.setsockopt(zmq.CURVE_PUBLICKEY, pair[0])
            self._socket.setsockopt(zmq.CURVE_SECRETKEY, pair[1])
            self._socket.setsockopt(zmq.CURVE_SERVERKEY, server)
        self._socket.connect(address)

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def send(self, **body: object) -> None:
        self._socket.send(wire.ToDriver(version=1, **body).SerializeToString())  # type: ignore[arg-type]

    def hears(self, seconds: float) -> bool:
        return bool(self._socket.poll(int(1000 * seconds)))

    def heard(self, seconds: float) -> list[wire.FromDriver]:
        until, all = time.monotonic() + seconds, []
        while (left := until - time.monotonic()) > 0 and self.hears(left):
            all.append(wire.FromDriver.FromString(self._socket.recv()))
        return all

    def next(self, kind: str) -> wire.FromDriver:
        until = time.monotonic() + PATIENCE_S
        while (left := until - time.monotonic()) > 0 and self.hears(left):
            said = wire.FromDriver.FromString(self._socket.recv())
            if said.WhichOneof("body") == kind:
                return said
        raise AssertionError(f"no {kind}")

    def hello(self) -> wire.Welcome:
        self.send(hello=wire.Hello(controller="laptop"))
        return self.next("welcome").welcome


class Files(unittest.TestCase):
    def test_what_stays_on_this_machine(self) -> None:
        for address in ("ipc:///x", "tcp://127.0.0.1:1", "tcp://127.9.9.9:1", "tcp://[::1]:1", "tcp://localhost:1"):
            self.assertTrue(stays_on_this_machine(address), address)
        for address in ("tcp://0.0.0.0:1", "tcp://*:1", "tcp://10.0.0.5:1", "tcp://eth0:1", "tcp://[::]:1", "tcp://bench:1", "tcp://"):
            self.assertFalse(stays_on_this_machine(address), address)

    def test_files_that_are_not_private(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            public, secret = zmq.curve_keypair()
            file = folder / "a.private"
            with self.assertRaisesRegex(InputError, "athanor keys new a"):
                Keys.load("a", folder)
            file.write_text(f"a private {secret.decode()}\n")
            file.chmod(0o644)
            with self.assertRaisesRegex(InputError, "others than you can read"):
                Keys.load("a", folder)
            file.chmod(0o600)
            self.assertEqual(Keys.load("a", folder).secret, secret)
            file.write_text("a private nonsense\n")
            with self.assertRaisesRegex(InputError, "no private key"):
                Keys.load("a", folder)
            allowed = AllowList(folder)
            self.assertIsNone(allowed.name_of(public.decode()))
            (folder / "allowed").write_text(f"nonsense\n\n# x\nann {public.decode()} her laptop\n")
            (folder / "allowed").chmod(0o644)
            self.assertEqual(allowed.name_of(public.decode()), "ann")
            (folder / "allowed").chmod(0o666)
            self.assertIsNone(allowed.name_of(public.decode()))


class OffTheMachine(BenchTest):
    def test_an_address_that_others_reach_needs_a_key(self) -> None:
        said = self.fails_to_start("--address", "tcp://0.0.0.0:5599", "--ledger", str(self.folder / "other"), status=2)
        self.assertIn("has no key", said)


if __name__ == "__main__":
    unittest.main()
