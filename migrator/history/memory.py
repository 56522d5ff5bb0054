"""What the last run that looked for itself found out about a project, for the next that need not.

A row is about one state of the project's files, its settings and its surroundings, which have one
fingerprint; another state has another row, or none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from migrator.database.connection import fetch, spoken
from migrator.database.version_table import VersionTable
from migrator.errors import DeniedError, MigratorError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_THERE = """
SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'migrator' AND c.relname = 'project'
 AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
"""
_RECALL = """
SELECT head, version_table_schema, version_table, version_table_found_in, imported, imported_sha256
FROM migrator.project
WHERE fingerprint = %s
 AND version_table_found_in = coalesce(version_table_schema,
  (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass(quote_ident(version_table))))
"""
"""A table without a schema is looked for on the search path, which may have changed."""
_PATIENCE = (
    "SELECT set_config('lock_timeout', '2s', true), set_config('synchronous_commit', 'off', true)"
)
_REMEMBER = """
INSERT INTO migrator.project (fingerprint, head, version_table_schema, version_table,
 version_table_found_in, imported, imported_sha256)
VALUES (%(fingerprint)s, %(head)s, %(schema)s, %(name)s,
 coalesce(%(found_in)s, %(schema)s,
  (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass(quote_ident(%(name)s)))),
 %(imported)s, %(sha256)s)
ON CONFLICT (fingerprint) DO UPDATE SET (found_at, head, version_table_schema, version_table,
 version_table_found_in, imported, imported_sha256) = (now(), excluded.head,
 excluded.version_table_schema, excluded.version_table, excluded.version_table_found_in,
 excluded.imported, excluded.imported_sha256);
DELETE FROM migrator.project WHERE fingerprint IN (
 SELECT fingerprint FROM migrator.project ORDER BY found_at DESC OFFSET 100)
"""
_FORGET = "DELETE FROM migrator.project"


class Finding(NamedTuple):
    """What was found."""

    head: str
    table: VersionTable
    imported: tuple[str, ...]
    """The files of the project's own modules that were imported."""
    imported_sha256: str


class Memory:
    """What the ledger of a database remembers; of one without a ledger, nothing."""

    def __init__(self, connection: Connection) -> None:
        """Ask by this connection."""
        self._connection = connection
        self.there = bool(fetch(connection, _THERE))
        """Whether there is a ledger."""

    def recall(self, fingerprint: str) -> Finding | None:
        """Give what was found of this state of the project, or None."""
        try:
            rows = fetch(self._connection, _RECALL, [fingerprint]) if self.there else []
        except DeniedError:
            return None
        for head, schema, name, found_in, files, digest in rows:
            return Finding(head, VersionTable(schema, name, found_in), tuple(files), digest)
        return None

    def keep(self, fingerprint: str, finding: Finding) -> None:
        """Keep what was found, where this role may; else the next run finds it out again."""
        values = {
            "fingerprint": fingerprint,
            "head": finding.head,
            "schema": finding.table.schema,
            "name": finding.table.name,
            "found_in": finding.table.found_in,
            "imported": list(finding.imported),
            "sha256": finding.imported_sha256,
        }
        with suppress(MigratorError):
            self.there = self.there or bool(fetch(self._connection, _THERE))
            if self.there:
                with spoken(), self._connection.cursor() as cursor:
                    cursor.execute(f"{_PATIENCE};{_REMEMBER}", values)


def forget(connection: Connection) -> None:
    """Forget every project, where this role may: their files are to be compared again.

    What is remembered was compared with what had been applied until then.
    """
    with suppress(MigratorError), spoken(), connection.cursor() as cursor:
        cursor.execute(f"{_PATIENCE};{_FORGET}")
