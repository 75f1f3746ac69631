"""A person's orders to a running controller, from other processes, with the real program over ZeroMQ."""

import json
import os
import pathlib
import signal
import socket
import time

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"


class Orders(LaboratoryTest):
    def begin(self, speed="500x"):
        process = self.start("run", CAMPAIGN, "--journal", "j", "--json", "--speed", speed)
        self.wait(lambda: pathlib.Path(self.folder / "j.control").exists() and self.status()["measured"] >= 2)
        return process

    def wait(self, until):
        end = time.monotonic() + TIMEOUT_S
        while not until():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def status(self):
        return json.loads(self.run_program("status", "j", "--json")[0])

    def order(self, verb, *subject, why="because"):
        return self.run_program(verb, "j", *subject, "--why", why, "--who", "ann")[0]

    def refused(self, *arguments, expect=2):
        return self.run_program(*arguments, expect=expect)[1]

    def test_pause_outlives_the_process_and_loses_nothing(self):
        """Goal: days may pass in a pause. Method: paused, killed, started again, resumed; the world must know each command once."""
        process = self.begin()
        self.assertIn("paused", self.order("pause"))
        self.wait(lambda: all("step" not in e for e in self.status()["experiments"]))
        quiet = self.status()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertFalse(self.status()["controller"])
        self.assertTrue((self.folder / "j.control").exists())  # of the killed one; the next one takes it over, and leaves none
        process = self.start("run", CAMPAIGN, "--journal", "j", "--json", "--speed", "500x")
        self.wait(lambda: self.status()["controller"])
        time.sleep(1)
        again = self.status()
        self.assertEqual((again["status"], again["why"], again["measured"]), ("paused", "ann: because", quiet["measured"]))
        self.assertIn("resumed", self.order("resume"))
        out, err = process.communicate(timeout=TIMEOUT_S)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40), err)
        self.assertFalse((self.folder / "j.control").exists())
        self.check_world("j", result, EXAMPLES / "suzuki" / "lab.yaml")

    def test_halt_of_the_laboratory(self):
        """Goal: a stop reaches every driver and stays. Method: halted, started again, refused to go on until it is resumed."""
        process = self.begin()
        self.order("halt", "--lab", why="smoke")
        out, _ = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(json.loads(out)["status"], "stopped")
        status = self.status()
        self.assertEqual({i["safe"] for i in status["instruments"]}, {"safe"})
        self.assertEqual(status["laboratory"], {"hold": "halted", "why": "ann: smoke"})
        process = self.start("run", CAMPAIGN, "--journal", "j", "--json", "--speed", "500x")
        self.wait(lambda: self.status()["controller"])
        time.sleep(1)
        self.assertEqual(self.status()["measured"], status["measured"])
        self.order("resume", "--lab")
        out, _ = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(json.loads(out)["status"], "finished")

    def test_orders_that_cannot_be_given(self):
        """Goal: a clear answer. Method: what is not there, twice the same journal, no reason, garbage on the socket."""
        process = self.begin("50x")
        self.assertIn("did you mean “reactor-1”?", self.refused("pause", "j", "--instrument", "reactor-9", "--why", "x"))
        self.assertIn("no experiment 999", self.refused("abort", "j", "--experiment", "999", "--why", "x"))
        self.assertIn("waits for an approval", self.refused("approve", "j", "--experiment", "1", "--why", "x"))
        self.assertIn("--why", self.refused("pause", "j"))
        self.assertIn("no controller", self.refused("pause", "other", "--why", "x", expect=3))
        self.assertEqual(os.stat(self.folder / "j.control").st_mode & 0o077, 0)
        for garbage in (b"", b"\0" * 64, os.urandom(100_000), b"GET / HTTP/1.1\r\n\r\n"):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(os.path.relpath(self.folder / "j.control"))
                try:
                    stranger.sendall(garbage)
                except OSError:
                    pass  # it was hung up on
        self.assertEqual(self.status()["status"], "running")
        self.assertIn("their chain is whole", self.run_program("backup", "j", "copy")[0])
        self.assertIn("a backup replaces nothing", self.refused("backup", "j", "copy", expect=3))
        self.order("abort")
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(json.loads(out)["status"], "stopped", err)
        verdict = json.loads(self.run_program("replay", "j", "--verify", "--json")[0])
        self.assertTrue(verdict["sound"])
        self.assertTrue(json.loads(self.run_program("replay", "copy", "--verify", "--json")[0])["sound"])


if __name__ == "__main__":
    main()
