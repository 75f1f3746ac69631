"""What was measured: one JSON line a run in results/PROBLEM.jsonl, appended as soon as the run ends."""
import json
from pathlib import Path

import common

RESULTS = common.HERE / "results"


def read(problem: str) -> list[dict]:
    path = RESULTS / f"{problem}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(problem: str, record: dict) -> None:
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / f"{problem}.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


def current(problem: common.Problem, planner: str) -> list[dict]:
    """The planner's runs on the problem as it is described today, by the version that is installed today."""
    version = common.version_of(planner)
    return [
        one
        for one in read(problem.name)
        if (one["planner"], one["version"]) == (planner, version)
        and (one["evaluations"], one["batch"]) == (problem.evaluations, problem.batch)
    ]


def wanted(problem: common.Problem, planner: str, seed: int) -> bool:
    """Whether this run has still to be made: neither recorded nor found to be impossible."""
    return not any("not_applicable" in one or one["seed"] == seed for one in current(problem, planner))
