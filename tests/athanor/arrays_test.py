"""Large arrays from a driver in Python to the data store of the real program, whoever is killed in the middle."""

import csv
import hashlib
import io
import json
import random
import signal
import time

import h5py

from camera import CAMPAIGN, CameraTest
from program import TIMEOUT_S, main
from stored import read, references


class Arrays(CameraTest):
    def assert_there(self, named):
        given = dict(line.split() for line in (self.folder / "given").read_text().splitlines())
        for id, arrays in named.items():
            (array,) = arrays
            self.assertEqual((array["result"], array["element"], array["shape"], array["unit"]),
                             ("image", "uint16", [160, 256, 256], "count"))
            self.assertEqual(array["sha256"], given[id])
            read(self, "focus.data", array)

    def test_a_campaign(self):
        """Goal: every measured experiment's frames are in the store, and its reference in the exports. Method: read back by h5py."""
        self.drive()
        campaign = self.write("campaign.yaml", CAMPAIGN % 4)
        self.assertEqual(self.run_campaign(campaign)["status"], "finished")
        named = references(self, "focus.journal")
        self.assertEqual(len(named), 4)
        self.assert_there(named)
        out, _ = self.run_program("export", "focus.journal", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(out)))
        for row, (array,) in zip(rows, named.values()):
            self.assertIn(array["sha256"], row["arrays"])
            self.assertIn(array["dataset"], row["arrays"])
            self.assertIn("160 x 256 x 256 uint16", row["arrays"])
        self.run_program("replay", "focus.journal", "--verify")

    def test_killed_in_mid_array(self):
        """Goal: whoever is killed in the middle of an array, what the journal names is whole, and a command that the driver was not
        killed in is begun once. Method: kill -9 of the controller at random moments while frames come, and twice of the driver."""
        chance = random.Random(11)
        driver = self.drive()
        campaign = self.write("campaign.yaml", CAMPAIGN % 12)
        kills = 0
        for round in range(40):
            process = self.start("run", campaign, "--json")
            self.processes.append(process)
            if kills < 10:
                begun = self.begun()
                until = time.monotonic() + TIMEOUT_S
                while process.poll() is None and self.begun() == begun and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.15))
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                process.communicate()
                if kills in (4, 8):
                    driver.kill()
                    driver.wait()
                    driver = self.drive()
                continue
            out, err = process.communicate(timeout=TIMEOUT_S)
            self.assertEqual(process.returncode, 0, err)
            break
        self.assertGreaterEqual(kills, 5)
        named = references(self, "focus.journal")
        self.assertGreaterEqual(len(named), 12)
        self.assert_there(named)
        ids = (self.folder / "begun").read_text().split()
        self.assertEqual(len(ids), len(set(ids)), "a command was begun twice")

    def test_by_hand(self):
        """Goal: an array by hand is kept where a person says. Method: without a folder, with one; then its description."""
        self.drive()
        film = ("instrument", "do", f"ipc://{self.folder}/eyes.sock", "camera-1", "film", "gain=3", "--json")
        _, err = self.run_program(*film, expect=2)
        self.assertIn("--data FOLDER", err)
        out, _ = self.run_program(*film, "--data", "kept")
        image = json.loads(out)["results"]["image"]["value"]
        self.assertEqual(image["shape"], [160, 256, 256])
        with h5py.File(self.folder / "kept" / image["file"], "r") as file:
            self.assertEqual(hashlib.sha256(file[image["dataset"]][...].tobytes()).hexdigest(), image["sha256"])
        out, _ = self.run_program("instrument", "describe", f"ipc://{self.folder}/eyes.sock")
        self.assertIn("gives image: array, rows of 256 × 256 uint16 in count", out)

    def test_what_is_refused(self):
        """Goal: an array is no number to learn from, and whoever thinks so is told before anything begins."""
        self.drive()
        text = CAMPAIGN.replace("gives: {contrast: contrast}", "gives: {contrast: image}") % 4
        _, err = self.run_program("run", self.write("campaign.yaml", text), expect=2)
        self.assertIn("result “image” is an array, and “contrast” needs a number", err)


if __name__ == "__main__":
    main()
