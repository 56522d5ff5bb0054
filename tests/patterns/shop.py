"""The shop that the pages change: a project, and a database with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.patterns import pages
from tests.plan.releases import project
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

ROWS = """
INSERT INTO customers (name, mail, country, street, city, settings)
SELECT 'Customer ' || n, 'C' || n || '@example.com', CASE WHEN n % 3 > 0 THEN 'AT' END,
    'Street ' || n, 'City ' || n % 90,
    CASE WHEN n % 5 > 0 THEN json_build_object('theme', (ARRAY['dark', 'light'])[1 + n % 2]) END
FROM generate_series(1, 20000) n;
INSERT INTO orders (customer_id, number, amount, status, note)
SELECT CASE WHEN n % 500 = 0 THEN 9000000 ELSE n END,
    'N' || CASE WHEN n % 1000 = 1 THEN 1 ELSE n END,
    n % 900 + 1, (enum_range(NULL::order_status))[1 + n % 3], 'note ' || n
FROM generate_series(1, 20000) n;
ANALYZE;
"""
"""With what a shop has gathered: nulls, numbers given twice, orders of customers that are gone."""


def checkout(folder: Path) -> Path:
    """Make the project, with the one revision that the database is at."""
    made = project(folder)
    (made / "backfills").mkdir()
    write(made, {"shop": pages.shop()})
    return made


def write(folder: Path, revisions: dict[str, str], backfills: dict[str, str] | None = None) -> None:
    """Add revisions and backfills to the project."""
    for name, text in revisions.items():
        (folder / "versions" / f"{name}.py").write_text(text)
    for name, text in (backfills or {}).items():
        (folder / "backfills" / name).write_text(text)


def fill(folder: Path, database: Database) -> None:
    """Bring a database to the project's head, and put in the rows."""
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output
    database.rows(ROWS)
