"""Drivers in Python under the real program: what `athanor driver new` writes, and a campaign whose driver is killed."""

import ast
import json
import keyword
import math
import os
import random
import signal
import subprocess
import sys
import time
import unittest.mock

from program import SOURCE, TIMEOUT_S, ProgramTest, main

sys.path.insert(0, str(SOURCE / "python"))
from athanor.ledger import Ledger  # noqa: E402
from athanor.limits import why_refused  # noqa: E402
from athanor.proto import driver_pb2 as wire  # noqa: E402
from athanor.testing import Controller, DriverProcess, command  # noqa: E402
from athanor.units import UnitError, convert  # noqa: E402

EXPERIMENTS, KILLS = 12, 5
# What the driver's device did is written down at once, and outlives it.
DRIVER = '''
import os
from typing import Annotated
from athanor import Instrument, Quantity, capability, main

class Oven(Instrument):
    @capability(usual="1 s", repeatable=True)
    def bake(self, temperature: Annotated[float, Quantity("degC", 20, 150)]) -> Annotated[float, "crust", Quantity("mm")]:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "happened"), "a") as file:
            file.write(f"{self.command.id}\\n")
        self.sleep(0.3)
        return 5 - abs(temperature - 90) / 20

main("oven", Oven("oven-1"))
'''
LAB = 'lab: kitchen\ndrivers: {oven: {endpoint: "ipc://%s/oven.sock"}}\ninstruments: {oven-1: {driver: oven}}\n'
CAMPAIGN = '''
campaign: bread
lab: lab.yaml
space: {temperature: {range: [293.15 K, 420 K]}}
objectives: {crust: {goal: maximize, unit: cm}}
procedure: [{step: bake, do: bake, with: {temperature: $temperature}, gives: {crust: crust}}]
stop: {experiments: 12}
'''


