"""The quick answer: nothing is pending. Where the files do not prove it, the job finds out."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from migrator import log, position
from migrator.database.catalog import revisions
from migrator.database.connection import connect
from migrator.outline.reading import read

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.report import Journal
    from migrator.settings import Settings


def run(settings: Settings, journal: Journal) -> None:
    """Bring the database to the target, by the shortest way that proves it is there.

    Raises the error that says why it could not.
    """
    outline = read(settings, os.environ)
    if outline is None:
        return _job(settings, journal)
    with connect(settings.database_url, settings.connect_timeout) as server:
        current = revisions(server.connection, outline.table)
        if not outline.satisfied_by(current):
            return _job(settings, journal, server)
        journal.planned(current, current)
        position.announce(current, current, 0, [outline.table])
        return journal.nothing_pending()


def _job(settings: Settings, journal: Journal, server: Server | None = None) -> None:
    """Do the whole job; a server that was reached is not reached again."""
    gc.enable()
    log.structured()
    from migrator import job  # noqa: PLC0415 - loads Alembic

    job.run(settings, journal, reached=server)
