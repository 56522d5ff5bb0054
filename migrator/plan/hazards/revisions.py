"""Hazards of a revision as a whole, and why a rehearsal failed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from migrator.plan.hazards import examples
from migrator.plan.hazards.advice import INSTEAD
from migrator.plan.hazards.hazard import Hazard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Failure, Revision, Statement, Trace

_ASKS = re.compile(r"\s*\(?\s*(SELECT|WITH|DECLARE)\b.*\bFROM\b", re.IGNORECASE | re.DOTALL)
_CATALOGUE = re.compile(r"\bpg_|\binformation_schema\b", re.IGNORECASE)
_UNSAFE_NEW_ENUM_VALUE = "55P04"


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give the revisions that change nothing or have no way back, and the one that failed."""
    del conditions
    for revision in trace.revisions:
        if revision.does_nothing:
            continue
        if _changes_nothing(trace, revision):
            reason = "It ran to its end, and nothing was different afterwards."
            yield _hazard("changes-nothing", "caution", revision.revision, reason)
        elif revision.obstacle:
            reason = f"It cannot be taken back: {revision.obstacle}."
            yield _hazard("no-downgrade", "caution", revision.revision, reason)
    if trace.failure:
        yield _failed(trace.failure)


def _changes_nothing(trace: Trace, revision: Revision) -> bool:
    """Tell so where it is certain: what reads a table might change it, had the copy any rows."""
    return revision.duration_s is not None and not any(
        statement.changed_something or statement.written or _reads_rows(statement)
        for statement in trace.of(revision.revision)
    )


def _reads_rows(statement: Statement) -> bool:
    """Tell whether it reads a table that has its rows elsewhere; a look at the catalogue does not.

    What is read by a cursor is read after the statement that opens it, and is not seen.
    """
    asks = _ASKS.match(statement.sql) and not _CATALOGUE.search(statement.sql)
    return bool(statement.scanned or asks)


def _failed(failure: Failure) -> Hazard:
    revision = failure.revision or ""
    if failure.error.get("sqlstate") == _UNSAFE_NEW_ENUM_VALUE:
        reason = "It uses a value of an enum in the transaction that adds it, and fails."
        found = _hazard("enum-value-used", "danger", revision, reason)
        return replace(found, example=examples.new_enum_value())
    told = f"It fails: {failure.error.get('message')}"
    level = "caution" if failure.uncertain else "danger"
    found = _hazard("fails", level, revision, told)
    return replace(found, instead=failure.error.get("hint") or found.instead)


def _hazard(code: str, level: str, revision: str, reason: str) -> Hazard:
    return Hazard(code, level, revision, None, None, reason, INSTEAD[code])