class PythonDriver(ProgramTest):
    def setUp(self):
        super().setUp()
        self.environment = dict(os.environ, PYTHONPATH=str(SOURCE / "python"))
        self.processes = []
        self.addCleanup(lambda: [(process.kill(), process.wait()) for process in self.processes])

    def python(self, *arguments):
        process = subprocess.Popen([sys.executable, *map(str, arguments)], cwd=self.folder, env=self.environment,
                                   stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    # ── athanor driver new ──

    def test_what_is_written_works(self):
        """Goal: from nothing to a tested driver by one command. Method: its test is run, then a campaign with it."""
        out, _ = self.run_program("driver", "new", "--python", "syringe_pump")
        self.assertIn("syringe_pump/test_syringe_pump.py", out)
        files = {path.name: path.read_text() for path in (self.folder / "syringe_pump").iterdir()}
        self.assertEqual(set(files), {"syringe_pump.py", "test_syringe_pump.py", "lab.yaml", "campaign.yaml"})
        for text in files.values():
            self.assertNotIn("example", text.lower())
        self.assertLessEqual(code_lines(files["syringe_pump.py"]), 25)
        tested = subprocess.run([sys.executable, "syringe_pump/test_syringe_pump.py"], cwd=self.folder, env=self.environment,
                                capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(tested.returncode, 0, tested.stderr)
        self.assertIn("Ran 3 tests", tested.stderr)
        lab = self.folder / "syringe_pump" / "lab.yaml"
        lab.write_text(lab.read_text().replace("tcp://127.0.0.1:5571", f"ipc://{self.folder}/socket"))
        campaign = self.folder / "syringe_pump" / "campaign.yaml"
        campaign.write_text(campaign.read_text().replace("duration: 1 s", "duration: 0.1 s"))
        self.python("syringe_pump/syringe_pump.py", "--address", f"ipc://{self.folder}/socket")
        self.run_program("check", campaign)
        result = self.run_campaign(campaign)
        self.assertEqual((result["status"], result["experiments"], result["failed"]), ("finished", 12, 0))
        self.assertGreater(result["best"]["measured"]["signal"], 80)  # of 91 at most: the planner found the hill

    def test_what_cannot_be_written(self):
        """Goal: nothing is overwritten, and no name is taken that Python could not live with. Method: such names."""
        _, err = self.run_program("driver", "new", "--python", "2-pump", expect=2)
        self.assertIn("such as “driver_2_pump”", err)
        taken = subprocess.run([sys.executable, "-c", "import sys, unittest, math, random, athanor.testing; print(*sys.modules)"],
                               env=self.environment, capture_output=True, text=True).stdout.split()
        taken = {name.split(".")[0] for name in taken}
        taken = {name for name in taken if name in sys.stdlib_module_names and not name.startswith("_")}
        for name in sorted(taken | set(keyword.kwlist) | {"athanor", "zmq", "google", "progress"}):
            _, err = self.run_program("driver", "new", "--python", name, expect=2)
            self.assertIn(f"choose another, such as “my_{name}”", err)
        (self.folder / "pump").mkdir()
        _, err = self.run_program("driver", "new", "--python", "pump", expect=2)
        self.assertIn("“pump” is there already, and nothing is overwritten", err)
        self.assertEqual([path.name for path in self.folder.rglob("*")], ["pump"])
        self.run_program("driver", expect=2)

    # ── A campaign ──

    def happened(self):
        file = self.folder / "happened"
        return file.read_text().split() if file.exists() else []

    def test_killed_in_mid_campaign(self):
        """Goal: every action is begun once, whoever is killed. Method: kill -9 of the driver while it bakes, again and again, and once
        of the controller; the device's own record is held against the journal."""
        self.write("oven.py", DRIVER)
        self.write("lab.yaml", LAB % self.folder)
        campaign = self.write("campaign.yaml", CAMPAIGN)
        serve = ("oven.py", "--address", f"ipc://{self.folder}/oven.sock")
        driver = self.python(*serve)
        run = self.start("run", campaign, "--json", "--journal", "bread", stderr=subprocess.DEVNULL)
        chance = random.Random(1)
        for kill in range(KILLS):
            before = len(self.happened())
            until = time.monotonic() + TIMEOUT_S
            while len(self.happened()) <= before + 1:  # it is in the middle of its next but one
                self.assertLess(time.monotonic(), until)
                self.assertIsNone(run.poll(), "the campaign ended before the axe fell")
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            if kill == 2:
                run.kill()
                run.communicate()
                run = self.start("run", campaign, "--json", "--journal", "bread", stderr=subprocess.DEVNULL)
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            driver = self.python(*serve)
        out, _ = run.communicate(timeout=TIMEOUT_S)
        self.assertEqual(run.returncode, 0)
        result = json.loads(out)
        self.assertEqual((result["status"], result["experiments"], result["abandoned"]), ("finished", EXPERIMENTS, 0))
        happened = self.happened()
        self.assertEqual(len(happened), len(set(happened)), "an action was begun twice")
        exported = json.loads(self.run_program("export", "bread", "--format", "json")[0])
        commands = [command["id"] for experiment in exported["experiments"] for command in experiment["commands"]]
        self.assertLessEqual(set(happened), set(commands))
        self.assertGreaterEqual(len(happened), EXPERIMENTS)
        for experiment in exported["experiments"]:  # what was measured was really done, by its last command
            self.assertIn(experiment["commands"][-1]["id"], happened)

    def test_a_hazardous_step_begins_by_a_persons_word(self):
        """Goal: the controller's approvals are the kit's. Method: the same driver, now hazardous; every experiment is approved."""
        self.write("oven.py", DRIVER.replace("repeatable=True", 'risk="hazardous"'))
        self.write("lab.yaml", LAB % self.folder)
        campaign = self.write("campaign.yaml", CAMPAIGN.replace("experiments: 12", "experiments: 2"))
        self.python("oven.py", "--address", f"ipc://{self.folder}/oven.sock")
        run = self.start("run", campaign, "--json", "--journal", "bread")
        approved = 0
        for line in run.stderr:
            if "athanor approve" in line:
                self.assertEqual(len(self.happened()), approved)  # nothing has begun by itself
                approved += 1
                self.run_program("approve", "bread", "--experiment", approved, "--why", "I stand beside it")
        out, _ = run.communicate(timeout=TIMEOUT_S)
        self.assertEqual((json.loads(out)["status"], approved, len(self.happened())), ("finished", 2, 2))

    # ── Both kits alike ──

    def test_both_kits_refuse_the_same_in_the_same_words(self):
        """Goal: a limit is a limit in either kit. Method: random commands, at the limits and in many units, to a driver of the twin; its
        answers held against what the Python kit says of the same description."""
        twin = self.start("twin", SOURCE / "examples" / "suzuki" / "lab.yaml", "--folder", "twin")
        self.addCleanup(lambda: (twin.terminate(), twin.communicate()))
        controller = Controller(f"ipc://{self.folder}/twin/reactors.sock")
        self.addCleanup(controller.close)
        (reactor, *_) = controller.hello().instruments
        (heat,) = [capability for capability in reactor.capabilities if capability.name == "heat"]
        limits = {field.name: (field.unit, field.low, field.high) for field in heat.parameters}
        chance = random.Random(1)
        refused = 0
        for number in range(1000):
            told = command(reactor.id, "heat", id=str(number))
            names = ["temperature", "duration"]
            if chance.random() < 0.1:
                names = chance.choices([*names, "temprature"], k=chance.choice([1, 2, 3]))
            for name in names:
                unit, low, high = limits.get(name, ("", 0, 1))
                there = chance.choice({"degC": ["degC", "K", "degF", "mK"], "s": ["s", "min", "h", "ms"]}.get(unit, [""]))
                value = chance.choice([low, high, low, high, chance.uniform(low, high), chance.gauss(high, high)])
                if chance.random() < 0.2:
                    value = math.nextafter(value, chance.choice([-math.inf, math.inf]))
                try:
                    value = convert(value, unit, there)
                except UnitError:
                    pass
                if chance.random() < 0.05:
                    value, there = chance.choice([(value, "g"), (value, "zz"), (value, ""), (math.nan, there), (math.inf, there)])
                given = {"text": "hot"} if chance.random() < 0.03 else {"number": value}
                getattr(told, "with").add(name=name, unit=there, **given)
            why = why_refused(heat, told)
            controller.send(command=told)
            if not why:  # it begins, or finds that its vial is empty
                controller.send(cancel={"id": told.id})
                self.assertNotEqual(controller.outcome(told.id).fault, wire.LIMIT)
                continue
            refused += 1
            self.assertEqual(controller.outcome(told.id).message, f"instrument “{reactor.id}” refused: {why}")
        self.assertGreater(refused, 250)
        self.assertLess(refused, 750)

    def test_either_kit_goes_on_with_the_others_ledger(self):
        """Goal: one ledger. Method: an outcome that one kit entered is told by the other."""
        self.write("oven.py", DRIVER)
        folder = self.folder / "twin"
        folder.mkdir()
        with unittest.mock.patch.dict(os.environ, self.environment), DriverProcess(self.folder / "oven.py", folder) as driver:
            driver.do("bake", temperature=90)
        ((id, outcome),) = entries(folder / "driver.ledger")
        (folder / "driver.ledger").rename(folder / "reactors.ledger")
        twin = self.start("twin", SOURCE / "examples" / "suzuki" / "lab.yaml", "--folder", folder)
        controller = Controller(f"ipc://{folder}/reactors.sock")
        controller.hello()
        (state,) = controller.ask(id)
        self.assertEqual(state.outcome, outcome)
        controller.send(cancel={"id": "of the twin"})
        entered = controller.outcome("of the twin")
        controller.close()
        twin.terminate()
        twin.communicate()
        self.assertIn(("of the twin", entered), entries(folder / "reactors.ledger"))


def entries(file):
    ledger = Ledger(str(file))
    ids = [id for (id,) in ledger._connection.execute("SELECT id FROM command")]
    found = [(id, ledger.find(id).outcome) for id in ids]
    ledger.close()
    return found


def code_lines(text):
    """Without blank lines, comments and the module's text."""
    text = text.replace(ast.get_docstring(ast.parse(text), clean=False), "")
    return sum(bool(line.strip(' "')) and not line.strip().startswith("#") for line in text.splitlines())


if __name__ == "__main__":
    main()
