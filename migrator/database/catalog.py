"""What the catalogue says: revisions in a version table, indexes that are not valid."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from migrator.database.connection import Server, fetch, spoken
from migrator.errors import MigratorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.version_table import VersionTable

_LOOK_WITHIN_S = 20.0

_INVALID = """
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
    return frozenset(row[0] for row in fetch(connection, _INVALID))


def examine(server: Server, tables: Iterable[VersionTable]) -> Evidence:
    """Look at the database on a fresh connection; a problem is part of what is given."""
    try:
        with closing(server.again(_LOOK_WITHIN_S)) as connection:
            return Evidence(
                revisions={table: revisions(connection, table) for table in tables},
                invalid_indexes=invalid_indexes(connection),
            )
    except MigratorError as problem:
        return Evidence(problem=problem)


def sweep(server: Server, invalid_before: frozenset[str], tried: frozenset[str]) -> None:
    """Drop the invalid indexes that a failed try of ours left: tried, and not there before."""
    with (
        spoken(),
        closing(server.again(_LOOK_WITHIN_S)) as connection,
        connection.cursor() as cursor,
    ):
        for name in sorted(invalid_indexes(connection) - invalid_before):
            if name.rpartition(".")[2].strip('"') not in tried:
                continue
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.SQL(name)))
