"""The closed loop from outside: a run to its end, its journal, its report, its exports, the planner alone."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import unittest

from program import EXAMPLES, PROGRAM, ProgramTest, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
LAB = EXAMPLES / "suzuki" / "lab.yaml"


class Loop(ProgramTest):
    def test_run_to_the_end(self):
        """Goal: the demo campaign finishes and tells what it found. Method: run it, read everything it wrote."""
        result = self.run_campaign(CAMPAIGN, "--journal", "j", "--report", "r.html", "--seed", 3)
        self.assertEqual(result["status"], "finished")
        self.assertEqual(
            set(result) - {"abandoned"},
            {"campaign", "status", "experiments", "failed", "best", "lab_time_s", "planning_wait_s", "wall_s", "journal",
             "state_hash"},
        )
        self.assertGreater(result["lab_time_s"], 3600)
        self.assertEqual(set(result["best"]), {"at", "measured"})

        replay = json.loads(self.run_program("replay", "j", "--json")[0])
        self.assertEqual(replay["chain"], "ok")
        self.assertGreater(replay["events"], result["experiments"])

        rows = list(csv.DictReader(io.StringIO(self.run_program("export", "j", "--format", "csv")[0])))
        ended = [row for row in rows if row["state"] in ("measured", "failed")]
        self.assertEqual(len(ended), result["experiments"])
        exported = json.loads(self.run_program("export", "j", "--format", "json")[0])
        self.assertEqual(len(exported["experiments"]), len(rows))

        page = (self.folder / "r.html").read_text()
        self.assertIn("<html", page)
        self.assertNotIn("src=\"http", page)
        self.assertEqual(sorted(os.listdir(self.folder)), ["j", "j.twin", "r.html"])  # nobody listens any more, at no socket

    def test_same_seed_same_journal(self):
        """Goal: a seed decides everything in virtual time. Method: two runs with one seed, one with another."""
        hashes = []
        for name, seed in (("a", 5), ("b", 5), ("c", 6)):
            self.run_campaign(CAMPAIGN, "--journal", name, "--seed", seed)
            hashes.append(json.loads(self.run_program("replay", name, "--json")[0])["state_hash"])
        self.assertEqual(hashes[0], hashes[1])
        self.assertNotEqual(hashes[0], hashes[2])

    def test_finished_is_finished(self):
        """Goal: the same command again does nothing physical. Method: run twice, count actions."""
        first = self.run_campaign(CAMPAIGN, "--journal", "j")
        before = self.actions(LAB, "j.twin")
        second = self.run_campaign(CAMPAIGN, "--journal", "j")
        self.assertEqual(second["status"], "finished")
        self.assertEqual(first["experiments"], second["experiments"])
        self.assertEqual(before, self.actions(LAB, "j.twin"))

    def test_more_experiments_go_on(self):
        """Goal: a raised budget continues the same journal. Method: stop at fewer, then at more."""
        text = CAMPAIGN.read_text().replace("lab: lab.yaml", f"lab: {LAB}")
        few = self.write("c.yaml", re.sub(r"experiments: \d+", "experiments: 5", text))
        self.assertEqual(self.run_campaign(few, "--journal", "j")["experiments"], 5)
        few.write_text(re.sub(r"experiments: \d+", "experiments: 9", text))
        self.assertEqual(self.run_campaign(few, "--journal", "j")["experiments"], 9)
        actions = self.actions(LAB, "j.twin")
        self.assertTrue(all(action["begun"] == 1 for action in actions))

    def test_verify_and_backup(self):
        """Goal: a journal is checked in whole and copied. Method: a run in two parts; the copy tells the same and goes on."""
        text = CAMPAIGN.read_text().replace("lab: lab.yaml", f"lab: {LAB}")
        campaign = self.write("c.yaml", re.sub(r"experiments: \d+", "experiments: 5", text))
        self.run_campaign(campaign, "--journal", "j")
        campaign.write_text(re.sub(r"experiments: \d+", "experiments: 9", text))
        self.run_campaign(campaign, "--journal", "j")
        verdict = json.loads(self.run_program("replay", "j", "--verify", "--json")[0])
        self.assertEqual((verdict["sound"], verdict["chain"], verdict["damage"]), (True, "ok", []))
        self.assertEqual(verdict["snapshots"], {"named": 2, "compared": 2, "kept": 2, "of_other_version": 0})
        self.assertEqual(verdict["state_hash"], verdict["state_hash_of_start"])
        self.assertIn("is sound", self.run_program("replay", "j", "--verify")[0])

        out, _ = self.run_program("backup", "j", "copy")
        self.assertIn(f"{verdict['events']} records", out)
        self.assertEqual(json.loads(self.run_program("replay", "copy", "--verify", "--json")[0]), verdict)
        _, err = self.run_program("backup", "j", "copy", expect=3)
        self.assertIn("is there already", err)

    def test_refill(self):
        """Goal: used-up stock stops the campaign, and a refilled bottle goes on. Method: less than 3 doses, then plenty."""
        text = LAB.read_text()
        self.write("lab.yaml", text.replace("substrates: 200 mL", "substrates: 2.5 mL"))
        out, _ = self.run_program("run", CAMPAIGN, "--lab", "lab.yaml", "--journal", "j", "--json", expect=1)
        self.assertEqual(json.loads(out)["status"], "stopped")
        few = json.loads(out)["experiments"]
        self.assertTrue(1 <= few <= 3)
        self.write("lab.yaml", text)
        result = self.run_campaign(CAMPAIGN, "--lab", "lab.yaml", "--journal", "j")
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40))

    def test_hanging_instruments(self):
        """Goal: jobs that never end by themselves do not hold a campaign up. Method: one heating of three hangs."""
        kind = "reactor-1: {driver: reactors, kind: reactor"
        self.write("lab.yaml", LAB.read_text().replace(kind, kind + ", twin: {hangs: 0.3}"))
        out, err = self.run_program("run", CAMPAIGN, "--lab", "lab.yaml", "--journal", "j", "--json", expect=0)
        self.assertEqual(json.loads(out)["status"], "finished")
        self.assertGreater(json.loads(out)["abandoned"], 0)
        self.assertEqual(err.count("it is cancelled"), json.loads(out)["abandoned"])

    def test_plain_lines(self):
        """Goal: without a terminal there are plain lines and no control characters. Method: read the pipe."""
        out, _ = self.run_program("run", CAMPAIGN, "--journal", "j")
        self.assertNotIn("\x1b", out)
        self.assertIn("experiment 1", out)
        self.assertIn("report", out)

    def test_processes(self):
        """Goal: the same campaign over ZeroMQ with real driver processes. Method: run it at 5000 times real time."""
        result = self.run_campaign(CAMPAIGN, "--journal", "j", "--speed", "5000x")
        self.assertEqual(result["status"], "finished")
        self.assertTrue(all(a["begun"] == 1 and a["completed"] for a in self.actions(LAB, "j.twin")))


    def test_outcome_constraint(self):
        """Goal: the best is one that holds the outcome constraint. Method: a bound that some doses hold, then one that none can."""
        example = EXAMPLES / "plate" / "campaign-selective.yaml"
        result = self.run_campaign(example, "--journal", "j", "--report", "r.html", "--seed", 3)
        self.assertGreaterEqual(result["best"]["measured"]["healthy"], 80)
        self.assertNotIn("nearest", result)
        rows = list(csv.DictReader(io.StringIO(self.run_program("export", "j", "--format", "csv")[0])))
        measured = [row for row in rows if row["state"] == "measured"]
        for row in measured:
            self.assertEqual(row["violates"], "healthy >= 80 %" if float(row["healthy (%)"]) < 80 else "")
        held = [float(row["tumour (%)"]) for row in measured if not row["violates"]]
        self.assertLess(len(held), len(measured))
        self.assertEqual(result["best"]["measured"]["tumour"], min(held))

        text = example.read_text().replace("lab: lab.yaml", f"lab: {EXAMPLES / 'plate' / 'lab.yaml'}")
        never = self.write("never.yaml", text.replace("healthy >= 80 %", "healthy >= 200 %").replace("experiments: 32", "experiments: 9"))
        out, _ = self.run_program("run", never, "--journal", "n")
        self.assertIn("none yet holds every outcome constraint; the nearest: ", out)
        self.assertIn("(violates healthy >= 200 %)", out)
        result = self.run_campaign(never, "--journal", "n")
        self.assertIsNone(result["best"])
        self.assertEqual(result["nearest"]["violates"], ["healthy >= 200 %"])


class Measured(ProgramTest):
    @unittest.skipUnless(os.environ.get("ATHANOR_DATA_DIR"), "ATHANOR_DATA_DIR is not set: no measured tables")
    def test_measured_tables(self):
        """Goal: real measurements stand in for a laboratory. Method: the four examples on tables, each run to its end."""
        for name in ("crossed_barrel", "photo_pce10", "suzuki_edbo", "alkox"):
            with self.subTest(name):
                result = self.run_campaign(EXAMPLES / name / "campaign.yaml", "--journal", name)
                self.assertEqual(result["status"], "finished")
                self.assertEqual(result["failed"] + result["abandoned"], 0)


class Plan(ProgramTest):
    def test_example(self):
        """Goal: the documented conversation works. Method: run it; Branin's function must come near its minimum, 0.398."""
        script = EXAMPLES / "ask_tell" / "ask_tell.py"
        out = subprocess.run([sys.executable, script, PROGRAM], capture_output=True, text=True, timeout=60, check=True).stdout
        values = [float(line.split(": ")[1].split(" at ")[0]) for line in out.splitlines() if line.startswith("experiment")]
        self.assertLess(values[-1], 1.0)

    def test_ask_and_tell(self):
        """Goal: the planner answers as documented, and goes on after errors. Method: a conversation."""
        campaign = self.write(
            "c.yaml",
            "campaign: plan\nspace:\n  temperature: {range: [30 degC, 110 degC]}\n"
            "  ligand: {choices: [XPhos, SPhos]}\nobjectives:\n  yield: {goal: maximize, unit: \"%\"}\n",
        )
        process = self.start("plan", campaign, "--stdio", stdin=subprocess.PIPE)

        def say(message):
            process.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        self.assertEqual(
            say({"tell": [{"at": {"temperature": 80, "ligand": "XPhos"}, "measured": {"yield": 41.2}, "sd": {"yield": 1.5}}]}),
            {"observations": 1},
        )
        self.assertEqual(say({"tell": [{"at": {"temperature": 40, "ligand": "SPhos"}, "failed": "clogged"}]}), {"observations": 2})
        suggestions = say({"ask": 4, "seed": 7, "deadline_ms": 2000})["suggestions"]
        self.assertEqual(len(suggestions), 4)
        for suggestion in suggestions:
            self.assertTrue(30 <= suggestion["at"]["temperature"] <= 110)
            self.assertIn(suggestion["at"]["ligand"], ("XPhos", "SPhos"))
        self.assertIn("ligand", say({"tell": [{"at": {"temperature": 80, "ligand": "YPhos"}, "measured": {"yield": 1}}]})["error"])
        self.assertIn("error", say("not json"))
        self.assertIn("error", say({"tell": [{"at": {"temperature": 800, "ligand": "XPhos"}, "measured": {"yield": 1}}]}))
        predictions = say({"predict": [{"temperature": 70, "ligand": "SPhos"}]})["predictions"]
        self.assertEqual(set(predictions[0]["yield"]), {"mean", "sd"})
        self.assertNotIn("error", say({"describe": True}))
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)
        process.stdout.close()
        process.stderr.close()


if __name__ == "__main__":
    main()
