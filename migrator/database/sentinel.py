"""Watches a statement from outside while it runs: a thread with a connection of its own.

It says who is in the way before the table-lock timeout strikes, cancels the statement on the
server where the run was interrupted, and where the guard is gone.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from migrator.database.blockers import Blocker, blockers
from migrator.database.connection import fetch
from migrator.database.guard import lock_lost
from migrator.errors import MigratorError
from migrator.interruption import WATCH
from migrator.log import Event, emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.database.guard import Guard
    from migrator.settings import Settings

_LOOK_S = 0.1
_HEARTBEAT_S = 1.0
_CANCEL_AGAIN_S = 0.5
_SILENCE_S = 10.0
"""A server that has not answered for so long is taken for gone, though its network still
acknowledges, as a proxy does that has lost what is behind it."""
_NOTICE = 0.6
"""The part of the table-lock timeout after which we ask who is in the way."""


@contextmanager
def watching(guard: Guard, settings: Settings) -> Iterator[Sentinel]:
    """Give a sentinel that watches for as long as the block lasts."""
    sentinel = Sentinel(guard, settings.ddl_lock_timeout, queries=settings.log_queries)
    with sentinel.awake():
        yield sentinel


class Sentinel:
    """Knows which statement runs, since when, and who was in its way."""

    def __init__(self, guard: Guard, lock_timeout_s: float, *, queries: bool) -> None:
        """Watch for this guard; statements wait for a table lock this long at most."""
        self.guard = guard
        self.in_the_way: tuple[Blocker, ...] = ()
        self._notice_s, self._queries = lock_timeout_s * _NOTICE, queries
        self._running: tuple[int, str, float] | None = None
        self._said: float | None = None
        self._stop, self._answered = threading.Event(), time.monotonic()

    def begins(self, pid: int, statement: str) -> None:
        """Learn of a statement that a backend is about to run."""
        self._running = (pid, statement, time.monotonic())

    def ends(self) -> None:
        """Learn that no statement runs."""
        self._running = None

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Watch for as long as the block lasts."""
        with closing(self.guard.server.again(_HEARTBEAT_S * 10)) as connection:
            thread = threading.Thread(target=self._watch, args=[connection], daemon=True)
            thread.start()
            threading.Thread(target=self._listen, daemon=True).start()
            try:
                yield
            finally:
                self._stop.set()
                thread.join(_HEARTBEAT_S)

    def _listen(self) -> None:
        """End the run where the server answers nothing any more: then nothing can be cancelled."""
        while not self._stop.wait(_HEARTBEAT_S):
            if time.monotonic() - self._answered > _SILENCE_S:
                self.guard.lost = True
                WATCH.interrupt(lock_lost())
                return

    def _watch(self, connection: Connection) -> None:
        asked = cancelled = self._answered = time.monotonic()
        while not self._stop.wait(_LOOK_S):
            self._answered = now = time.monotonic()
            if now - asked >= _HEARTBEAT_S:
                asked = now
                self.guard.alive()
            running = self._running
            if running is None:
                continue
            with suppress(MigratorError):
                if self._must_end() and now - cancelled >= _CANCEL_AGAIN_S:
                    cancelled = now
                    fetch(connection, "SELECT pg_cancel_backend(%s)", [running[0]])
                elif now - running[2] >= self._notice_s and self._said != running[2]:
                    self._notice(connection, running)

    def _must_end(self) -> bool:
        return WATCH.pending is not None or self.guard.lost

    def _notice(self, connection: Connection, running: tuple[int, str, float]) -> None:
        """Say once for each statement who is in its way."""
        pid, statement, since = running
        found = blockers(connection, pid, queries=self._queries)
        if not found or self._running != running:
            return
        self._said, self.in_the_way = since, found
        waited = time.monotonic() - since
        emit(
            Event.STATEMENT_BLOCKED,
            f"Waiting {waited:.1f} s for a lock held by {'; '.join(map(str, found))}.",
            level="warn",
            waited_s=round(waited, 2),
            statement=" ".join(statement.split())[:300],
            blockers=[asdict(b) for b in found],
        )
