"""The rollback, on one screen: revisions are taken back under the lock, and that is proven."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TextIO

from migrator.database.catalog import holding_rows, invalid_indexes, revisions
from migrator.database.connection import connect
from migrator.database.identity import witness
from migrator.database.lock import hold, keys_for
from migrator.database.pulse import beating
from migrator.errors import BusyError, UsageError
from migrator.execution import Execution, means_of
from migrator.history.ledger import last_applied
from migrator.process.boundary import commanded
from migrator.project import dropping
from migrator.project.descent import down_to, together, without
from migrator.project.find import find
from migrator.project.survey import announce, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.plan import Chart, Plan
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be taken back."""

    target: str | None
    """Down to where, as `alembic downgrade` has it; None is what the last run applied."""
    may_drop: frozenset[str]
    """The tables that may be dropped though they hold rows."""
    consent: Callable[[], None]
    """Asked when the plan is in the log; raises `UsageError` where there is none."""


def command(
    request: Request,
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    stream: TextIO,
) -> int:
    """Take revisions back and report on the stream; gives the exit code."""
    target = request.target or "before its last run"
    return commanded(
        lambda told, journal: run(told, journal, request),
        lambda told: (f"takes {told.database_url} back to {target}", target),
        *(flags, environ, stream),
    )


def run(told: Settings, journal: Journal, request: Request) -> None:
    """Take back what is requested; the journal learns what happened.

    Raises the error that says why it could not be done.
    """
    projects = find(told)
    with connect(told.database_url, told.connect_timeout) as server, beating(server) as pulse:
        chart = _chart(server, request)
        plan = together(reversed(survey(projects, witness(server), chart).histories))
        journal.planned(plan.current, plan.destination)
        if not plan.pending:
            return journal.nothing_pending("nothing is to be taken back")
        announce(plan, frozenset())
        holding = holding_rows(server.connection, dropping.foreseen(plan.histories))
        dropping.refuse(dropping.besides(holding, request.may_drop))
        request.consent()
        means = means_of(server, told)
        with hold(server, keys_for(plan.tables, told.lock_key), told.lock_wait) as guard:
            _see_that_it_is_there_still(server, plan)
            invalid = invalid_indexes(server.connection)
            execution = Execution(server, guard, pulse, told, journal, means)
            return execution.downgrade(plan, invalid)


def _chart(server: Server, request: Request) -> Chart:
    if request.target is not None:
        return partial(down_to, request.target, request.may_drop)
    found = last_applied(server.connection)
    if not found:
        message = "The ledger knows of no run that applied anything."
        raise UsageError(message, hint="--to or --steps says how far to go back.")
    return partial(without, found, request.may_drop)


def _see_that_it_is_there_still(server: Server, plan: Plan) -> None:
    for history in plan.histories:
        if set(revisions(server.connection, history.table)) != set(history.current):
            raise BusyError(
                "The database has moved since the plan was made.",
                hint="Another run was at work. Nothing was taken back; look at the new plan.",
            )
