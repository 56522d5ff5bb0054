"""The quick answer: nothing is pending. Where nothing proves it, the job finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator import position, shortcut
from migrator.database.catalog import revisions
from migrator.database.connection import connect
from migrator.garbage import uncollected
from migrator.history.arrears import owed
from migrator.output import log
from migrator.shortcut import Shortcut

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.plan import Plan
    from migrator.settings.table import Settings


def run(settings: Settings, journal: Journal) -> None:
    """Bring the database to the target, by the shortest way that proves it is there.

    Raises the error that says why it could not.
    """
    state = shortcut.state(settings) if settings.verify == "heads" else None
    if state is None:
        _job(settings, journal)
        return
    with connect(settings.database_url, settings.connect_timeout) as server:
        short = Shortcut(settings, state, server.connection)
        if not owed(settings, server.connection) and (outline := short.outline):
            current = revisions(server.connection, outline.table)
            if outline.satisfied_by(current):
                journal.planned(current, current)
                position.announce(current, current, 0, [outline.table], short.proved())
                journal.nothing_pending()
                return
        plan = _job(settings, journal, server)
        if plan and plan.simple and not plan.altered:
            short.found(plan.destination[0], plan.tables[0])


def _job(settings: Settings, journal: Journal, server: Server | None = None) -> Plan | None:
    """Do the whole job; a server that was reached is not reached again."""
    with uncollected():
        log.structured()
        from migrator import job  # noqa: PLC0415 - loads Alembic
    return job.run(settings, journal, reached=server)
