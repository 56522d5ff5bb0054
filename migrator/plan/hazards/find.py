"""Find the hazards in a trace, and rate them by the size of the tables."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from migrator.plan.hazards import compatibility, locks, revisions, rewrites, rows, scans, squawk
from migrator.plan.hazards.advice import INSTEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Trace

_MOVES = {"ban-set-schema", "renaming-object"}
"""What squawk says of any object, and we of a table alone."""
_DROPS_TRIGGER = re.compile(r"\s*DROP\s+TRIGGER\b", re.IGNORECASE)
_FAMILIES = (rewrites, scans, locks, compatibility, rows, revisions)


def judged(trace: Trace, conditions: Conditions) -> tuple[tuple[Hazard, ...], tuple[str, ...]]:
    """Give the hazards, what squawk adds to them included, and the warnings about the judging."""
    remarks, ours = squawk.lint(trace), hazards(trace, conditions)
    moved = {hazard.statement for hazard in ours if hazard.code == "rename-table"}
    further = (h for h in remarks.hazards if h.statement not in moved or h.code not in _MOVES)
    found = accepted(trace, (*ours, *(h for h in further if not _is_of_a_trigger(h, trace))))
    return found, (*remarks.warnings, *idle_allowances(trace, found, squawk.KEPT))


def _is_of_a_trigger(hazard: Hazard, trace: Trace) -> bool:
    """Tell whether a function goes after its trigger: no app can call it, and no other has it.

    Postgres refuses to drop a function that a trigger is left with.
    """
    if hazard.code != "ban-drop-function" or hazard.statement is None:
        return False
    drop = trace.statements[hazard.statement - 1]
    earlier = (each for each in trace.transaction_of(drop) if each.number < drop.number)
    return any(_DROPS_TRIGGER.match(each.sql) for each in earlier)


def hazards(trace: Trace, conditions: Conditions) -> tuple[Hazard, ...]:
    """Give what is wrong with a release, in the order of its statements."""
    found = (hazard for family in _FAMILIES for hazard in family.find(trace, conditions))
    return accepted(trace, found)


def accepted(trace: Trace, found: Iterable[Hazard]) -> tuple[Hazard, ...]:
    """Give hazards in the order of the statements, those marked that an author accepts."""
    places = {revision.revision: place for place, revision in enumerate(trace.revisions)}
    allowed = {revision.revision: revision.allowed for revision in trace.revisions}

    def order(hazard: Hazard) -> tuple[int, int]:
        return places.get(hazard.revision, len(places)), hazard.statement or 0

    return tuple(
        replace(hazard, allowed=allowed.get(hazard.revision, {}).get(hazard.code))
        for hazard in sorted(found, key=order)
    )


def idle_allowances(
    trace: Trace, found: tuple[Hazard, ...], further: Iterable[str] = ()
) -> tuple[str, ...]:
    """Give a warning for each `# migrator: allow …` that allows nothing.

    `further` are codes of another linter.
    """
    known = {*INSTEAD, *further}
    met = {(hazard.revision, hazard.code) for hazard in found}
    return tuple(
        _idle(revision.file, code, known=code in known)
        for revision in trace.revisions
        for code in revision.allowed
        if (revision.revision, code) not in met
    )


def _idle(file: str, code: str, *, known: bool) -> str:
    why = "this plan has no such hazard" if known else "there is no hazard of that name"
    return f"{file}: `# migrator: allow {code}` allows nothing: {why}."
