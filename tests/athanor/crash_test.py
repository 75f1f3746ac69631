"""The plug pulled: kill -9 at random moments, the same command again, until it is done. The twin counts what happened."""

import json
import os
import random
import select
import shutil
import signal
import subprocess

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
LAB = EXAMPLES / "suzuki" / "lab.yaml"
ROUNDS = 5


class Crash(LaboratoryTest):
    def kill_until_done(self, name, chance, *arguments):
        """Starts the run, kills it after a random time, again and again; then lets it finish. Gives result and number of kills."""
        kills = 0
        while kills < 12:
            process = self.start("run", CAMPAIGN, "--journal", name, "--json", *arguments)
            try:
                process.communicate(timeout=chance())
                break  # it came to its end before the axe fell
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
        return self.run_campaign(CAMPAIGN, "--journal", name, *arguments), kills

    def test_virtual(self):
        """Goal: never twice, never lost, when controller and drivers die together. Method: five runs in virtual time."""
        chance = random.Random(1)
        kills = 0
        for round_number in range(ROUNDS):
            name = f"v{round_number}"
            result, killed = self.kill_until_done(name, lambda: chance.uniform(0.02, 0.5))
            kills += killed
            self.assertEqual(result["status"], "finished")
            self.check_world(name, result, LAB)
        self.assertGreater(kills, 0)

    def test_processes(self):
        """Goal: the same when only the controller dies and the drivers go on. Method: five runs over ZeroMQ, 3000 times real time."""
        chance = random.Random(2)
        kills = 0
        for round_number in range(ROUNDS):
            name = f"p{round_number}"
            result, killed = self.kill_until_done(name, lambda: chance.uniform(0.3, 2.0), "--speed", "3000x")
            kills += killed
            self.assertEqual(result["status"], "finished")
            self.check_world(name, result, LAB)
        self.assertGreater(kills, 0)

    def test_killed_drivers(self):
        """Goal: killed drivers are started again, and nothing is doubled. Method: kill -9 of driver processes in a run over ZeroMQ."""
        process = self.start("run", CAMPAIGN, "--journal", "d", "--json", "--speed", "2000x")
        chance = random.Random(4)
        killed = 0
        for line in process.stderr:
            if not line.startswith("experiment") or killed >= 3:
                continue
            found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
            drivers = [d for twin in found for d in subprocess.run(["pgrep", "-P", twin], capture_output=True, text=True).stdout.split()]
            if drivers:
                os.kill(int(chance.choice(drivers)), signal.SIGKILL)
                killed += 1
        out, _ = process.communicate(timeout=90)
        self.assertEqual(killed, 3)
        result = json.loads(out)
        self.assertEqual(result["status"], "finished")
        self.check_world("d", result, LAB)

    def test_killed_before_the_laboratory_is_made(self):
        """Goal: no moment after which the same command does not go on. Method: a campaign that could begin nothing, whose laboratory is taken
        away: as if it had been killed between its journal's first record and its laboratory. Once something has happened there, it must be back."""
        lab = LAB.read_text()
        empty = self.write("lab.yaml", lab.replace("substrates: 200 mL", "substrates: 0.01 mL"))
        self.run_program("run", CAMPAIGN, "--lab", empty, "--journal", "early", expect=1)
        shutil.rmtree(self.folder / "early.twin")
        result = self.run_campaign(CAMPAIGN, "--lab", self.write("lab.yaml", lab), "--journal", "early")
        self.assertEqual(result["status"], "finished")
        self.check_world("early", result, LAB)
        shutil.rmtree(self.folder / "early.twin")
        _, said = self.run_program("run", CAMPAIGN, "--journal", "early", expect=3)
        self.assertIn("is gone; the two belong together", said)

    def test_a_killed_twin_takes_its_drivers_along(self):
        """Goal: nobody has to look for what a killed twin left behind. Method: kill -9 of the twin; its drivers' ends are waited for."""
        twin = self.start("twin", LAB, "--folder", "t")
        while len(drivers := self.processes()["driver"]) < 3:
            self.assertIsNone(twin.poll())
        ends = [os.pidfd_open(driver) for driver in drivers]
        twin.kill()
        for end in ends:
            self.assertTrue(select.select([end], [], [], TIMEOUT_S)[0], "a driver goes on without its twin")
            os.close(end)

    def test_the_result_is_the_same(self):
        """Goal: a crash changes nothing that is measured. Method: a run in virtual time with kills against one without."""
        whole = self.run_campaign(CAMPAIGN, "--journal", "whole", "--seed", 11)
        chance = random.Random(3)
        broken, _ = self.kill_until_done("broken", lambda: chance.uniform(0.05, 0.3), "--seed", "11")
        self.assertEqual(broken["experiments"], whole["experiments"])

    def test_ctrl_c(self):
        """Goal: Ctrl-C stops cleanly and the same command goes on. Method: SIGINT in the middle of a run over ZeroMQ."""
        process = self.start("run", CAMPAIGN, "--journal", "j", "--speed", "2000x")
        line = process.stdout.readline()
        while line and not line.startswith("experiment 3"):
            line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, out + err)
        self.assertIn("the same command goes on", out)
        result = self.run_campaign(CAMPAIGN, "--journal", "j", "--speed", "2000x")
        self.assertEqual(result["status"], "finished")
        self.check_world("j", result, LAB)


if __name__ == "__main__":
    main()
