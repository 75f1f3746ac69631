"""Every mistake of a user gets a clear message with its place and the way out, exit status 2; trouble around us 3; nothing is lost."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3

from program import EXAMPLES, PROGRAM, ProgramTest, main

CAMPAIGN = (EXAMPLES / "suzuki" / "campaign.yaml").read_text()
LAB = (EXAMPLES / "suzuki" / "lab.yaml").read_text()

TABLE = "x,y\n1,10\n2,40\n3,90\n4,60\n"
LOOKUP_LAB = """lab: table
twin: {model: lookup, table: table.csv, parameters: {x: {}}, results: {y: {unit: "%"}}}
drivers: {desk: {}}
instruments: {station-1: {driver: desk, kind: station}}
"""
LOOKUP = """campaign: table
lab: lab.yaml
space: {x: {levels: [1, 2, 3, 4]}}
objectives: {y: {goal: maximize, unit: "%"}}
procedure: [{step: look, do: measure, with: {x: $x}, gives: {y: y}}]
stop: {experiments: 4}
"""


class BadInput(ProgramTest):
    def setUp(self):
        super().setUp()
        self.campaign = self.write("campaign.yaml", CAMPAIGN)
        self.lab = self.write("lab.yaml", LAB)

    def refuse(self, status, *words, arguments=("run", "campaign.yaml")):
        """The program must end with `status` and say all `words`; gives what it said."""
        out, err = self.run_program(*arguments, expect=status)
        for word in words:
            self.assertIn(word, err)
        self.assertNotIn("terminate", err)
        return err

    def change(self, old, new, file="campaign.yaml"):
        text = (self.folder / file).read_text()
        self.assertIn(old, text)
        (self.folder / file).write_text(text.replace(old, new, 1))

    # ── campaign and lab files ───────────────────────────────────────────────────────────────────────────────────────
    def test_wrong_yaml(self):
        self.write("campaign.yaml", "campaign: x\nspace: {a: [1, 2\n")
        self.refuse(2, "campaign.yaml:")

    def test_all_mistakes_at_once(self):
        self.change("goal: maximize", "gaol: maximize")
        self.change("range: [30 degC, 110 degC]", "range: [30 degC, 110 mL]")
        self.change("planner: {initial: 8", "planner: {inital: 8")
        said = self.refuse(2, "gaol", "goal", "mL", "inital", "initial")
        self.assertGreaterEqual(said.count("campaign.yaml:"), 3)

    def test_acquisition_of_several_objectives_for_one(self):
        self.change("batch: 4", "batch: 4, acquisition: hypervolume")
        self.refuse(2, "campaign.yaml:16:", "hypervolume", "there is one", "expected_improvement")

    def test_outcome_constraints_without_room(self):
        self.change("procedure:", 'outcome_constraints: ["yield <= 20 %", "yield >= 40 %"]\nprocedure:')
        self.refuse(2, "campaign.yaml:11:", "yield <= 20 %", "yield >= 40 %")

    def test_unknown_unit(self):
        self.change("[60 s, 600 s]", "[60 s, 600 sek]")
        self.refuse(2, "campaign.yaml:", "sek")

    def test_wrong_unit_for_the_capability(self):
        self.change("volume: 0.8 mL", "volume: 0.8 degC")
        self.refuse(2, "campaign.yaml:", "volume", "degC", "mL")

    def test_impossible_constraints(self):
        self.change("objectives:", 'constraints: ["temperature + residence <= 50", "temperature >= 40"]\nobjectives:')
        self.refuse(2, "temperature + residence <= 50")

    def test_choice_without_a_descriptor(self):
        self.write("t.csv", "solvent,polarity\nwater,10\nhexane,0\n")
        self.write("campaign.yaml", "campaign: x\nspace: {s: {choices: [water, hexan], descriptors: t.csv}}\n"
                                    "objectives: {y: {goal: maximize}}\n")
        self.refuse(2, "campaign.yaml:2:", "t.csv has no row for “hexan”", "hexane")

    def test_resolution_wider_than_the_range(self):
        self.change("range: [30 degC, 110 degC]", "range: [30 degC, 110 degC], resolution: 100 K")
        self.refuse(2, "campaign.yaml:", "resolution of 100 degC", "80 degC wide")

    def test_equality_that_no_whole_numbers_meet(self):
        self.write("campaign.yaml", "campaign: x\nspace: {a: {integer: [0, 900]}, b: {integer: [0, 900]}}\n"
                                    "constraints: [2*a + 2*b = 7]\nobjectives: {y: {goal: maximize}}\n")
        self.refuse(2, "campaign.yaml:3:", "6 and 8")

    def test_empty_space(self):
        self.write("campaign.yaml", "campaign: x\nspace: {}\nobjectives: {y: {goal: maximize}}\n")
        self.refuse(2, "campaign.yaml", "space")

    def test_capability_that_nobody_offers(self):
        self.change("do: measure_hplc", "do: measure_hplcc")
        self.refuse(2, "campaign.yaml:", "measure_hplcc", "measure_hplc", "suzuki-bench")

    def test_outside_the_laboratorys_limits(self):
        self.change("range: [30 degC, 110 degC]", "range: [30 degC, 140 degC]")
        self.refuse(2, "campaign.yaml:", "140", "120")

    def test_range_on_a_table_that_must_match_exactly(self):
        self.write("table.csv", TABLE)
        self.write("lab.yaml", LOOKUP_LAB)
        self.write("campaign.yaml", LOOKUP.replace("levels: [1, 2, 3, 4]", "range: [1, 4]"))
        self.refuse(2, "campaign.yaml:", "4 listed values", "candidates")
        self.write("campaign.yaml", LOOKUP.replace("levels: [1, 2, 3, 4]", "integer: [1, 5]"))
        self.refuse(2, "campaign.yaml:", "5", "limit of 4")

    def test_numbers_that_no_laboratory_needs(self):
        for old, new, word in (("batch: 4", "batch: 1e9", "expected 1 to 1000"), ("experiments: 40", "lab_time: 1e300 s", "100 years"),
                               ("campaign: suzuki-yield", "campaign: " + "x" * 300, "300 characters")):
            self.write("campaign.yaml", CAMPAIGN)
            self.change(old, new)
            self.refuse(2, "campaign.yaml:", word)

    def test_control_characters_are_not_passed_on(self):
        self.change("goal: maximize", 'goal: "max\\0imize\\x1b[2J"')
        said = self.refuse(2, "campaign.yaml:", "\\x00", "\\x1b")
        self.assertNotIn("\x1b", said)

    def test_no_such_file(self):
        self.refuse(3, "nothing.yaml", arguments=("run", "nothing.yaml"))

    def test_no_lab(self):
        self.change("lab: lab.yaml\n", "")
        self.refuse(2, "--lab")

    def test_check_reports_every_file(self):
        self.change("goal: maximize", "gaol: maximize")
        self.change("model: suzuki", "model: sazuki", file="lab.yaml")
        self.refuse(2, "campaign.yaml:", "gaol", "lab.yaml:", "sazuki", arguments=("check", "campaign.yaml", "lab.yaml"))

    def test_missing_table_and_column(self):
        self.write("lab.yaml", LOOKUP_LAB)
        self.write("campaign.yaml", LOOKUP)
        self.refuse(2, "lab.yaml:", "table.csv")
        self.write("table.csv", TABLE.replace("y", "z", 1))
        self.refuse(2, "lab.yaml:", "y")
        self.write("table.csv", TABLE)
        self.assertEqual(self.run_campaign("campaign.yaml")["best"]["measured"]["y"], 90)

    def test_unset_variable(self):
        self.write("lab.yaml", LOOKUP_LAB.replace("table.csv", "$ATHANOR_NO_SUCH_DIR/table.csv"))
        self.write("campaign.yaml", LOOKUP)
        self.refuse(2, "ATHANOR_NO_SUCH_DIR")

    def test_command_line(self):
        self.refuse(2, "--speed", "500x", arguments=("run", "campaign.yaml", "--speed", "fast"))
        self.refuse(2, "--sped", "athanor run --help", arguments=("run", "campaign.yaml", "--sped", "1x"))
        self.refuse(2, "lab.yaml", "athanor driver run --help", arguments=("driver", "run", "profile.yaml", "lab.yaml"))

    # ── journals ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def test_journal_of_another_campaign(self):
        self.change("experiments: 40", "experiments: 2")
        self.run_campaign("campaign.yaml", "--journal", "j")
        self.change("campaign: suzuki-yield", "campaign: other")
        self.refuse(2, "suzuki-yield", "--journal", arguments=("run", "campaign.yaml", "--journal", "j"))
        self.change("campaign: other", "campaign: suzuki-yield")
        self.change("110 degC", "100 degC")
        self.refuse(2, "--journal", arguments=("run", "campaign.yaml", "--journal", "j"))
        self.change("100 degC", "110 degC")
        self.assertEqual(self.run_campaign("campaign.yaml", "--journal", "j")["experiments"], 2)

    def test_damaged_journal(self):
        self.change("experiments: 40", "experiments: 2")
        self.run_campaign("campaign.yaml", "--journal", "j")
        with sqlite3.connect(self.folder / "j") as database:
            database.execute("UPDATE record SET body = zeroblob(8) WHERE seq = 5")
        database.close()
        self.refuse(3, "damaged", "record 5", arguments=("run", "campaign.yaml", "--journal", "j"))
        out, _ = self.run_program("replay", "j", "--json", expect=3)
        self.assertIn("broken at record 5", out)
        self.write("text", "not a journal at all " * 500)
        self.refuse(3, "text", arguments=("replay", "text"))
        self.refuse(3, "none", arguments=("export", "none"))

    def test_damaged_snapshot(self):
        """Goal: a changed snapshot is told of and does no harm. Method: changed by SQL; `replay --verify`, then a run."""
        self.change("experiments: 40", "experiments: 2")
        self.run_campaign("campaign.yaml", "--journal", "j")
        whole = json.loads(self.run_program("replay", "j", "--json")[0])
        with sqlite3.connect(self.folder / "j") as database:
            database.execute("UPDATE snapshot SET state = zeroblob(100)")
            at = database.execute("SELECT max(seq) FROM snapshot").fetchone()[0]
        database.close()
        self.assertEqual(json.loads(self.run_program("replay", "j", "--json")[0]), whole)
        out, _ = self.run_program("replay", "j", "--verify", expect=1)
        self.assertIn(f"the snapshot kept of record {at} is not the one that the record names", out)
        out, err = self.run_program("run", "campaign.yaml", "--journal", "j", "--json")
        self.assertIn(f"the snapshot at record {at} is not the one that was written", err)
        self.assertEqual(json.loads(out)["status"], "finished")
        with sqlite3.connect(self.folder / "j") as database:
            database.execute("UPDATE record SET body = zeroblob(8) WHERE seq = 7")
        database.close()
        out, _ = self.run_program("replay", "j", "--verify", expect=1)
        self.assertIn("not sound from record 7 on", out)
        out, err = self.run_program("replay", "none", "--verify", expect=1)
        self.assertIn("there is no journal", err)
        self.refuse(3, "record 7", arguments=("backup", "j", "copy"))
        self.assertFalse((self.folder / "copy").exists())

    def test_full_disk(self):
        """Goal: a full disk stops the run with a message, and afterwards it goes on. Method: a limit on the size of files."""

        def small_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000))

        out, err = self.run_program("run", "campaign.yaml", "--journal", "j", "--json", expect=3, preexec_fn=small_disk)
        self.assertRegex(err, "disk|full|space")
        result = self.run_campaign("campaign.yaml", "--journal", "j")
        self.assertEqual(result["status"], "finished")
        self.assertTrue(all(action["begun"] == 1 for action in self.actions("lab.yaml", "j.twin")))

    def test_lost_laboratory(self):
        """Goal: a journal does not go on in a world that never saw its samples. Method: the twin's folder is removed."""
        self.change("experiments: 40", "experiments: 2")
        self.run_campaign("campaign.yaml", "--journal", "j")
        shutil.rmtree(self.folder / "j.twin")
        self.change("experiments: 2", "experiments: 4")
        self.refuse(3, "j.twin", "belong together", arguments=("run", "campaign.yaml", "--journal", "j"))

    def test_odd_files(self):
        os.mkfifo(self.folder / "pipe")
        for file in ("/dev/zero", "pipe", "."):
            self.refuse(3, file, "file", arguments=("check", file))
        self.write("large.yaml", "a: b\n" * 4_000_000)
        self.refuse(3, "large.yaml", "4 MB", arguments=("check", "large.yaml"))
        self.write("empty", "")
        self.refuse(3, "empty", arguments=("replay", "empty"))
        self.assertEqual((self.folder / "empty").read_text(), "")

    def test_numbers_on_the_command_line(self):
        self.refuse(2, "--seed", arguments=("run", "campaign.yaml", "--seed", "-1"))
        self.refuse(2, "--seed", arguments=("run", "campaign.yaml", "--seed", "99999999999999999999999"))
        self.refuse(2, "--linger", arguments=("twin", "lab.yaml", "--linger", "-3"))
        self.refuse(3, "no/such", arguments=("run", "campaign.yaml", "--report", "no/such/r.html"))

    def test_unwritable_place(self):
        self.refuse(3, "no/such", arguments=("run", "campaign.yaml", "--journal", "no/such/j"))

    # ── ports ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def test_port_in_use(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        self.change("liquids: {}", f'liquids: {{endpoint: "{address}"}}', file="lab.yaml")
        process = self.start("twin", "lab.yaml")
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn(address, err)
        self.assertIn("in use", err)
        # A run waits for the driver, says so, and goes on once the port is free.
        process = self.start("run", "campaign.yaml", "--speed", "5000x", "--journal", "j")
        while "driver liquids does not answer yet" not in process.stdout.readline():
            self.assertIsNone(process.poll())
        self.assertIn("in use", (self.folder / "j.twin" / "twin.log").read_text())
        taken.close()
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertIn("suzuki-yield finished", out)

    # ── what an earlier run left ─────────────────────────────────────────────────────────────────────────────────────
    def test_an_earlier_laboratory_is_kept(self):
        (self.folder / "j.twin").mkdir()
        (self.folder / "j.twin" / "notes.txt").write_text("precious")
        _, err = self.run_program("run", "campaign.yaml", "--journal", "j", "--json", expect=0)
        self.assertIn("j.twin.1", err)
        self.assertEqual((self.folder / "j.twin.1" / "notes.txt").read_text(), "precious")

    def test_the_laboratory_of_another_journal(self):
        self.change("experiments: 40", "experiments: 5")
        for name, seed in (("a", 1), ("b", 2)):
            self.run_program("run", "campaign.yaml", "--journal", name, "--seed", seed, expect=0)
        shutil.rmtree(self.folder / "a.twin")
        (self.folder / "b.twin").rename(self.folder / "a.twin")
        self.refuse(3, "a.twin", "another journal", arguments=("run", "campaign.yaml", "--journal", "a"))

    def test_an_older_journal_than_what_was_done(self):
        self.change("experiments: 40", "experiments: 5")
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        shutil.copy(self.folder / "j", self.folder / "copy")
        self.change("experiments: 5", "experiments: 12")
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        shutil.copy(self.folder / "copy", self.folder / "j")
        self.change("batch: 4", "batch: 1")  # then other experiments are chosen under the same numbers
        self.change("initial: 8", "initial: 5")
        out, _ = self.run_program("run", "campaign.yaml", "--journal", "j", expect=1)
        self.assertIn("the journal is older than what was done", out)

    def test_a_journal_without_its_log(self):
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        (self.folder / "j").write_bytes(b"")
        self.refuse(3, "j-wal", arguments=("run", "campaign.yaml", "--journal", "j"))
        self.assertTrue((self.folder / "j.twin" / "world.db").exists())

    def test_output_that_cannot_be_written(self):
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        with open("/dev/full", "w", encoding="utf8") as full:
            self.run_program("replay", "j", expect=3, stdout=full)

    def test_a_journal_needs_no_candidates_file(self):
        self.write("table.csv", TABLE)
        self.write("lab.yaml", LOOKUP_LAB)
        self.write("campaign.yaml", LOOKUP.replace("space: {x: {levels: [1, 2, 3, 4]}}", "candidates: {file: table.csv, columns: {x: x}}"))
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        before, _ = self.run_program("export", "j", expect=0)
        self.assertIn("x", before.splitlines()[0].split(","))
        (self.folder / "table.csv").unlink()
        self.assertEqual(self.run_program("export", "j", expect=0)[0], before)
        self.write("table.csv", TABLE.replace("3,90", "5,90"))
        self.refuse(2, "candidates", "--journal", arguments=("run", "campaign.yaml", "--journal", "j"))

    def test_a_journal_that_may_only_be_read(self):
        self.run_program("run", "campaign.yaml", "--journal", "j", expect=0)
        (self.folder / "j").chmod(0o444)
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        reader = {}
        if os.geteuid() == 0:  # whom no permission stops: read it as somebody else, who must be able to reach the program
            if not all(folder.stat().st_mode & 0o001 for folder in pathlib.Path(PROGRAM).resolve().parents):
                self.skipTest("the program lies where only root can reach it")
            reader = {"user": 65534, "group": 65534, "extra_groups": []}
        said, _ = self.run_program("replay", "j", "--json", expect=0, **reader)
        self.assertIn('"chain":"ok"', said)


if __name__ == "__main__":
    main()
