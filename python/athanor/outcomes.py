"""How a command ended, in the protocol's words."""

from __future__ import annotations

from .description import Handler
from .device_thread import Failed, Finished
from .instrument import Ended, Fault
from .proto import driver_pb2 as wire
from .words import as_number, in_words, readable


def makes_arrays(handler: Handler) -> bool:
    return any(field.HasField("array") for field in handler.capability.results)


def as_value(name: str, value: float | str, unit: str) -> wire.Value:
    return wire.Value(name=name, text=value) if isinstance(value, str) else wire.Value(name=name, number=value, unit=unit)


def outcome_of(handler: Handler, end: Finished) -> wire.Outcome:
    if end.fault:
        return failed_outcome(end.command, end.fault, end.message, end.took_s, end.not_begun)
    units = {field.name: field.unit for field in handler.capability.results}
    return wire.Outcome(id=end.command, done=True, took_s=end.took_s,
                        results=[as_value(name, value, units[name]) for name, value in end.results])


def end_of(handler: Handler, id: str, ended: Ended) -> Finished:
    """What a device remembers, as if the handler had given it."""
    took_s = as_number("took_s of Ended(returned, took_s)", ended.took_s)
    if isinstance(ended.returned, Fault):
        fault = Failed.by(ended.returned)
    elif makes_arrays(handler):
        fault = Failed("DEVICE", "it ended while its driver was away, and its arrays are gone with it")
    else:
        try:
            return Finished(id, took_s, handler.results(ended.returned))
        except Exception as error:
            fault = Failed("DEVICE", readable(f"recall of “{handler.capability.name}” gave what it does not describe: {in_words(error)}"))
    return Finished(id, took_s, [], fault.kind, fault.message, fault.not_begun)


def failed_outcome(id: str, kind: str, message: str, took_s: float = 0, not_begun: bool = False) -> wire.Outcome:
    return wire.Outcome(id=id, fault=kind, message=message, took_s=took_s, not_begun=not_begun)
