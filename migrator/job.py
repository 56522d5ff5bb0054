"""The run, on one screen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from migrator.aftermath import ready
from migrator.agreement import agree
from migrator.ahead import Tolerance
from migrator.database.catalog import invalid_indexes, revisions
from migrator.database.run_lock import linked, run_lock
from migrator.database.witness import same_database
from migrator.execution import Execution, prepared_backup
from migrator.gate import admit
from migrator.history.alteration import alterations
from migrator.history.arrears import owed
from migrator.project.find import find
from migrator.project.survey import announce, survey

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.project.find import Project
    from migrator.project.plan import Plan
    from migrator.report import Journal
    from migrator.settings import Settings


def run(
    settings: Settings,
    journal: Journal,
    projects: tuple[Project, ...] | None = None,
    reached: Server | None = None,
) -> Plan | None:
    """Bring the database to the target; the journal learns what happened.

    Gives what there was to do, or None where the database is ahead and that is tolerated. Raises
    the error that says why it could not be done.
    """
    projects = projects or find(settings)
    with linked(settings, reached) as link, Tolerance(link.server, settings, journal):
        server = link.server
        plan = survey(
            projects, same_database(server), compare=partial(alterations, server.connection)
        )
        journal.planned(plan.current, plan.destination)
        if not (plan.pending or owed(settings, server.connection)):
            agree(server, plan, journal)
            journal.nothing_pending()
            return plan
        ready(settings)
        admit(server, settings, plan)
        backup = prepared_backup(server, settings)
        with run_lock(link, plan.tables) as locked:
            plan = plan.at({table: revisions(server.connection, table) for table in plan.tables})
            journal.planned(plan.current, plan.destination)
            execution = Execution(locked, journal, backup)
            if plan.pending:
                announce(plan, invalid := invalid_indexes(server.connection))
                execution.upgrade(plan, invalid)
            else:
                execution.finish(plan)
        return plan
    return None
