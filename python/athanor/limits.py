"""What a capability allows: every parameter of a command held against its description. The last of three such checks."""

from __future__ import annotations

import bisect
import difflib
import hashlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import units
from .proto import driver_pb2 as wire

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer


def why_refused(capability: wire.Capability, command: wire.Command) -> str:
    """In words that name parameter, value and bound; empty if it is allowed."""
    fields = {field.name: field for field in capability.parameters}
    given: set[str] = set()
    for value in values_of(command):
        field = fields.get(value.name)
        if field is None:
            known = suggest(value.name, fields) if fields else " (it has none)"
            return f"“{capability.name}” has no parameter “{value.name}”{known}"
        if value.name in given:
            return f"“{capability.name}” was given parameter “{value.name}” twice"
        given.add(value.name)
        why = _text_refused(field, value) if field.is_text else _number_refused(field, value)
        if why:
            return f"parameter {why} of “{capability.name}”"
    for field in capability.parameters:
        if not field.may_be_missing and field.name not in given:
            unit = f" (in {field.unit})" if field.unit else ""
            return f"“{capability.name}” needs parameter “{field.name}”{unit}, which was not given"
    return ""


def why_not_approved(capability: wire.Capability, command: wire.Command, now_us: int) -> str:
    """Empty: it needs no person's word, or has it."""
    if capability.risk != wire.HAZARDOUS:
        return ""
    what = f"“{capability.name}” is hazardous, and needs a person's approval"
    if not command.HasField("approval"):
        return what
    if command.approval.digest != approval_digest(command):
        return f"{what}; that of {command.approval.who} is for something else"
    if command.approval.until_us < now_us:
        return f"{what}; that of {command.approval.who} has expired"
    return ""


def approval_digest(command: wire.Command) -> str:
    """What an approval of `command` is bound to: its capability, parameters, sample and place."""
    bound = wire.Command(capability=command.capability, sample=command.sample, place=command.place)
    values_of(bound).extend(values_of(command))
    return hashlib.sha256(bound.SerializeToString(deterministic=True)).hexdigest()


def converted(capability: wire.Capability, command: wire.Command) -> dict[str, float | str]:
    """The parameters of a command that is allowed, in the units of the description and within its limits."""
    fields = {field.name: field for field in capability.parameters}
    parameters: dict[str, float | str] = {}
    for value in values_of(command):
        field = fields[value.name]
        if field.is_text:
            parameters[value.name] = value.text
            continue
        number = units.convert(value.number, value.unit, field.unit)
        # Converting can put a number that stood on its limit a last digit beyond it.
        number = max(number, field.low) if field.HasField("low") else number
        parameters[value.name] = min(number, field.high) if field.HasField("high") else number
    return parameters


def values_of(command: wire.Command) -> RepeatedCompositeFieldContainer[wire.Value]:
    """The parameters of a command; the field is named by a word of Python's own."""
    values: RepeatedCompositeFieldContainer[wire.Value] = getattr(command, "with")
    return values


def suggest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    if near:
        return f" (did you mean “{near[0]}”?)"
    return f" (known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''})" if names else ""


def readable(value: wire.Value) -> str:
    """“-5 degC”, as it stands in messages."""
    if value.WhichOneof("kind") == "number":
        return f"{units.format_number(value.number)} {value.unit}".rstrip()
    return f"“{value.text}”" if value.WhichOneof("kind") == "text" else "nothing"


def _text_refused(field: wire.Field, value: wire.Value) -> str:
    if value.WhichOneof("kind") != "text":
        return f"“{field.name}” is {readable(value)}; expected a text"
    if not field.choices or value.text in field.choices:
        return ""
    return f"“{field.name}” is “{value.text}”, which is none of its choices{suggest(value.text, field.choices)}"


def _number_refused(field: wire.Field, value: wire.Value) -> str:
    found = f"“{field.name}” is {readable(value)}"
    wanted = f"a number in {field.unit}" if field.unit else "a number without a unit"
    if value.WhichOneof("kind") != "number":
        return f"{found}; expected {wanted}"
    if not math.isfinite(value.number):
        return f"{found}; expected a finite number"
    number, rounding, relative = value.number, 0.0, 0.0
    if value.unit != field.unit:
        try:
            if not units.convertible(value.unit, field.unit):
                return f"{found}, which cannot be converted; expected {wanted}"
            number = units.convert(value.number, value.unit, field.unit)
            slope = units.convert(1, value.unit, field.unit) - units.convert(0, value.unit, field.unit)
        except units.UnitError as error:
            return f"{found}: {error}; expected {wanted}"
        # A number that stands exactly on its limit may come out of the conversion some last digits beyond it.
        relative = 1e-12
        rounding = relative * abs(value.number) * abs(slope)
        found += f" ({number:.6g} {field.unit})" if field.unit else f" ({number:.6g})"  # 30 is 3000 %
    if field.HasField("low") and number < field.low - rounding - relative * abs(field.low):
        return f"{found}, below the limit of {units.format_number(field.low)} {field.unit}".rstrip()
    if field.HasField("high") and number > field.high + rounding + relative * abs(field.high):
        return f"{found}, above the limit of {units.format_number(field.high)} {field.unit}".rstrip()
    return _level_refused(field, number, found)


def _level_refused(field: wire.Field, number: float, found: str) -> str:
    """Empty if `number` is one of the levels, to a millionth of all that they span."""
    if not field.levels:
        return ""
    above = bisect.bisect_left(field.levels, number)
    nearest = list(field.levels)[max(0, above - 1):above + 1]
    tolerance = 1e-6 * (field.levels[-1] - field.levels[0])
    if any(abs(number - level) <= tolerance for level in nearest):
        return ""
    names = " and ".join(units.format_number(level) for level in nearest)
    return f"{found}, which is none of its {len(field.levels)} levels (the nearest: {f'{names} {field.unit}'.rstrip()})"
