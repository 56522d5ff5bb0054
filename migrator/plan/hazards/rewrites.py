"""Hazards of statements that rewrite a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.output.text import capital
from migrator.plan.hazards import examples
from migrator.plan.hazards.advice import Cause
from migrator.plan.hazards.size import described, level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Change, Statement, Trace

_TRUNCATE = re.compile(r"\s*TRUNCATE\b", re.IGNORECASE)
"""The catalogue shows a new file and nothing else: as with VACUUM FULL, but without the rows."""


def truncates(statement: Statement) -> bool:
    """Tell whether a statement empties tables: their files are new, and nothing was rewritten."""
    return bool(_TRUNCATE.match(statement.sql))


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give the rewrites of tables that are not small."""
    for statement in trace.statements:
        if not truncates(statement):
            for table in statement.rewritten:
                if rated := level(table, conditions):
                    yield _hazard(statement, table, rated, described(table, conditions))


def _hazard(statement: Statement, table: str, rated: str, figures: str) -> Hazard:
    by_kind = {change.kind: change for change in statement.changes if change.table == table}
    anew = f"all of {figures} is written anew; nobody reads or writes it meanwhile."
    if change := by_kind.get("column_type"):
        code, reason = "type-change-rewrites", f"{change.name} becomes {change.after}: {anew}"
        example = examples.new_column(change, f"{change.name}_new", change.after or "")
    elif (change := by_kind.get("column_added")) and _computed(change):
        code, reason = "volatile-default", f"{change.name} differs from row to row: {anew}"
        example = examples.volatile_default(change)
    else:
        code, reason, example = "rewrites-table", capital(anew), ""
    return Cause(code, reason, example).at(statement, table, rated)


def _computed(change: Change) -> bool:
    return any(change.detail.get(each) for each in ("default", "generated", "identity"))
