"""The planning: what a run would do, found out on a copy; nothing is changed in the target."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from migrator import bearings
from migrator.backfill import requirement
from migrator.database import observation, traffic
from migrator.database.attendant import Attendant
from migrator.database.connection import connect, fetch, readable_version
from migrator.database.copy import cancelled_with_us, copy, copy_revisions
from migrator.database.identity import aside_from, witness
from migrator.database.pgtools.copy import duplicate
from migrator.database.pgtools.source import Source
from migrator.database.pgtools.worker import Crew
from migrator.errors import ConfigurationError
from migrator.output.log import structured
from migrator.plan.conditions import Conditions, Obstacle, Table
from migrator.plan.forecast import Forecast, Rehearsal
from migrator.plan.hazards import judged
from migrator.plan.trace import Trace
from migrator.project import needs
from migrator.project.surroundings import without_libpqs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from migrator.database.connection import Server
    from migrator.database.copy import Copy
    from migrator.project.plan import Plan
    from migrator.project.transactions import Permit
    from migrator.settings.address import Address
    from migrator.settings.table import Settings

    Within = Callable[[Address], AbstractContextManager[object]]

_WITHIN_S = 20.0
_WITH_DATA = (
    "The copy has no rows, and the constraint may hold where they are: --with-data copies them."
)
_OF_ROWS = "23"
"""The class of SQLSTATE for a constraint that rows break (PostgreSQL, appendix A)."""
_DIRECT = "Give the direct address of the server: DATABASE_UNPOOLED_URL, or MIGRATOR_DATABASE_URL."


@dataclass(frozen=True, slots=True)
class Order:
    """How a plan is to be made."""

    on: str = "scratch"
    """Where the copy is: `scratch`, `embedded`, or the URL of a server."""
    with_data: bool = False
    """Whether the copy has the target's rows."""


def forecast(settings: Settings, order: Order) -> Forecast:
    """Find out what a run would do to the target, on a copy of it.

    Raises what keeps the copy from being made; a revision that fails on it is part of the forecast.
    """
    with connect(settings.database_url, settings.connect_timeout) as server:
        return foreseen(server, settings, order)


def foreseen(server: Server, settings: Settings, order: Order) -> Forecast:
    """Give the forecast for a server that was reached; raises as `forecast` does."""
    found = _at_head(settings, server)
    if found:
        return found
    source = Source(server)
    if source.pooled:
        message = "A copy cannot be made through a pooler: pg_dump needs one session throughout."
        raise ConfigurationError(message, hint=_DIRECT)
    with copy(server, order.on) as copied:
        crew = Crew()
        work = partial(duplicate, source, copied.scratch, crew, with_data=order.with_data)
        crew.does(work)
        if not order.with_data:
            copy_revisions(server, copied.scratch)
        plan, trace = _rehearsed(settings, copied, server)
        trace = trace if order.with_data else _doubted(trace)
        version = readable_version(copied.scratch.connection.server_version)
        rehearsal = Rehearsal(copied.on, version, order.with_data)
        conditions = _conditions(server, trace, queries=settings.log_queries)
        unfilled = requirement.warnings(server.connection, needs.declared(plan))
        return _told(plan, trace, conditions, rehearsal, unfilled)


def _doubted(trace: Trace) -> Trace:
    """Mark a failure as uncertain that rows would have kept away, had the copy any."""
    failure = trace.failure
    if failure is None or not (failure.error["sqlstate"] or "").startswith(_OF_ROWS):
        return trace
    error = {**failure.error, "hint": _WITH_DATA}
    return replace(trace, failure=replace(failure, error=error, uncertain=True))


def from_base(settings: Settings, within: Within = nullcontext, on: str = "embedded") -> Forecast:
    """Find out what the whole history does, each revision as a release of its own.

    Needs no target: it runs in an empty database, on an embedded server or on the one whose URL is
    given as `on`, and env.py runs within what is made of its address. Raises as `forecast` does.
    """
    with without_libpqs(), copy(None, on) as copied, within(copied.address):
        told = replace(settings, transactions="per-revision")
        plan, trace = _rehearsed(told, copied, None)
        version = readable_version(copied.scratch.connection.server_version)
        return _told(plan, trace, Conditions(), Rehearsal(copied.on, version))


def _told(
    plan: Plan,
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
        found, _ = bearings.take(settings, server, aloof=True, keeps=False)
    except bearings.MustBeRunError:
        return None
    if not found.there:
        return None
    return Forecast(found.current, found.head, Trace((), ()), Conditions(known=True), ())


def _rehearsed(settings: Settings, copied: Copy, target: Server | None) -> tuple[Plan, Trace]:
    structured()
    from migrator.project.confined import permitting  # noqa: PLC0415 - as above
    from migrator.project.find import find  # noqa: PLC0415 - as above
    from migrator.project.survey import survey  # noqa: PLC0415 - as above
    from migrator.project.transactions import Look  # noqa: PLC0415 - as above

    told = replace(settings, database_url=copied.address)
    with connect(copied.address, _WITHIN_S) as there, cancelled_with_us(copied):
        permit = permitting(aside_from(target, there))
        plan = survey(find(told), witness(there), look=Look(permit))
        return plan, recorded(plan, there, permit, alone=target is None)


def recorded(plan: Plan, there: Server, permit: Permit, *, alone: bool) -> Trace:
    """Run what is pending on a copy and give what was seen; `alone` is as for `rehearse`."""
    from migrator.plan.recorder import Recorder  # noqa: PLC0415 - loads SQLAlchemy
    from migrator.plan.rehearsal import rehearse  # noqa: PLC0415 - loads Alembic

    with closing(there.again(_WITHIN_S)) as looking:
        known = observation.all_of(fetch(looking, observation.ALL)[0][0])
        with closing(Attendant(partial(there.again, _WITHIN_S), known)) as attendant:
            recorder = Recorder(known, attendant, permit)
            return rehearse(plan, witness(there), recorder, alone=alone)


def in_itself(plan: Plan, there: Server, permit: Permit, on: str) -> Forecast:
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
    ask = server.connection
    found = [Table(**one) for one in traffic.tables(ask, names)]
    waiting = traffic.long_transactions(ask, names, queries=queries)
    return Conditions(
        {table.name: table for table in found},
        tuple(Obstacle(**one) for one in waiting),
        traffic.replication_lag_s(ask),
        known=True,
    )
