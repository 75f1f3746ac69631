"""Keys from the command line, and a run whose links are encrypted: goal, that a person needs the five commands of docs/security.md."""

import json
import os
import re
import socket
import stat
import time

from program import EXAMPLES, TIMEOUT_S, ProgramTest, main

SUZUKI = EXAMPLES / "suzuki"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Keys(ProgramTest):
    def setUp(self):
        super().setUp()
        self.keys = self.folder / "keys"
        self.environment = {**os.environ, "ATHANOR_KEYS": str(self.keys)}

    def athanor_keys(self, *arguments, expect=0):
        return self.run_program("keys", *arguments, expect=expect, env=self.environment)

    def test_make_allow_list_revoke(self):
        line, said = self.athanor_keys("new", "bench", "--comment", "room 3")
        name, key, comment = line.rstrip("\n").split(" ", 2)
        self.assertEqual((name, len(key), comment), ("bench", 40, "room 3"))
        self.assertIn("bench.public", said)
        self.assertEqual((self.keys / "bench.public").read_text(), line)
        private = self.keys / "bench.private"
        self.assertEqual(stat.S_IMODE(private.stat().st_mode), 0o600)
        self.assertIn("already", self.athanor_keys("new", "bench", expect=2)[1])
        # By its file, and by its line.
        self.athanor_keys("allow", self.keys / "bench.public")
        self.athanor_keys("new", "laptop")
        self.athanor_keys("allow", (self.keys / "laptop.public").read_text().strip(), "--as", "ann")
        listed = json.loads(self.athanor_keys("list", "--json")[0])
        self.assertEqual([each["name"] for each in listed["own"]], ["bench", "laptop"])
        self.assertEqual([each["name"] for each in listed["allowed"]], ["bench", "ann"])
        self.athanor_keys("revoke", "ann")
        shown = self.athanor_keys("list")[0]
        self.assertLess(shown.index("revoked:"), shown.index("ann"))
        self.assertIn("was revoked", self.athanor_keys("allow", self.keys / "laptop.public", expect=2)[1])
        # Mistakes: the private half, no file, a name that is not there, a file that others can read.
        self.assertIn("private half", self.athanor_keys("allow", private, expect=2)[1])
        self.assertIn("no such file", self.athanor_keys("allow", "nothing.public", expect=2)[1])
        self.assertIn("did you mean “bench”?", self.athanor_keys("revoke", "bemch", expect=2)[1])
        private.chmod(0o644)
        self.assertIn("chmod 600", self.athanor_keys("list", expect=2)[1])

    def laboratory(self, key):
        """The example with both drivers at tcp on this machine; gives the campaign's file."""
        lab = (SUZUKI / "lab.yaml").read_text()
        drivers = next(line for line in lab.splitlines() if line.startswith("drivers:"))
        names = [part.split(":")[0].strip(" {") for part in drivers.removeprefix("drivers:").split("},")]
        with_keys = ", ".join(f'{name}: {{endpoint: "tcp://127.0.0.1:{free_port()}", key: {key}}}' for name in names)
        self.write("lab.yaml", lab.replace(drivers, f"drivers: {{{with_keys}}}"))
        campaign = (SUZUKI / "campaign.yaml").read_text()
        self.assertIn("experiments: 40", campaign)
        return self.write("campaign.yaml", campaign.replace("experiments: 40", "experiments: 6"))

    def test_a_run_over_encrypted_links_begins_once_its_key_is_allowed(self):
        """Goal: two allowances make a link, at the running drivers, too. Method: the second one comes after the start."""
        campaign = self.laboratory("bench")
        self.athanor_keys("new", "bench")
        self.athanor_keys("new", "laptop")
        self.athanor_keys("allow", self.keys / "bench.public")
        run = self.start("run", campaign, "--json", "--journal", "j", "--speed", "500x", "--key", "laptop", env=self.environment)
        self.addCleanup(run.kill)
        end = time.monotonic() + TIMEOUT_S
        status = ""
        while "does not allow our key “laptop”" not in status:
            self.assertLess(time.monotonic(), end, status)
            self.assertIsNone(run.poll())
            time.sleep(0.1)
            status = self.start("status", "j", "--json").communicate(timeout=TIMEOUT_S)[0]  # at first there is no journal
        told = self.run_program("instrument", "list", "lab.yaml", "--key", "laptop", expect=1, env=self.environment)[0]
        self.assertIn("down (the driver at tcp://127.0.0.1:", told)
        self.assertIn("does not allow our key “laptop”", told)
        self.athanor_keys("allow", self.keys / "laptop.public")
        out, err = run.communicate(timeout=TIMEOUT_S)
        self.assertEqual(run.returncode, 0, err)
        self.assertEqual(json.loads(out)["experiments"], 6)
        log = (self.folder / "j.twin" / "twin.log").read_text()
        self.assertIn("turned away: its key", log)
        self.assertIn("(key “laptop” at 127.0.0.1): is the controller now", log)

    def test_a_key_that_is_revoked_in_mid_command(self):
        """Goal: a hand whose key is revoked does not wait for ever, and what it advises works. Method: a long command, the revocation; what became of
        the command asked as advised, with a new key."""
        self.laboratory("bench")
        for name in ("bench", "laptop", "other"):
            self.athanor_keys("new", name)
            self.athanor_keys("allow", self.keys / f"{name}.public")
        twin = self.start("twin", "lab.yaml", "--speed", "5x", env=self.environment)
        self.addCleanup(twin.wait)
        self.addCleanup(twin.terminate)
        listed = ("instrument", "list", "lab.yaml", "--key", "laptop")
        end = time.monotonic() + TIMEOUT_S
        while (looks := self.start(*listed, env=self.environment)).communicate(timeout=TIMEOUT_S) and looks.returncode != 0:
            self.assertLess(time.monotonic(), end)
        address = re.search(r"reactors: {endpoint: \"(.+?)\"", (self.folder / "lab.yaml").read_text())[1]
        self.assertIn("--driver-key NAME", self.run_program("instrument", "list", address, expect=1, env=self.environment)[0])
        by_address = ("instrument", "list", address, "--driver-key", "bench", "--key", "laptop")
        self.assertIn("reactor-1", self.run_program(*by_address, env=self.environment)[0])
        do, sample = ("instrument", "do", "lab.yaml"), ("--sample", "s1", "--place", "vial-1", "--key", "laptop")
        self.run_program(*do, "dispenser-1", "dispense", "reagent=substrates", "volume=0.1 mL", *sample, env=self.environment)
        hand = self.start(*do, "reactor-1", "heat", "temperature=80 degC", "duration=20 min", *sample, env=self.environment)
        said = hand.stderr.readline()
        command = said.split(":")[0]
        while "Accepted" not in said:
            said = hand.stderr.readline()
            self.assertTrue(said)
        self.athanor_keys("revoke", "laptop")
        _, err = hand.communicate(timeout=TIMEOUT_S)
        self.assertEqual(hand.returncode, 3, err)
        self.assertIn("your key was revoked on the machine of this driver", err)
        self.assertIn(f"{command} may still run", err)
        advised = f"athanor instrument do lab.yaml --id {command} --key NAME"
        self.assertIn(advised, err)
        told = self.run_program(*advised.split()[1:-1], "other", expect=4, env=self.environment)[0]
        self.assertIn("RUNNING", told)
        out = self.run_program(*listed, expect=1, env=self.environment)[0]
        self.assertIn("One that was revoked there is never allowed again: make a new one here (athanor keys new NAME)", out)

    def test_what_is_missing_is_said_before_anything_starts(self):
        campaign = self.laboratory("bench")
        arguments = ("run", campaign, "--speed", "500x")
        said = lambda: self.run_program(*arguments, expect=2, env=self.environment)[1]
        self.assertIn("athanor keys new", said())
        self.athanor_keys("new", "laptop")
        self.assertIn("“bench”", said())
        lab = (self.folder / "lab.yaml").read_text()
        self.write("lab.yaml", lab.replace("127.0.0.1", "192.0.2.1").replace(", key: bench", ""))
        _, err = self.run_program("check", "lab.yaml", expect=2)
        self.assertIn("has no key", err)
        self.assertRegex(err, r"lab\.yaml:\d+:\d+: driver ")


if __name__ == "__main__":
    main()
