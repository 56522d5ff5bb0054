"""Who is in the way: the sessions that a statement waits for. Nobody is ever ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_LONGEST_QUERY = 300
_QUERY = """
SELECT b.pid, a.usename, a.application_name, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float, a.query
FROM unnest(pg_blocking_pids(%s)) AS b(pid) LEFT JOIN pg_stat_activity a USING (pid)
ORDER BY a.xact_start
"""
_HIDDEN = "<insufficient privilege>"


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session in the way; None where this role may not see it."""

    pid: int
    user: str | None
    application_name: str | None
    state: str | None
    transaction_s: float | None
    query: str | None

    def __str__(self) -> str:
        """Say who it is, for a person."""
        who = f"{self.application_name or 'a session'} (pid {self.pid}"
        who += f", role {self.user}" if self.user else ""
        who += f", {self.state}" if self.state else ""
        who += f", in its transaction for {self.transaction_s:.0f} s" if self.transaction_s else ""
        return who + (f"): {self.query}" if self.query else ")")


def blockers(connection: Connection, pid: int, *, queries: bool) -> tuple[Blocker, ...]:
    """Give the sessions that a backend waits for; their queries only where that is wanted."""
    found = fetch(connection, _QUERY, [pid])
    return tuple(Blocker(*(*row[:5], shown(row[5]) if queries else None)) for row in found)


def shown(query: str | None) -> str | None:
    """Give a session's query as it is shown: on one line, and not for ever; None where hidden."""
    if not query or query == _HIDDEN:
        return None
    return " ".join(query.split())[:_LONGEST_QUERY]
