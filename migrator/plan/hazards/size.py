"""Rate work that takes as long as the table is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.output import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.plan.target import Conditions
    from migrator.plan.trace.trace import Statement


@dataclass(frozen=True, slots=True)
class Bound:
    """So many rows, or so many bytes with the indexes: whichever is reached first."""

    rows: int
    size_bytes: int


SMALL = Bound(10_000, 10_000_000)
"""Below both, reading or writing all of a table takes milliseconds, and is no finding."""
LARGE = Bound(1_000_000, 1_000_000_000)
"""From either on it is `danger`; between the two `caution`."""
BUSY_PER_S = 1.0
"""From so many scans and changed rows a second on, a table is in use, however small it is."""


def level(table: str, conditions: Conditions) -> str | None:
    """Rate work on all rows of a table; None where it is small. What is not known is large."""
    found = conditions.tables.get(table)
    if found is None:
        return "danger"
    return _rated(found.rows or 0, found.size_bytes)


def level_of_rows(rows: int) -> str | None:
    """Rate work on so many rows."""
    return _rated(rows, 0)


def _rated(rows: int, size_bytes: int) -> str | None:
    if rows >= LARGE.rows or size_bytes >= LARGE.size_bytes:
        return "danger"
    return "caution" if rows >= SMALL.rows or size_bytes >= SMALL.size_bytes else None


def busy(table: str, conditions: Conditions) -> bool:
    """Tell whether an app is likely to meet a lock on a table: it is not small, or much used."""
    found = conditions.tables.get(table)
    if found is None or level(table, conditions):
        return True
    return (found.reads_per_s or 0) + (found.writes_per_s or 0) >= BUSY_PER_S


def long_work(statement: Statement, conditions: Conditions) -> dict[str, str]:
    """Give the tables that a statement reads or writes from end to end and that are not small.

    With the level of each.
    """
    touched = dict.fromkeys((*statement.rewritten, *statement.scanned))
    rated = {table: level(table, conditions) for table in touched}
    return {table: found for table, found in rated.items() if found}


def described(table: str, conditions: Conditions) -> str:
    """Give a table with its figures: `public.orders (1.2 million rows, 98.4 MB)`."""
    found = conditions.tables.get(table)
    if found is None:
        return f"{table} (size unknown)"
    rows = "never analyzed" if found.rows is None else text.rows(found.rows)
    return f"{table} ({rows}, {text.readable(found.size_bytes)})"


def listed(tables: Iterable[str], conditions: Conditions) -> str:
    """Give several tables with their figures."""
    return " and ".join(described(table, conditions) for table in tables)
