"""Goal: never twice, never lost, when the driver is killed, its disk full, its place taken. Method: SIGKILL, a limit on the size
of files, second processes."""

import pathlib
import resource
import socket
import sqlite3
import time
import unittest

from athanor import Instrument, capability
from athanor.driver import Driver
from athanor.ledger import Ledger, LedgerError
from athanor.proto import driver_pb2 as wire
from athanor.testing import command
from rig import BenchTest


class Killed(BenchTest):
    def test_in_mid_command_nothing_is_begun_again(self) -> None:
        told = command("a", "wait", duration=(1, "h"))
        self.controller.send(command=told)
        self.await_line(f"begin {told.id}")
        self.kill_and_restart()
        known, unknown = self.controller.ask(told.id, "never-sent")
        self.assertEqual((known.standing, known.command), (wire.CommandState.INTERRUPTED, told))
        self.assertEqual(unknown.standing, wire.CommandState.NEVER_SEEN)
        for message in ({"command": told}, {"cancel": wire.Cancel(id=told.id)}):
            self.controller.send(**message)
            (state,) = self.controller.next("answer").answer.states
            self.assertEqual((state.id, state.standing), (told.id, wire.CommandState.INTERRUPTED))
        self.assertEqual(self.begun(told.id), 1)

    def test_a_device_that_remembers_is_asked(self) -> None:
        for remembers in ("ended", "fault", "never", "running", "nothing"):
            id = self.begin("hang")
            begun = time.monotonic()
            self.lever("recalls", remembers)
            self.kill_and_restart()
            ran_before_s = time.monotonic() - begun
            self.assertEqual(self.happened().count("safe"), 1 if remembers == "nothing" else 0, remembers)  # it may be at work still
            state = self.standing(id)
            expected = {"ended": wire.CommandState.FINISHED, "fault": wire.CommandState.FINISHED,
                        "never": wire.CommandState.NEVER_SEEN, "running": wire.CommandState.RUNNING,
                        "nothing": wire.CommandState.INTERRUPTED}
            self.assertEqual(state.standing, expected[remembers], remembers)
            if remembers == "ended":
                self.assertEqual((state.outcome.results[0].text, state.outcome.took_s), ("it was done meanwhile", 12))
            if remembers == "fault":
                self.assertEqual((state.outcome.fault, state.outcome.message), (wire.SAMPLE, "it clogged meanwhile"))
            if remembers == "running":
                self.lever("release")
                outcome = self.controller.outcome(id)
                self.assertTrue(outcome.done)
                self.assertGreater(outcome.took_s, 0.99 * ran_before_s)
                (self.folder / "release").unlink()
            (self.folder / "recalls").unlink()

    def test_what_could_not_be_made_safe_is_not_forgotten(self) -> None:
        """After an end of its driver in mid-command, and after a handler that broke off, over several starts."""
        for ends in (lambda: self.begin("wait", duration=(1, "h")), lambda: self.controller.outcome(self.tell("fail", how="zero").id)):
            self.lever("broken")
            ends()
            for _ in range(2):
                self.kill_and_restart()
                refused = self.controller.outcome(self.tell("look").id)
                self.assertTrue(refused.not_begun)
                self.assertIn("has not reached its safe state yet", refused.message)
            (self.folder / "broken").unlink()
            before = self.happened().count("safe")
            self.kill_and_restart()
            self.assertTrue(self.controller.outcome(self.tell("look").id).done)
            self.assertEqual(self.happened().count("safe"), before + 1)
            self.kill_and_restart()
            self.assertTrue(self.controller.outcome(self.tell("look").id).done)
            self.assertEqual(self.happened().count("safe"), before + 1)  # it is left alone again

    def test_what_is_meant_for_a_ledger_that_is_lost_is_refused(self) -> None:
        before = self.controller.hello().ledger
        self.kill_and_restart()
        self.assertEqual(self.controller.hello().ledger, before)
        told = self.tell("wait", duration=(1, "h"))
        self.await_line(f"begin {told.id}")
        for file in self.folder.glob("ledger*"):
            file.unlink()
        self.kill_and_restart()
        after = self.controller.hello().ledger
        self.assertNotIn(after, ("", before))
        for message in ({"command": told}, {"cancel": wire.Cancel(id=told.id)}):
            self.controller.send(**message, ledger=before)
            refused = self.controller.next("refused").refused
            self.assertEqual(refused.id, told.id)
            self.assertIn(f"meant for another ledger than “{after}”", refused.why)
        self.assertEqual(self.standing(told.id).standing, wire.CommandState.NEVER_SEEN)
        self.assertEqual(self.begun(told.id), 1)
        another = command("a", "look")
        self.controller.send(command=another, ledger=after)
        self.assertTrue(self.controller.outcome(another.id).done)

    def test_the_ledger_is_that_of_the_other_kit(self) -> None:
        self.controller.outcome(self.tell("look").id)
        self.process.kill()
        self.process.wait()
        source = (pathlib.Path(__file__).parents[2] / "instruments" / "ledger.cpp").read_text()
        with sqlite3.connect(self.folder / "ledger") as connection:
            ask = lambda question: connection.execute(question).fetchone()[0]  # noqa: E731
            self.assertIn(f"0x{ask('PRAGMA application_id'):X}", source)
            self.assertIn(f"kSchemaVersion = {ask('PRAGMA user_version')};", source)
            self.assertEqual(ask("PRAGMA journal_mode"), "wal")
            ours = Ledger(str(self.folder / "new"))._connection
            self.assertEqual(ours.execute("PRAGMA synchronous").fetchone(), (2,))  # every commit is synced
            ours.close()
            spoken = " ".join(source.replace('"', " ").split())
            for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"):
                self.assertIn(" ".join(sql.split()), spoken)
        connection.close()


