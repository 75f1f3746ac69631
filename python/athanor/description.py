"""Reads the signatures of an instrument: what the wire says of its capabilities, and how a handler is called."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from . import arrays, units
from .errors import InputError
from .instrument import Instrument, Offer, Quantity
from .proto import driver_pb2 as wire
from .words import LONGEST_RESULTS, as_number, as_text, in_words, shown

Results = list[tuple[str, "float | str"]]

# As in instruments/description.h; a controller takes no description beyond them.
LONGEST_NAME = 200  # bytes of a name or a unit
MOST_INSTRUMENTS = MOST_CAPABILITIES = MOST_FIELDS = 1000  # of a driver, an instrument, a capability
MOST_CHOICES = 10_000  # or levels
LONGEST_CHOICE = 1000  # bytes


@dataclass(frozen=True)
class Handler:
    """One capability: how it is described, and the method behind it."""

    capability: wire.Capability
    method: Callable[..., object]
    arguments: Mapping[str, str]  # parameter → what the method calls it
    attributes: Mapping[str, str] | None  # result → what the returned object calls it; None: it is the one result itself
    deadline_s: float

    def call(self, parameters: Mapping[str, float | str]) -> object:
        return self.method(**{self.arguments[name]: value for name, value in parameters.items()})

    def results(self, returned: object) -> Results:
        """What the method returned, by name. Raises TypeError if that is not what it describes."""
        described = {field.name: field.is_text for field in self.capability.results if not field.HasField("array")}
        values: dict[str, object]
        if self.attributes is None:
            values = {name: returned for name in described}
        elif isinstance(returned, Mapping):
            unknown = [name for name in returned if name not in self.attributes.values()]
            if unknown:
                raise TypeError(f"“{self.capability.name}” gave the result “{unknown[0]}”, which it does not describe")
            values = {name: returned[called] for name, called in self.attributes.items() if called in returned}
        else:
            values = {name: getattr(returned, called) for name, called in self.attributes.items() if hasattr(returned, called)}
        missing = [name for name in described if name not in values]
        if missing:
            raise TypeError(f"“{self.capability.name}” gave {shown(returned)}, without the result “{missing[0]}”")
        given: Results = [(name, as_text(f"result “{name}”", value) if described[name] else as_number(f"result “{name}”", value))
                          for name, value in values.items() if value is not None]
        size = sum(len(value.encode()) for _, value in given if isinstance(value, str))
        if size > LONGEST_RESULTS:
            raise TypeError(f"its text results have {size} bytes together; {LONGEST_RESULTS} (1 MiB) is the most")
        return given


@dataclass(frozen=True)
class Reader:
    """One reading: its name, its unit, and the method behind it."""

    name: str
    unit: str
    method: Callable[[], Any]


def describe(instrument: Instrument) -> tuple[wire.Instrument, dict[str, Handler], list[Reader]]:
    """Raises InputError with everything that is wrong."""
    name = type(instrument).__name__
    if not hasattr(instrument, "id"):
        raise InputError(f"{name}.__init__ does not call super().__init__(id)")
    try:
        described = wire.Instrument(id=instrument.id, kind=instrument.kind or name.lower())
    except (TypeError, UnicodeEncodeError) as error:
        raise InputError(f"{name} has the id {shown(instrument.id)} and the kind {shown(instrument.kind)}; expected texts") from error
    handlers: dict[str, Handler] = {}
    readers: list[Reader] = []
    found: list[str] = [] if instrument.id else [f"{name} has no id; give one, such as {name}(\"{name.lower()}-1\")"]
    for attribute in _attributes(type(instrument)):
        method = getattr(instrument, attribute)
        offer = getattr(method, "__athanor_offer__", None)
        try:
            if offer is not None:
                handlers[attribute] = _handler(attribute, method, offer)
                described.capabilities.append(handlers[attribute].capability)
                found += [f"“{attribute}” of instrument “{instrument.id}”: {mistake}"
                          for mistake in mistakes_in(handlers[attribute].capability)]
            elif getattr(method, "__athanor_reading__", False):
                field = _field(attribute, _hints(method).get("return"))
                units.normal(field.unit)
                readers.append(Reader(field.name, field.unit, method))
        except (InputError, units.UnitError) as error:
            found.append(f"“{attribute}” of instrument “{instrument.id}”: {error}")
        except Exception as error:  # what the wire cannot hold: a limit that is a text, a unit that is None
            found.append(f"“{attribute}” of instrument “{instrument.id}” is described by something that cannot be sent: "
                         f"{in_words(error)}")
    found += _too_long(described.id, LONGEST_NAME) + _too_long(described.kind, LONGEST_NAME)
    if len(described.capabilities) > MOST_CAPABILITIES:
        found.append(f"instrument “{instrument.id}” has {len(described.capabilities)} capabilities; expected {MOST_CAPABILITIES} at most")
    if found:
        raise InputError("\n".join(found))
    return described, handlers, readers


def _attributes(kind: type) -> list[str]:
    """In the order in which they are written, those of a base class first."""
    return list(dict.fromkeys(name for base in reversed(kind.__mro__) for name, value in vars(base).items()
                              if inspect.isfunction(value)))


def _hints(method: Callable[..., object]) -> dict[str, Any]:
    try:
        return get_type_hints(method, include_extras=True)
    except NameError as error:
        raise InputError(f"its annotations cannot be read ({error}); define what they name at the top of the "
                               "module") from error


def _handler(name: str, method: Callable[..., object], offer: Offer) -> Handler:
    hints = _hints(method)
    capability = wire.Capability(name=name, duration_parameter=offer.lasts, risk=offer.risk.upper(),
                                 repeatable=offer.repeatable, self_test=offer.self_test)
    arguments: dict[str, str] = {}
    if offer.usual:
        capability.usual_duration_s = units.seconds(offer.usual)
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"parameter “{parameter.name}” has no name of its own on the wire")
        if parameter.name not in hints:
            raise InputError(f"parameter “{parameter.name}” has no annotation; expected one such as "
                                   "Annotated[float, Quantity(\"degC\", 20, 150)], str or Literal[…]")
        field = _field(parameter.name, hints[parameter.name])
        field.may_be_missing = parameter.default is not parameter.empty
        capability.parameters.append(field)
        arguments[field.name] = parameter.name
    texts = [field.name for field in capability.parameters if field.is_text]
    if set(offer.uses) == {"reagent", "amount"} and offer.uses["reagent"] in texts:
        raise InputError(f"uses={dict(offer.uses)!r} is how a profile says it; in Python it goes from the parameter that names the "
                         f"reagent to the one that says how much: uses={ {offer.uses['reagent']: offer.uses['amount']}!r}")
    for reagent, amount in offer.uses.items():
        capability.uses.add(reagent=reagent, amount=amount)
    results, attributes = _results(hints)
    capability.results.extend(results)
    capability.results.extend(arrays.described(result, array) for result, array in offer.arrays.items())
    return Handler(capability, method, arguments, attributes, units.seconds(offer.deadline) if offer.deadline else math.inf)


def _results(hints: dict[str, Any]) -> tuple[list[wire.Field], dict[str, str] | None]:
    if "return" not in hints:
        raise InputError("it has no return annotation; write “-> None” if it gives no result")
    returned = hints["return"]
    if get_origin(returned) is Generator:
        returned = get_args(returned)[2]
    if returned in (None, type(None)):
        return [], {}
    # A dataclass, a named tuple, a typed dictionary: one result for each of its fields.
    if isinstance(returned, type) and returned not in (float, int, str, bool) and getattr(returned, "__annotations__", None):
        fields = {name: _field(name, hint) for name, hint in get_type_hints(returned, include_extras=True).items()}
        return list(fields.values()), {field.name: name for name, field in fields.items()}
    field = _field("", returned)
    if not field.name:
        raise InputError("its result has no name; write Annotated[float, \"mass\", Quantity(\"g\")], or return a "
                               "dataclass, a named tuple or a typed dictionary")
    return [field], None


def _field(name: str, hint: Any) -> wire.Field:
    """What an annotation says of a parameter, result or reading. A text that stands in it is its name."""
    written, extras = hint, list[Any]()
    while True:
        if get_origin(hint) is Annotated:
            extras += get_args(hint)[1:]
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint) and len(get_args(hint)) == 2:
            hint = next(kind for kind in get_args(hint) if kind is not type(None))
        else:
            break
    quantities = [extra for extra in extras if isinstance(extra, Quantity)]
    name = next((extra for extra in extras if isinstance(extra, str)), name)
    field = wire.Field(name=name)
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        field.choices.extend(get_args(hint))
    if hint is str or field.choices:
        field.is_text = True
        if quantities:
            raise InputError(f"“{name}” is a text and cannot have a unit, limits or levels")
    elif hint is not float:
        raise InputError(f"“{name or written}” is none that the wire knows ({written!r}); expected float (with a "
                               "Quantity), str or Literal[…] of texts")
    for quantity in quantities:
        _fill_in(field, quantity)
    return field


def _fill_in(field: wire.Field, quantity: Quantity) -> None:
    field.unit = quantity.unit
    field.levels.extend(sorted(quantity.levels))
    field.flat_after = quantity.flat_after
    for bound in ("low", "high", "saturates_low", "saturates_high"):
        value = getattr(quantity, bound)
        if value is not None:
            setattr(field, bound, float(value))


# ── Held against good sense ──────────────────────────────────────────────────────────────────────────────────────────


def mistakes_in(capability: wire.Capability) -> list[str]:
    """What is wrong in a description, each in one sentence; what a signature cannot get wrong is not looked for."""
    for fields in (capability.parameters, capability.results):
        if len(fields) > MOST_FIELDS:
            return [f"{len(fields)} parameters or results; expected {MOST_FIELDS} at most"]
    found = _too_long(capability.name, LONGEST_NAME)
    found += [mistake for field in (*capability.parameters, *capability.results) for mistake in _field_mistakes(field)]
    for fields in (capability.parameters, capability.results):
        names = [field.name for field in fields]
        found += [f"“{name}” is described twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    parameters = {field.name: field for field in capability.parameters}
    if capability.usual_duration_s < 0:
        found.append(f"a usual duration of {capability.usual_duration_s} s; expected a number that is not negative")
    lasts = capability.duration_parameter
    if lasts and lasts not in parameters:
        found.append(f"lasts as long as “{lasts}” says, which is no parameter of it")
    elif lasts and (parameters[lasts].is_text or not _is_time(parameters[lasts].unit)):
        found.append(f"lasts as long as “{lasts}” says, which is no time")
    if capability.self_test:
        if capability.risk != wire.SAFE:
            found.append("a self-test must be harmless, of the risk class “safe”")
        found += [f"a self-test cannot need parameter “{field.name}”" for field in capability.parameters
                  if not field.may_be_missing]
    rows = sum(arrays.row_bytes(field.array) for field in capability.results if field.HasField("array"))
    if rows > arrays.WINDOW:
        found.append(f"a row of each of its arrays has {rows} bytes; {arrays.WINDOW >> 20} MiB is the most")
    for use in capability.uses:
        if use.reagent not in parameters or not parameters[use.reagent].is_text:
            found.append(f"takes the stock that “{use.reagent}” names, which is no text parameter of it")
        if use.amount not in parameters or parameters[use.amount].is_text:
            found.append(f"takes as much as “{use.amount}” says, which is no number parameter of it")
    return found


def _too_long(text: str, most: int) -> list[str]:
    size = len(text.encode())
    return [f"“{text[:40]}…” has {size} bytes; expected {most} at most"] if size > most else []


def _field_mistakes(field: wire.Field) -> list[str]:
    choices = max(len(field.choices), len(field.levels))
    found = [*_too_long(field.name, LONGEST_NAME), *_too_long(field.unit, LONGEST_NAME),
             *(mistake for choice in field.choices for mistake in _too_long(choice, LONGEST_CHOICE))]
    if choices > MOST_CHOICES:
        found.append(f"“{field.name}” has {choices} choices or levels; expected {MOST_CHOICES} at most")
    if found:
        return found
    try:
        units.normal(field.unit)
    except units.UnitError as error:
        found.append(f"“{field.name}”: {error}")
    bounds = [getattr(field, bound) for bound in ("low", "high", "saturates_low", "saturates_high") if field.HasField(bound)]
    if not all(math.isfinite(number) for number in (*bounds, *field.levels)):
        found.append(f"“{field.name}” has a limit or level that is no number")
    if field.HasField("low") and field.HasField("high") and field.low > field.high:
        found.append(f"“{field.name}” has limits the wrong way round: {units.format_number(field.low)} … "
                     f"{units.format_number(field.high)}")
    if field.flat_after == 1:
        found.append(f"“{field.name}” is flat after a single reading")
    return found


def _is_time(unit: str) -> bool:
    try:
        return units.convertible(unit, "s")
    except units.UnitError:
        return True  # no unit at all: said already


def expected_seconds(capability: wire.Capability, parameters: Mapping[str, float | str]) -> float:
    """How long a command is expected to take: the usual duration, and what its duration parameter adds."""
    added = parameters.get(capability.duration_parameter)
    if not isinstance(added, float):
        return capability.usual_duration_s
    unit = next(field.unit for field in capability.parameters if field.name == capability.duration_parameter)
    return capability.usual_duration_s + units.convert(added, unit, "s")
