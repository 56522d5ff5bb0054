"""Hazards of full scans under a lock that blocks the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.plan.hazards import examples
from migrator.plan.hazards.advice import Cause
from migrator.plan.hazards.size import described, level, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Change, Statement, Trace

_KINDS = {"p": "primary key", "u": "unique constraint", "x": "exclusion constraint"}
_NOBODY = "nobody reads or writes it meanwhile"


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give the scans of tables that are not small, each by what needs it."""
    for statement in trace.statements:
        said = {*statement.rewritten, *_referred_to(statement)}
        for table in statement.scanned:
            rated = level(table, conditions) if table not in said else None
            if rated and (cause := _cause(statement, table, conditions)):
                yield cause.at(statement, table, rated)


def itself_needs(statement: Statement, table: str) -> bool:
    """Tell whether a statement stops others on a table by what it does there itself.

    VALIDATE CONSTRAINT would stop nobody, were it not for what its transaction did before.
    """
    return (
        table in statement.rewritten
        or any(lock.stops for lock in statement.locks if lock.table == table)
        or any(
            table in (change.table, change.detail.get("refers_to"))
            and change.kind != "constraint_validated"
            for change in statement.changes
        )
    )


def is_required(change: Change) -> bool:
    """Tell whether a column is added that every row must give."""
    given = any(change.detail.get(each) for each in ("default", "generated", "identity"))
    return change.kind == "column_added" and change.detail["not_null"] and not given


def _referred_to(statement: Statement) -> set[str]:
    """Give the other tables of foreign keys: it is by the index there that a key is checked."""
    keys = (change for change in statement.changes if change.detail.get("refers_to"))
    return {key.detail["refers_to"] for key in keys if key.detail["refers_to"] != key.table}


def _cause(statement: Statement, table: str, conditions: Conditions) -> Cause | None:
    """Give what a scan is for: the most specific cause there is.

    A required column is read for where there are no rows; where there are, the statement fails.
    """
    changes = [change for change in statement.changes if change.table == table]
    if found := _of_a_definition(changes, described(table, conditions), conditions):
        return found
    if not _stops(statement, table) or any(is_required(change) for change in changes):
        return None
    figures = described(table, conditions)
    if change := next((c for c in changes if c.kind == "index_added"), None):
        reason = f"{change.name} is built on {figures}; nobody writes to it meanwhile."
        return Cause("index-not-concurrent", reason, examples.index(change))
    reason = f"All of {figures} is read; {_who_waits(statement, table)}."
    return Cause("exclusive-lock-on-large-table", reason)


def _of_a_definition(changes: list[Change], figures: str, conditions: Conditions) -> Cause | None:
    """Give what is read for a new definition of columns and constraints."""
    by_kind = {change.kind: change for change in reversed(changes)}
    if change := by_kind.get("column_type"):
        reason = f"{change.name} becomes {change.after}: all of {figures} is read; {_NOBODY}."
        example = examples.new_column(change, f"{change.name}_new", change.after or "")
        return Cause("type-change-rewrites", reason, example)
    if change := _of_an_index(changes):
        kind = _KINDS[change.detail["type"]]
        reason = f"The {kind} {change.name} builds its index on {figures}; {_NOBODY}."
        return Cause("unique-constraint-builds-index", reason, examples.unique(change))
    if change := by_kind.get("column_not_null"):
        reason = f"SET NOT NULL on {change.name} reads all of {figures}; {_NOBODY}."
        return Cause("not-null-full-scan", reason, examples.not_null(change))
    if change := _validated(changes):
        reason = _reason_of_constraint(change, conditions)
        return Cause("constraint-without-not-valid", reason, examples.constraint(change))
    return None


def _of_an_index(changes: list[Change]) -> Change | None:
    if not any(c.kind == "index_added" and c.detail["of_constraint"] for c in changes):
        return None
    added = (c for c in changes if c.kind == "constraint_added")
    return next((c for c in added if c.detail["type"] in _KINDS), None)


def _validated(changes: list[Change]) -> Change | None:
    added = (c for c in changes if c.kind == "constraint_added")
    return next((c for c in added if c.detail["validated"] and c.detail["type"] in "cf"), None)


def _reason_of_constraint(change: Change, conditions: Conditions) -> str:
    figures, other = described(change.table, conditions), change.detail["refers_to"]
    if other and other in conditions.tables and other != change.table:
        both = listed((change.table, other), conditions)
        return f"{change.name} is checked for all of {figures}; nobody writes to {both} meanwhile."
    waits = "writes to" if change.detail["type"] == "f" else "reads or writes"
    return f"{change.name} is checked for all of {figures}; nobody {waits} it meanwhile."


def _stops(statement: Statement, table: str) -> bool:
    """Tell whether it took a lock that stops somebody, or had it before and changes the table."""
    locks = [lock for lock in statement.locks if lock.table == table]
    if locks:
        return any(lock.stops for lock in locks)
    return statement.transaction is not None and itself_needs(statement, table)


def _who_waits(statement: Statement, table: str) -> str:
    stopped = {who for lock in statement.locks if lock.table == table for who in lock.stops}
    return _NOBODY if "SELECT" in stopped else "nobody writes to it meanwhile"
