"""What the servers beside the tests share: they append what they do physically to FOLDER/actions, a line each, so that a test
counts beyond their death; and what goes on there goes on until the test writes FOLDER/go."""

import argparse
import pathlib


class Bench:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def act(self, what):
        with open(self.folder / "actions", "a") as file:
            file.write(what + "\n")

    def word(self):
        """What the test has written, if it has."""
        go = self.folder / "go"
        return go.read_text() if go.exists() else None


def options(about, *more):
    """FOLDER PORT, and switches."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("port", type=int)
    for switch, help in more:
        parser.add_argument(switch, action="store_true", help=help)
    return parser.parse_args()
