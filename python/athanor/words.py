"""What the code of a driver's author gives, on its way to the wire: whatever it is, it does not fail there.

What people read (faults, notes) is mended: shown in other letters, cut short. What is data (results, readings) is never
altered: it is refused, in words.
"""

from __future__ import annotations

import math
from typing import Any

LONGEST_TEXT = 64 << 10  # bytes of a fault or a note
LONGEST_RESULTS = 1 << 20  # bytes of all texts among the results of a command: a message has 16 MiB
_LONGEST_SHOWN = 200  # characters of a value in a message


def readable(text: str) -> str:
    """`text` with what is no Unicode escaped, and cut short where it is too long."""
    raw = text.encode("utf-8", "backslashreplace")
    return raw.decode() if len(raw) <= LONGEST_TEXT else raw[:LONGEST_TEXT - len("…".encode())].decode("utf-8", "ignore") + "…"


def in_words(error: BaseException) -> str:
    """The name of an exception and what it says, also where it fails at saying it."""
    try:
        return readable(f"{type(error).__name__}: {error}")
    except BaseException:
        return f"{type(error).__name__}, whose text cannot be made (its __str__ fails)"


def shown(value: object) -> str:
    """A value as Python writes it, for a message about it."""
    try:
        text = readable(repr(value))
    except BaseException:
        return f"something of the type {type(value).__name__} (its __repr__ fails)"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def as_text(what: str, value: Any) -> str:
    """Raises TypeError if it is none that a message can hold."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is {shown(value)}; expected a text")
    text = str(value)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise TypeError(f"{what} is {shown(text)}, with a lone surrogate at character {error.start}; decode what a device sends "
                        "with errors=\"replace\", say") from error
    if size > LONGEST_RESULTS:
        raise TypeError(f"{what} has {size} bytes; a text has {LONGEST_RESULTS} (1 MiB) at most. Give what is larger as an array")
    return text


def as_number(what: str, value: Any) -> float:
    """Raises TypeError if it is none."""
    if isinstance(value, str):
        raise TypeError(f"{what} is {shown(value)}; expected a number")
    try:
        return float(value)
    except Exception as error:
        raise TypeError(f"{what} is {shown(value)}; expected a number") from error


def as_fraction(value: Any) -> float:
    """From 0 to 1. Raises TypeError if it is no finite number."""
    fraction = as_number("the fraction of Progress(fraction, note)", value)
    if not math.isfinite(fraction):
        raise TypeError(f"the fraction of Progress(fraction, note) is {fraction}; expected 0 to 1")
    return min(max(fraction, 0.0), 1.0)
