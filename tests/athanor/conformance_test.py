"""athanor instrument check: sound drivers pass, and for each promise a driver that breaks it is found out."""

import json
import os
import subprocess

from ovens import BROKEN_DRIVER, OvensTest
from program import EXAMPLES, SOURCE, main

NOT_TRIED_HERE = {"hazardous"}  # of a driver that may be a real one
OF_ARRAYS = {"arrays", "arrays-resumed", "arrays-doubled"}  # the ovens make none
NEEDS_ITS_PROCESS = {"new-boot", "terminated", "killed-after-end", "killed-running", "killed-after-accepted", "killed-before-accepted"}


class Conformance(OvensTest):
    def check(self, *arguments, expect=0):
        """The reports, a driver each, and the names of the promises by verdict, of the first."""
        reports = json.loads(self.run_program("instrument", "check", *arguments, "--json", expect=expect)[0])
        verdicts = {"holds": set(), "broken": set(), "not tried": set()}
        for promise in reports[0]["promises"]:
            verdicts[promise["verdict"]].add(promise["name"])
        return reports, verdicts

    def program(self, name, *arguments):
        """A program that is a driver, as any author's may be."""
        path = self.write(name, f'#!/bin/sh\nexec "{BROKEN_DRIVER}" {" ".join(arguments)} "$@"\n')
        os.chmod(path, 0o755)
        return path

    def test_a_sound_driver_keeps_every_promise(self):
        """Goal: no false alarm. Method: the whole trial of a sound driver, simulated and not; every promise but one is tried."""
        (report,), verdicts = self.check(self.program("sound"))
        self.assertEqual(verdicts["broken"], set(), report)
        self.assertEqual(verdicts["not tried"], NOT_TRIED_HERE | OF_ARRAYS)
        self.assertEqual(report["commanded"], ["oven-1 heat", "oven-2 heat"])
        _, verdicts = self.check(self.program("sound"), "--simulated", "--only", "hazardous", "--only", "endurance")
        self.assertEqual(verdicts["holds"], {"hazardous", "endurance"})

    def test_what_will_be_done_is_said_before(self):
        """Goal: nobody's device acts unforeseen. Method: what is said first, in words and beside JSON."""
        for json_, out in (((), 0), (("--json",), 1)):
            said = self.run_program("instrument", "check", self.program("sound"), "--only", "hello", *json_)[out]
            self.assertTrue(said.startswith("THIS IS CARRIED OUT BY THE REAL DEVICES"), said)
            self.assertIn("\n  oven-1 heat: temperature 20 degC, duration 0.01 s\n", said)
            self.assertIn("not carried out: oven-1 burn, which is hazardous", said)

    def test_a_sound_driver_with_arrays(self):
        """Goal: what large arrays promise is tried where there are any. Method: two ovens and a camera."""
        _, verdicts = self.check(self.program("sound", "--camera", "yes"))
        self.assertEqual((verdicts["broken"], verdicts["not tried"]), (set(), NOT_TRIED_HERE))

    def test_every_broken_promise_is_found_and_named(self):
        """Goal: the trial proves something. Method: a driver for each promise that breaks it; every promise must have one."""
        listed = subprocess.run([BROKEN_DRIVER, "--list", ""], capture_output=True, text=True, check=True).stdout.split()
        for sabotage in listed:
            promise = sabotage.partition(".")[0]
            with self.subTest(sabotage):
                (report,), verdicts = self.check(
                    self.program("broken", "--break", sabotage), "--simulated", "--only", promise, expect=1
                )
                self.assertEqual(verdicts["broken"], {promise}, report)
                self.assertTrue(report["promises"][0]["detail"])
        documented = (SOURCE / "docs" / "instruments.md").read_text()
        promises = {p["name"] for p in json.loads(self.run_program("instrument", "check", "--list", "--json")[0])}
        self.assertEqual({s.partition(".")[0] for s in listed}, promises)
        self.assertEqual([p for p in promises if f"| `{p}` |" not in documented], [])

    def test_a_running_driver_is_tried_but_not_killed(self):
        """Goal: what is not ours is left running. Method: by its address; a command of choice."""
        driver = self.start_driver()
        _, verdicts = self.check(
            "ipc://ovens.sock", "--capability", "heat", "--with", "temperature=30 degC", "--with", "duration=1.5 s"
        )
        self.assertEqual(verdicts["broken"], set())
        self.assertEqual(verdicts["not tried"] - {"dead-man"}, NEEDS_ITS_PROCESS | NOT_TRIED_HERE | OF_ARRAYS)
        self.assertIsNone(driver.poll())

    def test_the_twin_keeps_every_promise(self):
        """Goal: our own drivers pass. Method: every driver of the example's laboratory."""
        reports, _ = self.check(EXAMPLES / "suzuki" / "lab.yaml")
        self.assertEqual({report["driver"] for report in reports}, {"liquids", "reactors", "analysis"})
        self.assertEqual([p for report in reports for p in report["promises"] if p["verdict"] == "broken"], [])

    def test_files_that_are_started(self):
        """Goal: the table of start commands. Method: a Python script; what is no driver; what is not there."""
        self.write("driver.py", f"import os, sys\nos.execv({BROKEN_DRIVER!r}, [{BROKEN_DRIVER!r}, *sys.argv[1:]])\n")
        _, verdicts = self.check("driver.py", "--only", "carried-out", "--only", "new-boot")
        self.assertEqual(verdicts["holds"], {"carried-out", "new-boot"})
        self.write("no_driver.py", "raise SystemExit('I am no driver')\n")
        refused = lambda *arguments, expect=2: self.run_program("instrument", "check", *arguments, expect=expect)[1]
        self.assertIn("I am no driver", refused("no_driver.py", expect=3))
        self.assertIn("neither a file nor an address", refused("nowhere.py"))
        self.assertIn("did you mean “limits”?", refused("driver.py", "--only", "limit"))
        self.assertIn("is hazardous", refused("driver.py", "--capability", "burn"))
        self.assertIn("above the limit", refused("driver.py", "--capability", "heat", "--with", "temperature=200 degC"))
        self.assertIn("cannot be started", refused("lab.yaml"))
        self.assertIn("no driver answers", refused("ipc://nobody.sock", expect=3))


if __name__ == "__main__":
    main()
