"""The condition of a database at this moment: who migrates it, and what is broken in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.blockers import shown
from migrator.database.catalog import INVALID_INDEXES
from migrator.database.connection import fetch
from migrator.database.guard import fenced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection as Connection

    from migrator.database.version_table import VersionTable

_QUERY = """
WITH held AS (
    SELECT l.pid, (l.classid::bigint << 32 | l.objid::bigint) AS key
    FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
),
working AS (
    SELECT DISTINCT a.pid, a.state, a.query, a.query_start
    FROM held JOIN pg_stat_activity a USING (pid) WHERE held.key = ANY (%(fences)s::bigint[])
)
SELECT
 (SELECT to_jsonb(holder) FROM (
    SELECT pid, a.usename AS role, a.application_name, host(a.client_addr) AS client,
     to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since,
     extract(epoch FROM clock_timestamp() - a.xact_start)::float AS held_s
    FROM held LEFT JOIN pg_stat_activity a USING (pid)
    WHERE held.key = ANY (%(keys)s::bigint[]) ORDER BY a.xact_start LIMIT 1) AS holder),
 (SELECT jsonb_agg(statement) FROM (
    SELECT pid, query, extract(epoch FROM clock_timestamp() - query_start)::float AS duration_s
    FROM working WHERE state = 'active') AS statement),
 (SELECT jsonb_agg(blocker) FROM (
    SELECT b.pid, a.usename AS role, a.application_name, a.state, a.query,
     extract(epoch FROM clock_timestamp() - a.xact_start)::float AS transaction_s
    FROM working, unnest(pg_blocking_pids(working.pid)) AS b(pid)
    LEFT JOIN pg_stat_activity a ON a.pid = b.pid) AS blocker),
 (SELECT array_agg(name ORDER BY name) FROM ({invalid}) AS invalid (name)),
 (SELECT array_agg(format('%%I on %%s', conname, conrelid::regclass) ORDER BY conname)
  FROM pg_constraint WHERE NOT convalidated AND conrelid <> 0),
 EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'migrator')
   AND NOT c.relname = ANY (%(names)s)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')),
 EXISTS (SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (%(names)s))
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a look at the catalogue and at the sessions shows."""

    lock: Mapping[str, Any] | None
    """Who holds the lock, since when, what it runs and what blocks that; None where nobody does."""
    invalid_indexes: tuple[str, ...]
    unvalidated: tuple[str, ...]
    """Constraints that are not validated."""
    has_tables: bool
    """Whether there is any table besides version tables, the ledger and those of extensions."""
    has_version_table: bool


def condition(
    connection: Connection, tables: Sequence[VersionTable], keys: Sequence[int], *, queries: bool
) -> Condition:
    """Look once; the sessions' queries are given only where that is wanted."""
    arguments = {
        "keys": list(keys),
        "fences": [fenced(key) for key in keys],
        "names": [table.name for table in tables],
    }
    query = _QUERY.format(invalid=INVALID_INDEXES.replace("%", "%%"))
    lock, running, blockers, invalid, unvalidated, some, versioned = fetch(
        connection, query, arguments
    )[0]
    if lock is not None:
        lock["running"] = [_session(each, queries=queries) for each in running or ()]
        lock["blocked_by"] = [_session(each, queries=queries) for each in blockers or ()]
    return Condition(lock, tuple(invalid or ()), tuple(unvalidated or ()), some, versioned)


def _session(told: Mapping[str, Any], *, queries: bool) -> dict[str, Any]:
    return {**told, "query": shown(told["query"]) if queries else None}
