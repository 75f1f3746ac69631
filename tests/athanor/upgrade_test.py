"""A controller that is replaced while its drivers, which somebody else started, go on."""

import json
import shutil
import signal

from laboratory import LaboratoryTest
from program import EXAMPLES, PROGRAM, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
DRIVERS = ("liquids", "reactors", "analysis")
SPEED = "1000x"
UPGRADES = 3


class Upgrade(LaboratoryTest):
    def start_laboratory(self):
        """`athanor twin` in a process of its own, at addresses that the lab file names."""
        text = (EXAMPLES / "suzuki" / "lab.yaml").read_text()
        for driver in DRIVERS:
            text = text.replace(f"{driver}: {{}}", f'{driver}: {{endpoint: "ipc://{self.folder}/{driver}"}}')
        self.write("lab.yaml", text)
        twin = self.start("twin", "lab.yaml", "--folder", "elsewhere", "--speed", SPEED)
        self.addCleanup(twin.communicate)
        self.addCleanup(twin.terminate)
        for _ in DRIVERS:
            self.assertIn(" at ipc://", twin.stdout.readline())
        return twin

    def leave_in_mid_campaign(self, process):
        """Ctrl-C twice while steps are running."""
        told = []

        def wait_for(start, times=1):
            while times > 0:
                told.append(process.stderr.readline())
                self.assertNotEqual(told[-1], "", "".join(told))
                times -= told[-1].startswith(start)

        wait_for("experiment", 5)
        process.send_signal(signal.SIGINT)
        wait_for("stopping: waiting for the steps that are running")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(json.loads(out)["status"], "stopping")  # left before it had stopped

    def test_live_upgrade(self):
        """Goal: a new build takes over without a driver noticing. Method: left three times in mid-campaign, gone on with by a copy."""
        twin = self.start_laboratory()
        arguments = ("run", CAMPAIGN, "--lab", "lab.yaml", "--journal", "j", "--json", "--speed", SPEED)
        next_build = shutil.copy(PROGRAM, self.folder / "athanor-next")
        for number in range(UPGRADES):
            self.leave_in_mid_campaign(self.start(*arguments, program=next_build if number % 2 else PROGRAM))
            before = self.boots("j")
            self.assertEqual({driver: len(of_driver) for driver, of_driver in before.items()}, {driver: 1 for driver in DRIVERS})
        out, err = self.run_program(*arguments, program=next_build)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40), err)
        self.assertEqual(self.boots("j"), before)  # nobody was started anew
        self.assertIsNone(twin.poll())
        self.check_world("j", result, "lab.yaml", folder="elsewhere")
        self.assertEqual(self.actions("lab.yaml", "j.twin"), [])  # the run's own twin found nothing to do


if __name__ == "__main__":
    main()
