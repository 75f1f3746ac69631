"""What the tests against peers share: processes that are waited for, and a controller's end of the driver protocol."""

import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import zmq
from grpc_tools import protoc

PROGRAM = os.environ["ATHANOR_PROGRAM"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 120  # a test that waits longer has failed; nothing else depends on it


def _messages():
    """proto/driver.proto, as Python."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-peers-"))
    try:
        protoc.main(["protoc", f"--proto_path={SOURCE / 'proto'}", f"--python_out={folder}", "driver.proto"])
        sys.path.insert(0, str(folder))
        import driver_pb2
    finally:
        sys.path.remove(str(folder))
        shutil.rmtree(folder)
    return driver_pb2


wire = _messages()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_listener(port):
    """Until somebody listens there: devices that start beside the process that said it was ready."""
    until = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at port {port}")


class PeerTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, *command, ready, environment=None):
        """A process that says a line which begins with `ready` when it is."""
        with open(self.folder / "stderr", "a") as errors:
            process = subprocess.Popen(list(map(str, command)), cwd=self.folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=errors, env={**os.environ, **(environment or {})})
        self.addCleanup(self.kill, process)
        line = process.stdout.readline()
        self.assertTrue(line.startswith(ready), f"{command}: {line!r}\n{(self.folder / 'stderr').read_text()}")
        process.ready = line
        return process

    @staticmethod
    def kill(process, how=signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(how)
        process.wait(TIMEOUT_S)
        for pipe in (process.stdin, process.stdout):
            pipe.close()

    def start_driver(self, *arguments, environment=None):
        """athanor driver run …, and a controller that it has welcomed."""
        address = f"ipc://{self.folder}/driver.sock"
        process = self.start(PROGRAM, "driver", "run", *arguments, "--address", address, "--ledger", self.folder / "ledger", "--dead-man", 0,
                             ready="driver ", environment=environment)
        controller = Controller(address)
        self.addCleanup(controller.close)
        return process, controller

    def kill_in_mid_command(self, start_server, start_driver, name, with_):
        """The other end dies in the middle of a command, which is then known to have begun, and is not done again by itself; once it is back,
        the next command is done. Two beginnings are to be counted afterwards."""
        server = start_server()
        _, controller = start_driver()
        controller.command("c1", name, **with_)
        controller.progress("c1")
        self.kill(server)
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LINK, False))
        start_server()
        controller.make_safe()
        self.go()
        controller.command("c2", name, **with_)
        self.assertTrue((outcome := controller.outcome("c2")).done, outcome.message)

    # ── What the other end counts, and goes by ──

    def actions(self):
        """What it did physically, a line each."""
        file = self.folder / "actions"
        return file.read_text().splitlines() if file.exists() else []

    def go(self, word="on"):
        """Lets what goes on come to its end."""
        part = self.folder / "go.part"
        part.write_text(word)
        part.rename(self.folder / "go")


class Controller:
    """Says what it is told to, and hears until what is waited for has come."""

    def __init__(self, address):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)
        self.heard = []
        self.store = None
        self.say(hello=wire.Hello(controller="test", takes_arrays=True))
        self.welcome = self.await_message(lambda message: message.HasField("welcome")).welcome
        if self.welcome.data:
            self.store = Store(address + self.welcome.data, self.welcome.data_ticket)

    def close(self):
        self.socket.close()
        if self.store:
            self.store.socket.close()

    def capability(self, name):
        (found,) = [one for one in self.welcome.instruments[0].capabilities if one.name == name]
        return found

    def say(self, **body):
        self.socket.send(wire.ToDriver(version=1, **body).SerializeToString())

    def command(self, id, capability, instrument=None, **parameters):
        """Parameters: a text, or (number, unit). A dot in a name is written as two underscores."""
        command = wire.Command(id=id, instrument=instrument or self.welcome.instruments[0].id, capability=capability)
        for name, value in parameters.items():
            entry = command.__getattribute__("with").add(name=name.replace("__", "."))
            if isinstance(value, str):
                entry.text = value
            else:
                entry.number, entry.unit = value
        self.say(command=command)

    def await_message(self, is_it):
        """The first that is what was waited for, of those heard and those to come; heartbeats keep the driver's link."""
        for message in self.heard:
            if is_it(message):
                return message
        waited = 0
        while waited < TIMEOUT_S:
            if not self.ready():
                waited += 0.5
                self.say(heartbeat=wire.Heartbeat())
                continue
            message = wire.FromDriver.FromString(self.socket.recv())
            self.heard.append(message)
            if is_it(message):
                return message
        said = "\n".join(str(message) for message in self.heard if not (message.HasField("heartbeat") or message.HasField("telemetry")))
        raise AssertionError(f"not heard within {TIMEOUT_S} s; heard:\n{said}")

    def ready(self):
        """Whether something came within half a second; arrays are taken in meanwhile."""
        poller = zmq.Poller()
        for one in [self.socket] + ([self.store.socket] if self.store else []):
            poller.register(one, zmq.POLLIN)
        while found := dict(poller.poll(500)):
            if self.socket in found:
                return True
            self.store.take()
        return False

    def outcome(self, id):
        return self.await_message(lambda message: message.HasField("outcome") and message.outcome.id == id).outcome

    def progress(self, id):
        return self.await_message(lambda message: message.HasField("progress") and message.progress.id == id).progress

    def make_safe(self):
        """A stop, which is answered when the device is safe."""
        self.say(stop=wire.Stop(why="test", id="safe"))
        self.await_message(lambda message: message.stopped.id == "safe" and message.stopped.instruments)

    def reading(self, name, is_it=lambda value: True):
        def shows(message):
            return any(value.name == name and is_it(value.number) for value in message.telemetry.values)

        values = self.await_message(shows).telemetry.values
        return next(value for value in values if value.name == name)

    def standing(self, id):
        self.heard = [message for message in self.heard if not message.HasField("answer")]
        self.say(question=wire.Question(ids=[id]))
        return self.await_message(lambda message: message.HasField("answer")).answer.states[0]

    def outcome_after_restart(self, id):
        """As a controller finds it out: it asks, and where the command still runs, waits."""
        state = self.standing(id)
        return state.outcome if state.standing == wire.CommandState.FINISHED else self.outcome(id)


class Store:
    """A controller's data store in memory, with its end of the data socket."""

    CREDIT = 4 << 20

    def __init__(self, address, ticket):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(address)
        self.arrays = {}  # bytes by command and result
        self.open = {}
        self.taken = 0
        self.stop_after = float("inf")  # bytes after which no more are let come
        self.say(collect=wire.Collect(ticket=ticket))
        self.say(credit=wire.Credit(bytes=self.CREDIT))

    def say(self, **body):
        self.socket.send(wire.DataToDriver(version=1, **body).SerializeToString())

    def take(self):
        header, *frames = self.socket.recv_multipart()
        message = wire.DataFromDriver.FromString(header)
        if message.HasField("open"):
            name = self.open[message.open.stream] = (message.open.command, message.open.result)
            array = self.arrays.setdefault(name, bytearray())
            self.say(resume=wire.Resume(stream=message.open.stream, offset=len(array)))
        elif message.HasField("chunk"):
            array = self.arrays[self.open[message.chunk.stream]]
            array += frames[0][len(array) - message.chunk.offset:]
            self.taken += len(frames[0])
            self.say(durable=wire.Durable(stream=message.chunk.stream, bytes=len(array)))
            if self.taken < self.stop_after:
                self.say(credit=wire.Credit(bytes=self.taken + self.CREDIT))
        elif message.HasField("close"):
            array = self.arrays[self.open[message.close.stream]]
            assert (len(array), hashlib.sha256(array).hexdigest()) == (message.close.bytes, message.close.sha256)
            self.say(stored=wire.Stored(stream=message.close.stream))


def results(outcome):
    """Numbers and texts by name; of an array, how many rows it has."""
    return {value.name: value.array.rows if value.HasField("array") else value.text if value.HasField("text") else value.number
            for value in outcome.results}
