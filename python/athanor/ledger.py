"""A driver's own durable memory of command ids: what was begun and how it ended. It is why a doubled message is harmless.

The same file as that of the C++ kit (instruments/ledger.cpp): either can go on with the other's.
"""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from .decode import decoded
from .errors import EnvironmentFailure
from .proto import driver_pb2 as wire

_APPLICATION_ID = 0x41744C67  # "AtLg"
_SCHEMA_VERSION = 1
_IDENTITY = "CREATE TABLE identity (name TEXT NOT NULL)"  # one row, once it has a name
_UNSAFE = "CREATE TABLE unsafe (instrument TEXT PRIMARY KEY) WITHOUT ROWID"
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE command (id TEXT PRIMARY KEY, boot TEXT NOT NULL, command BLOB NOT NULL, outcome BLOB,
 interrupted INTEGER NOT NULL DEFAULT 0, began INTEGER) WITHOUT ROWID;
CREATE INDEX unfinished ON command (id) WHERE outcome IS NULL AND interrupted = 0;
{_UNSAFE};
{_IDENTITY};
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""
# What a person can do about it, by SQLite's primary result code.
_WAYS_OUT = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, nothing that was acknowledged is lost",
    sqlite3.SQLITE_NOTADB: "the file is not a database; name another file, or move this one away",
    sqlite3.SQLITE_BUSY: "the file is in use by another process; end that one first, or name another file",
    sqlite3.SQLITE_LOCKED: "the file is in use by another process; end that one first, or name another file",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check that its folder exists and that you may write there",
    sqlite3.SQLITE_READONLY: "the file cannot be written; check its permissions and those of its folder",
    sqlite3.SQLITE_PERM: "the file cannot be written; check its permissions and those of its folder",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; put a copy back that knows as much, or name another file",
    sqlite3.SQLITE_IOERR: "reading or writing the disk failed; check the disk and the file system",
}


class LedgerError(EnvironmentFailure):
    """It cannot be read or written. Nothing was changed."""


@dataclass(frozen=True)
class Entry:
    command: wire.Command
    boot: str  # of the driver that began it
    outcome: wire.Outcome | None
    interrupted: bool  # what became of it cannot be known any more; then there is no outcome
    began: int | None  # microseconds since 1970; None: an older program entered it, or it was refused


