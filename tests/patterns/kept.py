"""What must be the same before, between and after the releases of each page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.patterns.app import TOUCHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.servers import Database

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
    "change-a-type": Kept(
        "SELECT id, number, amount::bigint FROM orders",
        {2: "SELECT id, number, amount_new FROM orders"},
        dict.fromkeys((1, 2), "SELECT id FROM orders WHERE amount IS DISTINCT FROM amount_new"),
    ),
    "drop-a-column": Kept("SELECT id, number, amount FROM orders"),
    "enum-add-a-value": Kept("SELECT id, number, status::text FROM orders"),
    "enum-replace": Kept(
        "SELECT id, number, replace(status::text, 'canceled', 'cancelled') FROM orders",
        {2: "SELECT id, number, state::text FROM orders"},
        dict.fromkeys(
            (1, 2),
            "SELECT id FROM orders WHERE state::text IS DISTINCT FROM"
            " replace(status::text, 'canceled', 'cancelled')",
        ),
    ),
    "foreign-key": Kept("SELECT id, nullif(customer_id, 9000000) FROM orders"),
    "index": Kept("SELECT id, name, mail FROM customers"),
    "json-key": Kept("SELECT id, name, settings ->> 'theme' FROM customers"),
    "json-to-jsonb": Kept(
        "SELECT id, name, settings::jsonb FROM customers",
        {2: "SELECT id, name, preferences FROM customers"},
        dict.fromkeys(
            (1, 2), "SELECT id FROM customers WHERE settings::jsonb IS DISTINCT FROM preferences"
        ),
    ),
    "not-null": Kept("SELECT id, name, coalesce(country, 'unknown') FROM customers"),
    "rename-a-column": Kept(
        "SELECT id, name, mail FROM customers",
        {2: "SELECT id, name, email FROM customers"},
        dict.fromkeys((1, 2), "SELECT id FROM customers WHERE mail IS DISTINCT FROM email"),
    ),
    "rename-a-table": Kept(
        "SELECT id, name, mail FROM customers", {1: "SELECT id, name, mail FROM clients"}
    ),
    "split-a-table": Kept(
        "SELECT id, name, street, city FROM customers",
        {
            2: "SELECT c.id, c.name, a.street, a.city FROM customers c"
            " LEFT JOIN addresses a ON customer_id = id"
        },
        dict.fromkeys(
            (1, 2),
            "SELECT id FROM customers c LEFT JOIN addresses a ON customer_id = id"
            " WHERE (c.street, c.city) IS DISTINCT FROM (a.street, a.city)",
        ),
    ),
    "unique": Kept("SELECT id, split_part(number, '-', 1) FROM orders"),
}
