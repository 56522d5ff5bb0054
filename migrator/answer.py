"""The quick answer: nothing is pending. Where nothing proves it, the job finds out."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from migrator import log, position
from migrator.database.catalog import revisions
from migrator.database.connection import connect
from migrator.history.memory import Finding, Memory
from migrator.outline import imported
from migrator.outline.fingerprint import fingerprint
from migrator.outline.reading import Outline, read, usual

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.project.survey import Plan
    from migrator.report import Journal
    from migrator.settings import Settings
    from migrator.version_table import VersionTable


def run(settings: Settings, journal: Journal) -> None:
    """Bring the database to the target, by the shortest way that proves it is there.

    Raises the error that says why it could not.
    """
    state = fingerprint(settings, os.environ) if usual(settings) else None
    if state is None:
        _job(settings, journal)
        return
    with connect(settings.database_url, settings.connect_timeout) as server:
        memory = Memory(server.connection)
        known = _recalled(memory, state)
        outline = known or read(settings, os.environ)
        current = revisions(server.connection, outline.table) if outline else ()
        if outline and outline.satisfied_by(current):
            journal.planned(current, current)
            position.announce(current, current, 0, [outline.table])
            journal.nothing_pending()
            if not known:
                memory.keep(state, _finding(outline.head, outline.table))
            return
        plan = _job(settings, journal, server)
        if plan.simple:
            memory.keep(state, _finding(plan.destination[0], plan.tables[0], imported.files()))


def _finding(head: str, table: VersionTable, files: tuple[str, ...] = ()) -> Finding:
    return Finding(head, table, files, imported.digest(files, os.environ))


def _recalled(memory: Memory, state: str) -> Outline | None:
    """Give what an earlier run found about the same files, if what they import is the same too."""
    finding = memory.recall(state)
    with suppress(OSError):
        if finding and finding.imported_sha256 == imported.digest(finding.imported, os.environ):
            return Outline(finding.head, finding.table)
    return None


def _job(settings: Settings, journal: Journal, server: Server | None = None) -> Plan:
    """Do the whole job; a server that was reached is not reached again."""
    gc.enable()
    log.structured()
    from migrator import job  # noqa: PLC0415 - loads Alembic

    return job.run(settings, journal, reached=server)
