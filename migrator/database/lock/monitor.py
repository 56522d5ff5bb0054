"""Monitor the running statement from outside, and report which sessions block it.

It says who is in the way before the table-lock timeout strikes, and cancels the statement on the
server if the run is interrupted or the guard is gone.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from migrator.database.connection import fetch
from migrator.database.sessions import blocking
from migrator.errors import DeniedError
from migrator.output.log import Event, emit
from migrator.process.signals import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.database.lock.guard import Guard
    from migrator.database.lock.heartbeat import Heartbeat
    from migrator.database.sessions import Session
    from migrator.settings.table import Settings

_HEARTBEAT_S = 1.0
_CANCEL_AGAIN_S = 0.5
_NOTICE = 0.6
"""The part of the table-lock timeout after which we ask who is in the way."""


@contextmanager
def monitoring(
    guard: Guard, heartbeat: Heartbeat, settings: Settings
) -> Iterator[StatementMonitor]:
    """Give a monitor that watches until the block ends."""
    monitor = StatementMonitor(guard, settings.ddl_lock_timeout, queries=settings.log_queries)
    with heartbeat.lent(monitor.look):
        yield monitor


class StatementMonitor:
    """Knows which statement runs, since when, and who was in its way."""

    def __init__(self, guard: Guard, lock_timeout_s: float, *, queries: bool) -> None:
        """Watch for this guard; statements wait for a table lock this long at most."""
        self.guard = guard
        self.in_the_way: tuple[Session, ...] = ()
        self._notice_s, self._queries = lock_timeout_s * _NOTICE, queries
        self._running: tuple[int, str, float] | None = None
        self._said: float | None = None
        self._asked = self._cancelled = time.monotonic()

    def begins(self, pid: int, statement: str) -> None:
        """Learn of a statement that a backend is about to run."""
        self._running = (pid, statement, time.monotonic())

    def ends(self) -> None:
        """Learn that no statement runs."""
        self._running = None

    @contextmanager
    def seeing(self, pid: int, statement: str) -> Iterator[None]:
        """Watch a statement of our own; pid 0 where a pooler hides it."""
        if pid:
            self.begins(pid, statement)
        try:
            yield
        finally:
            self.ends()

    def look(self, connection: Connection | None) -> None:
        """See that the guard is there; cancel the statement, or say who is in its way."""
        now = time.monotonic()
        if now - self._asked >= _HEARTBEAT_S:
            self._asked = now
            self.guard.alive()
        running = self._running
        if running is None or connection is None:
            return
        with suppress(DeniedError):
            if self._must_end() and now - self._cancelled >= _CANCEL_AGAIN_S:
                self._cancelled = now
                fetch(connection, "SELECT pg_cancel_backend(%s)", [running[0]])
            elif now - running[2] >= self._notice_s and self._said != running[2]:
                self._notice(connection, running)

    def _must_end(self) -> bool:
        return SIGNALS.pending is not None or self.guard.lost

    def _notice(self, connection: Connection, running: tuple[int, str, float]) -> None:
        """Say once for each statement who is in its way."""
        pid, statement, since = running
        found = blocking(connection, [pid], queries=self._queries)
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
            blockers=[
                {
                    "pid": each.pid,
                    "user": each.user,
                    "application_name": each.application_name,
                    "state": each.state,
                    "transaction_s": each.transaction_s,
                    "query": each.query,
                }
                for each in found
            ],
        )
