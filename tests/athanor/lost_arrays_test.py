"""What becomes of a campaign's arrays after it stored them: the real program notices, says so, and goes on."""

import collections
import hashlib
import json
import random
import re
import shutil
import signal
import time

import h5py

from camera import CAMPAIGN, CameraTest
from program import EXAMPLES, TIMEOUT_S, ProgramTest, main
from stored import references

SETTING = "run_time: 4 min"


def flip(file, at):
    with open(file, "r+b") as bytes_of:
        bytes_of.seek(at)
        byte = bytes_of.read(1)
        bytes_of.seek(at)
        bytes_of.write(bytes([byte[0] ^ 0x10]))


class Looking(ProgramTest):
    def verdict(self, journal, *more, expect=0):
        return json.loads(self.run_program("replay", journal, "--verify", "--json", *more, expect=expect)[0])


class OneDay(CameraTest, Looking):
    FRAMES = 20

    def setUp(self):
        super().setUp()
        self.drive()
        self.campaign = self.write("campaign.yaml", CAMPAIGN % 3)
        self.run_campaign(self.campaign)
        self.named = {id: array for id, (array,) in references(self, "focus.journal").items()}
        (self.file,) = (self.folder / "focus.data").glob("*.h5")
        self.assertEqual(self.verdict("focus.journal")["arrays"],
                         {"named": 3, "whole": 3, "folder": "focus.data", "lost": []})

    def chunk_of(self, id):
        with h5py.File(self.file, "r") as file:
            chunk = file[self.named[id]["dataset"]].id.get_chunk_info(0)
        return chunk.byte_offset + chunk.size // 2

    def test_a_damaged_chunk(self):
        """Goal: a byte that changed in a chunk is found, and whose array it is; only by reading it."""
        second = sorted(self.named)[1]
        flip(self.file, self.chunk_of(second))
        verdict = self.verdict("focus.journal", expect=1)
        self.assertEqual((verdict["sound"], verdict["damage"], verdict["arrays"]["whole"]), (False, [], 2))
        (lost,) = verdict["arrays"]["lost"]
        self.assertEqual((lost["command"], lost["instrument"], lost["result"]), (second, "camera-1", "image"))
        self.assertEqual((lost["file"], lost["dataset"]), (self.file.name, self.named[second]["dataset"]))
        out, _ = self.run_program("replay", "focus.journal", "--verify", expect=1)
        self.assertIn(f"LOST        experiment {lost['experiment']}, “film”: array “image” of camera-1 (record {lost['record']}): ", out)
        self.assertIn("“focus.journal” is sound, and 1 of its arrays are not", out)
        references(self, "focus.journal")  # which reads none

    def test_what_hdf5_dies_of(self):
        """Goal: bits that flip in what HDF5 keeps without checksums end no program, and are blamed on the array or on the file.
        Method: indices of chunks and heaps of texts, which begin with TREE and GCOL."""
        good = self.file.read_bytes()
        chance = random.Random(5)
        parts = [found.start() for found in re.finditer(b"TREE|GCOL", good)]
        died = 0
        for _ in range(60):
            flip(self.file, chance.choice(parts) + chance.randrange(100))
            process = self.start("replay", "focus.journal", "--verify", "--json")
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.assertIn(process.returncode, (0, 1), err)
            lost = json.loads(out)["arrays"]["lost"]
            self.assertTrue(all(self.file.name in one["why"] for one in lost), lost)
            died += any("HDF5 dies of it" in one["why"] for one in lost)
            self.file.write_bytes(good)
        self.assertGreater(died, 0)

    def test_looking_only_at_what_changed(self):
        """Goal: a start looks at a file again if anybody wrote to it, and not otherwise. Method: what was found is written down by hand
        for a file that is damaged."""
        folder = self.folder / "focus.data"
        looked = (folder / "looked").read_text()
        self.assertIn(self.file.name, looked)
        with h5py.File(self.file, "r+") as file:
            del file[self.named[sorted(self.named)[0]]["dataset"]]
        alarm = "! 1 arrays of experiments"
        self.assertIn(alarm, self.run_program("run", self.campaign, "--json")[1])
        self.assertNotIn(self.file.name, (folder / "looked").read_text())
        self.assertIn(alarm, self.run_program("run", self.campaign, "--json")[1])  # until it is mended
        status = self.file.stat()
        of_arrays = hashlib.sha256("".join(self.looked_for()).encode()).hexdigest()
        stamp = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_ctime_ns // 10**9}.{status.st_ctime_ns % 10**9:09}"
        (folder / "looked").write_text(f"athanor looked 1\n{self.file.name}\t{of_arrays} {stamp}\n")
        self.assertNotIn(alarm, self.run_program("run", self.campaign, "--json")[1])

    def looked_for(self):
        """What the program writes down of each array that the journal names."""
        for (array,) in references(self, "focus.journal").values():
            shape = ",".join(map(str, array["shape"][1:]))
            yield f"{array['dataset']}\n{array['sha256']} {array['shape'][0]} {array['element']} {shape}\n{array['unit']}\n"

    def test_a_file_that_is_another_one(self):
        """Goal: a file that is cut short, another campaign's or gone is named by all who look, and the campaign goes on."""
        good = self.file.read_bytes()
        with h5py.File(self.file, "r+") as file:
            file.attrs["campaign"] = "another"
        another = self.file.read_bytes()
        for content, why in ((good[:1000], "truncated file"), (another, "belongs to campaign “another”"), (None, "No such file")):
            self.file.unlink(missing_ok=True)
            if content is not None:
                self.file.write_bytes(content)
            lost = self.verdict("focus.journal", expect=1)["arrays"]["lost"]
            self.assertEqual([one["experiment"] for one in lost], [1, 2, 3])
            self.assertTrue(all(why in one["why"] for one in lost), lost)
            out, err = self.run_program("export", "focus.journal", "--format", "json")
            self.assertIn("3 arrays of “focus.journal” are not in “focus.data”", err)
            commands = [command for experiment in json.loads(out)["experiments"] for command in experiment["commands"]]
            self.assertTrue(all(why in command["arrays"][0]["missing"] for command in commands))
            self.assertIn(f"missing: {self.file.relative_to(self.folder)}", self.run_program("export", "focus.journal")[0])

    def test_going_on_without(self):
        """Goal: a run whose folder was deleted says so at once, on the screen and in the journal, and goes on."""
        shutil.rmtree(self.folder / "focus.data")
        self.write("campaign.yaml", CAMPAIGN % 5)
        process = self.start("run", self.campaign, "--json")
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, json.loads(out)["experiments"]), (0, 5), err)
        told = "! 3 arrays of experiments 1 to 3 are not there any more: focus.data/" + self.file.name
        self.assertIn(told, err)
        exported = json.loads(self.run_program("export", "focus.journal", "--format", "json")[0])
        self.assertEqual([alarm["about"] for alarm in exported["alarms"]], ["arrays"])
        verdict = self.verdict("focus.journal", expect=1)
        self.assertEqual((verdict["arrays"]["named"], verdict["arrays"]["whole"], verdict["damage"]), (5, 2, []))

    def test_a_copy(self):
        """Goal: a backup says where the arrays are that it does not hold; with them it is whole."""
        out, _ = self.run_program("backup", "focus.journal", "copy.journal")
        self.assertIn("the 3 arrays that they name are not copied: they are in “focus.data”", out)
        self.assertEqual(self.verdict("copy.journal", expect=1)["arrays"]["folder"], "copy.data")
        self.assertEqual(self.verdict("copy.journal", "--data", "focus.data")["arrays"]["whole"], 3)
        shutil.copytree(self.folder / "focus.data", self.folder / "copy.data")
        self.verdict("copy.journal")
        _, err = self.run_program("replay", "copy.journal", "--data", "focus.data", expect=2)
        self.assertIn("--verify", err)


