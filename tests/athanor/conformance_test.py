"""athanor instrument check: sound drivers keep every promise."""

import contextlib
import os
import socketserver
import threading
import time

from program import EXAMPLES, SOURCE, main
from trial import HAZARDOUS, NEEDS_ITS_PROCESS, OF_ARRAYS, ONE_INSTRUMENT, TrialTest

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


class Conformance(TrialTest):
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


if __name__ == "__main__":
    main()
