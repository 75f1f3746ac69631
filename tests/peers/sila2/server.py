"""A SiLA 2 server on the package of the same name: a shaker with a thermometer and a reader.

server.py FOLDER PORT [--tls] [--cancel] [--access] [--lock KEY] [--pixels COUNT] [--other]. What it physically does it appends to FOLDER/actions, a line each, so that a test
counts beyond its death. A shaking, like a film, goes on until a file FOLDER/go is there; it ends as PlateLoose if that says “loose”.
"""

import argparse
import datetime
import pathlib
import queue
import random
import sys
import threading
import time
import uuid

from sila2.features.lockcontroller import LockControllerFeature
from sila2.framework import DefinedExecutionError, Feature
from sila2.server import FeatureImplementationBase, SilaServer
from sila2.server.default_feature_implementations.lockcontroller_impl import LockControllerImpl
from sila2.server.encryption import generate_self_signed_certificate

HERE = pathlib.Path(__file__).resolve().parent
SHAKER, THERMOMETER, READER, ACCESS, CANCEL = (
    Feature((HERE / f"{name}.sila.xml").read_text()) for name in ("Shaker", "Thermometer", "Reader", "Access", "CancelController"))
SERVER_UUID = uuid.UUID("6f2d1c3a-94a2-4d5e-8b11-3f0e7a5b9c20")


class World:
    def __init__(self, folder, pixels):
        self.folder = folder
        self.pixels = pixels
        self.stopped = threading.Event()

    def act(self, what):
        with open(self.folder / "actions", "a") as file:
            file.write(what + "\n")

    def word(self):
        """What the test has written for the shaking to go by, if it has."""
        go = self.folder / "go"
        return go.read_text() if go.exists() else None


class Shaker(FeatureImplementationBase):
    def __init__(self, server, world):
        super().__init__(server)
        self.world = world
        self._Shaking_producer_queue = queue.Queue()
        self._Shaking_producer_queue.put(False)

    def Shaking_on_subscription(self, *, metadata):
        return None

    def Shake(self, Speed, ShakeTime, Mode, *, metadata, instance):
        self.world.stopped.clear()
        self.world.act(f"shake {Speed} {ShakeTime:g} {Mode}")
        self._Shaking_producer_queue.put(True)
        instance.progress = 0.25
        instance.estimated_remaining_time = datetime.timedelta(seconds=0.75 * ShakeTime)
        while self.world.word() is None and not self.world.stopped.wait(0.02):
            pass
        self._Shaking_producer_queue.put(False)
        if self.world.stopped.is_set():
            raise RuntimeError("stopped before its end")
        if self.world.word() == "loose":
            raise DefinedExecutionError(SHAKER.defined_execution_errors["PlateLoose"], "at the left")
        return int(Speed * ShakeTime / 60)

    def Stop(self, *, metadata):
        self.world.act("stop")
        self.world.stopped.set()


class Thermometer(FeatureImplementationBase):
    def __init__(self, server, world):
        super().__init__(server)
        self.world = world

    def Measure(self, Position, *, metadata):
        self.world.act(f"measure {Position.Row}{Position.Column}")
        if Position.Row == "X":
            raise RuntimeError("the camera looks the other way")
        return 36.5, True, b"picture"

    def MeasureAll(self, Columns, *, metadata):
        self.world.act(f"measure all {Columns}")

    def Plan(self, Day, At, NotBefore, *, metadata):
        self.world.act(f"plan {Day.date} {At} {NotBefore}")
        return max(datetime.datetime.combine(Day.date, At), NotBefore)

    def get_Temperature(self, *, metadata):
        return 21.25

    def get_CalibratedAt(self, *, metadata):
        return datetime.datetime(2026, 3, 1, 8, 15, 30, tzinfo=datetime.timezone.utc)


class Reader(FeatureImplementationBase):
    def __init__(self, server, world):
        super().__init__(server)
        self.world = world

    def Scan(self, Wavelengths, *, metadata):
        self.world.act(f"scan {Wavelengths}")
        peaks = [(at, number) for number, at in enumerate(Wavelengths) if at >= 500]
        return [at / 1000 for at in Wavelengths], peaks, ["lamp warm", "“ok”"]

    def Pick(self, Wells, Method, *, metadata):
        keys = [str(value) for value in metadata.values()]
        self.world.act(f"pick {''.join(f'{well.Row}{well.Column}' for well in Wells)} {Method!r} {keys}")

    def Film(self, Size, *, metadata, instance):
        self.world.act(f"film {Size}")
        instance.progress = 0.5
        while self.world.word() is None:
            time.sleep(0.02)
        return film(Size)

    def get_DarkCounts(self, *, metadata):
        return [-number for number in range(self.world.pixels)]


def film(size):
    return random.Random(1).randbytes(size)


class Access(FeatureImplementationBase):
    def get_calls_affected_by_AccessKey(self):
        return [READER._unobservable_commands["Pick"]]


class CancelController(FeatureImplementationBase):
    def __init__(self, server, world):
        super().__init__(server)
        self.world = world

    def CancelCommand(self, CommandExecutionUUID, *, metadata):
        self.world.act("cancel one")
        self.world.stopped.set()

    def CancelAll(self, *, metadata):
        self.world.act("cancel all")
        self.world.stopped.set()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cancel", action="store_true", help="with the standard's CancelController")
    parser.add_argument("--access", action="store_true", help="whoever picks wells has to show a key")
    parser.add_argument("--lock", metavar="KEY", help="with the standard's LockController, locked")
    parser.add_argument("--pixels", type=int, default=3, help="of the reader")
    parser.add_argument("--other", action="store_true", help="another device of the same make")
    options = parser.parse_args()
    world = World(options.folder, options.pixels)
    server = SilaServer("Bench", "ShakerWithThermometer", "For tests", "1.0", "https://example.org",
                        uuid.uuid4() if options.other else SERVER_UUID)
    server.set_feature_implementation(SHAKER, Shaker(server, world))
    server.set_feature_implementation(THERMOMETER, Thermometer(server, world))
    server.set_feature_implementation(READER, Reader(server, world))
    if options.access:
        server.set_feature_implementation(ACCESS, Access(server))
    if options.lock:
        lock = LockControllerImpl(server)
        server.set_feature_implementation(LockControllerFeature, lock)
        lock.LockServer(options.lock, 3600, metadata={})
    if options.cancel:
        server.set_feature_implementation(CANCEL, CancelController(server, world))
    if options.tls:
        key, certificate = generate_self_signed_certificate(SERVER_UUID, "127.0.0.1")
        (options.folder / "server.pem").write_bytes(certificate)
        server.start("127.0.0.1", options.port, private_key=key, cert_chain=certificate, enable_discovery=False)
    else:
        server.start_insecure("127.0.0.1", options.port, enable_discovery=False)
    print("ready", flush=True)
    sys.stdin.read()  # until the test ends or kills it


if __name__ == "__main__":
    main()
