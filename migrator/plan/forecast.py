"""The forecast: what a release will do to a database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.plan.hazards.hazard import LEVELS, verdict

if TYPE_CHECKING:
    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Lock, Statement, Trace


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Where the revisions were run for the forecast."""

    on: str
    """`scratch`, `embedded`, or the address of another server, without its password."""
    server_version: str
    """As a person writes it: 15.4."""
    with_data: bool = False
    """Whether the copy had the target's rows: durations and scans are real then."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a release will do to a database."""

    current: tuple[str, ...]
    head: tuple[str, ...]
    trace: Trace
    conditions: Conditions
    hazards: tuple[Hazard, ...]
    rehearsal: Rehearsal | None = None
    """None where nothing is pending, and nothing was rehearsed."""
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`safe`, `caution` or `danger`."""
        return verdict(self.hazards, fails=self.fails)

    @property
    def fails(self) -> bool:
        """Whether a run would fail: what only lacked the rows is not known to."""
        return self.trace.failure is not None and not self.trace.failure.uncertain

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions that a run would apply."""
        return tuple(one.revision for one in self.trace.revisions)

    def exceeds(self, limit: str | None) -> bool:
        """Tell whether the verdict is worse than this one, as MIGRATOR_MAX_RISK says it."""
        return limit is not None and LEVELS.index(self.verdict) > LEVELS.index(limit)

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `plan --json`."""
        failure = self.trace.failure
        return {
            "verdict": self.verdict,
            "current": self.current,
            "head": self.head,
            "rehearsal": asdict(self.rehearsal) if self.rehearsal else None,
            "revisions": [asdict(revision) for revision in self.trace.revisions],
            "statements": [_statement(statement) for statement in self.trace.statements],
            "locks": [self._lock(lock) for lock in self.trace.locks],
            "hazards": [hazard.fields() for hazard in self.hazards],
            "tables": [asdict(table) for table in self.conditions.tables.values()],
            "in_the_way": [asdict(obstacle) for obstacle in self.conditions.obstacles],
            "replication_lag_s": self.conditions.replication_lag_s,
            "failed": asdict(failure) if failure else None,
            "warnings": self.warnings,
        }

    def _lock(self, lock: Lock) -> dict[str, Any]:
        table = self.conditions.tables.get(lock.table)
        return {
            "table": lock.table,
            "mode": lock.mode,
            "stops": lock.stops,
            "index": lock.index,
            "revision": self.trace.statements[lock.statement - 1].revision,
            "statement": lock.statement,
            "until": lock.until,
            "held_s": lock.held_s,
            "rows": table.rows if table else None,
            "size_bytes": table.size_bytes if table else None,
        }


def _statement(statement: Statement) -> dict[str, Any]:
    told = asdict(statement)
    del told["locks"]  # they stand in a list of their own
    return told
