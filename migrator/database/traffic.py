"""The traffic in a database: how large its tables are, how much they are used, by whom now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection

_TABLES = """
SELECT format('%%I.%%I', n.nspname, c.relname), c.reltuples::bigint,
       pg_total_relation_size(c.oid),
       s.seq_scan + coalesce(s.idx_scan, 0), s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
       extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
LEFT JOIN pg_stat_database d ON d.datname = current_database()
WHERE format('%%I.%%I', n.nspname, c.relname) = ANY(%s)
"""
_SESSIONS = """
SELECT a.pid, a.application_name, extract(epoch FROM now() - a.xact_start)::float8, a.query,
       array(SELECT DISTINCT format('%%I.%%I', n.nspname, c.relname)
             FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE l.pid = a.pid AND format('%%I.%%I', n.nspname, c.relname) = ANY(%s) ORDER BY 1)
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND now() - a.xact_start > make_interval(secs => %s)
ORDER BY a.xact_start
"""
_LAG = "SELECT max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication"
_LONG_S = 1.0
"""A transaction that is open for longer is one that a table lock may have to wait for."""


def tables(connection: Connection, names: Iterable[str]) -> list[dict[str, Any]]:
    """Give `name`, `rows`, `size_bytes`, `reads_per_s`, `writes_per_s` of these tables.

    What is not known is None: a table that was never analyzed has no number of rows.
    """
    return [
        {
            "name": name,
            "rows": rows if rows >= 0 else None,
            "size_bytes": size,
            "reads_per_s": _rate(scans, over_s),
            "writes_per_s": _rate(writes, over_s),
        }
        for name, rows, size, scans, writes, over_s in fetch(connection, _TABLES, [[*names]])
    ]


def long_transactions(
    connection: Connection, names: Iterable[str], *, queries: bool
) -> list[dict[str, Any]]:
    """Give the sessions with a transaction open for longer than a second, the longest first.

    `pid`, `application_name`, `transaction_s`, `query` where those are wanted, and `tables`:
    which of these they have locked.
    """
    return [
        {
            "pid": pid,
            "application_name": application,
            "transaction_s": round(open_s, 1),
            "query": query if queries else None,
            "tables": tuple(locked),
        }
        for pid, application, open_s, query, locked in fetch(
            connection, _SESSIONS, [[*names], _LONG_S]
        )
    ]


def replication_lag_s(connection: Connection) -> float | None:
    """Give how far the replica that is furthest behind is, in seconds; None without one."""
    lag: float | None = fetch(connection, _LAG)[0][0]
    return lag


def _rate(count: int | None, over_s: float | None) -> float | None:
    return round(count / over_s, 3) if count is not None and over_s else None
