"""The health of a database: lock holder, blocked sessions, invalid indexes and constraints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from migrator.database.catalog import INVALID_INDEXES
from migrator.database.connection import fetch
from migrator.database.lock.guard import fenced
from migrator.database.lock.lock import holder
from migrator.database.sessions import blocking, holding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection as Connection

    from migrator.database.version_table import VersionTable

_QUERY = """
SELECT
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
    """Look at the database; the sessions' queries are given only if they may be shown."""
    query = _QUERY.format(invalid=INVALID_INDEXES.replace("%", "%%"))
    names = [table.name for table in tables]
    invalid, unvalidated, some, versioned = fetch(connection, query, {"names": names})[0]
    lock = _lock(connection, keys, queries=queries)
    return Condition(lock, tuple(invalid or ()), tuple(unvalidated or ()), some, versioned)


def _lock(connection: Connection, keys: Sequence[int], *, queries: bool) -> dict[str, Any] | None:
    run = holder(connection, keys)
    if run is None:
        return None
    working = holding(connection, [fenced(key) for key in keys], queries=queries)
    blockers = blocking(connection, [each.pid for each in working], queries=queries)
    return {
        "pid": run.pid,
        "role": run.user,
        "application_name": run.application_name,
        "client": run.client,
        "since": f"{run.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if run.since else None,
        "held_s": run.transaction_s,
        "running": [
            {"pid": each.pid, "query": each.query, "duration_s": each.query_s}
            for each in working
            if each.state == "active"
        ],
        "blocked_by": [
            {
                "pid": each.pid,
                "role": each.user,
                "application_name": each.application_name,
                "state": each.state,
                "query": each.query,
                "transaction_s": each.transaction_s,
            }
            for each in blockers
        ],
    }
