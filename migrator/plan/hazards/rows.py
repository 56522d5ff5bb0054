"""Hazards of statements that change many rows or delete them all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.plan.hazards import examples
from migrator.plan.hazards.advice import Cause
from migrator.plan.hazards.hazard import LEVELS
from migrator.plan.hazards.rewrites import truncates
from migrator.plan.hazards.size import described, level, level_of_rows, long_work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Lock, Statement, Trace

_BATCH = re.compile(r"\bLIMIT\b", re.IGNORECASE)
"""A batch that is committed by itself: on an empty copy its plan may read the table whole."""


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give the statements that change many rows of a table of the target, or empty one."""
    for statement in trace.statements:
        if truncates(statement):
            yield from _truncated(statement, conditions)
        elif rated := changes_many(statement, conditions):
            if locks := trace.held_before(statement):
                yield _under_locks(statement, rated, locks, conditions)
            elif rated == "danger":
                yield _alone(statement, conditions)


def changes_many(statement: Statement, conditions: Conditions) -> str | None:
    """Rate the rows that a statement changes in tables of the target; None for a few.

    Those of a schema-only copy are not there to be counted: what reads a table from end to end
    is taken to change as many rows as it has.
    """
    if not statement.written or (statement.transaction is None and _BATCH.search(statement.sql)):
        return None
    rated = [level_of_rows(statement.rows or 0), *long_work(statement, conditions).values()]
    return max((each for each in rated if each), key=LEVELS.index, default=None)


def _under_locks(
    statement: Statement, rated: str, locks: tuple[Lock, ...], conditions: Conditions
) -> Hazard:
    table = statement.written[0]
    stopped = " and ".join(dict.fromkeys(lock.table for lock in locks))
    reason = (
        f"Many rows of {described(table, conditions)} are changed while the same transaction has"
        f" {stopped} locked: the app waits for all of them."
    )
    return Cause("bulk-data-change", reason, examples.batches(table)).at(statement, table, rated)


def _alone(statement: Statement, conditions: Conditions) -> Hazard:
    table = statement.written[0]
    reason = (
        f"Many rows of {described(table, conditions)} are changed in one transaction: whoever"
        " changes one of them waits for its end, and as many dead rows are left."
    )
    return Cause("bulk-data-change", reason, examples.batches(table)).at(
        statement, table, "caution"
    )


def _truncated(statement: Statement, conditions: Conditions) -> Iterator[Hazard]:
    for table in statement.rewritten:
        rated = "danger" if level(table, conditions) else "caution"
        reason = f"All rows of {described(table, conditions)} are gone, for the running app too."
        yield Cause("truncate", reason).at(statement, table, rated)
