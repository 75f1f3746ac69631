"""A person's word on what experiments gave, with the real program: while it runs, while it is paused, and after its end."""

import csv
import io
import json
import signal
import sqlite3
import time

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
THERE = ("--at", "ligand=XPhos", "--at", "temperature=353.15 K", "--at", "residence=10 min", "--at", "loading=0.25 mL")


class Observe(LaboratoryTest):
    def wait(self, until):
        end = time.monotonic() + TIMEOUT_S
        while not until():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def status(self):
        return json.loads(self.run_program("status", "j", "--json")[0])

    def observe(self, *arguments):
        return self.run_program("observe", "j", *arguments, "--why", "integrated anew", "--who", "ann")[0]

    def refused(self, *arguments, expect=2):
        return self.run_program("observe", *arguments, "--why", "x", expect=expect)[1]

    def exported(self):
        return json.loads(self.run_program("export", "j", "--format", "json")[0])

    def experiment(self, number):
        return self.exported()["experiments"][number - 1]

    def test_in_a_pause_and_through_kills(self):
        """Goal: what was answered is there. Method: corrected in a pause, killed, corrected in the dead journal, gone on with."""
        arguments = ("run", CAMPAIGN, "--journal", "j", "--json", "--speed", "500x")
        process = self.start(*arguments)
        self.wait(lambda: (self.folder / "j.control").exists() and self.status()["measured"] >= 3)
        self.run_program("pause", "j", "--why", "lunch")
        self.wait(lambda: all("step" not in e for e in self.status()["experiments"]))
        under_way = self.status()["experiments"]
        for one in (1, 2, 3):
            told = self.observe("--experiment", str(one), "--set", "yield=54.2 %")
            self.assertIn(f"experiment {one} counts as yield 54.2 %, by ann: integrated anew (before: ", told)
            if "(before: yield " in told:
                break  # not one that clogged, which is the twin's luck
        if under_way:
            number = str(under_way[0]["experiment"])
            self.assertIn("wait for its end", self.refused("j", "--experiment", number, "--set", "yield=5 %"))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        first = self.experiment(one)
        self.assertEqual((first["state"], first["measured"]), ("measured", {"yield": 54.2}))
        self.assertNotEqual(first["as_measured"], first["measured"])
        other = next(n for n, e in enumerate(self.exported()["experiments"], 1) if e["state"] == "measured" and n != one)
        # The socket of the killed controller is still there; nobody listens.
        self.assertTrue((self.folder / "j.control").exists())
        before = self.status()
        self.assertIn("added experiment 1", self.observe(*THERE, "--set", "yield=99.5 %"))
        self.observe("--experiment", str(other), "--withdraw")
        after = self.status()
        self.assertEqual({**after, "controller": None}, {**before, "controller": None})  # nothing else happened
        process = self.start(*arguments)
        self.wait(lambda: self.status()["controller"])
        self.run_program("resume", "j", "--why", "back")
        out, err = process.communicate(timeout=TIMEOUT_S)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40), err)
        self.assertEqual(result["best"]["measured"], {"yield": 99.5})
        exported = self.exported()
        self.assertEqual(exported["best"][0]["added"], 1)
        self.assertEqual([exported["experiments"][number - 1]["counts_as"] for number in (one, other)], ["measured", "nothing"])
        self.check_world("j", result, EXAMPLES / "suzuki" / "lab.yaml")
        self.assertTrue(json.loads(self.run_program("replay", "j", "--verify", "--json")[0])["sound"])

    def test_after_the_end(self):
        """Goal: corrections change what is best and what the planner learns. Method: the best one withdrawn; the budget raised."""
        text = CAMPAIGN.read_text().replace("lab.yaml", str(EXAMPLES / "suzuki" / "lab.yaml"))
        self.assertIn("experiments: 40", text)
        campaign = self.write("c.yaml", text.replace("experiments: 40", "experiments: 12"))
        result = self.run_campaign(campaign, "--journal", "j")
        best = self.exported()["best"][0]["experiment"]
        self.observe("--experiment", str(best), "--failed", "the vial was another one")
        self.observe("--experiment", "1" if best != 1 else "2", "--set", "yield=30 percent")
        exported = self.exported()
        self.assertNotEqual(exported["best"][0]["experiment"], best)
        self.assertEqual(exported["lab_time_s"], result["lab_time_s"])  # stands still while no controller runs
        rows = list(csv.DictReader(io.StringIO(self.run_program("export", "j")[0])))
        self.assertEqual((rows[best - 1]["state"], rows[best - 1]["counts as"]), ("measured", "failed"))
        self.assertEqual(float(rows[best - 1]["yield as measured (%)"]), result["best"]["measured"]["yield"])
        self.assertIn("the vial was another one", self.run_program("export", "j", "--format", "html")[0])
        campaign.write_text(text.replace("experiments: 40", "experiments: 16"))
        again = self.run_campaign(campaign, "--journal", "j")
        self.assertEqual((again["status"], again["experiments"]), ("finished", 16))
        self.assertEqual(self.exported()["experiments"][best - 1]["counts_as"], "failed")

    def test_what_cannot_be_told(self):
        """Goal: a clear refusal that changes nothing. Method: no journal, one in use, mistakes in every part."""
        self.assertIn("there is no journal", self.refused("j", "--experiment", "1", "--withdraw", expect=3))
        self.assertFalse((self.folder / "j").exists())
        self.run_campaign(CAMPAIGN, "--journal", "j")
        before = (self.folder / "j").read_bytes()
        self.assertIn("name and a value, such as", self.refused("j", "--experiment", "1", "--set", "yield"))
        self.assertIn("did you mean “yield”?", self.refused("j", "--experiment", "1", "--set", "yeild=5 %"))
        self.assertIn("is not UTF-8", self.refused("j", "--experiment", "1", "--failed", b"\xff".decode(errors="surrogateescape")))
        self.assertIn("excludes", self.refused("j", "--experiment", "1", "--set", "yield=5 %", "--withdraw"))
        mistakes = self.refused("j", "--at", "ligand=XPho", "--at", "temperature=500 degC", "--set", "yield=5").splitlines()
        self.assertEqual(len(mistakes), 4, mistakes)
        self.assertIn("--why", self.run_program("observe", "j", "--experiment", "1", "--withdraw", expect=2)[1])
        self.assertEqual((self.folder / "j").read_bytes(), before)
        other = sqlite3.connect(self.folder / "j")
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        self.assertIn("in use", self.refused("j", "--experiment", "1", "--withdraw", expect=3))
        other.close()
        self.observe("--experiment", "1", "--withdraw")


if __name__ == "__main__":
    main()
