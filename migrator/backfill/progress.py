"""Report how many rows are done, how many remain, and the time left at this rate."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from migrator.output import text
from migrator.output.log import Event, emit

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from migrator.backfill.keyset import Keyset

_COUNTED_WITHIN_S = 2.0
_SAY_EVERY_S = 10.0


class Tally:
    """Counts the rows and batches of this process that are committed."""

    def __init__(self) -> None:
        """Nothing is done yet."""
        self.rows = self.batches = 0
        self._alone = threading.Lock()

    def add(self, rows: int) -> None:
        """Count a batch."""
        with self._alone:
            self.rows += rows
            self.batches += 1


class Progress:
    """Says from time to time how far a backfill is."""

    def __init__(self, name: str, tally: Tally, done: int) -> None:
        """Say it of what is counted from now on, besides the rows that were done before."""
        self._name, self._tally, self._done = name, tally, done
        self._began, self._before = time.monotonic(), tally.rows
        self._said = self._began
        self._remained, self._estimated = 0, False

    def measure(self, keyset: Keyset, connection: Connection) -> None:
        """Find out how much remains: counted where that is quick, else by the planner's estimate.

        Raises the driver's errors.
        """
        counted = keyset.count(connection, _COUNTED_WITHIN_S)
        self._estimated = counted is None
        self._remained = keyset.estimate(connection) if counted is None else counted

    def say(self, batch_rows: int, *, now: bool = False) -> None:
        """Say it, if it was not said lately, or `now`."""
        if not now and time.monotonic() - self._said < _SAY_EVERY_S:
            return
        self._said = time.monotonic()
        done = self._tally.rows - self._before
        left = max(0, self._remained - done)
        eta_s = self._eta_s(done, left)
        remaining = ("about " if self._estimated else "") + text.remaining(left)
        told = f"{self._name}: {text.rows(self._done + done)} done, {remaining}"
        told += f", {text.duration(eta_s)} at this rate" if eta_s else ""
        emit(
            Event.PLAN_MADE,
            f"{told}.",
            backfill=self._name,
            done=self._done + done,
            remaining=left,
            estimated=self._estimated,
            eta_s=eta_s,
            batch_rows=batch_rows,
        )

    def _eta_s(self, done: int, left: int) -> float | None:
        passed_s = time.monotonic() - self._began
        return round(left * passed_s / done, 1) if done else None
