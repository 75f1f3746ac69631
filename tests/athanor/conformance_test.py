"""athanor instrument check: sound drivers pass, and for each promise a driver that breaks it is found out."""

import concurrent.futures
import contextlib
import json
import os
import socketserver
import subprocess
import threading
import time

from ovens import BROKEN_DRIVER, OvensTest
from program import EXAMPLES, SOURCE, main

HAZARDOUS = {"hazardous"}  # not tried with a driver that may be a real one; of others none
OF_ARRAYS = {"arrays", "arrays-resumed", "arrays-doubled"}  # only cameras make any
OF_PARAMETERS = {"limits", "units", "units-converted", "values", "missing"}
ONE_INSTRUMENT = {"stop-one"}
OF_WHAT_RUNS = {"doubled-while-running", "busy", "cancel-running", "stop", "strangers", "last-hello", "dead-man", "killed-running",
                "killed-after-accepted", "killed-before-accepted"}
NEEDS_ITS_PROCESS = {"new-boot", "terminated", "killed-after-end", "killed-running", "killed-after-accepted", "killed-before-accepted"}


QUICK = """from athanor import Instrument, capability, main


class Balance(Instrument):
    @capability(usual="3 s", repeatable=True)
    def tare(self) -> None:
        pass


if __name__ == "__main__":
    main("quick", Balance("balance-1"))
"""
ODD = """from typing import Annotated

from athanor import Fault, Instrument, Quantity, capability, main


class Balance(Instrument):
    @capability(usual="0 s", repeatable=True)
    def stick(self) -> None:
        raise Fault("it is stuck")

    @capability(usual="1 s", repeatable=True)
    def weigh(self) -> Annotated[float, "mass", Quantity("g", 0, 1)]:
        return 7.0

    @capability(usual="2 s", repeatable=True)
    def tare(self) -> None:
        pass


if __name__ == "__main__":
    main("odd", Balance("balance-1"))
"""
SHAKER = """profile: shaker
text: {timeout: 2 s}
safe: [{do: "STOP", expect: "^OK"}]
capabilities:
  shake:
    with: {speed: {unit: rpm, min: 100 rpm, max: 1000 rpm}, duration: {unit: s, min: 0 s, max: 1 h}}
    lasts: duration
    repeatable: true
    do:
      - {do: "SHAKE {speed in rpm} {duration in s}", expect: "^OK"}
      - {ask: "BUSY?", take: {busy: all}, until: {busy: {is: 0}}, every: 20 ms, within: 2 h}
"""


class Shaker(socketserver.StreamRequestHandler):
    """Shakes for as long as it is told to, or to the next STOP."""

    def next_line(self):
        with contextlib.suppress(ConnectionError):  # of a driver that was killed
            return self.rfile.readline().decode()

    def handle(self):
        while line := self.next_line():
            words = line.split()
            if words[0] == "SHAKE":
                self.server.until = time.monotonic() + float(words[2])
            elif words[0] == "STOP":
                self.server.until = 0
            self.wfile.write((str(int(time.monotonic() < self.server.until)) if words[0] == "BUSY?" else "OK").encode() + b"\n")


