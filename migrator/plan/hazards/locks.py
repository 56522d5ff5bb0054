"""Hazards of locks that are held longer than their statement."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from migrator.plan.hazards.advice import Cause
from migrator.plan.hazards.hazard import LEVELS
from migrator.plan.hazards.rows import changes_many
from migrator.plan.hazards.scans import itself_needs
from migrator.plan.hazards.size import busy, described, listed, long_work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Lock, Statement, Trace

_ACROSS = "lock-held-across-statements"
_ANOTHER = "table-locked-while-another-is-scanned"
LONG_S = 1.0
"""What took so long in the rehearsal, with or without rows, takes at least as long in the run."""


def find(trace: Trace, conditions: Conditions) -> Iterator[Hazard]:
    """Give what a transaction does while it has a table locked already."""
    together = [statement for statement in trace.statements if statement.transaction is not None]
    for _, statements in groupby(together, lambda statement: statement.transaction):
        yield from _in_one(tuple(statements), conditions)


def _in_one(statements: tuple[Statement, ...], conditions: Conditions) -> Iterator[Hazard]:
    held: dict[str, Lock] = {}
    told: set[tuple[str, str]] = set()
    for statement in statements:
        for hazard in _meanwhile(statement, held, conditions):
            if (hazard.code, hazard.table or "") not in told:
                told.add((hazard.code, hazard.table or ""))
                yield hazard
        for lock in statement.locks:
            if lock.stops and lock.strength >= _strength(held.get(lock.table)):
                held[lock.table] = lock
    yield from _order(statements, conditions)


def _strength(lock: Lock | None) -> int:
    return lock.strength if lock else 0


def _meanwhile(
    statement: Statement, held: dict[str, Lock], conditions: Conditions
) -> Iterator[Hazard]:
    if changes_many(statement, conditions):
        return  # bulk-data-change says it
    work = long_work(statement, conditions)
    for table, lock in held.items():
        waits = "reads and writes" if "SELECT" in lock.stops else "writes"
        since = f"{table} is locked since statement {lock.statement}, and its {waits} wait"
        others = [each for each in work if each != table]
        if table in work and not itself_needs(statement, table):
            reason = f"{since} while all of {described(table, conditions)} is read."
            yield Cause(_ACROSS, reason).at(statement, table, work[table])
        elif others:
            rated = max((work[each] for each in others), key=LEVELS.index)
            reason = f"{since} while all of {listed(others, conditions)} is read."
            yield Cause(_ANOTHER, reason).at(statement, table, rated)
        elif not work and statement.duration_s >= LONG_S and busy(table, conditions):
            took = f"{statement.duration_s:.1f} s in the rehearsal"
            reason = f"{since} for statement {statement.number}: {took}."
            yield Cause(_ACROSS, reason).at(statement, table, "caution")


def _order(statements: tuple[Statement, ...], conditions: Conditions) -> Iterator[Hazard]:
    """Give the second of two tables in use that a transaction locks one after the other."""
    first: dict[str, int] = {}
    for statement in statements:
        for lock in statement.locks:
            if lock.stops and busy(lock.table, conditions):
                first.setdefault(lock.table, statement.number)
    if len(set(first.values())) > 1:
        names = list(first)
        number = next(n for n in first.values() if n != first[names[0]])
        second = next(s for s in statements if s.number == number)
        reason = (
            f"{', then '.join(names)} are locked in this order by one transaction: an app that"
            " uses them in another order can deadlock with it."
        )
        table = next(name for name in names if first[name] == number)
        yield Cause("lock-order", reason).at(second, table, "caution")
