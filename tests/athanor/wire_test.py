"""Campaigns through the real adapters: simulated devices on sockets and serial lines, SCPI, MT-SICS and Modbus, with what goes wrong on a wire."""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

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
CONTROLLERS = 6  # to be killed in a campaign
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

    def at_lines(self, lab):
        """The same lab with its devices at serial lines: the reactors at one, the others at their own."""
        places = iter(["liquids.tty", *(f"reactors.tty#{unit}" for unit in (1, 2, 3)), "analysis.tty"])
        lab.write_text(re.sub(r"at: tcp://127.0.0.1:\d+", lambda _: f'at: "serial:./{next(places)}"', lab.read_text()))
        return lab

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
        """Goal: what goes over the wire is what was meant. Method: all of a small space on exact devices, without it, over sockets, and over
        serial lines."""
        sockets, campaign = self.lab("exact.yaml", EXACT), self.write("all.yaml", EVERY_POINT)
        self.run_campaign(campaign, "--lab", sockets, "--journal", "direct")
        direct = self.values("direct")
        for name, lab in [("sockets", sockets), ("lines", self.at_lines(self.lab("lines.yaml", EXACT)))]:
            result = self.run_campaign(campaign, "--lab", lab, "--journal", name, "--wire", "--speed", SPEED)
            self.assertEqual((result["status"], result["experiments"], result["abandoned"]), ("finished", 12, 0))
            wired = self.values(name)
            self.assertEqual(set(direct), set(wired))
            for point, value in direct.items():
                self.assertAlmostEqual(value, wired[point], delta=1e-3)  # Modbus carries 24 bits of each number
            self.check_once(lab, name)
        self.assertEqual(list(self.folder.glob("*.tty")), [])

    def test_killed_drivers(self):
        """Goal: a driver that dies loses nothing of what its device does, and nothing is done twice. Method: drivers are killed (SIGKILL) in
        mid-campaign."""
        lab, campaign = self.lab("exact.yaml", EXACT), self.short(16)
        process = self.begin_wired(campaign, lab, "k")
        chance, kills = random.Random(1), 0
        while line := process.stderr.readline():
            if not line.startswith("experiment"):
                continue
            drivers = [pid for pid in self.processes()["driver"] if self.speaks_to_devices(pid)]
            if drivers:
                os.kill(chance.choice(drivers), signal.SIGKILL)
                kills += 1
        print(f"killed {kills} drivers", file=sys.stderr)
        self.assertGreaterEqual(kills, 8)
        # One that dies after it wrote a command down and before its device heard of it leaves nobody who can tell.
        self.check_finished(process, lab, "k", 16, most_doubtful=2)

    def test_killed_controllers(self):
        """Goal: a controller that dies makes nothing happen twice. Method: the run is killed (SIGKILL) at moments of every phase of an experiment,
        over sockets and over serial lines, and started again; its twin and drivers go on meanwhile."""
        for name, lab in [("sockets", self.lab("exact.yaml", EXACT)), ("lines", self.at_lines(self.lab("lines.yaml", EXACT)))]:
            campaign, chance, kills = self.short(20), random.Random(2), 0
            process = self.begin_wired(campaign, lab, name)
            while kills < CONTROLLERS and self.await_experiments(process, chance.randrange(1, 3)):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0, 0.3))
                    break  # it came to its end
                process.kill()
                process.communicate()
                kills += 1
                process = self.begin_wired(campaign, lab, name)
            print(f"killed {kills} controllers over {name}", file=sys.stderr)
            self.assertGreaterEqual(kills, CONTROLLERS - 2)
            self.check_finished(process, lab, name, 20)

    def test_killed_twin_leaves_its_lines(self):
        """Goal: what a killed twin leaves behind at its serial lines is no obstacle, and one that is ended leaves nothing. Method: the twin is killed
        (SIGKILL) and started again, with a second one beside it, which is turned away; then it is ended."""
        lab = self.at_lines(self.lab("lines.yaml", EXACT))
        lines = [self.folder / f"{name}.tty" for name in ("liquids", "reactors", "analysis")]

        def start_twin():
            return self.start("twin", lab, "--wire", "--speed", SPEED, "--folder", "t")

        def await_lines():
            self.wait_until(lambda: all(line.exists() for line in lines))

        twin = start_twin()
        await_lines()
        twin.kill()  # and its drivers die with it
        twin.communicate()
        self.wait_until(lambda: not any(line.exists() for line in lines))
        self.assertTrue(all(line.is_symlink() for line in lines))
        twin = start_twin()
        await_lines()
        out, err = start_twin().communicate(timeout=TIMEOUT_S)
        self.assertIn("is another twin's, which runs; end that one first", err)
        self.assertTrue(all(line.exists() for line in lines))
        twin.terminate()
        twin.communicate(timeout=TIMEOUT_S)
        self.assertEqual([line for line in lines if line.is_symlink()], [])

    def wait_until(self, holds):
        until = time.monotonic() + TIMEOUT_S
        while not holds():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def begin_wired(self, campaign, lab, journal):
        return self.start("run", campaign, "--lab", lab, "--journal", journal, "--json", "--wire", "--speed", SPEED)

    def await_experiments(self, process, count):
        """Until so many more were told; false if the run came to its end before."""
        while count > 0 and (line := process.stderr.readline()):
            count -= line.startswith("experiment")
        return count == 0

    def check_finished(self, process, lab, journal, experiments, most_doubtful=0):
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", experiments), err)
        self.assertLessEqual(result["abandoned"], most_doubtful, err)
        actions = self.check_once(lab, journal)
        broken_off = [action for action in actions if action["capability"] in ONCE and not action["completed"]]
        self.assertLessEqual(len(broken_off), result["abandoned"], broken_off)

    def test_one_of_three_at_a_line_is_silent(self):
        """Goal: who is silent at a shared line costs the others time, and nothing else. Method: three reactors behind one gateway, of which one
        answers nothing; the campaign goes on with the two others."""
        lab = self.lab("shared.yaml", EXACT)
        text = lab.read_text()
        silent, *others = re.findall(r"tcp://127.0.0.1:(\d+)\n.*\n    twin: {speaks: modbus", text)
        for unit, port in enumerate([silent, *others], 1):
            text = text.replace(f"at: tcp://127.0.0.1:{port}\n", f'at: "tcp://127.0.0.1:{silent}#{unit}"\n')
        lab.write_text(text.replace("speaks: modbus, ", "speaks: modbus, wire: {no_answer: 1}, ", 1))
        process = self.begin_wired(self.short(8), lab, "shared")
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 8), err)
        heated = collections.Counter(a["instrument"] for a in self.check_once(lab, "shared") if a["capability"] == "heat")
        self.assertEqual(set(heated), {"reactor-2", "reactor-3"})
        self.assertIn(f"reactor-1” could not be brought to its safe state, which is tried again every 2 s: the device at tcp://127.0.0.1:{silent}#1 ", err)

    def with_profile(self, lab, instrument, name, text):
        """That instrument of the lab gets a profile of its own."""
        self.write(name, text)
        before, mark, after = lab.read_text().partition(f"  {instrument}:\n")
        lab.write_text(before + mark + re.sub(r"profile: \S+", f"profile: {name}", after, count=1))

    def serve_wired(self, lab, folder):
        """The twin, once each of its drivers listens."""
        twin = self.start("twin", lab, "--wire", "--speed", SPEED, "--folder", folder)
        listening = {twin.stdout.readline().split(" at ")[0] for _ in range(3)}
        self.assertEqual(listening, {"driver liquids", "driver reactors", "driver analysis"})
        return twin

    def end_in_order(self, twin):
        """What it said on standard error."""
        twin.terminate()
        said = twin.communicate(timeout=TIMEOUT_S)[1]
        self.assertEqual(twin.returncode, 0, said)
        return said

    def test_an_instrument_with_a_bad_profile_is_set_aside(self):
        """Goal: one bad profile costs one instrument. Method: profiles that are no YAML, have an unknown unit, lack a safe state, and an address
        that is none; the twin by hand, and a campaign over the others."""
        mistakes = {
            "no_yaml.yaml": (lambda text: text + "  ]\n", r"no_yaml\.yaml:\d+:\d+: "),
            "no_unit.yaml": (lambda text: text.replace("unit: degC, min", "unit: parrots, min"), r"no_unit\.yaml:\d+:\d+: .*parrots"),
            "not_safe.yaml": (lambda text: text.replace("safe:\n  - {write: {order: 99}}\n", ""), r"not_safe\.yaml:\d+:\d+: the profile has no safe state"),
        }
        reactor = (EXAMPLES.parent / "profiles" / "twin" / "reactor.yaml").read_text()
        for name, (spoil, reason) in mistakes.items():
            with self.subTest(name):
                lab = self.lab("aside.yaml", EXACT)
                self.with_profile(lab, "reactor-2", name, spoil(reactor))
                twin = self.serve_wired(lab, name + ".twin")
                told = self.run_program("instrument", "describe", lab, "reactor-2", "--folder", name + ".twin", expect=3)[1]
                self.assertRegex(told, "instrument “reactor-2” is set aside: (?s:.*)" + reason)
                self.run_program("instrument", "describe", lab, "reactor-3", "--folder", name + ".twin")
                said = self.end_in_order(twin)
                self.assertRegex(said, reason)
                self.assertEqual(said.count("instrument “reactor-2” is set aside until that is mended and the twin is started again"), 1, said)
        text = lab.read_text()
        lab.write_text(re.sub(r"(reactor-3:(?s:.*?)at:) \S+", r"\1 nowhere", text))
        process = self.begin_wired(self.short(4), lab, "aside")
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"], result["abandoned"]), ("finished", 4, 0), err)
        self.assertEqual({a["instrument"] for a in self.check_once(lab, "aside") if a["capability"] == "heat"}, {"reactor-1"})
        for reactor, why in (("reactor-2", "the profile has no safe state"), ("reactor-3", "nowhere” is no address of a Modbus device")):
            self.assertRegex(err, f"instrument “{reactor}” is set aside: .*{why}.*; the others go on without it")

    def test_what_needs_an_instrument_with_a_bad_profile_does_not_begin(self):
        """Goal: a driver of which nothing is left is there to say so, and a campaign that needs it is refused with the reason. Method: the only HPLC
        without a safe state; then no instrument is left at all."""
        bad = "profile: bad\nscpi: {}\ncapabilities: {}\n"
        lab = self.lab("needed.yaml", EXACT)
        self.with_profile(lab, "hplc-1", "bad.yaml", bad)
        twin = self.serve_wired(lab, "t")
        told = self.run_program("instrument", "describe", lab, "hplc-1", "--folder", "t", expect=3)[1]
        self.assertIn("the profile has no safe state", told)
        self.assertIn("instrument “hplc-1” is set aside until", self.end_in_order(twin))
        told = self.run_program("run", self.short(4), "--lab", lab, "--wire", "--journal", "needed", expect=2)[1]
        self.assertIn("offers “measure_hplc”", told)
        self.assertRegex(told, r"bad\.yaml:1:1: the profile has no safe state")
        for instrument in ("dispenser-1", "reactor-1", "reactor-2", "reactor-3"):
            self.with_profile(lab, instrument, "bad.yaml", bad)
        told = self.run_program("twin", lab, "--wire", "--folder", "none", expect=2)[1]
        self.assertEqual(told.count("the profile has no safe state"), 1, told)
        self.assertFalse((self.folder / "none").exists())

    def speaks_to_devices(self, pid):
        """A driver holds its ledger open; the process of the devices only the world."""
        try:
            files = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            return False  # it, or what it had open, has ended meanwhile
        return any(file.endswith(".ledger") for file in files)

    def test_bad_lines(self):
        """Goal: nothing is done twice over lines that lose, delay, garble and cut what is said, to devices that restart."""
        line = "wire: {no_answer: 0.003, late: 0.003, late_by: 1.5 s, garbled: 0.003, truncated: 0.003, resets: 0.003, restarts: 0.0005}"
        self.run_over_bad_lines(self.lab("bad.yaml", {kind: f"{exact}, {line}" for kind, exact in EXACT.items()}))

    def test_bad_serial_lines(self):
        """Goal: the same over serial lines, where answers of Modbus RTU may also have a wrong checksum."""
        line = "no_answer: 0.003, late: 0.003, late_by: 1.5 s, garbled: 0.003, truncated: 0.003, resets: 0.002, restarts: 0.0005"
        own = {"reactor": ", checksum: 0.04"}  # one heating in five meets one where it acts, besides those of questions
        lab = self.lab("bad.yaml", {kind: f"{exact}, wire: {{{line}{own.get(kind, '')}}}" for kind, exact in EXACT.items()})
        told = self.run_over_bad_lines(self.at_lines(lab))
        spoilt = re.findall(r"reactors\.tty#[123] did not let the register “\w+” be (?:read|written): the checksum of its answer is wrong", told)
        print(f"{len(spoilt)} wrong checksums were told", file=sys.stderr)
        self.assertGreaterEqual(len(spoilt), 1, told)

    def run_over_bad_lines(self, lab):
        """Gives what was told meanwhile."""
        campaign, told = self.short(16), ""
        for _ in range(10):  # three spoilt in a row stop a campaign, as they should; a person looks, and goes on
            process = self.begin_wired(campaign, lab, "bad")
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.assertIn(process.returncode, (0, 1), err)
            told += err
            result = json.loads(out)
            if result["status"] != "stopped":
                break
        print({key: result[key] for key in ("experiments", "failed", "abandoned")}, file=sys.stderr)
        self.assertEqual(result["status"], "finished", err)
        self.check_once(lab, "bad")
        for point, value in self.values("bad").items():
            self.assertTrue(-10 <= value <= 110, (point, value))
        return told


if __name__ == "__main__":
    main()
