"""List the tables of a database, their sizes and their row counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection

_TABLES = """
SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint,
       (c.relpages + coalesce(t.relpages, 0)) * current_setting('block_size')::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
"""
"""Tables with rows of their own that pg_dump dumps: not the ones that belong to an extension. The
size is the catalogue's, because `pg_table_size` would queue for the table's lock."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and how large it is."""

    schema: str
    name: str
    rows_estimate: int
    size_bytes: int
    """With its TOAST, without its indexes. Both are as of the last VACUUM or ANALYZE, and 0 where
    there was none."""

    def __str__(self) -> str:
        """Give its name as pg_dump writes it in its messages."""
        return f"{self.schema}.{self.name}"


def tables(connection: Connection) -> tuple[Table, ...]:
    """Give the tables whose rows a dump must hold."""
    return tuple(Table(*row) for row in fetch(connection, _TABLES))


def counted(connection: Connection, found: Iterable[Table]) -> dict[str, int]:
    """Give how many rows each table has, as this connection sees them; it reads them all."""
    return {str(table): _count(connection, table) for table in found}


def _count(connection: Connection, table: Table) -> int:
    name = sql.Identifier(table.schema, table.name)
    return int(fetch(connection, sql.SQL("SELECT count(*) FROM ONLY {}").format(name))[0][0])
