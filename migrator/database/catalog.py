"""What the catalogue says: revisions in a version table, indexes that are not valid."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from migrator.database.connection import Identity, fetch, spoken
from migrator.errors import MigratorError, UnprovenError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.lock.guard import Guard
    from migrator.database.lock.monitor import StatementMonitor
    from migrator.database.version_table import VersionTable

_LOOK_WITHIN_S, _LOOK_AGAIN_S = 20.0, 0.2

INVALID_INDEXES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
"""
"""Not an index that someone builds at this moment, nor one of a partitioned table, which stays
invalid until its parts are attached (CREATE INDEX, "Building Indexes Concurrently")."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a fresh connection saw; or the problem that kept it from seeing anything."""

    revisions: Mapping[VersionTable, tuple[str, ...]] | None = None
    invalid_indexes: frozenset[str] = frozenset()
    problem: MigratorError | None = None


def revisions(connection: Connection, table: VersionTable) -> tuple[str, ...]:
    """Give the revisions in a version table, sorted; none where there is no such table."""
    schema = table.schema or table.found_in
    name = sql.Identifier(schema, table.name) if schema else sql.Identifier(table.name)
    if fetch(connection, "SELECT to_regclass(%s)", [name.as_string(connection)])[0][0] is None:
        return ()
    rows = fetch(connection, sql.SQL("SELECT version_num FROM {}").format(name))
    return tuple(sorted(row[0] for row in rows))


def invalid_indexes(connection: Connection) -> frozenset[str]:
    """Give the names of indexes that Postgres keeps up but will not use."""
    return frozenset(row[0] for row in fetch(connection, INVALID_INDEXES))


def holding_rows(connection: Connection, tables: Iterable[str]) -> tuple[str, ...]:
    """Give those of the tables, named as in SQL, that are there and hold rows."""
    shown = [fetch(connection, "SELECT to_regclass(%s)::text", [name])[0][0] for name in tables]
    return tuple(
        name
        for name in dict.fromkeys(filter(None, shown))
        if fetch(connection, sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.SQL(name)))[0][0]
    )


def examine(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    """Look at the database on a fresh connection; a problem is part of what is given.

    A look that is cut off, by a restart or an administrator, is taken again.
    """
    try:
        return _looked(guard, tables)
    except UnreachableError:
        return _looked_again(guard, tables)
    except MigratorError as problem:
        return Evidence(problem=problem)


def _looked_again(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    from tenacity import (  # noqa: PLC0415 - see `connection`
        Retrying,
        retry_if_exception_type,
        stop_after_delay,
        wait_fixed,
    )

    looking = Retrying(
        retry=retry_if_exception_type(UnreachableError),
        stop=stop_after_delay(_LOOK_WITHIN_S),
        wait=wait_fixed(_LOOK_AGAIN_S),
        reraise=True,
    )
    try:
        return looking(_looked, guard, tables)
    except MigratorError as problem:
        return Evidence(problem=problem)


def _looked(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    with closing(guard.server.again(_LOOK_WITHIN_S)) as connection:
        _see_that_it_can_be_told(guard, connection)
        return Evidence(
            revisions={table: revisions(connection, table) for table in tables},
            invalid_indexes=invalid_indexes(connection),
        )


def _see_that_it_can_be_told(guard: Guard, connection: Connection) -> None:
    """Raise `UnprovenError` where what a look finds would prove nothing."""
    seen = Identity.seen_by(lambda query: fetch(connection, query)[0])
    if not seen.is_place_of(guard.server.identity):
        message = f"The proof reached {seen}, and not {guard.server.identity}."
        raise UnprovenError(message, hint="The address leads to more than one server.")
    if not guard.settled(connection):
        message = "A statement of this migration still goes on in the server."
        raise UnprovenError(message, hint="Wait for its end; the next run waits for it too.")


def sweep(monitor: StatementMonitor, invalid_before: frozenset[str], tried: frozenset[str]) -> None:
    """Drop the invalid indexes that a failed try of ours left: tried, and not there before."""
    server = monitor.guard.server
    with closing(server.again(_LOOK_WITHIN_S)) as connection:
        pid = 0 if server.pooled else connection.info.backend_pid
        for name in sorted(invalid_indexes(connection) - invalid_before):
            if name.rpartition(".")[2].strip('"') in tried:
                with monitor.seeing(pid, f"DROP INDEX {name}"):
                    _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    with spoken(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.SQL(name)))
