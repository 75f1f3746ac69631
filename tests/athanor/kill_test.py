"""Campaigns over ZeroMQ in which everything is killed that can be: the controller, drivers, the laboratory, all at once."""

import sys

from laboratory import KILLS, LaboratoryTest
from program import EXAMPLES, main

CAMPAIGN = EXAMPLES / "suzuki" / "campaign.yaml"
LAB = EXAMPLES / "suzuki" / "lab.yaml"
SPEED = "2000x"


class Kill(LaboratoryTest):
    def begin(self, name):
        return self.start("run", CAMPAIGN, "--journal", name, "--json", "--speed", SPEED)

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
