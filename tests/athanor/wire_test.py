"""Campaigns through the real adapters: simulated devices on sockets, SCPI, MT-SICS and Modbus, with what goes wrong on a wire."""

import collections
import json
import os
import pathlib
import random
import re
import signal
import socket
import sys

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
LAB = EXAMPLES / "wire" / "lab.yaml"
EXACT = {
    "dispenser": "accuracy: 0, precision: 0, drift: 0",
    "reactor": "offset: 0 K, ageing: 0 K/h",
    "hplc": "noise: 0, calibration: 0, drift: 0",
}
ONCE = {"dispense", "heat"}  # capabilities that may not be repeated
SPEED = "1000x"
EVERY_POINT = """
campaign: every-point
space:
  ligand:      {choices: [XPhos, SPhos, PCy3, PPh3]}
  temperature: {levels: [40 degC, 73.3 degC, 110 degC]}
objectives: {yield: {goal: maximize, unit: "%"}}
procedure:
  - {step: charge, do: dispense, with: {reagent: substrates, volume: 0.8 mL}}
  - {step: dose,   do: dispense, after: [charge], with: {reagent: $ligand, volume: 0.1 mL}}
  - {step: react,  do: heat, after: [dose], with: {temperature: $temperature, duration: 400 s}}
  - {step: look,   do: measure_hplc, after: [react], gives: {yield: area_percent}}
planner: {initial: 12, batch: 4}
stop: {experiments: 12}
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Wire(LaboratoryTest):
    def lab(self, name, settings):
        """The example's lab on free ports; settings: kind → what its twin is told besides."""
        text = LAB.read_text().replace("../../", f"{EXAMPLES.parent}/")
        ports = iter(free_ports(5))  # all at once: one of them may begin with 47, too
        text = re.sub(r"127\.0\.0\.1:47\d+", lambda _: f"127.0.0.1:{next(ports)}", text)
        kinds = iter(re.findall(r"kind: (\w+)", text))
        text = re.sub(r"twin: \{speaks: (\w+)[^}]*\}", lambda m: f"twin: {{speaks: {m[1]}, {settings[next(kinds)]}}}", text)
        return self.write(name, text)

    def short(self, experiments):
        text = CAMPAIGN.read_text().replace("lab: lab.yaml\n", "")
        text = text.replace("initial: 8", f"initial: {experiments}").replace("experiments: 40", f"experiments: {experiments}")
        return self.write("short.yaml", text)

    def values(self, journal):
        exported = json.loads(self.run_program("export", journal, "--format", "json")[0])
        measured = (e for e in exported["experiments"] if e["state"] == "measured")
        return {tuple(sorted(e["at"].items())): e["measured"]["yield"] for e in measured}

    def check_once(self, lab, journal):
        """Nothing that may not be repeated was begun twice: by label where the device keeps one, and by sample."""
        actions = self.actions(lab, journal + ".twin")
        self.assertEqual([action for action in actions if action["begun"] != 1], [])
        heated = collections.Counter(a["sample"] for a in actions if a["capability"] == "heat")
        self.assertEqual({sample: count for sample, count in heated.items() if count > 1}, {})
        poured = collections.Counter(a["sample"] for a in actions if a["capability"] == "dispense")
        self.assertEqual({sample: count for sample, count in poured.items() if count > 2}, {})
        return actions

    def test_same_campaign(self):
        """Goal: what goes over the wire is what was meant. Method: all of a small space on exact devices, with and without it."""
        lab, campaign = self.lab("exact.yaml", EXACT), self.write("all.yaml", EVERY_POINT)
        self.run_campaign(campaign, "--lab", lab, "--journal", "direct")
        result = self.run_campaign(campaign, "--lab", lab, "--journal", "wired", "--wire", "--speed", SPEED)
        self.assertEqual((result["status"], result["experiments"], result["abandoned"]), ("finished", 12, 0))
        direct, wired = self.values("direct"), self.values("wired")
        self.assertEqual(set(direct), set(wired))
        for point, value in direct.items():
            self.assertAlmostEqual(value, wired[point], delta=1e-3)  # Modbus carries 24 bits of each number
        self.check_once(lab, "wired")

    def test_killed_drivers(self):
        """Goal: a driver that dies loses nothing of what its device does. Method: drivers are killed (SIGKILL) in mid-campaign."""
        lab, campaign = self.lab("exact.yaml", EXACT), self.short(16)
        process = self.start("run", campaign, "--lab", lab, "--journal", "k", "--json", "--wire", "--speed", SPEED)
        chance, kills = random.Random(1), 0
        while line := process.stderr.readline():
            if not line.startswith("experiment"):
                continue
            drivers = [pid for pid in self.processes()["driver"] if self.speaks_to_devices(pid)]
            if drivers:
                os.kill(chance.choice(drivers), signal.SIGKILL)
                kills += 1
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        print(f"killed {kills} drivers", file=sys.stderr)
        self.assertGreaterEqual(kills, 8)
        self.assertEqual((result["status"], result["experiments"], result["abandoned"]), ("finished", 16, 0))
        actions = self.check_once(lab, "k")
        self.assertEqual([a for a in actions if a["capability"] in ONCE and not a["completed"]], [])

    def test_one_of_three_at_a_line_is_silent(self):
        """Goal: who is silent at a shared line costs the others time, and nothing else. Method: three reactors behind one gateway, of which one
        answers nothing; the campaign goes on with the two others."""
        lab = self.lab("shared.yaml", EXACT)
        text = lab.read_text()
        silent, *others = re.findall(r"tcp://127.0.0.1:(\d+)\n.*\n    twin: {speaks: modbus", text)
        for unit, port in enumerate([silent, *others], 1):
            text = text.replace(f"at: tcp://127.0.0.1:{port}\n", f'at: "tcp://127.0.0.1:{silent}#{unit}"\n')
        lab.write_text(text.replace("speaks: modbus, ", "speaks: modbus, wire: {no_answer: 1}, ", 1))
        process = self.start("run", self.short(8), "--lab", lab, "--journal", "shared", "--json", "--wire", "--speed", SPEED)
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 8), err)
        heated = collections.Counter(a["instrument"] for a in self.check_once(lab, "shared") if a["capability"] == "heat")
        self.assertEqual(set(heated), {"reactor-2", "reactor-3"})
        self.assertIn(f"reactor-1” could not be brought to its safe state, which is tried again every 2 s: the device at tcp://127.0.0.1:{silent}#1 ", err)

    def speaks_to_devices(self, pid):
        """A driver holds its ledger open; the process of the devices only the world."""
        files = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink() and os.path.lexists(fd)]
        return any(file.endswith(".ledger") for file in files)

    def test_bad_lines(self):
        """Goal: nothing is done twice over lines that lose, delay, garble and cut what is said, to devices that restart."""
        line = "wire: {no_answer: 0.003, late: 0.003, late_by: 1.5 s, garbled: 0.003, truncated: 0.003, resets: 0.003, restarts: 0.0005}"
        lab = self.lab("bad.yaml", {kind: f"{exact}, {line}" for kind, exact in EXACT.items()})
        campaign = self.short(16)
        for _ in range(10):  # three spoilt in a row stop a campaign, as they should; a person looks, and goes on
            process = self.start("run", campaign, "--lab", lab, "--journal", "bad", "--json", "--wire", "--speed", SPEED)
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.assertIn(process.returncode, (0, 1), err)
            result = json.loads(out)
            if result["status"] != "stopped":
                break
        print({key: result[key] for key in ("experiments", "failed", "abandoned")}, file=sys.stderr)
        self.assertEqual(result["status"], "finished", err)
        self.check_once(lab, "bad")
        for point, value in self.values("bad").items():
            self.assertTrue(-10 <= value <= 110, (point, value))


if __name__ == "__main__":
    main()
