"""athanor instrument check: for each promise a driver that breaks it is found out, and none is accused for what its device is."""

import concurrent.futures
import json
import os
import subprocess

from ovens import BROKEN_DRIVER
from program import SOURCE, main
from trial import HAZARDOUS, OF_ARRAYS, OF_PARAMETERS, OF_WHAT_RUNS, ONE_INSTRUMENT, TrialTest

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
REP = """import sys

import zmq

print("I am here", flush=True)
socket = zmq.Context().socket(zmq.ROUTER)
socket.bind(sys.argv[sys.argv.index("--address") + 1])
while True:
    who = socket.recv_multipart()[0]
    socket.send_multipart([who, b"", b"here"])
"""


class BrokenPromises(TrialTest):
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

    def test_an_older_driver_is_not_accused(self):
        """Goal: what came later is no broken promise. Method: a driver of before Visit and the ids of stops."""
        _, verdicts = self.check(self.program("older", "--break", "before-visit"), "--simulated", "--only", "stop", "--only", "stop-one",
                                 "--only", "visits")
        self.assertEqual((verdicts["holds"], verdicts["n/a"]), ({"stop"}, {"stop-one", "visits"}))

    def test_what_answers_with_other_frames(self):
        """Goal: the likeliest mistake of a driver's author is named. Method: a driver that answers as a REP socket would be answered."""
        self.write("rep.py", REP)
        process = self.start("instrument", "check", "rep.py", env=dict(os.environ, PATH=f"/usr/bin:{os.environ['PATH']}"))
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, said)
        self.assertIn("which is one frame, without an empty one before it", said)
        self.assertIn("What it said: I am here", said)

    def test_files_that_are_started(self):
        """Goal: the table of start commands. Method: a Python script; what is no driver; what is not there."""
        self.write("driver.py", f"import os, sys\nos.execv({BROKEN_DRIVER!r}, [{BROKEN_DRIVER!r}, *sys.argv[1:]])\n")
        _, verdicts = self.check("driver.py", "--only", "carried-out", "--only", "new-boot")
        self.assertEqual(verdicts["holds"], {"carried-out", "new-boot"})
        self.write("no_driver.py", "raise SystemExit('I am no driver')\n")
        refused = lambda *arguments, expect=2: self.run_program("instrument", "check", *arguments, expect=expect)[1]
        self.assertIn("I am no driver", refused("no_driver.py", expect=3))
        self.assertIn("neither a file nor an address", refused("nowhere.py"))
        self.assertIn("this is a folder", refused("."))
        self.assertIn("did you mean “limits”?", refused("driver.py", "--only", "limit"))
        self.assertIn("is hazardous", refused("driver.py", "--capability", "burn"))
        self.assertIn("above the limit", refused("driver.py", "--capability", "heat", "--with", "temperature=200 degC"))
        self.assertIn("cannot be started", refused("lab.yaml"))
        self.assertIn("no driver answers", refused("ipc://nobody.sock", expect=3))


if __name__ == "__main__":
    main()
