"""What the author of a driver writes with: an instrument is a class, its capabilities are methods with units."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Literal, Protocol, TypeVar

Result = TypeVar("Result")
Method = TypeVar("Method", bound=Callable[..., object])


@dataclass(frozen=True)
class Quantity:
    """The unit of a number, in the spelling of UDUNITS-2 ("": none), and its limits in that unit.

    Of a parameter, `low` and `high` are checked before a handler is called, and `levels` are the only numbers allowed.
    Of a result, what lies beyond `low` and `high` cannot be; at `saturates_low`, `saturates_high` and beyond the
    detector says nothing more; `flat_after` so many equal readings in a row are no measurement.
    """

    unit: str = ""
    low: float | None = None
    high: float | None = None
    _: KW_ONLY
    levels: tuple[float, ...] = ()
    saturates_low: float | None = None
    saturates_high: float | None = None
    flat_after: int = 0


@dataclass(frozen=True)
class Progress:
    """Yielded by a handler: how much of the whole is done, 0 to 1."""

    fraction: float
    note: str = ""


@dataclass(frozen=True)
class Array:
    """A result that is an array: `element` as NumPy calls it ("uint16"), the shape of one row (`()`: a row is one element),
    and the unit of the elements."""

    element: str
    row_shape: tuple[int, ...] = ()
    unit: str = ""


class _Buffer(Protocol):
    """A NumPy array, say."""

    @property
    def nbytes(self) -> int: ...
    def tobytes(self) -> bytes: ...


@dataclass(frozen=True)
class Rows:
    """Yielded by a handler: one or more whole rows of an array. The handler goes on when there is room for them.

    `data` is bytes, or anything with a buffer of the described element, which may be filled anew afterwards.
    """

    result: str
    data: bytes | bytearray | memoryview | _Buffer


# What a handler returns that yields Progress and Rows: Work[None], Work[Reading], Work[Annotated[float, "mass", Quantity("g")]].
Work = Generator[Progress | Rows, None, Result]


@dataclass(frozen=True)
class Command:
    """What an instrument was told to do, with the parameters in the units of the signature."""

    id: str = ""
    capability: str = ""
    sample: str = ""
    place: str = ""
    parameters: Mapping[str, float | str] = field(default_factory=dict)


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Fault(Exception):
    """Raised by a handler that could not do its work. `not_begun`: nothing at all was done, so that the step may be
    given again even where it may not be repeated; leave it out when in doubt."""

    kind: str = "DEVICE"

    def __init__(self, message: str, *, not_begun: bool = False) -> None:
        super().__init__(message)
        self.not_begun = not_begun


class DeviceFault(Fault):
    """The instrument failed. Any other exception of a handler counts as this one."""


class SampleFault(Fault):
    """This sample cannot be processed (clogged, precipitated): the planner is told."""

    kind = "SAMPLE"


class StockFault(Fault):
    """A reagent ran out."""

    kind = "STOCK"


class LinkFault(Fault):
    """The way to the device was lost."""

    kind = "LINK"


class Interrupted(BaseException):
    """Raised once in a handler that is to end, by `sleep` and at `yield`: the command was cancelled or stopped, or has
    taken longer than its deadline. Tidy up in `finally`; no `except Exception` holds it back."""


# ── After a restart ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class StillRunning:
    """The device goes on with it: `work` waits for its end, as a handler does, and gives the results."""

    work: Callable[[], object]


@dataclass(frozen=True)
class Ended:
    """It came to its end while no driver was there: with these results, as a handler returns them, or this fault."""

    returned: object = None
    took_s: float = 0


NEVER_STARTED: Literal["never started"] = "never started"
CANNOT_TELL: Literal["cannot tell"] = "cannot tell"
Recollection = StillRunning | Ended | Literal["never started", "cannot tell"]


# ── The class ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Offer:
    """What @capability says of a method besides its signature."""

    usual: str = ""
    lasts: str = ""
    deadline: str = ""
    repeatable: bool = False
    risk: Literal["safe", "guarded", "hazardous"] = "safe"
    self_test: bool = False
    uses: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


def capability(
    *,
    usual: str = "",
    lasts: str = "",
    deadline: str = "",
    repeatable: bool = False,
    risk: Literal["safe", "guarded", "hazardous"] = "safe",
    self_test: bool = False,
    uses: Mapping[str, str] | None = None,
    arrays: Mapping[str, Array] | None = None,
) -> Callable[[Method], Method]:
    """Offers a method to the controller, under its own name.

    usual       how long it usually takes, such as "5 s", without what `lasts` adds
    lasts       the parameter (a time) that adds its own length to that
    deadline    the kit itself ends it after so long, with a fault; otherwise the controller does, by its own deadline
    repeatable  may be carried out again after an interruption without harm
    risk        "guarded": interlocks and limits apply; "hazardous": needs a person's approval
    self_test   tells whether the instrument works, on no sample and without harm; implies `repeatable`
    uses        {reagent: amount}: takes from stock what parameter `reagent` names, as much as parameter `amount` says
    arrays      {result: Array}: large results, whose rows the handler yields (Rows)
    """
    offer = Offer(usual, lasts, deadline, repeatable or self_test, risk, self_test, uses or {}, arrays or {})

    def mark(method: Method) -> Method:
        setattr(method, "__athanor_offer__", offer)
        return method

    return mark


def reading(method: Method) -> Method:
    """Shows a method's value as telemetry, about once a second while a controller listens."""
    setattr(method, "__athanor_reading__", True)
    return method


class Instrument:
    """One device. Its methods run in one thread of its own, one at a time: they may block, and never meet each other.

    The exception is `safe` while a handler does not come back: see there.
    """

    kind: ClassVar[str] = ""  #: what sort of device it is; left out: the name of the class, in lower case

    def __init__(self, id: str) -> None:
        self.id = id
        self.command = Command()  #: what a handler is carrying out
        self._pause: Callable[[float], None] = time.sleep
        self._to_end: Callable[[], bool] = lambda: False

    def sleep(self, seconds: float) -> None:
        """Waits, takes readings meanwhile, and ends at once, by Interrupted, if the command is to end."""
        self._pause(seconds)

    @property
    def interrupted(self) -> bool:
        """Whether the command is to end: for a handler that neither sleeps nor yields. Whoever is told so has not done
        its work, whatever it returns."""
        return self._to_end()

    def safe(self) -> None:
        """Brings the device to its safe state; may be called at any time and more than once.

        What ran is asked to end first. A handler that is not back after half a second is not waited for: this is then
        called from another thread while it is still in the middle, and once more when it has come back.
        """

    def recall(self, command: Command) -> Recollection:
        """What became of a command that was begun before the driver was restarted. Override it for a device that numbers
        its own jobs and can be asked for one by the command's id."""
        return CANNOT_TELL