class FullDisk(BenchTest):
    def fill(self, full: bool) -> None:
        """No file may grow: what SQLite writes fails as on a full disk."""
        soft, hard = (0, resource.RLIM_INFINITY) if full else (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def test_what_cannot_be_entered_is_not_begun(self) -> None:
        self.fill(True)
        told = command("a", "look")
        for message in ({"command": told}, {"cancel": wire.Cancel(id=told.id)}, {"command": command("a", "nothing", id=told.id)}):
            self.controller.send(**message)
            refused = self.controller.next("refused").refused
            self.assertEqual(refused.id, told.id)
            self.assertIn("the ledger of driver “bench” failed", refused.why)
        self.assertEqual(self.standing(told.id).standing, wire.CommandState.NEVER_SEEN)
        self.fill(False)
        self.controller.send(command=told)
        self.assertTrue(self.controller.outcome(told.id).done)
        self.assertEqual(self.begun(told.id), 1)

    def test_nothing_is_begun_while_the_ledger_is_not_under_its_name(self) -> None:
        ledger = self.folder / "ledger"
        for away in (lambda: ledger.rename(self.folder / "away"), lambda: (ledger.rename(self.folder / "away"), ledger.touch())):
            away()
            told = command("a", "look")
            self.controller.send(command=told)
            self.assertIn("was removed or renamed while it is in use", self.controller.next("refused").refused.why)
            (self.folder / "away").rename(ledger)
            self.controller.send(command=told)
            self.assertTrue(self.controller.outcome(told.id).done)
            self.assertEqual(self.begun(told.id), 1)

    def test_an_outcome_is_kept_until_it_can_be_entered(self) -> None:
        id = self.begin("wait", duration=(1, "h"))
        self.fill(True)
        self.controller.send(cancel=wire.Cancel(id=id))
        refused = self.controller.next("refused").refused
        self.assertEqual(refused.id, "")
        self.assertIn(f"command “{id}” ended, but its outcome cannot be entered", refused.why)
        self.assertEqual(self.standing(id).standing, wire.CommandState.RUNNING)
        self.controller.send(cancel=wire.Cancel(id=id))  # has nothing to say
        self.fill(False)
        self.assertEqual(self.controller.outcome(id).fault, wire.INTERRUPTED)
        self.assertEqual(self.standing(id).standing, wire.CommandState.FINISHED)

    def test_a_stop_does_not_wait_for_the_disk(self) -> None:
        self.begin("wait", duration=(1, "h"))
        self.fill(True)
        self.controller.send(stop=wire.Stop(id="s1"))
        self.assertEqual(sorted(self.controller.next("stopped").stopped.instruments), ["a", "b"])


class Heater(Instrument):
    made_safe = 0

    @capability()
    def heat(self) -> None: ...

    def safe(self) -> None:
        self.made_safe += 1


class FullLedger(Ledger):
    def mark_interrupted(self, id: str) -> None:
        raise LedgerError("the disk is full")


class FullAtTheStart(unittest.TestCase):
    def test_all_are_made_safe_before_it_fails(self) -> None:
        ledger = FullLedger(":memory:")
        heaters: list[Instrument] = [Heater("a"), Heater("b")]
        for heater in heaters:
            ledger.begin(command(heater.id, "heat"), "boot-1")
        with self.assertRaisesRegex(LedgerError, "full"):
            Driver("ovens", "boot-2", heaters, ledger, 0, lambda: None)
        self.assertEqual([heater.made_safe for heater in heaters if isinstance(heater, Heater)], [1, 1])


class Places(BenchTest):
    def test_a_place_that_is_taken(self) -> None:
        ledger, address = str(self.folder / "other"), f"ipc://{self.folder}/other.sock"
        self.assertIn("in use by another process", self.fails_to_start("--ledger", str(self.folder / "ledger"), "--address", address))
        self.assertIn("is in use: another driver or controller", self.fails_to_start("--ledger", ledger, "--address", self.address))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertIn("is in use", self.fails_to_start("--ledger", ledger, "--address", f"tcp://127.0.0.1:{port}"))
        self.assertTrue(self.controller.outcome(self.tell("look").id).done)  # nobody took its place

    def test_files_that_are_something_else(self) -> None:
        with sqlite3.connect(self.folder / "data.db") as connection:
            connection.execute("CREATE TABLE t (x)")
        connection.close()
        (self.folder / "notes.txt").write_text("not a database, nor a socket, and long enough to have a header of its own" * 20)
        address = f"ipc://{self.folder}/other.sock"
        self.assertIn("but not the ledger of a driver", self.fails_to_start("--ledger", "data.db", "--address", address))
        self.assertIn("is not a database", self.fails_to_start("--ledger", "notes.txt", "--address", address))
        self.assertIn("its folder exists", self.fails_to_start("--ledger", "nowhere/ledger", "--address", address))
        ledger = str(self.folder / "other")
        self.assertIn("a file that is no socket", self.fails_to_start("--ledger", ledger, "--address", f"ipc://{self.folder}/notes.txt"))
        self.assertIn("is not there. Make it first", self.fails_to_start("--ledger", ledger, "--address", "ipc:///nowhere/s"))
        self.assertIn("bytes long", self.fails_to_start("--ledger", ledger, "--address", "ipc:///tmp/" + "x" * 120))
        self.assertIn("is no address; expected", self.fails_to_start("--ledger", ledger, "--address", "here", status=2))
        told = self.fails_to_start("--ledger", ledger, "--address", "tcp://localhost:5571")
        self.assertIn("“tcp://localhost:5571” is no place to listen at on this machine", told)
        self.assertIn("such as tcp://127.0.0.1:5571", told)

    def test_a_port_that_is_none(self) -> None:
        """ZeroMQ takes each of these for another one."""
        for port in ("99999", "-1", "5571x", "0"):
            with self.subTest(port):
                said = self.fails_to_start("--address", f"tcp://127.0.0.1:{port}", status=2)
                self.assertIn(f"“tcp://127.0.0.1:{port}” has the port {port}; expected 1 to 65535", said)
                self.assertNotIn("Traceback", said)
        self.assertIn("70000 is no port; expected 1 to 65535", self.fails_to_start("--data-port", "70000", status=2))

    def test_a_damaged_entry_is_named_and_not_carried_out_again(self) -> None:
        self.process.kill()
        self.process.wait()
        ledger = Ledger(str(self.folder / "ledger"))
        ledger.begin(command("a", "look", id="x"), "boot")
        ledger._connection.execute("UPDATE command SET command = x'ffff'")
        ledger.close()
        self.assertIn("damaged at command “x”", self.fails_to_start("--ledger", "ledger", "--address", self.address))


if __name__ == "__main__":
    unittest.main()
