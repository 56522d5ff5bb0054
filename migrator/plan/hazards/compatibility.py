"""Hazards for the release that is still running while the new one starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.plan.hazards import examples
from migrator.plan.hazards.advice import Cause
from migrator.plan.hazards.size import described, level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Change, Statement, Trace

_VIEW = r"CREATE\s+(OR\s+REPLACE\s+)?(MATERIALIZED\s+)?VIEW\s+(IF\s+NOT\s+EXISTS\s+)?"
_TYPE = re.compile(r"(?P<name>[^(]+)(?:\((?P<first>\d+)(?:,(?P<second>\d+))?\))?(?P<rest>.*)")
_WHOLE = ("smallint", "integer", "bigint")
_DOCUMENTS = {"json", "jsonb"}
_OLD = "the version that is still running"


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give what old code would stumble over, however small the tables are."""
    for statement in trace.statements:
        for change in statement.changes:
            match change.kind:
                case "table_dropped" | "table_renamed":
                    yield from _table(trace, statement, change)
                case "column_dropped" | "column_renamed":
                    yield _column(statement, change)
                case "column_type":
                    yield from _type(statement, change, conditions)
                case "column_added" | "column_not_null" | "column_default":
                    yield from _required(trace, statement, change, conditions)


def _table(trace: Trace, statement: Statement, change: Change) -> Iterator[Hazard]:
    if _a_view_takes_its_place(trace, statement, change.table):
        return
    if change.kind == "table_dropped":
        code, example = "drop-table", examples.drop_table(change)
        reason = f"{change.table} is dropped: {_OLD} fails where it uses it."
    else:
        code, example = "rename-table", examples.rename_table(change)
        reason = f"{change.table} becomes {change.after}: {_OLD} does not find it any more."
    yield Cause(code, reason, example).at(statement, change.table, "danger")


def _a_view_takes_its_place(trace: Trace, statement: Statement, table: str) -> bool:
    """Tell whether a view of that name is made in the same transaction: new, so in no catalogue."""
    bare = re.escape(table.rpartition(".")[2].strip('"'))
    made = re.compile(rf'{_VIEW}(?:"?\w+"?\.)?"?{bare}"?(?!\w)', re.IGNORECASE)
    later = (s for s in trace.transaction_of(statement) if s.number >= statement.number)
    return any(made.search(each.sql) for each in later)


def _column(statement: Statement, change: Change) -> Hazard:
    column = f"{change.table}.{change.name}"
    if change.kind == "column_dropped":
        code, example = "drop-column", examples.drop_column(change)
        reason = f"{column} is dropped: {_OLD} fails where it names it, as every ORM does."
    else:
        code = "rename-column"
        example = examples.new_column(change, change.after or "", change.detail["type"])
        reason = f"{column} becomes {change.after}: {_OLD} fails where it names the old one."
    return Cause(code, reason, example).at(statement, change.table, "danger")


def _type(statement: Statement, change: Change, conditions: Conditions) -> Iterator[Hazard]:
    touched = change.table in (*statement.rewritten, *statement.scanned)
    if touched and level(change.table, conditions):
        return  # type-change-rewrites says it
    if not holds_all_of(change.after or "", change.before or ""):
        reason = (
            f"{change.table}.{change.name} changes from {change.before} to {change.after}: {_OLD}"
            " writes and compares the old type."
        )
        example = examples.new_column(change, f"{change.name}_new", change.after or "")
        yield Cause("column-type-changed", reason, example).at(statement, change.table, "caution")


def holds_all_of(after: str, before: str) -> bool:
    """Tell whether code that knows the type `before` can go on with `after`, by their SQL names."""
    new, old = _TYPE.fullmatch(after), _TYPE.fullmatch(before)
    if new is None or old is None:
        return False
    if new["name"] == old["name"] and new["rest"] == old["rest"]:
        same_scale = (new["second"] or "0") == (old["second"] or "0")
        wider = new["first"] is None or int(new["first"]) >= int(old["first"] or "0")
        return new["first"] is None or (old["first"] is not None and wider and same_scale)
    if new["name"] == "text":
        return old["name"] == "character varying"
    if {new["name"], old["name"]} == _DOCUMENTS:
        return True
    whole = new["name"] in _WHOLE and old["name"] in _WHOLE
    return whole and _WHOLE.index(new["name"]) > _WHOLE.index(old["name"])


def _required(
    trace: Trace, statement: Statement, change: Change, conditions: Conditions
) -> Iterator[Hazard]:
    new = change.kind == "column_added" or _is_new(trace, statement, change, conditions)
    if not _is_required(statement, change):
        return
    column = f"{change.table}.{change.name}"
    reason = f"{column} is NOT NULL and has no default: {_OLD} inserts rows without it, and fails."
    if change.kind == "column_added":
        reason += f" So does this statement where {described(change.table, conditions)} has rows."
    elif not new:
        reason = (
            f"{column} is NOT NULL from now on and has no default: {_OLD} fails where it inserts"
            " rows without it."
        )
    rated, example = "danger" if new else "caution", examples.optional_column(change)
    yield Cause("column-required", reason, example).at(statement, change.table, rated)


def _is_required(statement: Statement, change: Change) -> bool:
    if any(change.detail.get(each) for each in ("default", "generated", "identity")):
        return False
    if change.kind == "column_not_null":
        return change.table in statement.scanned or _unproven(statement, change)
    return bool(change.detail.get("not_null"))


def _unproven(statement: Statement, change: Change) -> bool:
    """Tell whether it holds for new rows only: what was proven before, the old code respects."""
    return any(
        each.kind == "constraint_added"
        and (each.table, each.detail["type"], each.detail["validated"])
        == (change.table, "n", False)
        for each in statement.changes
    )


def _is_new(trace: Trace, statement: Statement, change: Change, conditions: Conditions) -> bool:
    """Tell whether the release itself adds the column: a revision is one, without a target."""
    return any(
        (each.kind, each.table, each.name) == ("column_added", change.table, change.name)
        for earlier in trace.statements
        if earlier.number < statement.number
        and (conditions.known or earlier.revision == statement.revision)
        for each in earlier.changes
    )
