"""`migrator plan`: rehearse the pending revisions on a copy; the target is not changed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from migrator.backfill import requirement
from migrator.database.connection import WITHIN_S, connect, fetch, readable_version
from migrator.database.identity import aside_from, same_database
from migrator.database.pgtools.copy import duplicate
from migrator.database.pgtools.source import Source
from migrator.database.pgtools.worker import Crew
from migrator.errors import ConfigurationError
from migrator.plan.forecast import Forecast, Rehearsal
from migrator.plan.hazards.find import judged
from migrator.plan.target import Conditions, conditions
from migrator.plan.trace import observation
from migrator.plan.trace.autocommit import Attendant
from migrator.plan.trace.trace import Trace
from migrator.project.annotations import pending_needs
from migrator.rehearsal.database import copied, copy_revisions, empty, opened, place
from migrator.status.position import MustBeRunError, find_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migrator.database.connection import Server
    from migrator.project.listeners import Permit
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings

_WITH_DATA = (
    "The copy has no rows, and the constraint may hold where they are: --with-data copies them."
)
_OF_ROWS = "23"
"""The class of SQLSTATE for a constraint that rows break (PostgreSQL, appendix A)."""
_DIRECT = "Give the direct address of the server: DATABASE_UNPOOLED_URL, or MIGRATOR_DATABASE_URL."


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned, and where that is rehearsed."""

    on: str = "scratch"
    """Where the copy is: `scratch`, `embedded`, or the URL of a server."""
    with_data: bool = False
    """Whether the copy has the target's rows."""
    from_base: bool = False
    """Whether the whole history is planned, on an empty database; there is no target then."""


def forecast(settings: Settings, request: PlanRequest) -> Forecast:
    """Find out what a run would do to the target, on a copy of it.

    Raises what keeps the copy from being made; a revision that fails on it is part of the forecast.
    """
    if request.from_base:
        return from_base(settings, on=request.on)
    with connect(settings.database_url, settings.connect_timeout) as server:
        return foreseen(server, settings, request)


def foreseen(server: Server, settings: Settings, request: PlanRequest) -> Forecast:
    """Give the forecast for a server that was reached; raises as `forecast` does."""
    found = _at_head(settings, server)
    if found:
        return found
    source = Source(server)
    if source.pooled:
        message = "A copy cannot be made through a pooler: pg_dump needs one session throughout."
        raise ConfigurationError(message, hint=_DIRECT)
    with copied(server, request.on) as made:
        crew = Crew()
        work = partial(duplicate, source, made.scratch, crew, with_data=request.with_data)
        crew.does(work)
        if not request.with_data:
            copy_revisions(server, made.scratch)
        with opened(made) as there:
            plan, trace = _rehearsed(settings, there, server)
        trace = trace if request.with_data else _doubted(trace)
        rehearsal = Rehearsal(place(request.on), readable_version(there.version), request.with_data)
        met = _conditions(server, trace, queries=settings.log_queries)
        unfilled = requirement.warnings(server.connection, pending_needs(plan))
        return _told(plan, trace, met, rehearsal, unfilled)


def _doubted(trace: Trace) -> Trace:
    """Mark a failure as uncertain that rows would have kept away, had the copy any."""
    failure = trace.failure
    if failure is None or not (failure.error["sqlstate"] or "").startswith(_OF_ROWS):
        return trace
    error = {**failure.error, "hint": _WITH_DATA}
    return replace(trace, failure=replace(failure, error=error, uncertain=True))


def from_base(
    settings: Settings, on: str = "embedded", environ: Mapping[str, str] | None = None
) -> Forecast:
    """Find out what the whole history does, each revision as a release of its own.

    Needs no target: it runs in an empty database, on an embedded server or on the one whose URL is
    given as `on`, which each of these variables that names a target names. Raises as `forecast`.
    """
    with empty(on, environ or {}) as there:
        told = replace(settings, transactions="per-revision")
        plan, trace = _rehearsed(told, there, None)
        version = readable_version(there.version)
        return _told(plan, trace, Conditions(), Rehearsal(place(on), version))


def _told(
    plan: MigrationPlan,
    trace: Trace,
    conditions: Conditions,
    rehearsal: Rehearsal,
    unfilled: Iterable[str] = (),
) -> Forecast:
    found, warnings = judged(trace, conditions)
    warnings = (*unfilled, *warnings)
    return Forecast(plan.current, plan.destination, trace, conditions, found, rehearsal, warnings)


def _at_head(settings: Settings, server: Server) -> Forecast | None:
    """Give the forecast of a database that needs nothing, where that can be told without more."""
    try:
        found, _ = find_position(settings, server, aloof=True, keeps=False)
    except MustBeRunError:
        return None
    if not found.there:
        return None
    return Forecast(found.current, found.head, Trace((), ()), Conditions(known=True), ())


def _rehearsed(
    settings: Settings, there: Server, target: Server | None
) -> tuple[MigrationPlan, Trace]:
    from migrator.project.find import find  # noqa: PLC0415 - as above
    from migrator.project.listeners import Look  # noqa: PLC0415 - as above
    from migrator.project.survey import survey  # noqa: PLC0415 - as above
    from migrator.rehearsal.confine import permitting  # noqa: PLC0415 - as above

    permit = permitting(aside_from(target, there))
    projects = find(replace(settings, database_url=there.address))
    plan = survey(projects, same_database(there), look=Look(permit))
    return plan, recorded(plan, there, permit, alone=target is None)


def recorded(plan: MigrationPlan, there: Server, permit: Permit, *, alone: bool) -> Trace:
    """Run what is pending on a copy and give what was seen; `alone` is as for `rehearse`."""
    from migrator.plan.trace.recorder import Recorder  # noqa: PLC0415 - loads SQLAlchemy
    from migrator.plan.trace.rehearse import rehearse  # noqa: PLC0415 - loads Alembic

    with closing(there.again(WITHIN_S)) as looking:
        known = observation.all_of(fetch(looking, observation.ALL)[0][0])
        with closing(Attendant(partial(there.again, WITHIN_S), known)) as attendant:
            recorder = Recorder(known, attendant, permit)
            return rehearse(plan, same_database(there), recorder, alone=alone)


def in_itself(plan: MigrationPlan, there: Server, permit: Permit, on: str) -> Forecast:
    """Give the forecast of what is pending in an empty database, which it is applied to.

    Each revision is taken for a release of its own, and the tables that it finds for large ones.
    """
    trace = recorded(plan, there, permit, alone=True)
    version = readable_version(there.connection.server_version)
    return _told(plan, trace, Conditions(), Rehearsal(on, version))


def _conditions(server: Server, trace: Trace, *, queries: bool) -> Conditions:
    names = dict.fromkeys(
        name
        for statement in trace.statements
        for name in (
            *(lock.table for lock in statement.locks),
            *(*statement.scanned, *statement.written, *statement.rewritten),
        )
    )
    return conditions(server.connection, names, queries=queries)
