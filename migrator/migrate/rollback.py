"""`migrator rollback`: downgrade under the lock, and verify it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator.database.catalog import holding_rows, invalid_indexes, revisions
from migrator.database.identity import same_database
from migrator.database.lock.run_lock import linked, run_lock
from migrator.errors import BusyError, UsageError
from migrator.ledger.runs import last_applied
from migrator.migrate.announce import announce
from migrator.migrate.execute import Execution, prepared_backup
from migrator.project import downgrade
from migrator.project.downgrade_path import down_to, together, without
from migrator.project.find import find
from migrator.project.survey import survey
from migrator.status import position

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.plan import FindPath, MigrationPlan
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What is to be taken back."""

    target: str | None
    """Down to where, as `alembic downgrade` has it; None is what the last run applied."""
    may_drop: frozenset[str]
    """The tables that may be dropped though they hold rows."""
    consent: Callable[[], None]
    """Asked when the plan is in the log; raises `UsageError` where there is none."""


def run(settings: Settings, journal: Journal, request: RollbackRequest) -> None:
    """Take back what is requested; the journal learns what happened.

    Raises the error that says why it could not be done.
    """
    projects = find(settings)
    with linked(settings) as link:
        server = link.server
        find_path = _find_path(server, request)
        found = survey(projects, same_database(server), find_path)
        position.announce(position.of(found), found.paths[0].side)
        plan = together(reversed(found.paths))
        journal.planned(plan.current, plan.destination)
        if not plan.pending:
            return journal.nothing_pending("nothing is to be taken back")
        announce(plan, frozenset())
        holding = holding_rows(server.connection, downgrade.dropped_tables(plan.paths))
        downgrade.refuse_to_drop(downgrade.unpermitted(holding, request.may_drop))
        request.consent()
        backup = prepared_backup(server, settings)
        with run_lock(link, plan.tables) as locked:
            _see_that_it_is_there_still(server, plan)
            invalid = invalid_indexes(server.connection)
            return Execution(locked, journal, backup).downgrade(plan, invalid)


def _find_path(server: Server, request: RollbackRequest) -> FindPath:
    if request.target is not None:
        return partial(down_to, request.target, request.may_drop)
    found = last_applied(server.connection)
    if not found:
        message = "The ledger knows of no run that applied anything."
        raise UsageError(message, hint="--to or --steps says how far to go back.")
    return partial(without, found, request.may_drop)


def _see_that_it_is_there_still(server: Server, plan: MigrationPlan) -> None:
    for path in plan.paths:
        if set(revisions(server.connection, path.table)) != set(path.current):
            raise BusyError(
                "The database has moved since the plan was made.",
                hint="Another run was at work. Nothing was taken back; look at the new plan.",
            )
