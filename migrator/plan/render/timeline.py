"""The timeline of locks: which table is locked from which statement to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.plan.trace.trace import Lock, Trace


def of_tables(trace: Trace) -> dict[str, tuple[Lock, ...]]:
    """Give for each table its locks, the most stopped table first.

    Without those that stop nothing more: one as strong is held all the while.
    """
    tables = dict.fromkeys(lock.table for lock in trace.locks)
    found = {table: _uncovered([k for k in trace.locks if k.table == table]) for table in tables}
    return dict(sorted(found.items(), key=lambda row: -max(k.strength for k in row[1])))


def strongest(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """Give the strongest of these locks for each table, in the tables' order."""
    found: dict[str, Lock] = {}
    for lock in locks:
        if lock.table not in found or lock.strength > found[lock.table].strength:
            found[lock.table] = lock
    return tuple(found.values())


def _uncovered(locks: list[Lock]) -> tuple[Lock, ...]:
    kept: list[Lock] = []
    for lock in sorted(locks, key=lambda k: (-k.strength, k.statement, -k.until)):
        if not any(k.statement <= lock.statement and lock.until <= k.until for k in kept):
            kept.append(lock)
    return tuple(sorted(kept, key=lambda k: (k.statement, -k.strength)))
