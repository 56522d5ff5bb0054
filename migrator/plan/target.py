"""The conditions in the target: sizes, traffic, long transactions, replication lag."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the target, as its statistics have it."""

    name: str
    """With its schema: `public.orders`."""
    rows: int | None
    """As the planner estimates; None where it was never analyzed."""
    size_bytes: int
    """With its indexes and what is stored outside of it."""
    reads_per_s: float | None
    """Scans of it since the statistics began, of any kind; None where they are not known."""
    writes_per_s: float | None
    """Rows inserted, updated and deleted."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A session that has a transaction open: a table lock may have to wait for its end."""

    pid: int
    application_name: str
    transaction_s: float
    query: str | None
    tables: tuple[str, ...] = ()
    """The tables of the plan that it has locked."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is known of the target; of nothing where there is none, as with `--from-base`."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    """Those that the plan locks, by their names."""
    obstacles: tuple[Obstacle, ...] = ()
    """The longest first."""
    replication_lag_s: float | None = None
    """Of the replica that is furthest behind; None without one."""
    known: bool = False
    """Whether there is a target: without one any table may be large."""


def conditions(connection: Connection, names: Iterable[str], *, queries: bool) -> Conditions:
    """Give what a release that touches these tables will meet; with the `queries` of sessions."""
    wanted = [*names]
    lag_s: float | None = fetch(connection, _LAG)[0][0]
    return Conditions(
        {
            name: Table(
                name,
                rows if rows >= 0 else None,
                size,
                _rate(scans, over_s),
                _rate(writes, over_s),
            )
            for name, rows, size, scans, writes, over_s in fetch(connection, _TABLES, [wanted])
        },
        tuple(
            Obstacle(pid, app, round(open_s, 1), query if queries else None, tuple(locked))
            for pid, app, open_s, query, locked in fetch(connection, _SESSIONS, [wanted, _LONG_S])
        ),
        lag_s,
        known=True,
    )


def _rate(count: int | None, over_s: float | None) -> float | None:
    return round(count / over_s, 3) if count is not None and over_s else None
