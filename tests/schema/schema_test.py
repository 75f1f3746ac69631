#!/usr/bin/python3
"""Goal: the published JSON Schemas accept every example file, and refuse only what Athanor refuses too.

Method: each example, and each file made from a good one by one change, is read as YAML 1.2 and held against its schema.
With the program as first argument, each such file is also given to `athanor check`, and the two must agree.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Yaml12(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where “no” is false and 1e-3 a text; editors and Athanor read 1.2."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", list("tf")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
]:
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def read(text):
    return yaml.load(text, Loader=Yaml12)


def schema(name):
    with open(ROOT / "docs" / "schema" / f"{name}.schema.json", encoding="utf-8") as file:
        loaded = json.load(file)
    jsonschema.Draft7Validator.check_schema(loaded)
    return jsonschema.Draft7Validator(loaded)


CAMPAIGN = """
campaign: small
lab: lab.yaml
space:
  temperature: {range: [30 degC, 110 degC], resolution: 0.5 K}
  residence: {range: [60 s, 6e2 s], scale: log, resolution: 1 s}
  part_a: {range: [0.1, .9]}
  part_b: {range: [0.1, 0.9]}
  cycles: {integer: [1, 8], resolution: 2}
  pressure: {levels: [1 bar, 2 bar, 5 bar]}
  ligand: {choices: [XPhos, SPhos]}
  washed: {choices: [no, 4, 2-MeTHF]}
  solvent: {choices: [water, hexane], descriptors: solvents.csv}
  other_solvent: {descriptors: {file: solvents.csv, column: name}}
  base: {choices: [weak, strong], descriptors: [[1, 2], [3, 1]]}
mixtures:
  blend: {parts: [part_a, part_b], total: 1}
constraints:
  - "part_a + 0.1*cycles <= 3"
  - {when: {ligand: XPhos}, then: "cycles <= 4"}
  - {when: {ligand: [XPhos, SPhos], solvent: water, base: strong}, then: never}
objectives:
  yield: {goal: maximize, unit: "%"}
  conversion: {goal: {target: 90 %}, unit: "%", reference: 60 %, transform: winsorise}
outcome_constraints: ["impurity <= 5 %", impurity ≥ .1e0 %, "conversion>=50%"]
procedure:
  - {step: charge, do: dispense, with: {volume: 0.2 mL, reagent: substrates}}
  - {step: dose, do: dispense, after: [charge], with: {volume: 0.2 mL, reagent: $ligand}}
  - {step: react, do: heat, after: [dose], with: {temperature: $temperature, duration: $residence}}
  - {step: look, do: measure_hplc, after: react, gives: {yield: area_percent, conversion: conversion, impurity: area_percent}}
planner: {initial: 8, batch: 2, acquisition: hypervolume}
stop: {experiments: 40, lab_time: 12 h}
"""

LAB = """
lab: bench
twin: {model: suzuki, seed: 1, case: 5, a: 0.2 mol/L, dead_man: 30 s}
drivers: {liquids: {}, hot: , reactors: {endpoint: "tcp://127.0.0.1:5571"}, far: {endpoint: "tcp://10.0.0.5:5571", key: bench-2}}
instruments:
  dispenser-1: {driver: liquids, kind: dispenser, limits: {dispense: {volume: [0.05 mL, 2 mL]}}, twin: {precision: 0.02}}
  reactor-1: {driver: reactors, kind: reactor, limits: {heat: {duration: {max: 30 min}}}, twin: {ramp: 40 K/min, fails: 0.1}}
  hplc-1: {driver: hot, kind: hplc, twin: {chromatogram: 5 Hz}}
places: {vial: {count: 8}}
stock: {substrates: 100 mL, XPhos: 20 mL, SPhos: 20 mL}
interlocks:
  hot: {when: "reactor-1.temperature > 130 degC", then: stop, instruments: [reactor-1, hplc-1]}
  cold: {when: "reactor-1.temperature≤1.5e1 degC", then: refuse, capabilities: [heat, dispense], silent_after: 1 min}
  count: {when: "hplc-1.injections >= 1000", then: hold}
