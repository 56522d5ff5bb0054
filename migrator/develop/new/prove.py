"""Verify new revisions: up, down and up on an empty database, and the plan's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator.database.catalog import revisions
from migrator.database.identity import aside_from, same_database
from migrator.errors import UnprovenError
from migrator.output.text import named
from migrator.plan import plan as planning
from migrator.project.survey import survey
from migrator.rehearsal.apply import apply
from migrator.rehearsal.confine import permitting
from migrator.rehearsal.roundtrip import Finding, RoundTrip, downgraded
from migrator.rehearsal.step import steps

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.plan.forecast import Forecast
    from migrator.project.find import Project
    from migrator.project.listeners import Listener
    from migrator.rehearsal.step import RehearsalStep


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of new revisions."""

    forecast: Forecast
    findings: tuple[Finding, ...]
    """What is wrong with the way up, down and up again; hazards are the forecast's."""


def to_heads(project: Project, server: Server, listener: Listener) -> tuple[RehearsalStep, ...]:
    """Bring an empty database to the heads; gives the steps.

    Raises what a revision ends in, and `UnprovenError` where env.py only says that it did it.
    """
    plan = survey((project,), same_database(server))
    pending = steps(plan)
    apply(plan, listener)
    for path in plan.paths:
        found = revisions(server.connection, path.table)
        if {*found} != {*path.destination}:
            message = (
                f"env.py returned as if all were well, but {path.table} is at {named(found)}"
                f" and not at {named(path.destination)}."
            )
            raise UnprovenError(message)
    return pending


def prove(project: Project, server: Server, listener: Listener) -> Proof:
    """Apply what is pending, take it back, and do both again; the database is at the head then."""
    read = partial(survey, (project,), same_database(server))
    plan = read()
    trip = RoundTrip(steps(plan), server.connection, listener)
    forecast = planning.in_itself(plan, server, permitting(aside_from(None, server)), "embedded")
    if failure := forecast.trace.failure:
        told = Finding(str(failure.error["message"]), failure.revision, failure.error["hint"])
        return Proof(forecast, (told,))
    if found := downgraded(steps(plan), listener):
        return Proof(forecast, (found,))
    return Proof(forecast, trip.up() or trip.down_and_up())
