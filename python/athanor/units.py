"""Units of measure, as the controller knows them: those of UDUNITS-2, and “M” for mol/L with its prefixes.

The library is called itself (libudunits2, by ctypes), so that a unit is a unit here exactly where it is one for the
controller; packages that read units by a grammar of their own take other spellings (“m2”, “degC”, “1/min”). What a
conversion gives is that of core/quantity.cpp, to the last digit. Only the driver's main thread converts.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import InputError, EnvironmentFailure

_UTF8 = 2  # ut_encoding


class UnitError(ValueError):
    """A text that is no unit, or two units that measure different things."""


def convert(value: float, unit: str, target: str) -> float:
    """`value` of `unit` in `target`; offsets included (25 degC = 298.15 K). Raises UnitError."""
    unit, target = normal(unit), normal(target)
    return value if unit == target else _converter(unit, target).convert(value)


def convertible(unit: str, target: str) -> bool:
    """Raises UnitError if one of them is no unit."""
    unit, target = normal(unit), normal(target)
    return unit == target or _converter(unit, target).possible


def normal(unit: str) -> str:
    """As it stands in messages, “1” as the empty text. Raises UnitError if it is no unit."""
    name = unit.strip(" \t\r\n")
    if name in ("", "1"):
        return ""
    # The library would also take “80 degC” or “K @ 273.15” for a unit; here these are a number with a unit, or a slip.
    plain = not any(origin in name for origin in ("@", " since ", " after ", " from ", " ref "))
    plain = plain and (name.startswith("1/") or name[0] not in "0123456789+-.")
    if not plain or "\0" in name or not _parse(name):
        raise UnitError(f"“{name}” is no unit; expected one of UDUNITS-2, such as “degC”, “mL”, “mol/L”, “%” or, without "
                        "dimension, “1”")
    return name


def parse_quantity(text: str) -> tuple[float, str]:
    """“80 degC” as (80.0, "degC"). Raises UnitError."""
    match = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(.*)", text, re.DOTALL)
    if match is None or not math.isfinite(float(match[1])):
        raise UnitError(f"“{text}” is no number with its unit, such as “80 degC” or “0.5”")
    return float(match[1]), normal(match[2])


def seconds(text: str) -> float:
    """“5 min” as 300.0. Raises InputError."""
    try:
        value, unit = parse_quantity(text)
        return convert(value, unit, "s")
    except UnitError as error:
        raise InputError(f"“{text}” is no time ({error}); expected one such as “90 s” or “5 min”") from error


def format_number(value: float) -> str:
    """The shortest text that reads back as the same number, as the controller writes it."""
    if not math.isfinite(value):
        return str(value)
    number = Decimal(repr(float(value)))
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0") or "0"
    sign = "-" if number.is_signed() else ""
    fixed = f"{number:f}"
    fixed = fixed.rstrip("0").rstrip(".") if "." in fixed else fixed
    exponent = number.adjusted() if number else 0
    short = f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent:+03d}"
    return fixed if len(fixed) <= len(short) else short


# ── The library ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Converter:
    """value · factor / divisor + offset, or what the library says where that is no straight line (decibels)."""

    unit: str
    target: str
    possible: bool = False
    factor: float = 1
    divisor: float = 1
    offset: float = 0
    curved: Any = None

    def convert(self, value: float) -> float:
        if not self.possible:
            raise UnitError(f"{_named(self.unit)} cannot be converted to {_named(self.target)}: they measure different "
                            f"things{_hint(self.unit)}{_hint(self.target)}")
        if self.curved is not None:
            return float(_library().cv_convert_double(self.curved, value))
        return value * self.factor / self.divisor + self.offset


def _named(unit: str) -> str:
    return f"“{unit}”" if unit else "a number without a unit"


def _hint(unit: str) -> str:
    return {"C": " (“C” is the coulomb; degrees Celsius are “degC”)",
            "F": " (“F” is the farad; degrees Fahrenheit are “degF”)"}.get(unit, "")


def _unrounded(value: float) -> float:
    """The library's factors carry a rounding or two: 1000.0000000000001 from mL to uL. A number that is short but for
    that was meant."""
    brief = float(f"{value:.12g}")
    return brief if abs(brief - value) <= 1e-15 * abs(value) else value


@functools.lru_cache(maxsize=None)
def _converter(unit: str, target: str) -> _Converter:
    library = _library()
    handle = library.ut_get_converter(_parse(unit), _parse(target))
    if not handle:
        return _Converter(unit, target)

    def at(value: float) -> float:
        return float(library.cv_convert_double(handle, value))

    slope = at(1) - at(0)
    # The library converts seconds to hertz by their reciprocal; in a laboratory that is a slip, not a wish.
    possible = at(2) > at(1)
    if possible and not abs(at(2) - at(1) - slope) <= 1e-9 * abs(slope):
        return _Converter(unit, target, possible, curved=handle)
    offset = _unrounded(at(0))
    # With an offset at(1) − at(0) cancels; far out it does not.
    exact = slope if at(0) == 0 else (at(1e9) - at(0)) / 1e9
    factor, divisor = _unrounded(exact), 1.0
    # Dividing by 1000 rounds once where multiplying by 0.001 rounds twice.
    inverse = _unrounded(1 / exact) if exact else 0.0
    if inverse > 1 and inverse == math.trunc(inverse):
        factor, divisor = 1.0, inverse
    library.cv_free(handle)
    return _Converter(unit, target, possible, factor, divisor, offset)


@functools.lru_cache(maxsize=None)
def _parse(unit: str) -> Any:
    """Its handle, kept for as long as the process lives; None if it is no unit."""
    if not unit:
        return _library().ut_get_dimensionless_unit_one(_system())
    return _library().ut_parse(_system(), unit.encode(), _UTF8)


@functools.lru_cache(maxsize=None)
def _system() -> Any:
    library = _library()
    library.ut_set_error_message_handler(ctypes.cast(library.ut_ignore, ctypes.c_void_p))
    system = library.ut_read_xml(None)
    if not system:
        raise EnvironmentFailure("the table of units of UDUNITS-2 cannot be read; install the package libudunits2-data, "
                                 "or set UDUNITS2_XML_PATH to its file udunits2.xml")
    library.ut_map_symbol_to_unit(b"M", _UTF8, library.ut_parse(system, b"mol/L", _UTF8))
    library.ut_map_symbol_to_unit(b"AU", _UTF8, library.ut_parse(system, b"1", _UTF8))  # of absorbance
    return system


@functools.lru_cache(maxsize=None)
def _library() -> Any:
    for name in ("libudunits2.so.0", ctypes.util.find_library("udunits2")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None:
            break
    else:
        raise EnvironmentFailure("the library of units, UDUNITS-2, is not installed; install it (Debian: apt-get install "
                                 "libudunits2-0; macOS: brew install udunits; conda: udunits2)")
    handle, text, number, encoding = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double, ctypes.c_int
    for function, result, arguments in (
        ("ut_read_xml", handle, [text]),
        ("ut_parse", handle, [handle, text, encoding]),
        ("ut_get_dimensionless_unit_one", handle, [handle]),
        ("ut_map_symbol_to_unit", ctypes.c_int, [text, encoding, handle]),
        ("ut_get_converter", handle, [handle, handle]),
        ("ut_set_error_message_handler", handle, [handle]),
        ("cv_convert_double", number, [handle, number]),
        ("cv_free", None, [handle]),
    ):
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library
