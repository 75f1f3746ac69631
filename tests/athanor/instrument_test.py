"""athanor instrument list, describe, do and watch, with the real program and a driver of two ovens in a process of its own."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

from ovens import LAB, OvensTest
from program import TIMEOUT_S, main

HEAT = ("do", "lab.yaml", "oven-1", "heat")


class Instrument(OvensTest):
    def instrument(self, *arguments, expect=0):
        out, err = self.run_program("instrument", *arguments, expect=expect, stdin=subprocess.DEVNULL)
        return out if expect in (0, 1, 4) else err

    def begin(self, *arguments):
        """A command that goes on; gives its process and its id, once it was accepted."""
        process = self.start("instrument", *arguments, "--json")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        first, second = process.stderr.readline(), process.stderr.readline()
        self.assertIn("Accepted", second)
        return process, first.split(":")[0]

    def test_looking(self):
        """Goal: what is there, and what both sides allow. Method: no driver, then one; text and JSON."""
        self.assertIn("down", self.instrument("list", "lab.yaml", expect=1))
        self.assertIn("no answer within", self.instrument("describe", "lab.yaml", expect=3))
        self.start_driver()
        self.assertIn("oven-1 (oven): heat, burn", self.instrument("list", "ipc://ovens.sock"))
        (driver,) = json.loads(self.instrument("list", "lab.yaml", "--json"))
        self.assertEqual((driver["driver"], driver["up"], driver["controller"]), ("ovens", True, ""))
        text = self.instrument("describe", "lab.yaml", "oven-1")
        self.assertIn("temperature: degC, 20 … 150, in this laboratory 20 … 100", text)
        self.assertIn("burn: hazardous", text)
        first, second = json.loads(self.instrument("describe", "lab.yaml", "--json"))
        heat = first["capabilities"][0]
        self.assertEqual(heat["parameters"][0]["driver"], {"low": 20, "high": 150})
        self.assertEqual(heat["parameters"][0]["laboratory"], {"low": 20, "high": 100})
        self.assertFalse(heat["needs_approval"])
        self.assertTrue(second["capabilities"][0]["needs_approval"])
        self.assertIn("did you mean “oven-1”?", self.instrument("describe", "lab.yaml", "oven-3", expect=2))
        readings = [json.loads(line) for line in self.instrument("watch", "lab.yaml", "oven-2", "--json", "--for", "3 s").splitlines()]
        self.assertTrue(readings)
        self.assertEqual({(r["instrument"], r["reading"], r["value"], r["unit"]) for r in readings}, {("oven-2", "temperature", 25, "degC")})

    def test_within_the_same_limits_as_a_run(self):
        """Goal: by hand nothing is allowed that a run would not do. Method: within, beyond the laboratory's limit, beyond the driver's, slips."""
        self.start_driver()
        done = json.loads(self.instrument(*HEAT, "temperature=353.15 K", "duration=0.1 s", "--json"))
        self.assertTrue(done["done"])
        self.assertAlmostEqual(done["results"]["final"]["value"], 80)
        self.assertIn("above the limit of 100 degC", self.instrument(*HEAT, "temperature=120 degC", "duration=1 s", expect=2))
        there = ("do", "ipc://ovens.sock", "oven-1", "heat")  # the driver's own limits alone
        self.assertIn("done", self.instrument(*there, "temperature=120 degC", "duration=0.1 s"))
        self.assertIn("above the limit of 150 degC", self.instrument(*there, "temperature=151 degC", "duration=1 s", expect=2))
        for slip, answer in (
            (("temperatur=80 degC",), "did you mean “temperature”?"),
            (("temperature=80 kg", "duration=1 s"), "cannot be converted"),
            (("temperature=80", "duration=1 s"), "expected a number in degC"),
            (("temperature=80 degC",), "needs parameter “duration”"),
            (("temperature",), "expected a name and a value"),
        ):
            self.assertIn(answer, self.instrument(*HEAT, *slip, expect=2))
        self.assertIn("did you mean “heat”?", self.instrument("do", "lab.yaml", "oven-1", "heet", expect=2))

    def test_what_cannot_be_is_not_simply_done(self):
        """Goal: a result that a run would keep and not believe is said to be so by hand. Method: an oven that ends hotter than this laboratory
        says it can, and where its probe is saturated; in words, in JSON, and asked for again by its id."""
        for signals, why in (
            ("{max: 60 degC}", "final of oven-1 is 80 degC, above 60 degC, the most there can be"),
            ("{saturates_above: 80 degC}", "final of oven-1 is 80 degC, where it is saturated (at or above 80 degC)"),
        ):
            self.write("lab.yaml", LAB.replace("oven-1: {driver: ovens,", f"oven-1: {{driver: ovens, signals: {{heat: {{final: {signals}}}}},"))
            driver = self.start_driver()
            heat = (*HEAT, "temperature=80 degC", "duration=0.1 s")
            self.assertIn(f"not to be believed: {why}\n", self.instrument(*heat))
            told = json.loads(self.instrument(*heat, "--json"))
            self.assertEqual((told["done"], told["doubted"]), (True, {"final": why}))
            self.assertIn(why, self.instrument("do", "lab.yaml", "--id", told["id"]))
            cool = json.loads(self.instrument(*HEAT, "temperature=50 degC", "duration=0.1 s", "--json"))
            self.assertEqual(cool["doubted"], {})
            driver.kill()
            driver.wait()

    def test_hazardous_needs_a_word_for_exactly_that(self):
        """Goal: an approval is bound to its parameters. Method: without, with the digits of another command, with its own; the driver's and the laboratory's."""
        self.start_driver()
        for instrument, capability, with_ in (("oven-1", "burn", ()), ("oven-2", "heat", ("temperature=80 degC",))):
            burn = ("do", "lab.yaml", instrument, capability, *with_, "duration=0.1 s")
            digits = re.search(r"--approve (\w+)", self.instrument(*burn, expect=2))[1]
            other = ("do", "lab.yaml", instrument, capability, *with_, "duration=0.2 s")
            self.assertIn("is for something else", self.instrument(*other, "--approve", digits, expect=2))
            self.assertIn("done", self.instrument(*burn, "--approve", digits))

    def test_at_the_terminal_a_person_is_asked(self):
        """Goal: the approval is asked for. Method: a pseudo-terminal, the wrong word and the right one."""
        self.start_driver()
        for word, status in (("yes", 2), ("burn", 0)):
            ours, theirs = os.openpty()
            process = self.start("instrument", "do", "lab.yaml", "oven-1", "burn", "duration=0.1 s", stdin=theirs)
            os.write(ours, word.encode() + b"\n")
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.assertEqual(process.returncode, status, err)
            os.close(ours)
            os.close(theirs)

    def test_interlocks_hold_it(self):
        """Goal: what holds a run holds a hand. Method: a reading past its bound, within it, and one that never comes."""
        self.start_driver()
        for when, status in (("temperature > 20 degC", 2), ("temperature > 200 degC", 0), ("pressure > 2 bar", 2)):
            self.write("lab.yaml", LAB + f'interlocks: {{hot: {{when: "oven-2.{when}", then: hold, instruments: [oven-1]}}}}\n')
            told = self.instrument(*HEAT, "temperature=80 degC", "duration=0.1 s", expect=status)
            self.assertIn("interlock hot" if status else "done", told)

    def test_a_driver_is_taken_from_nobody(self):
        """Goal: a hand disturbs no controller. Method: a long command by hand; looked at, watched, and a second hand meanwhile; then cancelled."""
        self.start_driver()
        process, command = self.begin(*HEAT, "temperature=80 degC", "duration=1 h", "--who", "ann")
        self.assertIn("athanor instrument do, by ann", self.instrument("list", "lab.yaml"))
        self.assertIn("oven-1.temperature 25 degC", self.instrument("watch", "lab.yaml", "--for", "3 s"))
        self.assertIn("by ann", self.instrument("do", "lab.yaml", "oven-1", "heat", "temperature=30 degC", "duration=1 s", expect=3))
        self.assertIn("by ann", self.run_program("instrument", "check", "ipc://ovens.sock", expect=3)[1])
        self.assertIn("RUNNING", self.instrument("do", "lab.yaml", "--id", command, expect=4))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
        ended = json.loads(out)
        self.assertEqual((process.returncode, ended["id"], ended["fault"]), (1, command, "INTERRUPTED"), err)
        self.assertIn("INTERRUPTED", self.instrument("do", "lab.yaml", "--id", command, expect=1))
        self.assertIn("NEVER_SEEN", self.instrument("do", "lab.yaml", "--id", "another", expect=1))
        self.assertIn("done", self.instrument(*HEAT, "temperature=80 degC", "duration=0.1 s"))  # at once: it is free again

    def test_a_silent_driver_is_connected_to_anew(self):
        """Goal: who watches for days goes on watching. Method: a driver stopped for longer than a silence, after which the first connection is closed."""
        driver = self.start_driver()
        watch = self.start("instrument", "watch", "lab.yaml", "oven-1", "--json")
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        said = watch.stdout.fileno()
        self.assertIn(b"temperature", os.read(said, 1 << 16))
        driver.send_signal(signal.SIGSTOP)
        self.addCleanup(driver.send_signal, signal.SIGCONT)
        self.assertRegex(watch.stderr.readline(), r"“ovens” was not heard for \d+ s; connecting to it anew")
        while select.select([said], [], [], 0)[0]:  # of before
            self.assertTrue(os.read(said, 1 << 16))
        driver.send_signal(signal.SIGCONT)
        self.assertTrue(select.select([said], [], [], TIMEOUT_S)[0])
        self.assertIn(b"temperature", os.read(said, 1 << 16))

    def test_a_driver_of_before_visit(self):
        """Goal: older drivers serve, and are taken from nobody either. Method: one that refuses Visit, free and in somebody's charge."""
        self.start_driver("--break", "before-visit")
        listed = self.instrument("list", "lab.yaml")
        self.assertIn("oven-1 (oven): heat, burn", listed)
        self.assertIn("is older than this program, and lacks Visit", listed)
        # Such a driver was told Hello to be looked at, and finds out with its next heartbeats that this has left.
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            process = self.start("instrument", *HEAT, "temperature=80 degC", "duration=1 h")
            self.addCleanup(process.communicate)
            self.addCleanup(process.kill)
            if "by-hand" in process.stderr.readline():
                break
        self.assertIn("Accepted", process.stderr.readline())
        self.assertIn("shows itself to nobody else", self.instrument("list", "lab.yaml"))
        self.assertIn("takes commands from somebody", self.instrument(*HEAT, "temperature=80 degC", "duration=1 s", expect=3))
        self.assertIn("of before Visit", self.instrument("watch", "lab.yaml", expect=3))

    def test_a_killed_driver_is_asked_and_told_nothing_twice(self):
        """Goal: a lost link is asked about. Method: kill -9 in mid-command, a new process on the same ledger, whose ovens remember nothing."""
        driver = self.start_driver()
        process, command = self.begin(*HEAT, "temperature=80 degC", "duration=1 h")
        driver.kill()
        driver.wait()
        self.start_driver()
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, json.loads(out)["standing"]), (1, "INTERRUPTED"), err)

    def test_a_driver_that_lost_its_ledger_is_sent_nothing_again(self):
        driver = self.start_driver()
        process, command = self.begin(*HEAT, "temperature=80 degC", "duration=1 h")
        driver.kill()
        driver.wait()
        for file in pathlib.Path(self.folder).glob("*ledger*"):
            file.unlink()
        self.start_driver()
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, out), (3, ""), err)
        self.assertIn("came back with another ledger", err)
        self.assertIn("NEVER_SEEN", self.instrument("do", "lab.yaml", "--id", command, expect=1))


if __name__ == "__main__":
    main()
