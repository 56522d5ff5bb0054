"""The proving of new revisions: up, down and up on an empty database, and the plan's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator import planning
from migrator.checklist import Finding
from migrator.database.catalog import revisions
from migrator.database.identity import aside_from, witness
from migrator.errors import UnprovenError
from migrator.output.text import named
from migrator.project.ascent import ascend
from migrator.project.confined import permitting
from migrator.project.leg import legs
from migrator.project.survey import survey
from migrator.roundtrip import RoundTrip, taken_back

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.plan.forecast import Forecast
    from migrator.project.environment import Watcher
    from migrator.project.find import Project
    from migrator.project.leg import Leg


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of new revisions."""

    forecast: Forecast
    findings: tuple[Finding, ...]
    """What is wrong with the way up, down and up again; hazards are the forecast's."""


def climb(project: Project, server: Server, watcher: Watcher) -> tuple[Leg, ...]:
    """Bring an empty database to the heads; gives the way.

    Raises what a revision ends in, and `UnprovenError` where env.py only says that it did it.
    """
    plan = survey((project,), witness(server))
    way = legs(plan)
    ascend(plan, watcher)
    for history in plan.histories:
        found = revisions(server.connection, history.table)
        if {*found} != {*history.destination}:
            message = (
                f"env.py returned as if all were well, but {history.table} is at {named(found)}"
                f" and not at {named(history.destination)}."
            )
            raise UnprovenError(message)
    return way


def prove(project: Project, server: Server, watcher: Watcher) -> Proof:
    """Apply what is pending, take it back, and do both again; the database is at the head then."""
    read = partial(survey, (project,), witness(server))
    plan = read()
    trip = RoundTrip(legs(plan), server.connection, watcher)
    forecast = planning.in_itself(plan, server, permitting(aside_from(None, server)), "embedded")
    if failure := forecast.trace.failure:
        told = Finding(str(failure.error["message"]), failure.revision, failure.error["hint"])
        return Proof(forecast, (told,))
    if found := taken_back(legs(plan), watcher):
        return Proof(forecast, (found,))
    return Proof(forecast, trip.up() or trip.down_and_up())