"""

LOOKUP = """
lab: table
twin: {model: lookup, table: t.csv, parameters: {n: {}, theta: {unit: degree, column: angle}}, results: {y: {unit: J}}}
drivers: {bench: {}}
instruments: {station-1: {driver: bench, kind: station}}
"""

REAL = """
lab: real
drivers: {bench: {endpoint: "ipc:///run/bench"}}
instruments: {pump-1: {driver: bench}}
stock: {salt: 20 g, tips: 96}
"""

WITH_PROFILE = """
lab: real
drivers: {bench: {endpoint: "ipc:///run/bench", dead_man: 2 min}}
instruments: {pump-1: {driver: bench, profile: PROFILE, at: "serial:/dev/ttyUSB0#01"}}
""".replace("PROFILE", str(ROOT / "profiles" / "syringe_pump.yaml"))

PROFILE = """
profile: pump
kind: pump
about: all that lines of text can have
text: {ends: "\\r", answer_ends: "\\x03", answer_starts: "\\x02{address}", address: 7, timeout: 2 s, errors: {ask: "ERR?", none: "^0"}, serial: {baud: 19200, data_bits: 7, parity: odd, stop_bits: 2, flow: none}}
hello: [{ask: VER, expect: "^PUMP"}]
safe: [{send: STP}, {wait: 1 s}]
readings: [{ask: "P?", take: {pressure: {field: 1, of: ";", unit: kPa, scale: 0.1}, alarm: {match: "A=([0-9]+)", bit: 3}}}]
capabilities:
  infuse:
    with: {volume: {unit: mL, min: 0.01 mL, max: 10 mL}, rate: {unit: mL/min, optional: true}, liquid: {choices: [water, hexane]}, speed: {levels: [1, 2, 5]}, note: {text: true}, n: }
    gives: {infused: {unit: mL, min: 0 mL, max: 11 mL, saturates_above: 10.5 mL, flat_after: 5}}
    usual: 5 s
    risk: guarded
    repeatable: true
    uses: {reagent: liquid, amount: volume}
    do:
      - {send: "RAT {rate}"}
      - {do: "RUN {volume in uL:.0f}", timeout: 5 s, expect: "^OK", faults: [{answer: EMPTY, kind: stock, say: no liquid}]}
      - {ask: "DIS", take: {infused: all, state: {field: 2, text: true}}, expect: {state: {matches: "^[RS]"}}, until: {state: {is: S}, infused: {near: "{volume} mL", by: 0.1 mL}}, every: 1 s, within: 5 min}
      - {listen: the end, take: {ended: all}}
    cancel: [{send: STP}]
"""

FOLDER = """
profile: reader
folder: {timeout: 1 h, settle: 2 s, separator: ";", header: 3}
safe: nothing
capabilities:
  measure: {gives: {area: }, do: [{drop: "{sample}.txt"}, {collect: "{sample}*.csv", take: {area: {at: area, row: first, decimal: ","}}}]}
