"""Alterations: revisions that are in place, and whose files were changed since.

A later database of the same project would not be the same: its revisions did something else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from migrator.errors import MigratorError
from migrator.ledger import checksum, runs, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.ledger.runs import Application


def alterations(
    connection: Connection, files: Callable[[], Mapping[str, str]]
) -> Mapping[str, str]:
    """Compare these files, by their revisions, with what the ledger knows of those.

    Gives a sentence for each that says something else than what was applied; none where there is
    no ledger to be read.
    """
    with suppress(MigratorError):
        if schema.version(connection) is not None and (known := runs.applied(connection)):
            return altered(known, files())
    return {}


def altered(known: Mapping[str, Application], files: Mapping[str, str]) -> Mapping[str, str]:
    """Compare as `alterations` does; what is the same byte for byte need not be parsed."""
    found = {}
    for revision, file in files.items():
        before = known.get(revision)
        if before and before.file_sha256 != checksum.of_bytes(file):
            now = checksum.of(file)
            if now and before.sha256 and now != before.sha256:
                found[revision] = _told(revision, file, now, before)
    return found


def _told(revision: str, file: str, now: str, before: Application) -> str:
    return (
        f"Revision {revision} was changed after it was applied: {file} has the checksum {now},"
        f" and had {before.sha256} when {before.role} ({before.client}) applied it at {before.at}."
    )
