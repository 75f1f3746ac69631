"""What the tests of crashes share: which processes run, what a journal says, and whether it is what happened."""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import time

from program import TIMEOUT_S, ProgramTest

STEPS = 4  # of an experiment of examples/suzuki
KILLS = 12  # of a campaign
VICTIMS = ("controller", "driver", "laboratory", "everything")
DRIVER_SEEN, BOOT = 6, 2  # fields of proto/journal.proto: of Record, of DriverSeen


class LaboratoryTest(ProgramTest):
    def check_world(self, name, result, lab, folder=None):
        """None doubled, none lost: every command of the journal was begun once and completed, and there are no others."""
        actions = {action["command"]: action for action in self.actions(lab, folder or name + ".twin")}
        self.assertEqual([action for action in actions.values() if action["begun"] != 1], [])
        exported = json.loads(self.run_program("export", name, "--format", "json")[0])
        of_experiments = [command["id"] for e in exported["experiments"] for command in e["commands"]]
        self.assertEqual(len(of_experiments), len(set(of_experiments)))
        self.assertEqual(set(of_experiments), set(actions))
        self.assertEqual(result["abandoned"], 0)
        for experiment in exported["experiments"]:
            if experiment["state"] != "measured":
                continue
            self.assertEqual(len(experiment["commands"]), STEPS)
            self.assertEqual([c["id"] for c in experiment["commands"] if not actions[c["id"]]["completed"]], [])
        replayed = json.loads(self.run_program("replay", name, "--json")[0])
        self.assertEqual(replayed["chain"], "ok")
        self.assertEqual(replayed["state_hash"], result["state_hash"])

    def processes(self):
        """Those that run in the test's folder: {"controller" | "twin" | "driver": [pid, …]}."""
        found = collections.defaultdict(list)
        twins = {}  # pid → its parent
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "cwd") != str(self.folder):
                    continue
                word = (process / "cmdline").read_text().split("\0")[1]
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it has ended meanwhile
            if word == "run":
                found["controller"].append(int(process.name))
            if word == "twin":
                twins[int(process.name)] = parent
        for pid, parent in twins.items():  # a driver is forked by its twin, with the same command line
            found["driver" if parent in twins else "twin"].append(pid)
        return found

    def setUp(self):
        super().setUp()
        self.folder = self.folder.resolve()

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
        """A run as `self.begin(name)` starts it. Kills by turns, each after some experiments more and a moment; whoever ended is started again. Gives result and kills."""
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

    def boots(self, journal):
        """Of each driver, every boot under which the journal saw it."""
        found = collections.defaultdict(set)
        with contextlib.closing(sqlite3.connect(self.folder / journal)) as connection:
            for (record,) in connection.execute("SELECT body FROM record ORDER BY seq"):
                for seen in fields(record).get(DRIVER_SEEN, []):
                    driver, boot = (fields(seen)[number][0].decode() for number in (1, BOOT))
                    found[driver].add(boot)
        return found


def fields(message):
    """Of a message of Protocol Buffers, undecoded: {number: [bytes or whole number, …]}."""
    found = collections.defaultdict(list)
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            found[number].append(varint())
            continue
        size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
        found[number].append(message[at : at + size])
        at += size
    return found
