"""What the tests of arrays share: what a journal names, and what the store has."""

import hashlib
import json

import h5py


def references(test, journal):
    """Of every command that was done: the arrays that it names, as exported."""
    out, _ = test.run_program("export", journal, "--format", "json")
    commands = [command for experiment in json.loads(out)["experiments"] for command in experiment["commands"]]
    return {command["id"]: command.get("arrays", []) for command in commands if command["state"] == "done"}


def read(test, folder, reference):
    """The array, which must be whole, and the one that was measured."""
    with h5py.File(test.folder / folder / reference["file"], "r") as file:
        dataset = file[reference["dataset"]]
        array = dataset[...]
        test.assertTrue(dataset.attrs["complete"])
    test.assertEqual(list(array.shape), reference["shape"])
    test.assertEqual(hashlib.sha256(array.tobytes()).hexdigest(), reference["sha256"])
    return array
