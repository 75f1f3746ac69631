"""Campaigns over ZeroMQ in which everything is killed that can be: the controller, drivers, the laboratory, all at once."""

import collections
import json
import os
import random
import signal
import sys
import time

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
LAB = EXAMPLES / "suzuki" / "lab.yaml"
SPEED = "2000x"
KILLS = 12  # of a campaign
VICTIMS = ("controller", "driver", "laboratory", "everything")


class Kill(LaboratoryTest):
    def begin(self, name):
        return self.start("run", CAMPAIGN, "--journal", name, "--json", "--speed", SPEED)

    def kill(self, victim, chance):
        """SIGKILL, parents first, so that nobody is started again meanwhile. Gives the number of processes."""
        running = self.processes()
        if victim == "driver":
            chosen = running["driver"] and [chance.choice(sorted(running["driver"]))]
        elif victim == "everything":
            chosen = running["controller"] + running["twin"] + running["driver"]
        elif victim == "laboratory":
            chosen = running["twin"] + running["driver"]
        else:
            chosen = running["controller"]
        killed = 0
        for pid in chosen:
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
        return killed

    def run_and_kill(self, name, seed):
        """Kills by turns, each after some experiments more and a moment; whoever ended is started again. Gives result and kills."""
        chance = random.Random(seed)
        kills = collections.Counter()
        process = self.begin(name)
        victims = [victim for _ in range(KILLS // len(VICTIMS)) for victim in chance.sample(VICTIMS, len(VICTIMS))]
        for victim in victims:
            experiments = chance.randrange(1, 4)
            moment = chance.uniform(0, 0.3)
            while experiments > 0 and (line := process.stderr.readline()):
                experiments -= line.startswith("experiment")
            if experiments > 0:
                break  # it came to its end
            time.sleep(moment)
            kills[victim] += self.kill(victim, chance) > 0
            if process.poll() is not None or victim in ("controller", "everything"):
                process.communicate()
                process = self.begin(name)
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0, err)
        return json.loads(out), kills

    def campaign(self, seed):
        name = f"k{seed}"
        result, kills = self.run_and_kill(name, seed)
        print(f"seed {seed}: killed {dict(kills)}", file=sys.stderr)
        self.assertEqual((result["status"], result["experiments"]), ("finished", 40))
        self.assertGreaterEqual(sum(kills.values()), KILLS // 2)
        self.check_world(name, result, LAB)
        # Every kill of the laboratory is a new boot, so that the kills reached what they were meant for.
        boots = self.boots(name)
        self.assertEqual(set(boots), {"liquids", "reactors", "analysis"})
        self.assertGreater(min(len(of_driver) for of_driver in boots.values()), 1)

    def test_seed_1(self):
        """Goal: never twice, never lost, whoever is killed when. Method: a campaign with a dozen kills, of every kind."""
        self.campaign(1)

    def test_seed_2(self):
        """The same at other moments."""
        self.campaign(2)

    def test_seed_3(self):
        """The same at other moments."""
        self.campaign(3)


if __name__ == "__main__":
    main()