class Ledger:
    """Belongs to one process at a time. All that write are synced when they return."""

    def __init__(self, file: str) -> None:
        """Opens or makes `file` (":memory:" in memory). Raises LedgerError: in use, not a ledger, disk full."""
        self.file = file
        try:
            self._connection = sqlite3.connect(file, timeout=0, isolation_level=None)
            # The lock is taken by the first write transaction, and kept until the connection is closed.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript("BEGIN EXCLUSIVE; COMMIT")
            if mode not in ("wal", "memory"):
                raise LedgerError(f"{file}: its file system does not support SQLite's write-ahead log (journal mode is "
                                  f"“{mode}”); put it on a local disk")
            self._prepare_schema()
            there = None if file == ":memory:" else os.stat(file)
            self._opened = there and (there.st_dev, there.st_ino)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def close(self) -> None:
        self._connection.close()

    def find(self, id: str) -> Entry | None:
        row = self._execute("SELECT command, boot, outcome, interrupted, began FROM command WHERE id = ?", id).fetchone()
        if row is None:
            return None
        try:
            outcome = None if row[2] is None else decoded(wire.Outcome, row[2])
            return Entry(decoded(wire.Command, row[0]), row[1], outcome, bool(row[3]), row[4])
        except DecodeError as error:
            raise LedgerError(f"the ledger {self.file} is damaged at command “{id}”. Move it away: with a new one, the controller "
                              "repeats nothing that was under way and may not be repeated. An older copy would not tell it so") from error

    def identify(self, fresh: str) -> str:
        """What this ledger is known by, for ever: `fresh` if it has no name yet. No other one may be called so."""
        if known := self._execute("SELECT name FROM identity").fetchone():
            return str(known[0])
        self._execute("INSERT INTO identity VALUES (?)", fresh)
        return fresh

    def unfinished(self) -> list[Entry]:
        """Begun, and neither ended nor marked as interrupted; ordered by id."""
        ids = self._execute("SELECT id FROM command WHERE outcome IS NULL AND interrupted = 0 ORDER BY id").fetchall()
        entries = [self.find(id) for (id,) in ids]
        return [entry for entry in entries if entry is not None]

    def begin(self, command: wire.Command, boot: str) -> None:
        """The command is about to be started. An id enters once."""
        self._require_in_place()  # without the entry it would be begun again
        self._execute("INSERT INTO command (id, boot, command, began) VALUES (?, ?, ?, ?)",
                      command.id, boot, command.SerializeToString(), time.time_ns() // 1000)

    def end(self, outcome: wire.Outcome) -> None:
        self._execute("UPDATE command SET outcome = ?2 WHERE id = ?1 AND outcome IS NULL",
                      outcome.id, outcome.SerializeToString())

    def refuse(self, command: wire.Command, boot: str, outcome: wire.Outcome) -> None:
        """A command that was answered with `outcome` and never started: its id keeps that answer."""
        self._execute("INSERT INTO command (id, boot, command, outcome) VALUES (?, ?, ?, ?)",
                      command.id, boot, command.SerializeToString(), outcome.SerializeToString())

    def mark_interrupted(self, id: str) -> None:
        """A command that was begun under an earlier boot and of which nobody knows what became."""
        self._execute("UPDATE command SET interrupted = 1 WHERE id = ? AND outcome IS NULL", id)

    def forget(self, id: str) -> None:
        """A command that was entered but certainly never started."""
        self._execute("DELETE FROM command WHERE id = ? AND outcome IS NULL", id)

    def note_unsafe(self, instrument: str) -> None:
        """It is not known to be in its safe state after what it did. A second time changes nothing."""
        self._execute("INSERT OR IGNORE INTO unsafe (instrument) VALUES (?)", instrument)

    def note_safe(self, instrument: str) -> None:
        self._execute("DELETE FROM unsafe WHERE instrument = ?", instrument)

    def unsafe(self) -> list[str]:
        """The instruments that were noted as unsafe and not as safe again; ordered by id."""
        return [id for (id,) in self._execute("SELECT instrument FROM unsafe ORDER BY instrument")]

    def _require_in_place(self) -> None:
        if self._opened is None:
            return
        try:
            there = os.stat(self.file)
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != self._opened:
            raise LedgerError(f"{self.file}: was removed or renamed while it is in use; put it back under its name: what is recorded "
                              "now would be lost with this program")

    def _execute(self, sql: str, *values: str | bytes | int) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _prepare_schema(self) -> None:
        application, version, tables = (
            self._connection.execute(question).fetchone()[0]
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema"))
        if application == 0 and tables == 0:
            self._connection.executescript(_SCHEMA)
        elif application != _APPLICATION_ID:
            raise LedgerError(f"{self.file} is a database, but not the ledger of a driver. Name another file for the ledger, "
                              "or move this one away")
        elif version != _SCHEMA_VERSION:
            raise LedgerError(f"{self.file} is a ledger of format {version}, this program reads format {_SCHEMA_VERSION}. Use "
                              "the program that wrote it")
        # Programs before these were there name the columns that they know, and so read and write the file as before.
        for table, column, change in (("command", "began", "ALTER TABLE command ADD COLUMN began INTEGER"),
                                      ("unsafe", "instrument", _UNSAFE),
                                      ("identity", "name", _IDENTITY)):
            if (column,) not in self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall():
                self._connection.execute(change)

    def _failure(self, error: sqlite3.Error) -> LedgerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return LedgerError(f"{self.file}: {_WAYS_OUT.get(code, 'is it a file of another program or version?')} (SQLite: {error})")