class Conformance(OvensTest):
    def check(self, *arguments):
        """The reports, a driver each, and the names of the promises by verdict, of the first. The exit status follows from them."""
        process = self.start("instrument", "check", *arguments, "--json", env=dict(os.environ, PATH=f"/usr/bin:{os.environ['PATH']}",
                                                                                   PYTHONPATH=str(SOURCE / "python")))
        out, said = process.communicate(timeout=600)
        reports = json.loads(out)
        all_ = [promise["verdict"] for report in reports for promise in report["promises"]]
        self.assertEqual(process.returncode, 1 if "broken" in all_ else 4 if "not tried" in all_ else 0, said)
        self.assertEqual([report["holds"] for report in reports],
                         [not {"broken", "not tried"} & {promise["verdict"] for promise in report["promises"]} for report in reports])
        verdicts = {"holds": set(), "broken": set(), "not tried": set(), "n/a": set()}
        for promise in reports[0]["promises"]:
            verdicts[promise["verdict"]].add(promise["name"])
        return reports, verdicts

    def expect(self, verdicts, not_tried, not_applicable):
        self.assertEqual((verdicts["broken"], verdicts["not tried"], verdicts["n/a"]), (set(), not_tried, not_applicable))

    def program(self, name, *arguments):
        """A program that is a driver, as any author's may be."""
        path = self.write(name, f'#!/bin/sh\nexec "{BROKEN_DRIVER}" {" ".join(arguments)} "$@"\n')
        os.chmod(path, 0o755)
        return path

    def test_a_sound_driver_keeps_every_promise(self):
        """Goal: no false alarm. Method: the whole trial of a sound driver, simulated and not; every promise but one is tried."""
        (report,), verdicts = self.check(self.program("sound"))
        self.expect(verdicts, HAZARDOUS, OF_ARRAYS)
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
        self.expect(verdicts, HAZARDOUS, set())

    def test_ten_thousand_commands(self):
        """Goal: the long run is one. Method: as many as it says, of a driver that may be a real one."""
        (report,), verdicts = self.check(self.program("sound"), "--long", "--only", "endurance")
        self.assertEqual(verdicts["holds"], {"endurance"})
        self.assertIn("10000 commands in a row, refused", report["promises"][0]["detail"])

    def test_both_kits_keep_every_promise(self):
        """Goal: who uses a kit need not think of the protocol. Method: the example that `driver new` writes, the one in C++, and a device by its
        profile."""
        _, verdicts = self.check(os.environ["ATHANOR_EXAMPLE_DRIVER"], "--dead-man", "4")
        self.expect(verdicts, set(), HAZARDOUS | OF_ARRAYS | ONE_INSTRUMENT | {"missing"})  # its one parameter need not be given
        _, verdicts = self.check(SOURCE / "python" / "template" / "example.py")
        self.expect(verdicts, set(), HAZARDOUS | OF_ARRAYS | ONE_INSTRUMENT)
        device = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Shaker)
        device.daemon_threads, device.until = True, 0
        self.addCleanup(device.server_close)
        self.addCleanup(device.shutdown)
        threading.Thread(target=device.serve_forever, daemon=True).start()
        self.write("shaker.yaml", SHAKER)
        _, verdicts = self.check("shaker.yaml", "--at", f"tcp://127.0.0.1:{device.server_address[1]}")
        self.expect(verdicts, set(), HAZARDOUS | OF_ARRAYS | ONE_INSTRUMENT)

    def test_a_device_quicker_than_it_says_is_not_accused(self):
        """Goal: what cannot be tried is not broken. Method: a command that ends at once, and one to a device that is not there."""
        self.write("quick.py", QUICK)
        (report,), verdicts = self.check("quick.py")
        self.expect(verdicts, OF_WHAT_RUNS, HAZARDOUS | OF_ARRAYS | OF_PARAMETERS | ONE_INSTRUMENT)
        why = next(promise["detail"] for promise in report["promises"] if promise["name"] == "busy")
        self.assertIn("balance-1 tare ended by itself after", why)
        self.assertIn("where 3 s are described", why)
        _, verdicts = self.check(SOURCE / "profiles" / "balance.yaml", "--at", "tcp://127.0.0.1:1")
        self.expect(verdicts, OF_WHAT_RUNS | {"carried-out", "doubled-at-once"}, HAZARDOUS | OF_ARRAYS | OF_PARAMETERS | ONE_INSTRUMENT)

    def test_what_is_carried_out_is_held_against_its_description(self):
        """Goal: no praise for what was not there. Method: a capability that fails, one with a result that cannot be, and one that does as it says."""
        self.write("odd.py", ODD)
        said = lambda *arguments: self.check("odd.py", "--only", "carried-out", *arguments)[0][0]["promises"][0]
        self.assertIn("mass” is 7 g, which its own description says cannot be", said("--capability", "weigh")["detail"])
        self.assertEqual(said("--capability", "weigh")["verdict"], "broken")
        self.assertEqual(said("--capability", "stick")["verdict"], "not tried")
        self.assertIn("it is stuck", said("--capability", "stick")["detail"])
        self.assertEqual(said("--capability", "tare")["verdict"], "holds")

    def test_every_broken_promise_is_found_and_named(self):
        """Goal: the trial proves something. Method: a driver for each promise that breaks it; every promise must have one."""
        listed = subprocess.run([BROKEN_DRIVER, "--list", ""], capture_output=True, text=True, check=True).stdout.split()

        def try_out(sabotage):
            return self.check(self.program(sabotage, "--break", sabotage), "--simulated", "--only", sabotage.partition(".")[0])

        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they wait most of the time
            trials = list(pool.map(try_out, listed))
        for sabotage, ((report,), verdicts) in zip(listed, trials):
            promise = sabotage.partition(".")[0]
            with self.subTest(sabotage):
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
        self.expect(verdicts, NEEDS_ITS_PROCESS | HAZARDOUS | {"dead-man"}, OF_ARRAYS)
        self.assertIsNone(driver.poll())

    def test_the_twin_keeps_every_promise(self):
        """Goal: our own drivers pass. Method: every driver of the example's laboratory."""
        reports, _ = self.check(EXAMPLES / "suzuki" / "lab.yaml")
        self.assertEqual({report["driver"] for report in reports}, {"liquids", "reactors", "analysis"})
        self.assertEqual([(report["driver"], report["holds"]) for report in reports if not report["holds"]], [])

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
