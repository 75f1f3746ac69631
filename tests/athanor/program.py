"""What the end-to-end tests share: the program as a user starts it, in a folder of its own."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["ATHANOR_PROGRAM"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = SOURCE / "examples"
TIMEOUT_S = 120


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="athanor-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, *arguments, program=PROGRAM, **options):
        """The program (or another build of it) in the test's folder, its output in pipes."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([program, *map(str, arguments)], cwd=self.folder, text=True, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        """Of a test that failed, nothing goes on."""
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def run_program(self, *arguments, expect=0, **options):
        """Runs it to its end; gives (stdout, stderr)."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, expect, f"athanor {' '.join(map(str, arguments))}\n{out}\n{err}")
        return out, err

    def run_campaign(self, campaign, *arguments, expect=0):
        """athanor run … --json; gives the object that it prints."""
        out, _ = self.run_program("run", campaign, "--json", *arguments, expect=expect)
        return json.loads(out)

    def actions(self, lab, folder):
        """What physically happened in the twin's world, by its own count."""
        out, _ = self.run_program("twin", lab, "--folder", folder, "--actions")
        return json.loads(out)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def main():
    # ctest wants one process a file; unittest's own summary goes to standard error.
    unittest.main(verbosity=1)
