"""MIGRATOR_ON_FAILURE=rollback: downgrade what a failed run had applied.

The first error is the run's, whatever comes of the rollback; its hint says what came.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from migrator.errors import ProjectError, UnreachableError
from migrator.migrate.announce import announce, drops
from migrator.migrate.progress import said
from migrator.output.text import named
from migrator.process.signals import SIGNALS
from migrator.project.downgrade_path import path_back, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.database.version_table import VersionTable
    from migrator.errors import MigratorError
    from migrator.migrate.progress import Attempt
    from migrator.migrate.verify import Evidence, Verdict
    from migrator.project.plan import MigrationPlan

    Standing = Mapping[VersionTable, tuple[str, ...]]

_SETTING = "MIGRATOR_ON_FAILURE=rollback"
_MOST_NAMED = 4


def retreat(attempt: Attempt, verdict: Verdict, evidence: Evidence) -> MigrationPlan | None:
    """Give the way back from an attempt that failed.

    None where nothing of it is in the database, or where there is no way: the error's hint then
    says why, and nothing was tried.
    """
    if verdict.error is None or verdict.state in {"unchanged", "migrated"}:
        return None
    why = _forbidden(attempt, verdict.failed, verdict.error, evidence)
    if why is None:
        try:
            return _announced(_way_back(attempt, evidence.revisions or {}))
        except ProjectError as obstacle:
            why = obstacle.message
    _add(verdict, f"{_SETTING} took nothing back. {why}")
    return None


def undone(
    attempt: Attempt,
    verdict: Verdict,
    back: Attempt,
    evidence: Evidence,
    invalid_before: frozenset[str],
) -> Verdict:
    """Weigh the way back against what a fresh connection saw after it."""
    found = evidence.revisions
    if found is None:
        told = evidence.problem.message if evidence.problem else "nobody could look"
        _add(verdict, f"{_SETTING} was at work, and then: {told}")
        return replace(verdict, applied=(), state="unknown")
    left = {h.table: h.outstanding(found.get(h.table, ())) for h in back.paths}
    for step in back.steps:
        if step.applied.revision not in left[step.path.table]:
            said(step)
    elsewhere, broken = _elsewhere(back, found), evidence.invalid_indexes - invalid_before
    if elsewhere or broken:
        _add(verdict, _told_of_failure(back, elsewhere, broken), anew=True)
        there = [s for s in attempt.steps if s.applied.revision in left[s.path.table]]
        applied = tuple(step.applied for step in there)
        return replace(verdict, applied=applied, state="partially_migrated")
    _add(verdict, _told(back), anew=True)
    return replace(verdict, applied=(), state="rolled_back")


def _forbidden(
    attempt: Attempt, failed: str | None, error: MigratorError, evidence: Evidence
) -> str | None:
    """Say why no way back is even looked for, or None."""
    if error.outcome == "interrupted" or SIGNALS.pending is not None:
        return "An interrupted run begins no rollback, which would be cut off half way."
    if isinstance(error, UnreachableError):
        return "The server, or the lock, was lost on the way."
    if evidence.revisions is None:
        return "Nobody could look at what is in the database."
    if attempt.left_something and failed:
        return f"Revision {failed} had committed a part of its work, which no downgrade undoes."
    return None


def _way_back(attempt: Attempt, found: Standing) -> MigrationPlan:
    """Give the way back; raises `ProjectError` where there is none."""
    paths_back = [path_back(h, found.get(h.table, ())) for h in reversed(attempt.paths)]
    for each in paths_back:
        each.see()
    return together(paths_back)


def _announced(plan: MigrationPlan) -> MigrationPlan:
    if plan.pending:
        announce(plan, frozenset())
    return plan


def _elsewhere(back: Attempt, found: Standing) -> Standing:
    """Give the version tables that are not where they were before the run."""
    rows = {h.table: found.get(h.table, ()) for h in back.paths}
    return {h.table: rows[h.table] for h in back.paths if {*rows[h.table]} != {*h.destination}}


def _told(back: Attempt) -> str:
    names = [step.applied.revision for step in back.steps]
    where = named(dict.fromkeys(r for h in back.paths for r in h.destination))
    what = f": {', '.join(names)}" if names else ""
    return f"{_SETTING} took back what this run had done{what}. The database is at {where} again."


def _told_of_failure(back: Attempt, left: Standing, broken: frozenset[str]) -> str:
    places = [f"{table} is at {named(rows)}" for table, rows in left.items()]
    places[_MOST_NAMED:] = ["…"] if len(places) > _MOST_NAMED else []
    places += [f"an invalid index is left: {drops(broken)}"] if broken else []
    what = back.error.message if back.error else "env.py returned as if all were well."
    return f"{_SETTING} did not get through: {'; '.join(places)}. {what}"


def _add(verdict: Verdict, hint: str, *, anew: bool = False) -> None:
    """Say more in the hint; `anew` leaves out what was said there of indexes."""
    if (error := verdict.error) is not None:
        before = verdict.hint if anew else error.hint
        error.hint = " ".join(filter(None, (before, hint)))
