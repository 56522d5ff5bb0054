"""Other sessions of the server: who they are and what they do. None is ever terminated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import connection as Connection

_LONGEST_QUERY = 300
_HIDDEN = "<insufficient privilege>"
_SESSIONS = """
SELECT pid, a.usename, a.application_name, host(a.client_addr), a.state, a.xact_start,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float,
       extract(epoch FROM clock_timestamp() - a.query_start)::float, a.query
FROM ({pids}) AS wanted (pid) LEFT JOIN pg_stat_activity a USING (pid)
ORDER BY a.xact_start, a.backend_start
"""
_HOLDING = """
SELECT DISTINCT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1
 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
 AND (classid::bigint << 32 | objid::bigint) = ANY (%s::bigint[])
"""
_BLOCKING = "SELECT DISTINCT unnest(pg_blocking_pids(pid)) FROM unnest(%s::int[]) AS waiting (pid)"
_CONNECTED = """
SELECT pid FROM pg_stat_activity
WHERE datname = %s AND application_name <> %s AND pid <> pg_backend_pid()
 AND coalesce(backend_type, 'client backend') = 'client backend'
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the server; what is None is not known, or this role may not see it."""

    pid: int
    user: str | None = None
    application_name: str | None = None
    client: str | None = None
    state: str | None = None
    since: datetime | None = None
    """When its transaction began."""
    transaction_s: float | None = None
    query_s: float | None = None
    query: str | None = None
    """The first of it, on one line."""

    def __str__(self) -> str:
        """Say who it is and what it does, for a person."""
        said = f"{self.application_name or 'a session'} (pid {self.pid}"
        said += f", role {self.user}" if self.user else ""
        said += f", from {self.client}" if self.client else ""
        said += f", {self.state})" if self.state else ")"
        if self.transaction_s is not None:
            said += f", in its transaction for {self.transaction_s:.0f} s"
        elif self.query_s is not None:
            said += f", in its statement for {self.query_s:.0f} s"
        return said + (f": {self.query}" if self.query else "")


def holding(
    connection: Connection, keys: Sequence[int], *, queries: bool = False
) -> tuple[Session, ...]:
    """Give the sessions that hold one of these advisory locks, the oldest transaction first."""
    return _sessions(connection, _HOLDING, [list(keys)], queries=queries)


def blocking(
    connection: Connection, pids: Sequence[int], *, queries: bool = False
) -> tuple[Session, ...]:
    """Give the sessions for whose locks these backends wait."""
    return _sessions(connection, _BLOCKING, [list(pids)], queries=queries)


def connected(connection: Connection, database: str, ours: str) -> tuple[Session, ...]:
    """Give who is connected to a database, besides sessions of our application name."""
    return _sessions(connection, _CONNECTED, [database, ours], queries=False)


def _sessions(
    connection: Connection, pids: str, arguments: list[object], *, queries: bool
) -> tuple[Session, ...]:
    """Give the sessions of these backends; their queries only if they may be shown."""
    rows = fetch(connection, _SESSIONS.format(pids=pids), arguments)
    return tuple(Session(*(*row[:-1], _shown(row[-1]) if queries else None)) for row in rows)


def _shown(query: str | None) -> str | None:
    if not query or query == _HIDDEN:
        return None
    return " ".join(query.split())[:_LONGEST_QUERY]
