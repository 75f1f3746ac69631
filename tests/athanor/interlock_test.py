"""Interlocks of the lab file, with the real program: over ZeroMQ with driver processes, and on the virtual clock."""

import json
import time

from laboratory import LaboratoryTest
from program import EXAMPLES, TIMEOUT_S, main

SUZUKI = EXAMPLES / "suzuki"


class Interlocks(LaboratoryTest):
    def laboratory(self, interlock, experiments=6):
        """The example's campaign in a laboratory with this interlock."""
        self.write("lab.yaml", (SUZUKI / "lab.yaml").read_text() + f"\ninterlocks:\n  hot: {interlock}\n")
        campaign = (SUZUKI / "campaign.yaml").read_text()
        self.assertIn("experiments: 40", campaign)
        return self.write("campaign.yaml", campaign.replace("experiments: 40", f"experiments: {experiments}"))

    def status(self):
        return json.loads(self.run_program("status", "j", "--json")[0])

    def wait(self, until):
        end = time.monotonic() + TIMEOUT_S
        while not until():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def alarms(self):
        exported = json.loads(self.run_program("export", "j", "--format", "json")[0])
        return exported, [alarm["text"] for alarm in exported["alarms"] if "interlock hot" in alarm["text"]]

    def test_a_hold_trips_and_passes_over_zeromq(self):
        """Goal: readings of driver processes hold a reactor, and it goes on. Method: a bound that every experiment passes."""
        campaign = self.laboratory('{when: "reactor-1.temperature > 29 degC", then: hold}')
        result = self.run_campaign(campaign, "--journal", "j", "--speed", "300x")
        self.assertEqual((result["status"], result["experiments"]), ("finished", 6))
        exported, alarms = self.alarms()
        self.assertTrue(alarms)
        self.assertTrue([note for note in exported["notes"] if "interlock hot has passed" in note["text"]])
        self.check_world("j", result, self.folder / "lab.yaml")

    def test_a_stop_waits_for_a_person(self):
        """Goal: a stop makes safe, stays, and ends by a person. Method: two reactors are stopped, the third goes on; one is resumed."""
        stop = '{when: "reactor-1.temperature > 29 degC", then: stop, instruments: [reactor-1, reactor-2]}'
        campaign = self.laboratory(stop, experiments=16)
        process = self.start("run", campaign, "--journal", "j", "--json", "--speed", "300x")
        self.wait((self.folder / "j.control").exists)
        reactors = lambda: [i for i in self.status()["instruments"] if i["instrument"] in ("reactor-1", "reactor-2")]
        self.wait(lambda: reactors() and all((i["hold"], i["safe"]) == ("halted", "safe") for i in reactors()))
        self.wait(lambda: self.status()["interlocks"] == [])  # it cools; they stay as they are
        self.assertEqual({i["hold"] for i in reactors()}, {"halted"})
        self.run_program("resume", "j", "--instrument", "reactor-2", "--why", "looked", "--who", "ann")
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(json.loads(out)["status"], "finished", err)
        self.assertEqual(len(self.alarms()[1]), 1)
        self.assertTrue(json.loads(self.run_program("replay", "j", "--verify", "--json")[0])["sound"])

    def test_at_full_speed_a_seed_reproduces_the_run(self):
        """Goal: interlocks hold on the virtual clock, bit for bit. Method: twice the same; no heating begins above the bound."""
        campaign = self.laboratory('{when: "reactor-1.temperature > 60 degC", then: refuse, capabilities: [heat]}')
        hashes = set()
        for name in ("j", "k"):
            result = self.run_campaign(campaign, "--journal", name, "--seed", "3", "--speed", "max")
            self.assertEqual((result["status"], result["experiments"]), ("finished", 6))
            hashes.add(result["state_hash"])
        self.assertEqual(len(hashes), 1)
        self.assertTrue(self.alarms()[1])

    def test_mistakes_are_found_before_the_start(self):
        """Goal: nothing starts with an interlock that protects nobody. Method: a capability that no instrument offers."""
        campaign = self.laboratory('{when: "reactor-1.temperature > 60 degC", then: refuse, capabilities: [heet]}')
        err = self.run_program("check", campaign, expect=2)[1]
        self.assertIn("lab.yaml:", err)
        self.assertIn("did you mean “heat”?", err)


if __name__ == "__main__":
    main()
