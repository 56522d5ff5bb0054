"""Refuse a run before its first change: incomplete backfills, too much risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.errors import RiskError
from migrator.output.log import silenced
from migrator.plan.hazards.hazard import LEVELS
from migrator.project.annotations import pending_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.database.connection import Server
    from migrator.plan.forecast import Forecast
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings

_HINT = (
    "migrator plan says more. A revision's author accepts a hazard by a line in its file:"
    " # migrator: allow <hazard> because <reason>. Nothing was touched."
)


def admit(server: Server, settings: Settings, plan: MigrationPlan) -> None:
    """See that nothing is against the plan.

    Raises `IncompleteBackfillError` where a revision of it needs one for which rows remain,
    `ProjectError` where it needs one that is not there, and `RiskError` as `_weigh` does.
    """
    if found := pending_needs(plan):
        from migrator.backfill.requirement import enforce  # noqa: PLC0415 - for these only

        enforce(server.connection, found)
    _weigh(server, settings)


def _weigh(server: Server, settings: Settings) -> None:
    """Rehearse what is pending where a limit is set; raises `RiskError` above it.

    Raises what keeps the rehearsal from being made, too: a limit that cannot be seen to is not
    passed over.
    """
    if settings.max_risk in {None, LEVELS[-1]}:  # there is nothing above the last
        return
    from migrator.database.scratch.scratch import may_create  # noqa: PLC0415 - for a gate only
    from migrator.plan.plan import PlanRequest, foreseen  # noqa: PLC0415 - as above

    on = "scratch" if may_create(server.connection) else "embedded"
    with silenced():
        found = foreseen(server, settings, PlanRequest(on=on))
    if found.exceeds(settings.max_risk):
        message = f"The plan is {found.verdict}, and MIGRATOR_MAX_RISK is {settings.max_risk}:"
        raise RiskError("\n".join((message, *_reasons(found))), hint=_HINT)


def _reasons(found: Forecast) -> Iterator[str]:
    if found.trace.failure:
        yield f"The rehearsal failed: {found.trace.failure.error['message']}"
    for hazard in found.hazards:
        if hazard.allowed is None:
            yield f"{hazard.level}  {hazard.code}  {hazard.revision}: {hazard.reason}"
