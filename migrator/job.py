"""The run, on one screen."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from migrator.ahead import Tolerance
from migrator.database.catalog import examine, invalid_indexes, revisions, sweep
from migrator.database.connection import connect
from migrator.database.lock import hold, keys_for
from migrator.database.pulse import beating
from migrator.database.sentinel import watching
from migrator.database.witness import witness
from migrator.history.alteration import alterations
from migrator.history.recording import recording
from migrator.interruption import WATCH
from migrator.project.find import find
from migrator.project.judge import judge
from migrator.project.migration import migrate
from migrator.project.retreat import retreat, undone
from migrator.project.survey import announce, survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from migrator.backup.take import Means
    from migrator.database.connection import Server
    from migrator.database.guard import Guard
    from migrator.database.sentinel import Sentinel
    from migrator.project.find import Project
    from migrator.project.plan import Plan
    from migrator.project.progress import Attempt
    from migrator.report import Journal
    from migrator.settings import Settings

    Carry = Callable[..., Attempt]


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
        if not plan.pending:
            journal.nothing_pending()
            return plan
        means = means_of(server, settings)
        keys = keys_for(plan.tables, settings.lock_key)
        with hold(server, keys, settings.lock_wait) as guard:
            plan = plan.at({table: revisions(server.connection, table) for table in plan.tables})
            journal.planned(plan.current, plan.destination)
            if not plan.pending:
                journal.nothing_pending(since="another run did it meanwhile")
                return plan
            announce(plan, invalid := invalid_indexes(server.connection))
            with (
                recording(server, journal, plan.files),
                watching(guard, pulse, settings) as sentinel,
            ):
                if means:
                    journal.backed_up(means.take(plan, guard.failure), server.identity.database)
                with WATCH.held_back():
                    journal.changing()
                    carry = carrying(server, sentinel, invalid)
                    undo = carry if settings.on_failure == "rollback" else None
                    conclude(guard, carry(plan), invalid, journal, undo)
        return plan
    return None


def _connected(settings: Settings) -> AbstractContextManager[Server]:
    return connect(settings.database_url, settings.connect_timeout)


def means_of(server: Server, settings: Settings) -> Means | None:
    """Give what a backup is taken with; where none is asked for, nothing of it is loaded."""
    if settings.backup_to is None:
        return None
    from migrator.backup.take import prepare  # noqa: PLC0415 - as said above
    from migrator.database.source import Source  # noqa: PLC0415 - as said above

    return prepare(Source(server), settings)


def carrying(server: Server, sentinel: Sentinel, invalid: frozenset[str]) -> Carry:
    """Give what carries out a plan under the lock."""
    return partial(
        migrate,
        witness=witness(server),
        sentinel=sentinel,
        sweep=partial(sweep, sentinel, invalid),
    )


def conclude(
    guard: Guard,
    attempt: Attempt,
    invalid_before: frozenset[str],
    journal: Journal,
    undo: Carry | None = None,
) -> None:
    """Look at the database on a fresh connection and conclude; after a failure, first `undo`."""
    seen = examine(guard, attempt.tables)
    verdict = judge(attempt, seen, invalid_before)
    if undo and (plan := retreat(attempt, verdict, seen)):
        back = undo(plan, tried=attempt.tried)
        verdict = undone(attempt, verdict, back, examine(guard, back.tables), invalid_before)
    journal.taken_back = verdict.taken_back
    journal.concluded(verdict.applied, verdict.failed, verdict.state, verdict.error)