class Killed(CameraTest, Looking):
    def test_in_the_middle_of_a_file(self):
        """Goal: after kill -9 in the middle of a day's file, what was acknowledged is there and whole before anything opens it again,
        and looking changes nothing. Method: the controller is killed at random moments while frames come."""
        chance = random.Random(3)
        self.drive()
        campaign = self.write("campaign.yaml", CAMPAIGN % 30)
        arrays = 0
        for _ in range(6):
            begun = self.begun()
            process = self.start("run", campaign, "--json")
            until = time.monotonic() + TIMEOUT_S
            while self.begun() < begun + 2 and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            before = {path.name: path.read_bytes() for path in (self.folder / "focus.data").iterdir()}
            verdict = self.verdict("focus.journal")
            self.assertGreaterEqual(verdict["arrays"]["whole"], arrays)
            arrays = verdict["arrays"]["whole"]
            self.assertEqual({path.name: path.read_bytes() for path in (self.folder / "focus.data").iterdir()}, before)
        self.assertGreater(arrays, 3)


class ManyDays(Looking):
    def test_a_day_that_is_damaged_and_one_that_is_gone(self):
        """Goal: a campaign of days goes on without the files of earlier ones, and each has its alarm. Method: in virtual time."""
        lab = (EXAMPLES / "suzuki" / "lab.yaml").read_text()
        self.write("lab.yaml", lab.replace(SETTING, "run_time: 4 h, chromatogram: 0.1 Hz"))
        text = (EXAMPLES / "suzuki" / "campaign.yaml").read_text()
        campaign = self.write("campaign.yaml", text)
        process = self.start("run", campaign, "--journal", "j", "--json")
        experiments = 0
        while experiments < 25 and (line := process.stderr.readline()):
            experiments += line.startswith("experiment")
        process.send_signal(signal.SIGINT)
        process.communicate()
        files = sorted((self.folder / "j.data").glob("*.h5"))
        self.assertGreater(len(files), 2)
        files[0].write_bytes(b"a text")
        files[1].unlink()
        result = json.loads(self.run_program("run", campaign, "--journal", "j", "--json")[0])
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40))
        exported = json.loads(self.run_program("export", "j", "--format", "json")[0])
        alarms = [alarm["text"] for alarm in exported["alarms"] if alarm["about"] == "arrays"]
        self.assertEqual(len(alarms), 2)
        self.assertIn(f"{files[0].name} is no whole file of arrays", alarms[0])
        self.assertIn(f"{files[1].name}: cannot be opened: No such file", alarms[1])
        self.assertEqual(files[0].read_bytes(), b"a text")
        lost = collections.Counter(one["file"] for one in self.verdict("j", expect=1)["arrays"]["lost"])
        self.assertEqual(set(lost), {files[0].name, files[1].name})


if __name__ == "__main__":
    main()
