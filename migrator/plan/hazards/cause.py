"""A cause: what is wrong with a statement, and the advice that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.plan.hazards.advice import INSTEAD
from migrator.plan.hazards.hazard import Hazard

if TYPE_CHECKING:
    from migrator.plan.trace.trace import Statement


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, and why."""

    code: str
    reason: str
    example: str = ""

    def at(self, statement: Statement, table: str, level: str) -> Hazard:
        """Give the hazard that a statement is to a table."""
        return Hazard(
            code=self.code,
            level=level,
            revision=statement.revision,
            statement=statement.number,
            table=table,
            reason=self.reason,
            instead=INSTEAD[self.code],
            example=self.example,
        )