"""

# Where in the good file, and what stands there instead; None removes it.
BROKEN_CAMPAIGNS = [
    (["campaign"], None),
    (["campaign"], "two words"),
    (["objectives"], None),
    (["objectives"], {}),
    (["objective"], {"yield": {"goal": "maximize"}}),
    (["space"], {}),
    (["space", "2nd"], {"range": [0, 1]}),
    (["space", "temperature"], {"range": ["30 degC"]}),
    (["space", "temperature"], {"range": ["30 degC", "hot"]}),
    (["space", "temperature"], {"range": ["30 degC", "1,5 degC"]}),
    (["space", "temperature"], {"range": [30, 110], "unit": "degC"}),
    (["space", "temperature"], {"range": [30, 110], "scale": "logarithmic"}),
    (["space", "temperature"], {"range": [30, 110], "levels": [1, 2]}),
    (["space", "temperature"], {}),
    (["space", "temperature", "resolution"], "-1 K"),
    (["space", "temperature", "resolution"], "fine"),
    (["space", "pressure"], {"levels": [1, 2], "resolution": 1}),
    (["space", "ligand"], {"choices": ["XPhos", "SPhos"], "resolution": 1}),
    (["space", "cycles"], {"integer": [1, 8], "resolution": -2}),
    (["space", "cycles"], {"integer": [1, 8.5]}),
    (["space", "cycles"], {"integer": [1, 8], "scale": "log"}),
    (["space", "pressure"], {"levels": []}),
    (["space", "ligand"], {"choices": []}),
    (["space", "ligand"], {"choices": ["XPhos", "XPhos"]}),
    (["space", "solvent"], {"descriptors": [[1], [2]]}),
    (["space", "solvent"], {"descriptors": {"column": "name"}}),
    (["space", "solvent"], {"choices": ["water", "hexane"], "descriptors": []}),
    (["space", "solvent"], {"choices": ["water", "hexane"], "descriptors": [["a"], ["b"]]}),
    (["space", "cycles"], {"integer": [1, 8], "descriptors": "solvents.csv"}),
    (["mixtures", "blend"], {"parts": ["part_a"], "total": 1}),
    (["mixtures", "blend"], {"parts": ["part_a", "part_b"]}),
    (["constraints"], "part_a <= 3"),
    (["constraints"], ["part_a plus cycles"]),
    (["constraints"], [{"when": {"ligand": "XPhos"}}]),
    (["constraints"], [{"when": {}, "then": "cycles <= 4"}]),
    (["constraints"], [{"when": {"ligand": []}, "then": "cycles <= 4"}]),
    (["constraints"], [{"when": {"ligand": "XPhos"}, "then": "always"}]),
    (["constraints"], [{"when": {"ligand": "XPhos"}, "then": "cycles = 4"}]),
    (["candidates"], {"columns": {"a": "b"}}),
    (["objectives", "yield"], {"unit": "%"}),
    (["objectives", "yield"], {"goal": "maximise"}),
    (["objectives", "yield"], {"goal": "maximize", "target": 3}),
    (["objectives", "yield"], {"goal": "maximize", "reference": "low"}),
    (["objectives", "yield"], {"goal": "maximize", "transform": "sqrt"}),
    (["outcome_constraints"], "impurity <= 5 %"),
    (["outcome_constraints"], ["impurity 5 %"]),
    (["outcome_constraints"], ["<= 5 %"]),
    (["outcome_constraints"], ["impurity <= five"]),
    (["outcome_constraints"], ["40 % <= yield"]),
    (["outcome_constraints"], ["40 % <= yield <= 90 %"]),
    (["outcome_constraints"], ["impurity <= 5 %", "impurity <= 5 %"]),
    (["planner", "acquisition"], "entropy"),
    (["procedure"], []),
    (["procedure", 0, "do"], None),
    (["procedure", 0, "step"], None),
    (["procedure", 0, "waits"], ["dose"]),
    (["procedure", 0, "with"], ["volume"]),
    (["procedure", 0, "on_fault"], {"retry": 101}),
    (["procedure", 0, "on_fault"], {"retries": 1}),
    (["procedure", 0, "on_fault"], {"wait": 10}),
    (["procedure", 0, "on_fault"], {"elsewhere": "no"}),
    (["procedure", 0, "on_fault"], {"then": "fail"}),
    (["clean_up"], [{"step": "cool"}]),
    (["clean_up"], [{"step": "cool", "do": "heat", "after": ["dose"]}]),
    (["planner", "batch"], 0),
    (["planner", "batches"], 2),
    (["stop"], None),
    (["stop"], {}),
    (["stop", "experiments"], 0),
    (["stop", "lab_time"], 12),
]
BROKEN_LABS = [
    (["lab"], None),
    (["drivers"], None),
    (["instruments"], {}),
    (["drivers", "liquids"], {"endpoint": "127.0.0.1:5571"}),
    (["drivers", "liquids"], {"port": 5571}),
    (["drivers", "liquids"], {"endpoint": "tcp://10.0.0.5:5571"}),
    (["drivers", "liquids"], {"endpoint": "tcp://*:5571"}),
    (["drivers", "liquids"], {"endpoint": "tcp://localhost.example.org:5571"}),
    (["drivers", "liquids"], {"key": "two words"}),
    (["instruments", "dispenser-1", "driver"], None),
    (["instruments", "dispenser-1", "kind"], None),
    (["instruments", "dispenser-1", "kind"], "centrifuge"),
    (["instruments", "dispenser 1"], {"driver": "liquids", "kind": "dispenser"}),
    (["instruments", "d" * 201], {"driver": "liquids", "kind": "dispenser"}),
    (["drivers", "d" * 201], {}),
    (["instruments", "dispenser-1", "limits", "dispense", "volume"], ["2 mL"]),
    (["instruments", "dispenser-1", "limits", "dispense", "volume"], {}),
    (["instruments", "dispenser-1", "twin", "ramp"], "1 K/s"),
    (["instruments", "dispenser-1", "twin", "chromatogram"], "5 Hz"),
    (["instruments", "hplc-1", "twin", "chromatogram"], 5),
    (["instruments", "dispenser-1", "twin", "precision"], 0.5),
    (["instruments", "reactor-1", "twin", "fails"], 2),
    (["instruments", "reactor-1", "twin", "wild"], 2),
    (["instruments", "reactor-1", "twin", "broken_for"], 3),
    (["instruments", "reactor-1", "signals"], {"heat": {"final": {}}}),
    (["instruments", "reactor-1", "signals"], {"heat": {"final": {"flat_after": 1}}}),
    (["instruments", "reactor-1", "signals"], {"heat": {"final": {"maximum": "3 K"}}}),
    (["instruments", "reactor-1", "approve"], "heat"),
    (["places", "vial"], 8),
    (["places", "vial", "count"], 0),
    (["stock", "XPhos"], "plenty"),
    (["stock", "XPhos"], 20),
    (["stock", "Xphos"], "20 mL"),
    (["twin", "model"], None),
    (["twin", "model"], "alchemy"),
    (["twin", "case"], 6),
    (["twin", "table"], "t.csv"),
    (["reagents"], {}),
    (["interlocks"], ["hot"]),
    (["interlocks", "too hot"], {"when": "reactor-1.temperature > 1 K", "then": "hold"}),
    (["interlocks", "hot", "when"], None),
    (["interlocks", "hot", "then"], None),
    (["interlocks", "hot", "then"], "alarm"),
    (["interlocks", "hot", "when"], "reactor-1.temperature = 1 K"),
    (["interlocks", "hot", "when"], "reactor-1.temperature > hot"),
    (["interlocks", "hot", "when"], "temperature > 1 K"),
    (["interlocks", "hot", "when"], "1 K < reactor-1.temperature < 5 K"),
    (["interlocks", "hot", "instruments"], "reactor-1"),
    (["interlocks", "hot", "instruments"], []),
    (["interlocks", "hot", "instruments"], ["reactor-1", "reactor-1"]),
    (["interlocks", "hot", "capabilities"], ["heat"]),
    (["interlocks", "cold", "instruments"], ["reactor-1"]),
    (["interlocks", "cold", "silent_after"], 10),
    (["interlocks", "hot", "after"], "1 s"),
]


def changed(document, path, value):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


STEP = ["capabilities", "infuse", "do", 1]
BROKEN_PROFILES = [
    (["profile"], None),
    (["profile"], "two words"),
    (["profile"], "p" * 201),
    (["kind"], "k" * 201),
    (["safe"], None),
    (["safe"], "noting"),
    (["safe"], []),
    (["capabilities"], None),
    (["capabilities"], {}),
    (["capabilities"], {f"c{i}": {"do": [{"send": "x"}]} for i in range(1001)}),
    (["capabilities", "c" * 201], {"do": [{"send": "x"}]}),
    (["capabilities", "in fuse"], {"do": [{"send": "x"}]}),
    (["capabilities", "infuse", "with"], {f"p{i}": {} for i in range(1001)}),
    (["capabilities", "infuse", "with", "p" * 201], {}),
    (["capabilities", "infuse", "with", "note", "unit"], "m" * 201),
    (["capabilities", "infuse", "with", "liquid", "choices"], ["l" * 1001]),
    (["capabilities", "infuse", "with", "speed", "levels"], list(range(1, 10002))),
    (["text"], None),
    (["scpi"], {}),
    (["text", "baud"], 9600),
    (["text", "answer_ends"], ""),
    (["text", "errors"], {"ask": "ERR?"}),
    (["text", "serial", "parity"], "mark"),
    (["text", "serial", "baud"], 5),
    (["capabilities", "infuse", "do"], None),
    (["capabilities", "infuse", "do"], []),
    (["capabilities", "infuse", "risk"], "high"),
    (["capabilities", "infuse", "uses"], {"reagent": "liquid"}),
    (["capabilities", "infuse", "with", "volume", "units"], "mL"),
    (["capabilities", "infuse", "gives", "infused", "optional"], True),
    (STEP + ["wait"], "1 s"),
    (STEP + ["do"], None),
    (STEP + ["every"], "1 s"),
    (STEP + ["within"], "1 s"),
    (STEP + ["until"], {}),
    (STEP + ["faults"], [{"kind": "stock"}]),
    (STEP + ["faults"], [{"answer": "x", "kind": "link"}]),
    (STEP + ["take"], {"x": {"field": 0}}),
    (STEP + ["take"], {"x": {"field": 1, "match": "(.)"}}),
    (STEP + ["take"], {"x": {"of": ";"}}),
    (STEP + ["take"], {"x": {"match": "no group"}}),
    (STEP + ["take"], {"x": {"at": "a", "row": 0}}),
    (STEP + ["take"], {"x": {"bit": 32}}),
    (STEP + ["take"], {"x": {"decimal": ";"}}),
]


PROGRAM = sys.argv[1] if len(sys.argv) > 1 else None


class Schemas(unittest.TestCase):
    def verdict(self, name, document):
        """What the schema finds wrong; the program, where it was given, must find the document as good or bad."""
        mistakes = [f"{list(m.absolute_path)}: {m.message}" for m in schema(name).iter_errors(document)]
        if PROGRAM:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
                (folder / "t.csv").write_text("n,angle,y\n1,20,3\n2,30,5\n", encoding="utf-8")
                (folder / "solvents.csv").write_text("name,polarity\nwater,10\nhexane,0\n", encoding="utf-8")
                (folder / "pool.csv").write_text("part a,cycles\n0.5,1\n0.25,2\n", encoding="utf-8")
                file = folder / f"{name}-under-test.yaml"
                file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
                checked = subprocess.run([PROGRAM, "check", file], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(checked.returncode, 2 if mistakes else 0, f"{checked.stderr}\nthe schema says: {mistakes}")
        return mistakes

    def accepts(self, name, document, what):
        with self.subTest(what):
            self.assertEqual(self.verdict(name, document), [])

    def test_every_example_is_accepted(self):
        for name, pattern in [("campaign", "examples/*/campaign*.yaml"), ("lab", "examples/*/lab*.yaml"), ("profile", "profiles/**/*.yaml")]:
            files = sorted(ROOT.glob(pattern))
            self.assertTrue(files)
            for file in files:
                with self.subTest(file):
                    mistakes = schema(name).iter_errors(read(file.read_text(encoding="utf-8")))
                    self.assertEqual([m.message for m in mistakes], [])

    def test_the_files_in_the_documentation_are_accepted(self):
        for name in ["campaign", "lab"]:
            text = (ROOT / "docs" / f"{name}-file.md").read_text(encoding="utf-8")
            whole = re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
            with self.subTest(name):
                self.assertEqual([m.message for m in schema(name).iter_errors(read(whole))], [])

    def test_the_profiles_in_the_documentation_are_accepted(self):
        text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
        whole = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
        self.assertGreaterEqual(len(whole), 3)
        for example in whole:
            self.accepts("profile", read(example), example.splitlines()[0])

    def test_good_files_are_accepted(self):
        whole = read(CAMPAIGN)
        self.accepts("campaign", whole, "all keys")
        cleaned = changed(whole, ["clean_up"], [{**whole["procedure"][0], "step": "cool", "on_fault": {"retry": 0}}])
        policy = {"retry": 0, "wait": "1 min", "elsewhere": False, "clean_up": ["cool"], "then": "ask"}
        self.accepts("campaign", changed(cleaned, ["procedure", 0, "on_fault"], policy), "what is done when a step goes wrong")
        plan = changed(changed(whole, ["procedure"], None), ["stop"], None)
        self.accepts("campaign", plan, "for planning only")
        self.accepts("campaign", changed(plan, ["objectives", "yield"], {"target": "7 mg"}), "target with its unit")
        lone = changed(plan, ["objectives"], {"yield": {"goal": "minimize", "transform": "log"}})
        lone = changed(lone, ["outcome_constraints"], ["yield >= 1"])
        self.accepts("campaign", changed(lone, ["planner", "acquisition"], "thompson"), "one objective")
        pool = {"campaign": "pool", "candidates": "t.csv", "objectives": {"y": {"goal": "minimize"}}}
        self.accepts("campaign", pool, "candidates instead of a space")
        columns = changed(pool, ["candidates"], {"file": "pool.csv", "columns": {"part_a": "part a"}})
        self.accepts("campaign", columns, "columns of the candidates")
        for what, text in [("suzuki", LAB), ("lookup", LOOKUP), ("real", REAL), ("with a profile", WITH_PROFILE)]:
            self.accepts("lab", read(text), what)
        self.accepts("profile", read(PROFILE), "lines of text")

    def test_broken_campaigns_are_refused(self):
        for path, value in BROKEN_CAMPAIGNS:
            with self.subTest(path=path, value=value):
                self.assertTrue(self.verdict("campaign", changed(read(CAMPAIGN), path, value)))

    def test_a_campaign_without_space_and_candidates_is_refused(self):
        self.assertTrue(self.verdict("campaign", {"campaign": "empty", "objectives": {"y": {"goal": "minimize"}}}))

    def test_broken_labs_are_refused(self):
        for path, value in BROKEN_LABS:
            with self.subTest(path=path, value=value):
                self.assertTrue(self.verdict("lab", changed(read(LAB), path, value)))

    def test_a_lab_with_half_a_profile_is_refused(self):
        for key in ["at", "profile"]:
            self.assertTrue(self.verdict("lab", changed(read(WITH_PROFILE), ["instruments", "pump-1", key], None)))

    def test_folders_with_tables_of_other_makes(self):
        whole = read(FOLDER)
        self.accepts("profile", whole, "a table with semicolons")
        for key, value in [("separator", ":"), ("separator", ""), ("header", 0), ("header", "first"), ("decimal", ",")]:
            with self.subTest(key=key, value=value):
                self.assertTrue(self.verdict("profile", changed(whole, ["folder", key], value)))

    def test_broken_profiles_are_refused(self):
        for path, value in BROKEN_PROFILES:
            with self.subTest(path=path, value=value):
                self.assertTrue(self.verdict("profile", changed(read(PROFILE), path, value)))

    def test_every_key_is_described(self):
        def keys(node, path):
            if isinstance(node, dict):
                for key, value in node.get("properties", {}).items():
                    if isinstance(value, dict):
                        yield f"{path}/{key}", value
                for key, value in node.items():
                    yield from keys(value, f"{path}/{key}")
            elif isinstance(node, list):
                for i, value in enumerate(node):
                    yield from keys(value, f"{path}/{i}")

        for name in ["campaign", "lab", "profile"]:
            whole = schema(name).schema
            for path, key in keys({k: v for k, v in whole.items() if k != "allOf"}, name):
                while "$ref" in key and "description" not in key:
                    key = whole["definitions"][key["$ref"].rsplit("/", 1)[1]]
                self.assertTrue("description" in key or "const" in key or path.endswith(("/kind", "/twin", "/target", "/min", "/max", "/tumour", "/healthy")), f"{path} has no description")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
