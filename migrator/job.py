"""The run, on one screen."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from migrator.aftermath import ready
from migrator.agreement import agree
from migrator.ahead import Tolerance
from migrator.database.catalog import invalid_indexes, revisions
from migrator.database.connection import connect
from migrator.database.identity import witness
from migrator.database.lock import hold, keys_for
from migrator.database.pulse import beating
from migrator.execution import Execution, means_of
from migrator.gate import admit
from migrator.history.alteration import alterations
from migrator.history.arrears import owed
from migrator.project.find import find
from migrator.project.survey import announce, survey

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.find import Project
    from migrator.project.plan import Plan
    from migrator.settings.table import Settings


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
    with (
        nullcontext(reached) if reached else _connected(settings) as server,
        beating(server) as pulse,
        Tolerance(server, settings, journal),
    ):
        plan = survey(projects, witness(server), compare=partial(alterations, server.connection))
        journal.planned(plan.current, plan.destination)
        if not (plan.pending or owed(settings, server.connection)):
            agree(server, plan, journal)
            journal.nothing_pending()
            return plan
        ready(settings)
        admit(server, settings, plan)
        means = means_of(server, settings)
        keys = keys_for(plan.tables, settings.lock_key)
        with hold(server, keys, settings.lock_wait) as guard:
            plan = plan.at({table: revisions(server.connection, table) for table in plan.tables})
            journal.planned(plan.current, plan.destination)
            execution = Execution(server, guard, pulse, settings, journal, means)
            if plan.pending:
                announce(plan, invalid := invalid_indexes(server.connection))
                execution.upgrade(plan, invalid)
            else:
                execution.finish(plan)
        return plan
    return None


def _connected(settings: Settings) -> AbstractContextManager[Server]:
    return connect(settings.database_url, settings.connect_timeout)
