"""Drivers for Athanor's instruments, written as classes. See docs/python-kit.md."""

from .command_line import main
from .errors import InputError, EnvironmentFailure
from .instrument import (
    CANNOT_TELL,
    NEVER_STARTED,
    Array,
    Command,
    DeviceFault,
    Ended,
    Fault,
    Instrument,
    Interrupted,
    LinkFault,
    Progress,
    Quantity,
    Recollection,
    Rows,
    SampleFault,
    StillRunning,
    StockFault,
    Work,
    capability,
    reading,
)

__version__ = "0.1.0"
__all__ = [
    "CANNOT_TELL",
    "NEVER_STARTED",
    "Array",
    "Command",
    "InputError",
    "DeviceFault",
    "Ended",
    "EnvironmentFailure",
    "Fault",
    "Instrument",
    "Interrupted",
    "LinkFault",
    "Progress",
    "Quantity",
    "Recollection",
    "Rows",
    "SampleFault",
    "StillRunning",
    "StockFault",
    "Work",
    "capability",
    "main",
    "reading",
]
