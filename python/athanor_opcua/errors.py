"""What goes wrong, in the words of the driver protocol's faults."""

from __future__ import annotations

import os
import re

from asyncua import ua
from asyncua.ua.status_codes import get_name_and_doc

# Codes that say that the connection or its session is gone, not that the device refuses something.
_LOST = {
    ua.StatusCodes.BadCommunicationError, ua.StatusCodes.BadTimeout, ua.StatusCodes.BadShutdown, ua.StatusCodes.BadServerHalted,
    ua.StatusCodes.BadServerNotConnected, ua.StatusCodes.BadNotConnected, ua.StatusCodes.BadConnectionClosed,
    ua.StatusCodes.BadSecureChannelClosed, ua.StatusCodes.BadSecureChannelIdInvalid, ua.StatusCodes.BadSessionClosed,
    ua.StatusCodes.BadSessionIdInvalid, ua.StatusCodes.BadSessionNotActivated, ua.StatusCodes.BadRequestTimeout,
}


class Failure(Exception):
    """An exchange that did not come to its end. kind: "link", "device", or "limit" for what cannot be sent at all."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def status(code: int) -> str:
    """As the standard names it, and the number by which a maker's manual may know it better."""
    return f"{get_name_and_doc(code)[0]} (0x{code:08X})"


def refused(code: int, what: str, by: str = "") -> Failure:
    """`what` was answered with a code that is not good."""
    return Failure("link" if code in _LOST else "device", f"{what} was answered {status(code)}{by}")


def _reason(error: OSError) -> str:
    """The system's words. The library's own hold Python's, and those of each of a host's addresses."""
    number = error.errno or next(map(int, re.findall(r"\[Errno (\d+)\]", str(error))), 0)
    return os.strerror(number) if number > 0 else error.strerror or ""


def failure_of(error: BaseException, what: str, url: str, timeout_s: float) -> Failure:
    """Of an exception that the library raised."""
    if isinstance(error, Failure):
        return error
    by = "" if url in what else f" by the server at {url}"
    if isinstance(error, ua.UaStatusCodeError):
        return refused(error.code, what, by)
    if isinstance(error, TimeoutError):
        return Failure("link", f"{what} was not answered{by} within {timeout_s:g} s")
    if isinstance(error, OSError):
        reason = _reason(error)
        lost = f"the connection with the server at {url} was lost: {error}"
        return Failure("link", f"the server at {url} cannot be reached: {reason}" if reason else lost)
    return Failure("link", f"{what} failed at the server at {url}: {type(error).__name__}: {error}")
