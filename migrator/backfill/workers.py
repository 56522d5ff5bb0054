"""Start the workers of a backfill, monitor them, and cancel them when it must end."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

from migrator.backfill.session import Session
from migrator.backfill.worker import Worker
from migrator.database.connection import fetch
from migrator.errors import DeniedError, MigratorError
from migrator.process.signals import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.backfill.worker import Desk
    from migrator.database.lock.run_lock import Locked

_TICK_S, _CANCEL_AGAIN_S = 0.1, 0.5
_CONNECT_WITHIN_S = 10.0
_ENDS_WITHIN_S = 3.0


@contextmanager
def crew(locked: Locked, desk: Desk, count: int) -> Iterator[Crew]:
    """Give so many workers for as long as the block lasts; what they are at is then cancelled."""
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(closing(Session(locked.server.again(_CONNECT_WITHIN_S))))
            for _ in range(count)
        ]
        made = Crew(desk, sessions)
        with locked.heartbeat.lent(made.look):
            try:
                yield made
            finally:
                made.end()


class Crew:
    """Goes through the keys together."""

    def __init__(self, desk: Desk, sessions: list[Session]) -> None:
        """Work with these sessions, one each."""
        self._desk, self._sessions = desk, sessions
        self._threads: list[threading.Thread] = []
        self._cancelled = 0.0

    def go_through(self, meanwhile: Callable[[], None]) -> int:
        """Work until the passage is at its end; gives the number of batches.

        Raises the first error of a worker.
        """
        before = self._desk.tally.batches
        workers = [Worker(self._desk, session) for session in self._sessions]
        self._threads = [
            threading.Thread(target=each.work, name="migrator-backfill", daemon=True)
            for each in workers
        ]
        for thread in self._threads:
            thread.start()
        while any(thread.is_alive() for thread in self._threads):
            for thread in self._threads:
                thread.join(_TICK_S)
            meanwhile()
        if self._desk.failed:
            raise self._desk.failed[0]
        if lost := self._desk.guard.failure():
            raise lost
        return self._desk.tally.batches - before

    def look(self, connection: Connection | None) -> None:
        """Stop if the lock is lost, cancel what must end, watch the replicas and the load."""
        if self._desk.guard.lost:
            self._desk.stop.set()
        if connection is None:
            return
        now = time.monotonic()
        with suppress(DeniedError):
            if self._must_end and now - self._cancelled >= _CANCEL_AGAIN_S:
                self._cancelled = now
                pids = list(self._desk.running.values())
                fetch(connection, "SELECT pg_cancel_backend(pid) FROM unnest(%s) AS pid", [pids])
        self._desk.pace.look(connection)

    @property
    def _must_end(self) -> bool:
        desk = self._desk
        ended = SIGNALS.pending is not None or desk.guard.lost
        return bool(desk.running) and (ended or (desk.stop.is_set() and not desk.failed))

    def end(self) -> None:
        """Have the workers end, and wait for it, though not for ever."""
        self._desk.stop.set()
        ends = time.monotonic() + _ENDS_WITHIN_S
        with suppress(MigratorError):
            for thread in self._threads:
                thread.join(max(0.0, ends - time.monotonic()))
