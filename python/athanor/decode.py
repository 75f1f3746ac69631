"""Bytes from outside as messages, or DecodeError."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

Message = TypeVar("Message", bound=Any)

# Debian's Protocol Buffers take what stands before an end-of-group mark for the whole message, and only warn.
warnings.filterwarnings("error", "Unexpected end-group tag", RuntimeWarning)


def decoded(kind: type[Message], data: bytes) -> Message:
    message: Message = kind()
    try:
        message.ParseFromString(data)
    except (RuntimeWarning, SystemError) as error:  # the latter is how its C code tells of the former
        raise DecodeError("only a part of it is a message") from error
    return message
