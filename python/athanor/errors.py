"""What goes wrong for the author of a driver, and for whoever starts one."""


class InputError(ValueError):
    """An instrument is described wrongly, or the command line: its author's to mend. Exit status 2."""


class EnvironmentFailure(RuntimeError):
    """The surroundings failed: a full disk, an address in use, a library that is not there. Exit status 3."""
