"""A driver without its socket: answers messages, carries each command out at most once, enforces limits last.

What it promises, in which order, is docs/driver-protocol.md; it is the same as instruments/driver.cpp, but that handlers
run in threads: cancels and stops are answered when the handler has come back.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .arrays import ArrayWindow
from .description import MOST_INSTRUMENTS, Handler, describe, expected_seconds
from .device_thread import DeviceThread, Finished, MadeSafe, Measured, Progressed, Report, Run
from .errors import InputError, EnvironmentFailure
from .instrument import NEVER_STARTED, Command, Ended, Instrument, StillRunning
from .ledger import Entry, Ledger, LedgerError
from .limits import converted, suggest, values_of, why_not_approved, why_refused
from .outcomes import as_value, end_of, failed_outcome, makes_arrays, outcome_of
from .proto import driver_pb2 as wire
from .quiet_log import QuietLog
from .stops import SAFE_WITHIN_S, Answer, Stops
from .words import LONGEST_RESULTS, in_words

PROTOCOL_VERSION = 1
MOST_ASKED = 1000  # ids in one question
_LONGEST_ID = 1000  # bytes
# A frame has 16 MiB; what is longer reaches nobody, and ends the connection that it was to go over.
_LONGEST_ANSWER = 8 << 20  # bytes of an Answer, and of a Welcome
RETRY_LEDGER_S = 1.0  # a full disk is not freed faster

_log = logging.getLogger("athanor")

# A message, and whom it is for: whoever asked, or None: the controller.
Addressed = tuple[bytes | None, wire.FromDriver]


@dataclass
class _Running:
    command: wire.Command
    expected_s: float
    storing: wire.Outcome | None = None  # it ended, and its arrays are on their way
    unwritten: wire.Outcome | None = None  # it ended, and the ledger could not be written


class Driver:
    def __init__(self, name: str, boot: str, instruments: list[Instrument], ledger: Ledger, dead_man_s: float,
                 wake: Callable[[], None]) -> None:
        """Every start is a recovery: what the ledger shows as begun and not ended is looked up in the instruments, and those
        that it shows as left unsafe are made safe.

        `boot` must differ at every start, and a ledger that is new is known by it from then on; `wake` is called from other threads when `advance` has something to say.
        Raises InputError, and LedgerError if the ledger cannot be written.
        """
        self.name, self.boot, self.dead_man_s = name, boot, dead_man_s
        self.ending = False  # what is new is refused
        self._ledger = ledger
        self._ledger_name = ""
        self._running: dict[str, _Running] = {}  # by command id
        self._busy: dict[str, str] = {}  # instrument → the command it is busy with
        self._too_telling: set[str] = set()  # instruments whose readings are too long, as was told
        self._retry_at = math.inf
        self._quiet = QuietLog()
        self._descriptions: dict[str, wire.Instrument] = {}
        self._handlers: dict[str, dict[str, Handler]] = {}
        self._threads: dict[str, DeviceThread] = {}
        self.stops = Stops(self._threads)
        if len(instruments) > MOST_INSTRUMENTS:
            raise InputError(f"{len(instruments)} instruments; expected {MOST_INSTRUMENTS} at most: let several drivers speak for them")
        described = [(instrument, *describe(instrument)) for instrument in sorted(instruments, key=lambda each: each.id)]
        for instrument, description, handlers, _ in described:
            if instrument.id in self._descriptions:
                raise InputError(f"driver “{name}” has two instruments “{instrument.id}”")
            self._descriptions[instrument.id], self._handlers[instrument.id] = description, handlers
        if (size := self._welcome().ByteSize()) > _LONGEST_ANSWER:
            raise InputError(f"the descriptions of driver “{name}” have {size} bytes together, and {_LONGEST_ANSWER} can be sent; let "
                             "several drivers speak for its instruments")
        makes_any = any(makes_arrays(handler) for handlers in self._handlers.values() for handler in handlers.values())
        #: where arrays wait for the controller; None: no instrument makes any
        self.arrays = ArrayWindow(wake) if makes_any else None
        self._takes_arrays = False  # the controller does
        for instrument, _, _, readers in described:
            self._threads[instrument.id] = DeviceThread(instrument, readers, wake, self.arrays)
        self._unsafe = set(ledger.unsafe())  # instruments that the ledger shows as left unsafe
        for id in sorted(self._unsafe & self._threads.keys()):
            _log.warning("%s was not known to be in its safe state when this driver ended last, and is brought there", id)
            self._bring_to_safety(id)
        unwritten: LedgerError | None = None
        for entry in ledger.unfinished():
            try:
                self._recover(entry)
            except LedgerError as error:  # a full disk keeps the others from their safe state no more than this one
                unwritten = unwritten or error
        if unwritten:
            raise unwritten
        self._ledger_name = ledger.identify(boot)
        self._note_who_is_safe()

    def _recover(self, entry: Entry) -> None:
        command = entry.command
        handler = self._handlers.get(command.instrument, {}).get(command.capability)
        if handler is None:
            return self._left_unknown(command)
        parameters = converted(handler.capability, command) if not why_refused(handler.capability, command) else {}
        try:
            recalled = self._threads[command.instrument].instrument.recall(_as_told(command, parameters))
            end = end_of(handler, command.id, recalled) if isinstance(recalled, Ended) else None
            never_started = recalled == NEVER_STARTED
        except Exception as error:
            raise EnvironmentFailure(f"instrument “{command.instrument}” could not be asked what became of command “{command.id}” "
                                     f"({in_words(error)}); start the driver again when it can be") from error
        if never_started:
            self._ledger.forget(command.id)
        elif isinstance(recalled, StillRunning):
            if command.instrument in self._busy:
                raise EnvironmentFailure(f"instrument “{command.instrument}” recalls two running commands, “{command.id}” and "
                                         f"“{self._busy[command.instrument]}”; it can have one")
            _log.info("%s goes on with “%s” %s", command.instrument, command.capability, command.id)
            earlier_s = 0.0 if entry.began is None else max(0.0, time.time() - entry.began / 1e6)
            self._start(command, handler, parameters, recalled.work, earlier_s)
        elif end is not None:
            self._ledger.end(outcome_of(handler, end))
        else:
            self._left_unknown(command)

    def _left_unknown(self, command: wire.Command) -> None:
        """It may be at work still, and nobody would end that."""
        if command.instrument in self._threads:
            self._bring_to_safety(command.instrument)
        if command.instrument not in self._threads or not self.stops.is_safe(command.instrument):
            self._note_unsafe(command.instrument)
        self._ledger.mark_interrupted(command.id)

    def _bring_to_safety(self, instrument: str) -> None:
        """Safe, or 5 s later not known to be, when the driver serves."""
        asked = {instrument: self._threads[instrument].make_safe("its driver was started again")}
        until = time.monotonic() + SAFE_WITHIN_S
        while not self.stops.was_tried(asked) and time.monotonic() < until:
            self.advance()  # what it gives, the controller asks about
            time.sleep(0.005)

    def _note_unsafe(self, instrument: str) -> None:
        if instrument not in self._unsafe:
            self._ledger.note_unsafe(instrument)
            self._unsafe.add(instrument)

    def _note_who_is_safe(self) -> None:
        """Of those that it does not speak for now nothing is known."""
        for id in [id for id in self._unsafe if id in self._threads and self.stops.is_safe(id)]:
            try:
                self._ledger.note_safe(id)
                self._unsafe.remove(id)
            except LedgerError:
                self._retry_at = min(self._retry_at, time.monotonic() + RETRY_LEDGER_S)

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, message: wire.ToDriver, asker: bytes | None = None) -> list[wire.FromDriver]:
        """The answers to one message; what takes time is given by `advance`, later."""
        body = message.WhichOneof("body")
        id = message.command.id if body == "command" else message.cancel.id
        if message.version != PROTOCOL_VERSION:
            return [self._refused(f"the message is of protocol version {message.version}; driver “{self.name}” speaks version "
                                  f"{PROTOCOL_VERSION}", id)]
        if body in ("command", "cancel") and message.ledger not in ("", self._ledger_name) and not _is_too_long(id):
            # Whether it was begun is in that one: neither is it begun, nor said to be cancelled before it was.
            return [self._refused(f"it is meant for another ledger than “{self._ledger_name}”, which driver “{self.name}” keeps now: "
                                  "whether it was begun is entered there, if anywhere", id)]
        try:
            match body:
                case "hello" | "visit":
                    if body == "hello":
                        self._takes_arrays = message.hello.takes_arrays
                    return [self._welcome()]
                case "command":
                    return self._on_command(message.command)
                case "question":
                    return self._on_question(message.question.ids)
                case "cancel":
                    return self._on_cancel(id)
                case "stop":
                    return self._on_stop(message.stop, asker)
                case "heartbeat":
                    return [self._say(heartbeat=wire.Heartbeat())]
                case _:
                    return [self._refused(f"the message says nothing that driver “{self.name}” knows")]
        except LedgerError as error:
            return [self._refused(f"the ledger of driver “{self.name}” failed: {error}. The driver goes on by itself when it can be "
                                  "written again", id)]

    def _welcome(self) -> wire.FromDriver:
        troubles = [wire.Trouble(instrument=id, why=why) for id in self._threads if (why := self._trouble(id))]
        return self._say(welcome=wire.Welcome(instruments=self._descriptions.values(), dead_man_s=self.dead_man_s, troubles=troubles,
                                              ledger=self._ledger_name))

    def _trouble(self, instrument: str) -> str:
        """What is the matter with it as far as is known, in words; empty: nothing."""
        why_not = self.stops.why_not_safe(instrument)
        return f"could not be made safe: {why_not}" if why_not else self._threads[instrument].trouble

    def _on_command(self, command: wire.Command) -> list[wire.FromDriver]:
        if not command.id:
            return [self._refused("a command without an id cannot be carried out at most once")]
        if _is_too_long(command.id):
            return [self._refused(_too_long(command.id))]
        if (size := command.ByteSize()) > LONGEST_RESULTS:
            return [self._refused(f"a command of {size} bytes; {LONGEST_RESULTS} is the most", command.id)]
        running = self._running.get(command.id)
        entry = None if running else self._ledger.find(command.id)
        known = running.command if running else entry.command if entry else None
        if known is not None and not _same_command(known, command):
            return [self._refused(f"id “{command.id}” was used before for another command; an id names one command for ever",
                                  command.id)]
        if running:
            return [self._accepted(command.id, running)]
        if entry and (entry.outcome is not None or entry.interrupted):
            return [self._standing(entry)]
        # Entered and not running: the write failed halfway, and because of that it was not started.
        if entry:
            self._ledger.forget(command.id)
        if self.ending:
            return [self._refused(f"driver “{self.name}” is ending; nothing is begun", command.id)]
        fault = self._why_not(command)
        if fault:
            outcome = failed_outcome(command.id, *fault, not_begun=True)
            self._ledger.refuse(command, self.boot, outcome)
            _log.warning("refused %s: %s", command.id, outcome.message)
            return [self._say(outcome=outcome)]
        self._ledger.begin(command, self.boot)
        handler = self._handlers[command.instrument][command.capability]
        parameters = converted(handler.capability, command)
        _log.info("%s begins “%s” %s", command.instrument, command.capability, command.id)
        self._start(command, handler, parameters, lambda: handler.call(parameters))
        return [self._accepted(command.id, self._running[command.id])]

    def _start(self, command: wire.Command, handler: Handler, parameters: Mapping[str, float | str],
               work: Callable[[], object], earlier_s: float = 0) -> None:
        self._running[command.id] = _Running(command, expected_seconds(handler.capability, parameters))
        self._busy[command.instrument] = command.id
        if self.arrays:
            self.arrays.open(command, handler.capability)
        self._threads[command.instrument].begin(
            Run(_as_told(command, parameters), work, handler.results, handler.deadline_s, earlier_s=earlier_s))

    def _why_not(self, command: wire.Command) -> tuple[str, str] | None:
        """The kind of fault, and the reason in words."""
        who = command.instrument
        if who not in self._handlers:
            return "LIMIT", f"driver “{self.name}” has no instrument “{who}”{suggest(who, self._handlers)}"
        handler = self._handlers[who].get(command.capability)
        if handler is None:
            return "LIMIT", f"instrument “{who}” cannot “{command.capability}”{suggest(command.capability, self._handlers[who])}"
        why = why_refused(handler.capability, command) or why_not_approved(handler.capability, command, time.time_ns() // 1000)
        if why:
            return "LIMIT", f"instrument “{who}” refused: {why}"
        if makes_arrays(handler) and not self._takes_arrays:
            return "LIMIT", (f"“{command.capability}” of instrument “{who}” makes an array, and its controller takes none: it is "
                             "older than large data, or has no data store")
        if who in self._busy:
            return "DEVICE", f"instrument “{who}” is busy with command “{self._busy[who]}”; this one was not started"
        if not self.stops.is_safe(who):
            trouble = self._trouble(who)
            return "DEVICE", (f"instrument “{who}” has not reached its safe state yet; this command was not started"
                              + (f". It {trouble}" if trouble else ""))
        return None

    def _on_cancel(self, id: str) -> list[wire.FromDriver]:
        if not id:
            return [self._refused("a cancel without an id")]
        if _is_too_long(id):
            return [self._refused(_too_long(id))]
        running = self._running.get(id)
        if running:
            if running.storing is not None and self.arrays:
                self.arrays.abandon(id)
                took_s, running.storing = running.storing.took_s, None
                return self._enter(failed_outcome(id, "INTERRUPTED", "cancelled while its arrays were being stored", took_s))
            if running.unwritten is None:
                self._threads[running.command.instrument].interrupt("cancelled")
            return []
        entry = self._ledger.find(id)
        if entry and (entry.outcome is not None or entry.interrupted):
            return [self._standing(entry)]
        # Never begun: entered now, so that the command, should it still come, stays cancelled.
        outcome = failed_outcome(id, "INTERRUPTED", "cancelled before it was begun", not_begun=True)
        if entry:
            self._ledger.end(outcome)
        else:
            self._ledger.refuse(wire.Command(id=id), self.boot, outcome)
        return [self._say(outcome=outcome)]

    def _on_stop(self, stop: wire.Stop, asker: bytes | None) -> list[wire.FromDriver]:
        _log.warning("stop: %s", stop.why or "no reason given")
        return [] if self.stops.begin(stop, asker) else [self._say(stopped=wire.Stopped(id=stop.id))]

    def _on_question(self, ids: Sequence[str]) -> list[wire.FromDriver]:
        if len(ids) > MOST_ASKED:
            return [self._refused(f"a question about {len(ids)} commands; {MOST_ASKED} is the most, so ask about the others in "
                                  "another one")]
        if too_long := next((id for id in ids if _is_too_long(id)), None):
            return [self._refused(_too_long(too_long))]
        answer = wire.Answer()
        answers, size = [answer], 0
        for id in ids:
            state = self._state_of(id)
            size += state.ByteSize()
            if size > _LONGEST_ANSWER:
                answer, size = wire.Answer(), state.ByteSize()
                answers.append(answer)
            answer.states.append(state)
        return [self._say(answer=each) for each in answers]

    def _state_of(self, id: str) -> wire.CommandState:
        state = wire.CommandState(id=id)
        if id in self._running:
            state.standing = wire.CommandState.RUNNING
            state.command.CopyFrom(self._running[id].command)
            return state
        entry = self._ledger.find(id)
        if entry is None:
            return state
        # Entered and not running, without an end: it was not started (see _on_command).
        if entry.command.capability:
            state.command.CopyFrom(entry.command)
        if entry.interrupted:
            state.standing = wire.CommandState.INTERRUPTED
        if entry.outcome is not None:
            state.standing = wire.CommandState.FINISHED
            state.outcome.CopyFrom(entry.outcome)
        return state

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def wakes_at(self) -> float:
        """Monotonic seconds: when `advance` has something to do, if it is not woken before."""
        deadlines = [thread.run.ends_by for thread in self._threads.values()
                     if thread.run is not None and not thread.run.over and not thread.run.asked]
        progress = [thread.progress_due() for thread in self._threads.values()]
        return min(self._retry_at, self.stops.wakes_at(), *deadlines, *progress, math.inf)

    def advance(self) -> list[Addressed]:
        """What has happened: outcomes (entered in the ledger, synced, before they are given), progress, readings, and
        the answers to stops. An outcome that cannot be entered is kept, its command answered as running, and tried again
        every second until it can."""
        now = time.monotonic()
        out: list[Addressed] = []
        if self._retry_at <= now:
            self._retry_at = math.inf
            for outcome in [running.unwritten for running in self._running.values() if running.unwritten is not None]:
                out += [(None, message) for message in self._enter(outcome)]
        out += self._look_at_arrays()
        for id, thread in self._threads.items():
            for report in thread.reports():
                out += self._on_report(id, report)
            if thread.run is not None and thread.run.ends_by <= now:
                thread.interrupt(f"not done within {thread.run.deadline_s:g} s", "DEADLINE")
        self._note_who_is_safe()
        return out + self._about_stops(self.stops.late(now))

    def telemetry(self) -> None:
        """Asks the sensors; what they show is given by `advance`."""
        for thread in self._threads.values():
            thread.ask_readings()

    def _on_report(self, instrument: str, report: Report) -> list[Addressed]:
        match report:
            case Progressed(id, fraction, note):
                return [(None, self._say(progress=wire.Progress(id=id, fraction=fraction, note=note)))]
            case Finished():
                capability = self._running[report.command].command.capability
                return self._finish(outcome_of(self._handlers[instrument][capability], report))
            case MadeSafe():
                return self._about_stops(self.stops.on_made_safe(instrument, report))
            case Measured(values):
                shown = wire.Telemetry(instrument=instrument, values=[as_value(*value) for value in values])
                if (size := shown.ByteSize()) > LONGEST_RESULTS:
                    if instrument in self._too_telling:
                        return []
                    self._too_telling.add(instrument)
                    return [(None, self._refused(f"the readings of instrument “{instrument}” have {size} bytes together, and "
                                                 f"{LONGEST_RESULTS} can be sent; they are left out"))]
                return [(None, self._say(telemetry=shown))] if shown.values else []

    def _finish(self, outcome: wire.Outcome) -> list[Addressed]:
        running = self._running[outcome.id]
        handler = self._handlers[running.command.instrument][running.command.capability]
        if self.arrays and makes_arrays(handler):
            if outcome.done:
                running.storing = outcome
                self.arrays.close(outcome.id)
                return []
            self.arrays.abandon(outcome.id)
        return [(None, message) for message in self._enter(outcome)]

    def _look_at_arrays(self) -> list[Addressed]:
        """An outcome that names an array says that it is stored."""
        out: list[Addressed] = []
        for id, running in list(self._running.items()):
            settled = self.arrays.settled(id) if self.arrays and running.storing is not None else None
            if settled is None or running.storing is None:
                continue
            outcome, running.storing = running.storing, None
            outcome.results.extend(settled.arrays)
            if settled.why_not:
                outcome = failed_outcome(id, "DEVICE", settled.why_not, outcome.took_s)
            out += [(None, message) for message in self._enter(outcome)]
        return out

    def _enter(self, outcome: wire.Outcome) -> list[wire.FromDriver]:
        running = self._running[outcome.id]
        instrument = running.command.instrument
        try:
            if not self.stops.is_safe(instrument):
                self._note_unsafe(instrument)
            self._ledger.end(outcome)
        except LedgerError as error:
            first_try = running.unwritten is None
            running.unwritten = outcome
            self._retry_at = min(self._retry_at, time.monotonic() + RETRY_LEDGER_S)
            if not first_try:
                return []
            return [self._refused(f"command “{outcome.id}” ended, but its outcome cannot be entered in the ledger of driver "
                                  f"“{self.name}” and is kept back until it can: {error}")]
        del self._busy[instrument]
        del self._running[outcome.id]
        how = f"done in {outcome.took_s:.3g} s" if outcome.done else f"{wire.FaultKind.Name(outcome.fault)}: {outcome.message}"
        _log.info("%s ended “%s” %s: %s", instrument, running.command.capability, outcome.id, how)
        return [self._say(outcome=outcome)]

    # ── Saying it ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _accepted(self, id: str, running: _Running) -> wire.FromDriver:
        return self._say(accepted=wire.Accepted(id=id, expected_s=running.expected_s))

    def _standing(self, entry: Entry) -> wire.FromDriver:
        if entry.outcome is not None:
            return self._say(outcome=entry.outcome)
        state = wire.CommandState(id=entry.command.id, standing=wire.CommandState.INTERRUPTED)
        return self._say(answer=wire.Answer(states=[state]))

    def _about_stops(self, answers: list[Answer]) -> list[Addressed]:
        return [(asker, self._refused(told) if isinstance(told, str) else self._say(stopped=told)) for asker, told in answers]

    def _refused(self, why: str, id: str = "") -> wire.FromDriver:
        self._quiet.note(why)
        return self._say(refused=wire.Refused(why=why, id=id))

    def _say(self, **body: object) -> wire.FromDriver:
        return wire.FromDriver(version=PROTOCOL_VERSION, driver=self.name, boot=self.boot, **body)  # type: ignore[arg-type]


def _is_too_long(id: str) -> bool:
    return len(id.encode()) > _LONGEST_ID


def _too_long(id: str) -> str:
    return f"an id of {len(id.encode())} bytes; {_LONGEST_ID} is the most"


def _same_command(entered: wire.Command, command: wire.Command) -> bool:
    """An id names one command for ever. A command that was cancelled before it came is entered with its id alone."""
    if not entered.instrument:
        return True
    return (entered.instrument, entered.capability, entered.sample, *_bytes_of(entered)) == (
        command.instrument, command.capability, command.sample, *_bytes_of(command))


def _bytes_of(command: wire.Command) -> list[bytes]:
    return [value.SerializeToString(deterministic=True) for value in values_of(command)]


def _as_told(command: wire.Command, parameters: Mapping[str, float | str]) -> Command:
    return Command(command.id, command.capability, command.sample, command.place, parameters)
