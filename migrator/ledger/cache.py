"""The cache of answers in the ledger: what a full run found, for the next run of the same files.

A row belongs to one key, which stands for the settings, the environment and the configuration.
It says which files the run used, and which rows of which version tables mean "nothing pending".
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.database.catalog import revisions
from migrator.database.connection import fetch, spoken
from migrator.database.version_table import VersionTable
from migrator.errors import MigratorError
from migrator.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import connection as Connection

_RECALL = """
SELECT destination, version_tables, files, folders, version_folders, contents_sha256
FROM migrator.cache
WHERE key = %s AND schemas = current_schemas(true)::text[]
"""
"""If our search path means the same schemas as for the run that found it."""
_FIND = """
SELECT pg_catalog.set_config('search_path', %(path)s, true);
SELECT pg_catalog.current_schemas(true)::pg_catalog.text[], (
 SELECT n.nspname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n
 WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace
  AND c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(pg_catalog.concat(
   pg_catalog.quote_ident(%(schema)s), %(dot)s, pg_catalog.quote_ident(%(name)s))))
"""
"""The schemas that a search path means today, and the one in which a table is found along it.
The path ends with the statement's transaction; names are qualified, since anything may be on it."""
_PATIENCE = (
    "SELECT set_config('lock_timeout', '2s', true), set_config('synchronous_commit', 'off', true)"
)
_KEEP = """
INSERT INTO migrator.cache (key, schemas, destination, version_tables, files, folders,
 version_folders, contents_sha256)
VALUES (%(key)s, current_schemas(true)::text[], %(destination)s, %(tables)s,
 %(files)s, %(folders)s, %(version_folders)s, %(contents)s)
ON CONFLICT (key) DO UPDATE SET (found_at, schemas, destination, version_tables, files,
 folders, version_folders, contents_sha256) = (now(), excluded.schemas,
 excluded.destination, excluded.version_tables, excluded.files, excluded.folders,
 excluded.version_folders, excluded.contents_sha256);
DELETE FROM migrator.cache WHERE key IN (
 SELECT key FROM migrator.cache ORDER BY found_at DESC OFFSET 100)
"""
_FORGET = "DELETE FROM migrator.cache"


class Answer(NamedTuple):
    """What a full run found when nothing was pending."""

    destination: tuple[str, ...]
    """The revisions that the target means."""
    standing: Mapping[VersionTable, tuple[str, ...]]
    """The rows that each version table had."""
    files: tuple[str, ...]
    folders: tuple[str, ...]
    version_folders: tuple[str, ...]
    contents: str
    """The checksum of all these."""


def recall(connection: Connection, key: str) -> Answer | None:
    """Give the answer that was kept under a key, if its version tables are where they were.

    The rows that they have now are for the caller to compare.
    """
    try:
        if schema.version(connection) == schema.VERSION:
            for destination, tables, files, folders, versions, contents in fetch(
                connection, _RECALL, [key]
            ):
                found = {_table(each): tuple(each["rows"]) for each in tables}
                if all(_place(connection, _table(each)) == each["place"] for each in tables):
                    used = (tuple(files), tuple(folders), tuple(versions))
                    return Answer(tuple(destination), found, *used, contents)
    except MigratorError:  # of no use then; whatever else is asked says what is wrong
        return None
    return None


def still(connection: Connection, answer: Answer) -> bool:
    """Tell whether the version tables have the rows that mean "nothing pending"."""
    return all(revisions(connection, table) == rows for table, rows in answer.standing.items())


def keep(connection: Connection, key: str, answer: Answer, *, upgrades: bool) -> None:
    """Keep an answer, if this role may write to the ledger and could ask again by itself.

    A ledger of an earlier version has no such cache; it becomes one of this version only if this
    is a command that `upgrades` it.
    """
    with suppress(MigratorError):
        there = schema.version(connection)
        made = schema.statements(connection) if upgrades and there else ""
        if there != schema.VERSION and not made:
            return
        places = [_place(connection, table) for table in answer.standing]
        found = [place["found_in"] if place else None for place in places]
        if found != [table.found_in for table in answer.standing]:
            return
        tables = [
            {"schema": table.schema, "name": table.name, "found_in": table.found_in}
            | {"search_path": table.search_path, "rows": rows, "place": place}
            for (table, rows), place in zip(answer.standing.items(), places, strict=True)
        ]
        values = {
            "key": key,
            "destination": list(answer.destination),
            "tables": json.dumps(tables),
            "files": list(answer.files),
            "folders": list(answer.folders),
            "version_folders": list(answer.version_folders),
            "contents": answer.contents,
        }
        with spoken(), connection.cursor() as cursor:
            cursor.execute(f"{_PATIENCE};{made};{_KEEP}", values)


def forget(connection: Connection) -> None:
    """Forget every answer, if this role may: the revisions are to be compared again.

    They had been compared with what was applied until then.
    """
    with suppress(MigratorError), spoken(), connection.cursor() as cursor:
        cursor.execute(f"{_PATIENCE};{_FORGET}")


def _table(told: Mapping[str, Any]) -> VersionTable:
    return VersionTable(told["schema"], told["name"], told["found_in"], told["search_path"])


def _place(connection: Connection, table: VersionTable) -> dict[str, Any] | None:
    """Give where env.py's connection finds a version table, asked by ours along its search path.

    None if it is not known how it searches.
    """
    if table.search_path is None:
        return None
    name = {"schema": table.schema, "dot": "." if table.schema else "", "name": table.name}
    schemas, found_in = fetch(connection, _FIND, {"path": table.search_path, **name})[0]
    return {"schemas": schemas, "found_in": found_in}
