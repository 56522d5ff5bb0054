"""The hazards of a trace, rated by the size of the tables they strike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.plan.conditions import Conditions
    from migrator.plan.hazard import Hazard
    from migrator.plan.trace import Trace


def hazards(trace: Trace, conditions: Conditions) -> tuple[Hazard, ...]:
    """Give what is wrong with a release, in the order of its statements."""
    return ()
