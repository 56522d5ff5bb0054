"""Query the catalog: rows of a version table, invalid indexes, tables that hold rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection

    from migrator.database.version_table import VersionTable


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
