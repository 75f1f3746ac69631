"""The chromatograms of the twin's HPLC in the real program: in virtual time and over sockets, whoever is killed in the middle."""

import csv
import hashlib
import io
import json
import random
import signal
import sys

from laboratory import KILLS, LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main
from stored import read, references

SETTING = "run_time: 4 min"
RATE_HZ, SAMPLES = 5, 1200
SPEED = "2000x"


class Chromatograms(LaboratoryTest):
    def setUp(self):
        super().setUp()
        lab = (EXAMPLES / "suzuki" / "lab.yaml").read_text()
        self.assertIn(SETTING, lab)
        self.lab = self.write("lab.yaml", lab.replace(SETTING, f"{SETTING}, chromatogram: {RATE_HZ} Hz"))
        self.campaign = self.write("campaign.yaml", (EXAMPLES / "suzuki" / "campaign.yaml").read_text())

    def begin(self, name, speed=SPEED):
        return self.start("run", self.campaign, "--journal", name, "--json", "--speed", speed)

    def check_traces(self, name, experiments=40):
        """Every experiment that was measured has a whole trace, and what it shows is what the journal says."""
        named = {id: arrays for id, arrays in references(self, name).items() if arrays}
        exported = json.loads(self.run_program("export", name, "--format", "json")[0])
        measured = [e for e in exported["experiments"] if e["state"] == "measured"]
        self.assertGreater(len(measured), experiments // 2)
        for experiment in measured:
            (reference,) = [array for command in experiment["commands"] for array in command.get("arrays", [])]
            self.assertEqual((reference["result"], reference["element"], reference["unit"]), ("chromatogram", "float32", "mAU"))
            trace = read(self, name + ".data", reference)
            self.assertEqual(trace.shape, (SAMPLES,))
            # Peaks at 30, 55 and 80 % of the run (docs/twin.md) on a baseline that has none before a fifth of it.
            trace = trace - trace[: SAMPLES // 5].mean()
            a, r, s2 = (trace[round(at * SAMPLES) :][: SAMPLES // 4].sum() for at in (0.2, 0.45, 0.7))
            # Drift: 2 mAU/h in the mean; over a quarter of the run half a minute of mAU, of thousands.
            self.assertAlmostEqual(100 * r / (a + r + s2), experiment["measured"]["yield"], delta=2.5)
        self.assertEqual(len(named), len(measured))

    def test_in_virtual_time(self):
        """Goal: traces are stored, exported and the same again for the same seed; numbers are as without them. Method: two runs, and one
        of the example, whose laboratory records nothing."""
        hashes = []
        for name in ("one", "two"):
            result = self.run_campaign(self.campaign, "--journal", name, "--speed", "max")
            self.assertEqual((result["status"], result["experiments"]), ("finished", 40))
            self.check_world(name, result, self.lab)
            self.check_traces(name)
            hashes.append(hashlib.sha256((self.folder / name).read_bytes()).hexdigest())
        self.assertEqual(*hashes)
        out, _ = self.run_program("export", "one", "--format", "csv")
        for row in csv.DictReader(io.StringIO(out)):
            self.assertEqual("1200 float32" in row["arrays"], row["state"] == "measured")
        plain = self.run_campaign(EXAMPLES / "suzuki" / "campaign.yaml", "--journal", "plain", "--speed", "max")
        self.assertEqual((plain["best"], plain["lab_time_s"]), (result["best"], result["lab_time_s"]))
        self.assertFalse((self.folder / "plain.data").exists())

    def test_a_new_journal_under_an_old_name(self):
        """Goal: in virtual time a seed gives commands the same ids again, whose arrays are others. Method: another campaign in its place."""
        self.run_campaign(self.campaign, "--journal", "j", "--speed", "max")
        (self.folder / "j").unlink()
        self.campaign.write_text(self.campaign.read_text().replace("0.8 mL", "0.7 mL"))
        self.run_campaign(self.campaign, "--journal", "j", "--speed", "max")
        self.check_traces("j")
        self.assertTrue((self.folder / "j.data.1").is_dir())

    def test_killed_in_virtual_time(self):
        """Goal: what was acknowledged is there, whenever the process was killed. Method: kill -9 after some experiments more, again and
        again; the whole campaign is then held against the world and the store."""
        chance = random.Random(5)
        kills = 0
        while True:
            process = self.begin("j", "max")
            experiments = chance.randrange(1, 6)
            while experiments > 0 and (line := process.stderr.readline()):
                experiments -= line.startswith("experiment")
            if experiments > 0:
                break
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        self.assertGreater(kills, 3)
        self.check_world("j", json.loads(out), self.lab)
        self.check_traces("j")

    def test_killed_over_sockets(self):
        """Goal: the same with drivers in processes of their own. Method: a dozen kills of every kind."""
        result, kills = self.run_and_kill("k", 4)
        print(f"killed {dict(kills)}", file=sys.stderr)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40))
        self.assertGreaterEqual(sum(kills.values()), KILLS // 2)
        self.check_world("k", result, self.lab)
        self.check_traces("k")


if __name__ == "__main__":
    main()
