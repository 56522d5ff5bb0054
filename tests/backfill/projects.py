"""A project whose second revision adds a column, and whose third needs it to be filled."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from tests.plan.releases import project, revise
from tests.support.command import Ended, Process, run, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

NAME = "users_email"
REMAINING = "SELECT id FROM users WHERE email IS NULL AND mail IS NOT NULL"
BATCH = "UPDATE users SET email = lower(mail) WHERE id = ANY(:keys)"
NEEDS = f"# migrator: needs backfill {NAME}"


def made(folder: Path, batch: str = BATCH, remaining: str = REMAINING) -> Path:
    """Make the project, with one backfill."""
    project(folder)
    revise(folder, "op.execute('CREATE TABLE users (id bigserial PRIMARY KEY, mail text)')")
    revise(folder, "op.execute('ALTER TABLE users ADD email text')")
    strict = "op.execute('ALTER TABLE users ALTER email {} NOT NULL')"
    revise(folder, f"{NEEDS}\n{strict.format('SET')}", strict.format("DROP"))
    backfill(folder, NAME, batch, remaining)
    return folder


def backfill(folder: Path, name: str, batch: str, remaining: str) -> None:
    """Write a backfill; `batch` is a statement, or the body of a function."""
    (folder / "backfills").mkdir(exist_ok=True)
    told = f"batch = {batch!r}"
    if "\n" in batch:
        told = f"def batch(connection, keys):\n{batch}"
    text = f'"""Copy mail to email."""\nremaining = {remaining!r}\n\n{told}\n'
    (folder / "backfills" / f"{name}.py").write_text(text)


def expanded(folder: Path, database: Database, rows: int) -> Path:
    """Make what the revision that adds the column has left, with so many rows."""
    database.rows(
        "CREATE TABLE users (id bigserial PRIMARY KEY, mail text, email text);"
        " CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
        " INSERT INTO alembic_version VALUES ('r2')"
    )
    addresses = "SELECT 'User' || n || '@Example.com' FROM generate_series(1, %s) AS n"
    database.rows(f"INSERT INTO users (mail) {addresses}", rows)
    return folder


def fill(folder: Path, database: Database, *line: str, **env: str) -> Ended:
    """Run the backfill to its end."""
    return run("backfill", NAME, *line, tree=folder, url=database.url, **env)


def filling(folder: Path, database: Database, *line: str, **env: str) -> Process:
    """Start the backfill."""
    return start("backfill", NAME, *line, tree=folder, url=database.url, **env)


def remain(database: Database) -> int:
    """Give how many rows are not filled."""
    return int(database.rows("SELECT count(*) FROM users WHERE email IS NULL")[0][0])


def state(database: Database, *columns: str, name: str = NAME) -> Any:  # noqa: ANN401 - a row
    """Give these columns of the backfill's row in the ledger."""
    told = ", ".join(itertools.chain(columns))
    return database.rows(f"SELECT {told} FROM migrator.backfill WHERE name = %s", name)[0]  # noqa: S608
