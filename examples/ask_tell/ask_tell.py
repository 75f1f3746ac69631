#!/usr/bin/env python3
"""Minimises Branin's function by asking Athanor's planner: ask_tell.py [PROGRAM]. Standard library only."""

import json
import math
import pathlib
import subprocess
import sys

CAMPAIGN = pathlib.Path(__file__).with_name("campaign.yaml")


class Planner:
    """`athanor plan --stdio`: one JSON object a line each way."""

    def __init__(self, program, campaign):
        command = [program, "plan", str(campaign), "--stdio"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, **line):
        print(json.dumps(line), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer


def branin(x, y):
    """Its minima are 0.397887 (Dixon & Szegő 1978)."""
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return (y - b * x**2 + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10


def main():
    planner = Planner(sys.argv[1] if len(sys.argv) > 1 else "athanor", CAMPAIGN)
    best = math.inf
    for number in range(1, 31):
        suggestion = planner.say(ask=1, seed=number)["suggestions"][0]
        value = branin(**suggestion["at"])
        planner.say(tell=[{"id": suggestion["id"], "measured": {"value": value}}])
        if value < best:
            best = value
            print(f"experiment {number}: {value:.4f} at {suggestion['at']}")
    print(json.dumps(planner.say(describe=True)["model"]["value"], indent=1))


if __name__ == "__main__":
    main()
