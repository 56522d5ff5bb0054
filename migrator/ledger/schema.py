"""The ledger's schema, `migrator` in the target database, and its version.

It is versioned by itself, in the comment of the schema: one row fewer to ask for, and in one
look with whether it is there at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.database.connection import fetch
from migrator.errors import DisagreementError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

NAME = "migrator"
VERSION = 3
_SAYS = "The ledger of migrator, version "

MAKE = f"""
CREATE SCHEMA IF NOT EXISTS {NAME};
COMMENT ON SCHEMA {NAME} IS '{_SAYS}{VERSION}';
CREATE TABLE IF NOT EXISTS migrator.run (
    id uuid PRIMARY KEY,
    command text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_s double precision NOT NULL,
    outcome text NOT NULL,
    exit_code integer NOT NULL,
    database_state text NOT NULL,
    revisions_from text[] NOT NULL,
    revisions_to text[] NOT NULL,
    failed text,
    error jsonb,
    backup text,
    role text NOT NULL DEFAULT session_user,
    client text NOT NULL,
    deployment text,
    git_revision text,
    version text NOT NULL
);
CREATE INDEX IF NOT EXISTS run_started_at ON migrator.run (started_at);
CREATE TABLE IF NOT EXISTS migrator.revision (
    run uuid NOT NULL REFERENCES migrator.run ON DELETE CASCADE,
    position integer NOT NULL,
    revision text NOT NULL,
    sha256 text,
    file_sha256 text,
    duration_s double precision NOT NULL,
    PRIMARY KEY (run, position)
);
CREATE INDEX IF NOT EXISTS revision_revision ON migrator.revision (revision);
DROP TABLE IF EXISTS migrator.project;
CREATE TABLE IF NOT EXISTS migrator.cache (
    key text PRIMARY KEY,
    found_at timestamptz NOT NULL DEFAULT now(),
    schemas text[] NOT NULL,
    destination text[] NOT NULL,
    version_tables jsonb NOT NULL,
    files text[] NOT NULL,
    folders text[] NOT NULL,
    version_folders text[] NOT NULL,
    contents_sha256 text NOT NULL
);
CREATE TABLE IF NOT EXISTS migrator.backfill (
    name text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    position text[],
    remaining_sha256 text NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    batch_rows integer NOT NULL
);
"""
"""Each statement keeps what is there, so that it turns an earlier version into this one. The cache
of version 2, `migrator.project`, held nothing but what a run finds out again."""

_LOOK = """
SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace
WHERE nspname = %s AND has_schema_privilege(oid, 'USAGE')
"""
_OWNED = "SELECT FROM pg_namespace WHERE nspname = %s AND pg_has_role(nspowner, 'USAGE')"
_MAY_CREATE = """
SELECT has_database_privilege(current_database(), 'CREATE') AND to_regnamespace(%s) IS NULL
"""


def version(connection: Connection) -> int | None:
    """Give the version of the ledger, or None where there is none that this role may use.

    Raises `DisagreementError` where it is a later one than this, or the schema something else.
    """
    rows = fetch(connection, _LOOK, [NAME])
    if not rows:
        return None
    said, _, number = (rows[0][0] or "").rpartition(" ")
    if said + " " != _SAYS or not number.isdecimal():
        message = f"There is a schema {NAME} in the database that is not our ledger."
        raise DisagreementError(message, hint="It is let alone; nothing is recorded.")
    if int(number) > VERSION:
        message = f"The ledger is of version {number}, and this migrator knows {VERSION}."
        raise DisagreementError(message, hint="A later migrator made it; use that one.")
    return int(number)


def statements(connection: Connection) -> str:
    """Give what makes the ledger, or brings it to this version; empty if nothing is to be done.

    An earlier version that belongs to another role stays as it is: runs are recorded in it all the
    same. Raises as `version` does.
    """
    found = version(connection)
    if found == VERSION or (found is not None and not fetch(connection, _OWNED, [NAME])):
        return ""
    return MAKE


def may_create(connection: Connection) -> bool:
    """Tell whether there is no schema of this name, and this role may create one."""
    return bool(fetch(connection, _MAY_CREATE, [NAME])[0][0])
