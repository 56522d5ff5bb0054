"""Trace statements that cannot run in a transaction, such as CREATE INDEX CONCURRENTLY.

What is committed at once leaves no moment to ask its backend. Most statements can be tried in a
transaction beforehand, which is rolled back. Those that cannot (CREATE INDEX CONCURRENTLY and its
kin) wait at some point for every older transaction to end: an old one is kept for them until
they do, and while they wait their locks can be read.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from migrator.database.connection import fetch
from migrator.plan.trace import observation
from migrator.plan.trace.observation import Held, Observation

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection

    from migrator.plan.trace.definition import Definition

_NOT_IN_A_TRANSACTION = "25001"
_OWN = "pg_backend_pid()"
_BRIEFLY = "SET lock_timeout = '2s'"
_WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)"
_EVERY_S = 0.002
_AT_MOST_S = 10.0
"""The longest that a statement is kept waiting for, should it not wait for us at all."""


class Attendant:
    """Three connections to the copy: one tries, one looks, one is in the way."""

    def __init__(self, connect: Callable[[], Connection], known: dict[int, Definition]) -> None:
        """Connect when first needed; `known` are the tables by their numbers, as they are now."""
        self._connect, self._known = connect, known
        self._sessions: list[Connection] = []
        self._seen = Observation()
        self._watch: _Watch | None = None
        self.certain = False
        """Whether it is known what the last statement wrote."""

    def before(self, statement: str, pid: int) -> None:
        """Try a statement that is about to run by itself, or wait for it beside its backend."""
        self._seen, self.certain = Observation(), False
        trying, looking, holding = self._connected()
        try:
            self._seen = _tried(trying, statement)
            self.certain = True
        except psycopg2.Error as error:
            if error.pgcode == _NOT_IN_A_TRANSACTION:
                self._watch = _Watch(looking, holding, pid, self._named_in(statement))
        finally:
            with suppress(psycopg2.Error):
                trying.rollback()

    def after(self) -> Observation:
        """Give what was seen of it."""
        if watch := self._watch:
            self._watch = None
            return Observation(locks=watch.ended())
        return self._seen

    def definitions(self) -> dict[int, Definition]:
        """Give the definitions of all tables there are, as committed."""
        _, looking, _ = self._connected()
        return observation.all_of(fetch(looking, observation.ALL)[0][0])

    def close(self) -> None:
        """Leave."""
        if self._watch:
            self._watch.ended()
        for session in self._sessions:
            session.close()

    def _connected(self) -> tuple[Connection, Connection, Connection]:
        if not self._sessions:
            self._sessions = [self._connect() for _ in range(3)]
            fetch(self._sessions[0], f"{_BRIEFLY}; SELECT 1")
            self._sessions[0].autocommit = False
            self._sessions[2].set_session(ISOLATION_LEVEL_REPEATABLE_READ, autocommit=False)
        trying, looking, holding = self._sessions
        return trying, looking, holding

    def _named_in(self, statement: str) -> list[str]:
        """Give the tables that a statement names, by themselves or by an index of theirs."""
        return [
            each.name
            for each in self._known.values()
            if any(
                name in statement
                for name in (
                    each.name.rpartition(".")[2].strip('"'),
                    *(index["name"] for index in each.indexes.values()),
                )
            )
        ]


def _tried(connection: Connection, statement: str) -> Observation:
    """Run a statement in a transaction that is not committed; gives what it did."""
    before = _look(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    now = _look(connection)
    scans, writes = now.scanned_since(before), now.written_since(before)
    return Observation(
        now.locks - before.locks,
        now.definitions,
        dict.fromkeys(scans, 1),
        dict.fromkeys(writes, 1),
    )


def _look(connection: Connection, pid: str = _OWN) -> Observation:
    with connection.cursor() as cursor:
        cursor.execute(observation.QUERY.replace("{pid}", pid))
        row = cursor.fetchone()
    return Observation.read(json.loads(row[0])) if row else Observation()


class _Watch:
    """Reads the locks of a backend while it waits for a transaction of ours, which then ends."""

    def __init__(
        self, looking: Connection, holding: Connection, pid: int, tables: list[str]
    ) -> None:
        self._looking, self._holding, self._pid = looking, holding, pid
        self._locks: set[Held] = set()
        self._over = threading.Event()
        with holding.cursor() as cursor:
            cursor.execute("SELECT FROM pg_class LIMIT 1")  # takes the snapshot
            if tables:
                cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE")
        self._thread = threading.Thread(target=self._look, name="migrator-attendant", daemon=True)
        self._thread.start()

    def ended(self) -> frozenset[Held]:
        """Stop looking; gives the locks that were seen."""
        self._over.set()
        self._thread.join()
        return frozenset(self._locks)

    def _look(self) -> None:
        began, released = time.monotonic(), False
        while not self._over.is_set():
            with suppress(psycopg2.Error):
                waits = fetch(self._looking, _WAITS, [self._pid])[0][0]
                self._locks |= _look(self._looking, str(self._pid)).locks
                if not released and (waits or time.monotonic() - began > _AT_MOST_S):
                    self._holding.rollback()
                    released = True
            self._over.wait(_EVERY_S)
        if not released:
            with suppress(psycopg2.Error):
                self._holding.rollback()
