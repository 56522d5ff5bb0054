"""Read and write the ledger's runs, and the revisions that each applied."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.database.connection import fetch, spoken
from migrator.ledger import schema
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from psycopg2.extensions import connection as Connection

    from migrator.output.report import Applied
    from migrator.settings.deployment import Deployment

_PATIENCE = (  # for the statements that go with it
    "SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '5s', true)"
)
_RUN = """
INSERT INTO migrator.run (id, command, started_at, duration_s, outcome, exit_code,
 database_state, revisions_from, revisions_to, failed, error, backup, client, deployment,
 git_revision, version)
VALUES (%(id)s, %(command)s, %(started_at)s, %(duration_s)s, %(outcome)s, %(exit_code)s,
 %(database_state)s, %(from)s, %(to)s, %(failed)s, %(error)s, %(backup)s, %(client)s,
 %(deployment)s, %(git_revision)s, %(version)s)
"""
_REVISIONS = """
INSERT INTO migrator.revision (run, position, revision, duration_s, sha256, file_sha256)
SELECT %(id)s, ordinality, revision, duration_s, sha256, file_sha256
FROM unnest(%(revisions)s::text[], %(durations)s::double precision[], %(checksums)s::text[],
 %(file_checksums)s::text[])
 WITH ORDINALITY AS applied (revision, duration_s, sha256, file_sha256, ordinality)
"""

_READ = """
SELECT to_jsonb(told) || CASE command
 WHEN 'rollback' THEN jsonb_build_object('applied', '[]'::jsonb, 'taken_back', done)
 ELSE jsonb_build_object('applied', done, 'taken_back', '[]'::jsonb) END
FROM (
 SELECT id AS run_id, command,
  to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started_at, duration_s,
  outcome, exit_code, database_state, revisions_from AS "from", revisions_to AS "to", failed, error,
  backup, role, client, deployment, git_revision, version
 FROM migrator.run ORDER BY run.started_at DESC LIMIT %s
) AS told, LATERAL (
 SELECT coalesce(jsonb_agg(each ORDER BY position), '[]') AS done FROM (
  SELECT revision, duration_s, sha256, file_sha256, position
  FROM migrator.revision WHERE run = run_id
 ) AS each
) AS revisions
ORDER BY started_at DESC
"""
_IN_PLACE = """
SELECT revision FROM (
 SELECT DISTINCT ON (revision) revision, there FROM (
  SELECT revision, started_at, 1 AS step, command <> 'rollback' AS there
  FROM migrator.revision JOIN migrator.run ON run.id = revision.run
  UNION ALL
  SELECT unnest(CASE command WHEN 'restore' THEN revisions_to ELSE revisions_from END),
   started_at, 0, true FROM migrator.run
 ) AS seen ORDER BY revision, started_at DESC, step DESC
) AS newest WHERE there
"""
_APPLIED = """
SELECT revision, sha256, file_sha256, at, role, client FROM (
 SELECT DISTINCT ON (revision) revision, sha256, file_sha256, command, role, client,
  to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
 FROM migrator.revision JOIN migrator.run ON run.id = revision.run
 ORDER BY revision, started_at DESC, position DESC
) AS newest WHERE command <> 'rollback'
"""


class Application(NamedTuple):
    """How a revision came into the database."""

    sha256: str | None
    file_sha256: str | None
    at: str
    """When its run began."""
    role: str
    client: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger is to hold of a run."""

    id: str
    command: str
    started: datetime
    report: Mapping[str, Any]
    """The fields of the run's report, with no secret in them."""
    taken_back: tuple[Applied, ...]
    """What a rollback took back: it applied nothing."""
    checksums: Mapping[str, str | None]
    """Of what the files of the revisions say, where they are known."""
    file_checksums: Mapping[str, str | None]
    """Of the files as they are."""
    deployment: Deployment


def enter(connection: Connection, entry: Entry) -> None:
    """Write an entry; the ledger is created if there is none, and an earlier version upgraded.

    Raises `DeniedError` where the role may not, `DisagreementError` where the ledger is of a later
    version or is no ledger, `UnreachableError` where the server is gone or somebody is in the way.
    """
    make = schema.statements(connection)
    with spoken(), connection.cursor() as cursor:
        cursor.execute(f"{_PATIENCE};{make};{_RUN};{_REVISIONS}", _values(entry))


def _values(entry: Entry) -> dict[str, Any]:
    report, done = entry.report, [*entry.report["applied"], *map(asdict, entry.taken_back)]
    return {
        **report,
        **entry.deployment._asdict(),
        "deployment": entry.deployment.id,
        "id": entry.id,
        "command": entry.command,
        "started_at": entry.started,
        "error": json.dumps(report["error"]) if report["error"] else None,
        "version": __version__,
        "revisions": [each["revision"] for each in done],
        "durations": [each["duration_s"] for each in done],
        "checksums": [entry.checksums.get(each["revision"]) for each in done],
        "file_checksums": [entry.file_checksums.get(each["revision"]) for each in done],
    }


def runs(connection: Connection, limit: int | None = None) -> list[dict[str, Any]]:
    """Give the runs of the ledger, newest first; none where there is no ledger to be read.

    Each has the columns of its row by the names of the report, with the revisions that it applied,
    or took back.
    Raises `DisagreementError` where the ledger is of a later version or is no ledger, `DeniedError`
    where this role may not read it.
    """
    if schema.version(connection) is None:
        return []
    return [row[0] for row in fetch(connection, f"{_PATIENCE};{_READ}", [limit])]


def in_place(connection: Connection) -> frozenset[str] | None:
    """Give the revisions that a run applied or found in a version table, and none took back since.

    None where there is no ledger to be read. Raises as `runs` does.
    """
    if schema.version(connection) is None:
        return None
    return frozenset(row[0] for row in fetch(connection, f"{_PATIENCE};{_IN_PLACE}"))


def applied(connection: Connection) -> dict[str, Application]:
    """Give how each revision came into a database which has a ledger.

    It is the newest time that counts, and none where a rollback took the revision back after it.
    """
    return {row[0]: Application(*row[1:]) for row in fetch(connection, f"{_PATIENCE};{_APPLIED}")}


def last_applied(connection: Connection) -> frozenset[str]:
    """Give the revisions of the last run that applied any; none where no such run is known."""
    for told in runs(connection):
        if told["applied"]:
            return frozenset(each["revision"] for each in told["applied"])
    return frozenset()


def last(connection: Connection) -> dict[str, Any] | None:
    """Give the last run of the ledger, or None where there is none to be read."""
    return next(iter(runs(connection, 1)), None)
