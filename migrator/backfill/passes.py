"""Pass over the remaining rows again and again, until none is left."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.backfill import failure
from migrator.backfill.key_ranges import Passage
from migrator.backfill.keyset import keyset
from migrator.backfill.pace import FIRST, Limits, Pace
from migrator.backfill.progress import Progress
from migrator.backfill.worker import Desk
from migrator.backfill.workers import crew
from migrator.database.connection import fetch
from migrator.errors import BusyError
from migrator.ledger import backfills

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.backfill.definition import Definition
    from migrator.backfill.progress import Tally
    from migrator.backfill.workers import Crew
    from migrator.database.lock.run_lock import Locked

_LOOK_AGAIN_S = 0.5
_CONNECT_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """What is to be filled, and how."""

    name: str | None
    """One backfill, or None for every one that is not complete."""
    workers: int
    batch_s: float
    """How long a batch should take."""
    lag_s: float
    """No batch begins while a replica is further behind."""
    active: int | None
    """No batch begins while more other sessions run a statement; None is any number."""


def fill(locked: Locked, definition: Definition, request: BackfillRequest, tally: Tally) -> None:
    """Change what remains, batch by batch, until nothing does; what is done is counted.

    Raises `BackfillError` where a query or a batch fails, `BusyError` where rows stay locked,
    `UnreachableError` where the server or the lock is lost.
    """
    with closing(locked.server.again(_CONNECT_WITHIN_S)) as asking, _errors_of(definition):
        name, keys = definition.name, keyset(asking, definition.remaining)
        known = backfills.begin(asking, name, definition.digest, FIRST)
        limits = Limits(
            request.batch_s, request.lag_s, request.active, locked.settings.ddl_retry_for
        )
        pace = Pace(name, limits, known.batch_rows)
        passage = Passage(known.position)
        desk = Desk(definition, keys, locked.guard, _opening(locked), pace, tally, passage)
        with crew(locked, desk, request.workers) as workers:
            progress = Progress(name, tally, known.rows)
            _until_nothing_remains(_Filling(desk, workers, asking, progress, limits.retry_s))
        backfills.complete(asking, name)


@contextmanager
def _errors_of(definition: Definition) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a driver's, or ours already
        raise failure.of(error, definition) from None


def _opening(locked: Locked) -> str:
    limits = {"lock_timeout": _milliseconds(locked.settings.ddl_lock_timeout)}
    if locked.settings.statement_timeout is not None:
        limits["statement_timeout"] = _milliseconds(locked.settings.statement_timeout)
    return locked.guard.opening(limits, autocommits=False, direct=not locked.server.pooled)


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


class _Filling:
    """A desk, its workers, and a connection to ask what remains."""

    def __init__(
        self, desk: Desk, workers: Crew, asking: Connection, progress: Progress, retry_s: float
    ) -> None:
        self.desk, self._workers, self._asking = desk, workers, asking
        self._progress = progress
        self._retry_s = retry_s
        self._since: float | None = None

    def measure(self) -> None:
        with self._watched():
            self._progress.measure(self.desk.keyset, self._asking)
        self._progress.say(self.desk.pace.size, now=True)

    def remains(self) -> bool:
        with self._watched():
            return self.desk.keyset.any(self._asking)

    def go_through(self) -> None:
        """Go through the keys once; where all were locked, wait a moment."""
        batches = self._workers.go_through(lambda: self._progress.say(self.desk.pace.size))
        if batches:
            self._since = None
        else:
            self._bide()

    def _bide(self) -> None:
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._retry_s:
            message = f"What remains of the backfill {self.desk.definition.name} stays locked."
            raise BusyError(message, hint="Another session has the rows. What is done is kept.")
        time.sleep(_LOOK_AGAIN_S)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Let the question be cancelled with the rest."""
        self.desk.running[self] = fetch(self._asking, "SELECT pg_backend_pid()")[0][0]
        try:
            yield
        finally:
            del self.desk.running[self]


def _until_nothing_remains(filling: _Filling) -> None:
    """Go from where it was to the end, and then from the start again while rows remain."""
    filling.measure()
    while filling.remains():
        filling.go_through()
        desk = filling.desk
        desk.strict, desk.passage = True, Passage(None)
