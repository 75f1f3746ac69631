"""The trial of a driver, as its author starts it, and what it cannot try of which driver."""

import json
import os

from ovens import BROKEN_DRIVER, OvensTest
from program import SOURCE

HAZARDOUS = {"hazardous"}  # not tried with a driver that may be a real one; of others none
OF_ARRAYS = {"arrays", "arrays-resumed", "arrays-doubled"}  # only cameras make any
OF_PARAMETERS = {"limits", "units", "units-converted", "values", "missing"}
ONE_INSTRUMENT = {"stop-one"}
OF_WHAT_RUNS = {"doubled-while-running", "busy", "progress", "cancel-running", "stop", "strangers", "last-hello", "dead-man", "killed-running",
                "killed-after-accepted", "killed-before-accepted"}
NEEDS_ITS_PROCESS = {"new-boot", "terminated", "killed-after-end", "killed-running", "killed-after-accepted", "killed-before-accepted"}


class TrialTest(OvensTest):
    def check(self, *arguments):
        """The reports, a driver each, and the names of the promises by verdict, of the first. The exit status follows from them."""
        process = self.start("instrument", "check", *arguments, "--json", env=dict(os.environ, PATH=f"/usr/bin:{os.environ['PATH']}",
                                                                                   PYTHONPATH=str(SOURCE / "python")))
        out, said = process.communicate(timeout=600)
        reports = json.loads(out)
        all_ = [promise["verdict"] for report in reports for promise in report["promises"]]
        self.assertEqual(process.returncode, 1 if "broken" in all_ else 4 if "not tried" in all_ else 0, said)
        self.assertEqual([report["holds"] for report in reports],
                         [not {"broken", "not tried"} & {promise["verdict"] for promise in report["promises"]} for report in reports])
        verdicts = {"holds": set(), "broken": set(), "not tried": set(), "n/a": set()}
        for promise in reports[0]["promises"]:
            verdicts[promise["verdict"]].add(promise["name"])
        return reports, verdicts

    def expect(self, verdicts, not_tried, not_applicable):
        self.assertEqual((verdicts["broken"], verdicts["not tried"], verdicts["n/a"]), (set(), not_tried, not_applicable))

    def program(self, name, *arguments):
        """A program that is a driver, as any author's may be."""
        path = self.write(name, f'#!/bin/sh\nexec "{BROKEN_DRIVER}" {" ".join(arguments)} "$@"\n')
        os.chmod(path, 0o755)
        return path
