"""Values between JSON and the types of OPC UA."""

from __future__ import annotations

import base64
import dataclasses
import enum
import math
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncua import ua
from asyncua.ua import VariantType as Kind

from .errors import Failure, status

_WHOLE = {Kind.SByte: (-2**7, 2**7 - 1), Kind.Byte: (0, 2**8 - 1), Kind.Int16: (-2**15, 2**15 - 1), Kind.UInt16: (0, 2**16 - 1),
          Kind.Int32: (-2**31, 2**31 - 1), Kind.UInt32: (0, 2**32 - 1), Kind.Int64: (-2**63, 2**63 - 1), Kind.UInt64: (0, 2**64 - 1)}
_MOST_FLOAT = 3.4028234663852886e38


def variant_of(value: Any, kind: Kind, what: str) -> ua.Variant:
    """Exactly `value`, as the server wants it. Raises Failure for what it would have to be bent for."""
    if isinstance(value, str) and (kind in _WHOLE or kind in (Kind.Float, Kind.Double)):
        value = _number(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == Kind.Variant:  # the server takes any type
        kind = Kind.Boolean if isinstance(value, bool) else Kind.Double if is_number else Kind.String
    if kind == Kind.Boolean and (isinstance(value, bool) or value in (0, 1)):
        return ua.Variant(bool(value), kind)
    if kind in _WHOLE and is_number:
        low, high = _WHOLE[kind]
        if not float(value).is_integer() or not low <= value <= high:
            raise Failure("limit", f"{what} is {kind.name} on the server: {value!r} is no whole number from {low} to {high}")
        return ua.Variant(int(value), kind)
    if kind == Kind.Double and is_number or kind == Kind.Float and is_number and abs(value) <= _MOST_FLOAT:
        return ua.Variant(float(value), kind)
    if kind == Kind.String and isinstance(value, str):
        return ua.Variant(value, kind)
    if kind == Kind.LocalizedText and isinstance(value, str):
        return ua.Variant(ua.LocalizedText(value), kind)
    raise Failure("limit", f"{what} is {kind.name} on the server, which {value!r} is not")


def _number(text: str) -> Any:
    """Of a number that the profile has formatted, and so perhaps rounded; what is none stays a text, and is refused."""
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return text


def plain(value: Any) -> Any:
    """What JSON can hold of it. A structure is a map of its fields."""
    match value:
        case None | bool() | str():
            return value
        case enum.IntEnum():
            return int(value)
        case int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)  # JSON has no word for it; no number, so a fault
        case ua.LocalizedText():
            return value.Text or ""
        case ua.QualifiedName():
            return value.Name
        case ua.NodeId():
            return value.to_string()
        case ua.StatusCode():
            return status(value.value)
        case datetime():
            return value.isoformat() + "Z"
        case UUID():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case ua.Variant():
            # Some servers send no text at all for an empty one.
            empty = value.Value is None and value.VariantType in (Kind.String, Kind.LocalizedText)
            return "" if empty else plain(value.Value)
        case list() | tuple():
            return [plain(each) for each in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.name != "Encoding"}
    return str(value)
