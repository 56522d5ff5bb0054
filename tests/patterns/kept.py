"""What must be the same before, between and after the releases of each page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.patterns.app import TOUCHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers import Database

_ALL = "SELECT * FROM ({}) AS kept (id)"


@dataclass(frozen=True)
class Kept:
    """A query that gives all rows, an id first, the same in each release as before the first."""

    query: str
    since: Mapping[int, str] = field(default_factory=dict)
    """The query from a release on, by its number, where the rows are to be found elsewhere."""
    agree: Mapping[int, str] = field(default_factory=dict)
    """A query that gives nothing when a release's backfill is done: rows of the app that are not
    in step."""

    def rows(self, database: Database, release: int) -> list[tuple[Any, ...]]:
        """Give the rows that no app touches."""
        query = f"{_ALL.format(self._of(release))} WHERE id BETWEEN %s AND 20000 ORDER BY id"
        return database.rows(query, TOUCHED + 1)

    def count(self, database: Database, release: int) -> int:
        """Give how many rows there are."""
        return len(database.rows(_ALL.format(self._of(release))))

    def disagreeing(self, database: Database, release: int) -> list[tuple[Any, ...]]:
        """Give the rows that are not in step."""
        return database.rows(self.agree[release]) if release in self.agree else []

    def _of(self, release: int) -> str:
        known = [query for number, query in self.since.items() if number <= release]
        return known[-1] if known else self.query


KEPT = {
    "add-a-column": Kept("SELECT id, number, amount FROM orders"),
    "drop-a-column": Kept("SELECT id, number, amount FROM orders"),
    "index": Kept("SELECT id, name, mail FROM customers"),
    "not-null": Kept("SELECT id, name, coalesce(country, 'unknown') FROM customers"),
    "rename-a-column": Kept(
        "SELECT id, name, mail FROM customers",
        {2: "SELECT id, name, email FROM customers"},
        dict.fromkeys((1, 2), "SELECT id FROM customers WHERE mail IS DISTINCT FROM email"),
    ),
}
