"""Record what each statement of a rehearsal did."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from migrator.plan.trace import observation
from migrator.plan.trace.changes import changes
from migrator.plan.trace.observation import Held, Observation
from migrator.plan.trace.trace import Lock, Statement
from migrator.project.listeners import Listener, autocommit, quietly

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from types import FrameType

    from sqlalchemy.engine import Connection

    from migrator.plan.trace.autocommit import Attendant
    from migrator.plan.trace.definition import Definition
    from migrator.plan.trace.trace import Change
    from migrator.project.listeners import Permit


_WEAKEST = "AccessShare"
"""What every query takes, and stops nothing but what is the strongest."""
_CHANGED = (
    r"""\b(?:INTO|UPDATE|DELETE\s+FROM|COPY)\s+(?:ONLY\s+)?(?:"?\w+"?\s*\.\s*)?"?{}"?(?!\w)"""
)
_OPEN = "migrator.transaction"
_OWN = "pg_backend_pid()"


@dataclass
class Transaction:
    """One transaction of the rehearsal."""

    number: int
    began: float = field(default_factory=time.monotonic)
    seen: Observation | None = None
    """The last look; None before the first statement."""


@dataclass(frozen=True, slots=True)
class Under:
    """The revision that runs, and the file and table by which its statements are known."""

    revision: str
    file: str
    named: str
    """The file as the project names it."""
    version_table: str


class Recorder(Listener):
    """Writes down the statements of the revisions, and what each did to tables of the target."""

    def __init__(self, known: dict[int, Definition], attendant: Attendant, permit: Permit) -> None:
        """Begin with these tables.

        The attendant looks at what runs outside of a transaction; `permit` refuses a connection
        that is not to the copy.
        """
        self._known, self._attendant, self._permit = known, attendant, permit
        self._names = {oid: each.name for oid, each in known.items()}
        self._transactions = 0
        self._running: tuple[str, int | None, float] | None = None
        self.statements: list[Statement] = []
        self.under: Under | None = None

    def begins(self, under: Under) -> None:
        """Learn of the revision that runs now."""
        self.under = under

    def ends(self) -> None:
        """Learn that none does."""
        self.under = None

    def forget(self, connection: Connection) -> None:
        """Take all that is there now for what was there before: for a history as a whole."""
        told = quietly(connection, observation.ALL)[0]
        self._known.clear()
        self._known.update(observation.all_of(told))
        self._names = {oid: each.name for oid, each in self._known.items()}

    def begun(self, connection: Connection) -> None:
        """See that it is on the copy, and count it."""
        self._permit(connection)
        if not autocommit(connection):
            self._transactions += 1
            connection.info[_OPEN] = Transaction(self._transactions)

    def executing(self, connection: Connection, statement: str) -> None:
        """Note where a statement comes from, and look how things are before it."""
        self._permit(connection)  # SQLAlchemy 1.4 begins nothing where env.py does not
        if not self._is_of_a_revision(statement):
            self._running = None
            return
        under = self.under
        line = _line_in(under.file) if under else None
        if autocommit(connection):
            self._attendant.before(statement, quietly(connection, f"SELECT {_OWN}")[0])
        else:
            transaction = self._transaction(connection)
            transaction.seen = transaction.seen or self._look(connection)
        self._running = (statement, line, time.monotonic())

    def executed(self, connection: Connection, statement: str, rows: int | None = None) -> None:
        """Look what it did."""
        if self._running is None or self._running[0] != statement or self.under is None:
            return
        _, line, began = self._running
        took, self._running = time.monotonic() - began, None
        made = Statement(
            number=len(self.statements) + 1,
            revision=self.under.revision,
            sql=statement,
            file=self.under.named,
            line=line,
            duration_s=round(took, 6),
            rows=rows,
            transaction=None,
        )
        if autocommit(connection):
            self._alone(made)
        else:
            self._within(made, connection)

    def failed_at(self) -> str | None:
        """Give the statement that was running when the rehearsal failed."""
        return self._running[0] if self._running else None

    def ending(self, connection: Connection) -> None:
        """Say of each lock of the transaction until when it was held."""
        transaction = connection.info.pop(_OPEN, None)
        if isinstance(transaction, Transaction):
            self._released(transaction)

    def _within(self, made: Statement, connection: Connection) -> None:
        transaction = self._transaction(connection)
        before, now = transaction.seen or Observation(), self._look(connection)
        transaction.seen = now
        new = now.locks - before.locks
        seen = now.definitions or {}
        may_have_changed = {
            lock.table for lock in now.locks if lock.mode not in (_WEAKEST, "RowShare")
        }
        number, at_s = made.number, time.monotonic() - transaction.began
        locks = self._locks(new, number, at_s)
        altered, rewritten = self._altered(may_have_changed & self._known.keys(), seen, now)
        written = now.written_since(before)
        self.statements.append(
            replace(
                made,
                transaction=transaction.number,
                locks=locks,
                rewritten=rewritten,
                scanned=self._named(now.scanned_since(before)),
                written=self._named(self._touched(new | now.locks, made, written)),
                changes=altered,
                changed_something=bool(written),
            )
        )

    def _alone(self, made: Statement) -> None:
        """Take down a statement that was committed at once, by what the attendant saw."""
        seen = self._attendant.after()
        definitions = self._attendant.definitions()
        locks = self._locks(seen.locks, made.number, made.duration_s)
        altered, rewritten = self._altered(self._known.keys(), definitions, None)
        built = {change.table for change in altered if change.kind == "index_added"}
        scanned = {*self._named(seen.scans or {}), *built}
        locks = tuple(replace(each, until=made.number, held_s=made.duration_s) for each in locks)
        self.statements.append(
            replace(
                made,
                locks=locks,
                rewritten=rewritten,
                scanned=tuple(sorted(scanned)),
                written=self._named(seen.writes or {}),
                changes=altered,
                changed_something=bool(altered or seen.writes) or not self._attendant.certain,
            )
        )

    def _altered(
        self,
        candidates: Collection[int],
        seen: Mapping[int, Definition],
        now: Observation | None,
    ) -> tuple[tuple[Change, ...], tuple[str, ...]]:
        """Give what was done to these tables, and which of them have another file now."""
        found: list[Change] = []
        rewritten: list[str] = []
        strongly = {lock.table for lock in now.locks if _may_redefine(lock)} if now else None
        for oid in sorted(candidates):
            if strongly is not None and oid not in strongly:
                continue
            before, after = self._known[oid], seen.get(oid)
            found += changes(self._names[oid], before, after)
            if after is None:
                del self._known[oid]
                continue
            if after.file != before.file:
                rewritten.append(self._names[oid])
            self._known[oid] = after
        return tuple(found), tuple(rewritten)

    def _locks(self, held: Iterable[Held], number: int, at_s: float) -> tuple[Lock, ...]:
        """Give the locks on tables of the target; for how long is known when they are released."""
        found = [
            Lock(self._names[each.table], each.mode, number, number, -at_s, each.index)
            for each in held
            if each.table in self._names and each.mode != _WEAKEST and self._was_there(each)
        ]
        return tuple(sorted(found, key=lambda lock: (lock.table, lock.index or "", lock.strength)))

    def _was_there(self, held: Held) -> bool:
        """Tell whether an index is one that queries use already."""
        indexes = self._known[held.table].indexes if held.table in self._known else {}
        return held.index is None or held.index in {one["name"] for one in indexes.values()}

    def _released(self, transaction: Transaction) -> None:
        mine = [s for s in self.statements if s.transaction == transaction.number]
        if not mine:
            return
        ended, last = time.monotonic() - transaction.began, mine[-1].number
        for statement in mine:
            held = tuple(
                replace(lock, until=last, held_s=round(max(0.0, ended + lock.held_s), 6))
                for lock in statement.locks
            )
            self.statements[statement.number - 1] = replace(statement, locks=held)

    def _touched(self, held: Iterable[Held], made: Statement, written: set[int]) -> set[int]:
        """Give the tables whose rows it changes, or would change if the copy had any."""
        if not _changes_rows(made.sql):
            return written
        new = {each.table for each in held if each.mode == "RowExclusive"}
        return written | {oid for oid in new if _changes(made.sql, self._names.get(oid, ""))}

    def _named(self, oids: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(self._names[oid] for oid in oids if oid in self._names))

    def _look(self, connection: Connection) -> Observation:
        told = quietly(connection, observation.QUERY.replace("{pid}", _OWN))[0]
        return Observation.read(json.loads(told))

    def _transaction(self, connection: Connection) -> Transaction:
        found = connection.info.get(_OPEN)
        if not isinstance(found, Transaction):  # the driver began it, and nobody was told
            self._transactions += 1
            found = connection.info[_OPEN] = Transaction(self._transactions)
        return found

    def _is_of_a_revision(self, statement: str) -> bool:
        if self.under is None:
            return False
        return not (_changes_rows(statement) and _says(statement, self.under.version_table))


def _may_redefine(lock: Held) -> bool:
    return lock.mode not in (_WEAKEST, "RowShare", "RowExclusive")


def _changes_rows(statement: str) -> bool:
    first = statement.lstrip(" \t\r\n(").partition(" ")[0].upper()
    return first in {"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH"}


def _says(statement: str, table: str) -> bool:
    """Tell whether a statement names a table, with or without its schema."""
    bare = table.rpartition(".")[2].strip('"')
    return bool(bare) and bare.lower() in statement.lower()


def _changes(statement: str, table: str) -> bool:
    """Tell whether a statement names a table as the one whose rows it changes.

    On a table without rows it changes none, and its lock may be that of an earlier statement.
    """
    named = re.compile(
        _CHANGED.format(re.escape(table.rpartition(".")[2].strip('"'))), re.IGNORECASE
    )
    return bool(named.search(statement))


def _line_in(file: str) -> int | None:
    """Give the line of this file that the present call comes from."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect` reads each one's source
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        frame = frame.f_back
    return None
