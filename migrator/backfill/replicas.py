"""Measure the lag of replicas, in seconds.

The view's own `replay_lag` stands still while a replica replays nothing. So the position of the
log is noted at each look, and the lag is the age of the oldest one that is not replayed yet.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from migrator.database.connection import fetch
from migrator.errors import DeniedError, UnreachableError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_LOOK = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
 (SELECT min(pg_wal_lsn_diff(replay_lsn, '0/0'))::bigint FROM pg_stat_replication),
 (SELECT count(*) FROM pg_stat_replication),
 (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
  AND backend_type = 'client backend')
"""
_REFUSED = ("0A000", "42883", "55000")
"""SQLSTATEs of a server that has no such function."""


class Replicas:
    """Knows how far the replica that is furthest behind is, and how many sessions are at work."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._written: deque[tuple[float, int]] = deque(maxlen=100_000)
        self.lag_s: float | None = None
        """None without a replica, or where this role may not see it."""
        self.hidden = False
        """Whether there are replicas that this role may not see the positions of."""
        self.active = 0
        """Other sessions that run a statement, as far as this role sees them."""

    def look(self, connection: Connection) -> None:
        """Look again; raises `UnreachableError` where the server is gone."""
        now = time.monotonic()
        try:
            written, replayed, count, self.active = fetch(connection, _LOOK)[0]
        except DeniedError:
            return
        except UnreachableError as error:
            if error.sqlstate not in _REFUSED:
                raise
            return
        self._written.append((now, written))
        self.hidden = bool(count) and replayed is None
        self.lag_s = self._behind(now, replayed) if replayed is not None else None

    def _behind(self, now: float, replayed: int) -> float:
        while self._written and self._written[0][1] <= replayed:
            self._written.popleft()
        return now - self._written[0][0] if self._written else 0.0
