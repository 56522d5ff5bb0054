"""Choose the batch size, and pause for replicas and for other sessions."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from migrator.backfill.replicas import Replicas
from migrator.output.log import Event, emit
from migrator.output.text import duration

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

FIRST = 100
"""The rows of the very first batch."""
_MOST = 20_000
_FACTOR = 2
"""A batch is at most so many times as large as the one before, or as small."""
_OVERLONG = 3
"""A batch that took so many times its target found the server busy; a pause as long follows."""
_LONGEST_REST_S = 10.0
_LOOK_S, _SAY_EVERY_S = 1.0, 10.0
_PAUSE_S = (0.2, 1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the backfill must keep to."""

    batch_s: float
    """How long a batch should take."""
    lag_s: float
    """No batch begins while a replica is further behind."""
    active: int | None
    """No batch begins while more other sessions run a statement; None is any number."""
    retry_s: float
    """How long to go on trying where no batch succeeds."""


class Pace:
    """Shared by the workers: the size of a batch, the pauses, the patience."""

    def __init__(self, name: str, limits: Limits, size: int) -> None:
        """Begin with batches of this size."""
        self.size = size
        self._name, self._limits = name, limits
        self._replicas, self._open = Replicas(), threading.Event()
        self._open.set()
        self._looked = self._said = float("-inf")
        self._since: float | None = None
        self._resting_until = 0.0
        self._troubled: float | None = None

    def took(self, rows: int, seconds: float) -> None:
        """Learn how long a batch took, and fit the next one to the target."""
        self._troubled = None
        wanted = rows * self._limits.batch_s / max(seconds, 0.001)
        if wanted < rows or rows >= self.size:
            self.size = round(min(max(1, rows / _FACTOR, wanted), rows * _FACTOR, _MOST))
        if seconds > _OVERLONG * self._limits.batch_s:
            self._resting_until = time.monotonic() + min(seconds, _LONGEST_REST_S)
            self._close(f"the last batch took {duration(seconds)}", "slow")

    def failed(self, rows: int) -> float | None:
        """Learn that a batch gave way; gives what is left of the patience in seconds, or None."""
        now = time.monotonic()
        self._troubled = self._troubled or now
        self.size = max(1, rows // _FACTOR)
        left = self._limits.retry_s - (now - self._troubled)
        return left if left > 0 else None

    @staticmethod
    def pause_s() -> float:
        """Give how long to wait before another try, in seconds."""
        return random.uniform(*_PAUSE_S)  # noqa: S311 - jitter

    def wait(self, stop: threading.Event) -> None:
        """Wait for the end of a pause, or for the end of the work."""
        while not (self._open.wait(0.1) or stop.is_set()):
            pass

    def look(self, connection: Connection) -> None:
        """Look at the replicas and the load once a second; raises `UnreachableError`."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        self._replicas.look(connection)
        if found := self._reason():
            self._close(*found)
        elif now >= self._resting_until:
            self._open.set()
            self._since = None

    def _reason(self) -> tuple[str, str] | None:
        lag, limits = self._replicas.lag_s, self._limits
        if lag is not None and lag > limits.lag_s:
            return (
                f"a replica is {duration(lag)} behind, and {limits.lag_s:g} s is the limit",
                "lag",
            )
        if limits.active is not None and self._replicas.active > limits.active:
            active = self._replicas.active
            return f"{active} sessions are at work, and {limits.active} is the limit", "load"
        return None

    def _close(self, why: str, reason: str) -> None:
        now = time.monotonic()
        self._open.clear()
        self._since = self._since or now
        if now - self._said >= _SAY_EVERY_S or reason == "slow":
            self._said = now
            emit(
                Event.STATEMENT_BLOCKED,
                f"{self._name} pauses: {why}.",
                level="warn",
                backfill=self._name,
                reason=reason,
                waited_s=round(now - self._since, 1),
                lag_s=self._replicas.lag_s,
                active=self._replicas.active,
                limits=asdict(self._limits),
            )
