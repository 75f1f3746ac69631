"""The driver's requests on standard input, one JSON document a line, and the answers on standard output.

    {"id": 7, "connect": {…}}                        session.py; an earlier connection, and what waits in it, is given up
    {"id": 8, "alive": true}                         whether the connection still stands; the server is not asked
    {"id": 9, "read": ["temperature", "state"], "timeout": 5}
    {"id": 10, "write": {"target": 80}, "timeout": 5}
    {"id": 11, "call": "heat", "arguments": {"Target": 80}, "timeout": 5}

The answer to 8 is {"id": 8, "answer": …} or {"id": 8, "fault": "link", "message": "…"}. The end of the input is the end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from .errors import Failure
from .session import Session

_LONGEST_LINE = 16 << 20  # bytes


async def serve() -> None:
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say({"ready": True})
    desk = _Desk()
    while line := await lines.readline():
        desk.take(json.loads(line))


class _Desk:
    """Carries one request out; a new connection takes precedence over whatever waits."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._work: asyncio.Task[None] | None = None
        self._farewells: set[asyncio.Task[None]] = set()  # kept until they have ended

    def take(self, request: dict[str, Any]) -> None:
        if "connect" in request:
            if self._work is not None:
                self._work.cancel()
            self._part()
            self._session = Session(request["connect"])
        self._work = asyncio.create_task(self._answer(request))

    async def _answer(self, request: dict[str, Any]) -> None:
        try:
            answer = await self._carry_out(request)
        except Exception as error:  # whatever it is: what is not told would be waited for
            failure = error if isinstance(error, Failure) else Failure("link", f"the OPC UA client failed: {type(error).__name__}: {error}")
            if failure.kind == "link":
                self._part()
            _say({"id": request["id"], "fault": failure.kind, "message": str(failure)})
        else:
            _say({"id": request["id"], "answer": answer})

    async def _carry_out(self, request: dict[str, Any]) -> Any:
        session = self._session
        if "alive" in request:
            return session is not None and session.is_alive
        if session is None:
            raise Failure("link", "there is no connection")
        if "connect" in request:
            return await session.open()
        if "read" in request:
            return await session.read(request["read"], request["timeout"])
        if "write" in request:
            ((name, value),) = request["write"].items()
            return await session.write(name, value, request["timeout"])
        return await session.call(request["call"], request["arguments"], request["timeout"])

    def _part(self) -> None:
        if self._session is not None:
            farewell = asyncio.create_task(self._session.close())
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
            self._session = None


def _say(message: dict[str, Any]) -> None:
    line = json.dumps(message, allow_nan=False)
    if len(line) > _LONGEST_LINE:  # the driver reads no longer one
        why = f"the server answered with {len(line) >> 20} MiB; {_LONGEST_LINE >> 20} MiB is the most"
        line = json.dumps({"id": message["id"], "fault": "device", "message": why})
    print(line, flush=True)
