"""`migrator run`: the release-phase job, on one screen."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from migrator.database.catalog import invalid_indexes, revisions
from migrator.database.connection import connect
from migrator.database.identity import same_database
from migrator.migrate.after import owed
from migrator.project.fingerprint import key as key_of
from migrator.status import position
from migrator.status.position import known, remember, uncollected

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings


def run(settings: Settings, journal: Journal, projects: tuple[Project, ...] | None = None) -> None:
    """Bring the database to the target; the journal learns what happened.

    Raises the error that says why it could not be done.
    """
    key = None if projects else key_of(settings, os.environ)
    projects = projects if projects or key else _sought(settings)
    with connect(settings.database_url, settings.connect_timeout) as server:
        if _answered(settings, journal, server, key):
            return None
        with uncollected():
            from migrator.database.lock.run_lock import linked, run_lock  # noqa: PLC0415 - with them
            from migrator.ledger import checksum  # noqa: PLC0415 - as above
            from migrator.migrate import after, announce, execute, preflight  # noqa: PLC0415 - Alembic
            from migrator.project import find, survey  # noqa: PLC0415 - Alembic
            from migrator.rehearsal import drift  # noqa: PLC0415 - as above
            from migrator.status import ahead  # noqa: PLC0415 - Alembic
        with linked(settings, server) as link, ahead.Tolerance(server, settings, journal):
            compare = partial(checksum.alterations, server.connection)
            plan = survey.survey(
                projects or find.find(settings), same_database(server), compare=compare
            )
            position.announce(position.of(plan))
            journal.planned(plan.current, plan.destination)
            if not (plan.pending or owed(settings, server.connection)):
                drift.agree(server, plan, journal)
                return _adopted(server, plan, journal, key)
            after.ready(settings)
            preflight.admit(server, settings, plan)
            backup = execute.prepared_backup(server, settings)
            with run_lock(link, plan.tables) as locked:
                plan = plan.at({one: revisions(server.connection, one) for one in plan.tables})
                journal.planned(plan.current, plan.destination)
                work = execute.Execution(locked, journal, backup)
                if plan.pending:
                    announce.announce(plan, invalid := invalid_indexes(server.connection))
                    work.upgrade(plan, invalid)
                else:
                    work.finish(plan)
            return remember(server.connection, key, plan, upgrades=True)
    return None


def _sought(settings: Settings) -> tuple[Project, ...]:
    """Look for a project that no file seems to describe, before anybody waits for a database."""
    with uncollected():
        from migrator.project.find import find  # noqa: PLC0415 - Alembic
    return find(settings)


def _adopted(server: Server, plan: MigrationPlan, journal: Journal, key: str | None) -> None:
    """Learn that nothing is to be done, and let the ledger know it for the next run."""
    from migrator.ledger.record import adopt  # noqa: PLC0415 - not for a run that is answered

    journal.nothing_pending()
    adopt(server, journal)
    remember(server.connection, key, plan, upgrades=True)


def _answered(settings: Settings, journal: Journal, server: Server, key: str | None) -> bool:
    """Tell whether an earlier run found out that nothing is to be done; the journal learns it."""
    if settings.verify != "heads" or owed(settings, server.connection):
        return False
    if found := known(server.connection, key):
        journal.planned(found.current, found.head)
        position.announce(found)
        journal.nothing_pending()
    return found is not None
