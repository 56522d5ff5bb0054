"""Every command on every sorry database: a sentence, a code, and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.backups import path, to
from tests.support.command import run
from tests.support.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

pytestmark = pytest.mark.slow

CODES = {0, 3, 64, 65, 66, 69, 73, 74, 75, 76, 77, 78, 79, 124}
COMMANDS = [
    ("run",),
    ("plan",),
    ("status", "--exit-code"),
    ("status", "--drift"),
    ("wait", "--timeout", "2s"),
    ("history",),
    ("backup",),
    ("restore", "--into", "another"),
    ("rollback", "--steps", "1", "--yes"),
    ("repair", "--yes"),
    ("backfill",),
    ("backfill", "--dry-run"),
    ("new", "a change"),
    ("watch", "--once"),
]
ANEW = ("reset", "--database", "nowhere", "--yes")
STATES = {
    "empty": "",
    "foreign": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('of_another_app'); CREATE TABLE theirs (id int)",
    "unversioned": "CREATE TABLE theirs (id int)",
    "a version table without its column": "CREATE TABLE alembic_version (version int)",
    "a version table that is a view": "CREATE VIEW alembic_version AS SELECT 'r1' AS version_num",
    "several rows": "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
    " INSERT INTO alembic_version VALUES ('r1'), ('r2'), ('nobody knows')",
    "a ledger that is none": "CREATE SCHEMA migrator; CREATE TABLE migrator.run (id int)",
}


def see(url: str, command: tuple[str, ...], folder: Path) -> int:
    """Run it; gives the exit code, once what it said is seen to be fit for a person."""
    variables = {"PATH": path(), "MIGRATOR_BACKUP_TO": to(folder)}
    if command[0] not in {"run", "backup", "restore", "rollback"}:
        del variables["MIGRATOR_BACKUP_TO"]
    ended = run(*command, "--connect-timeout", "2s", url=url, tree="per_revision", **variables)
    assert ended.exit_code in CODES, ended.output
    assert "Traceback" not in ended.output
    assert "A bug in migrator" not in ended.output
    assert ended.output.strip()
    return ended.exit_code


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("state", STATES)
def test_it_says_what_is_wrong_and_leaves_it(
    state: str, command: tuple[str, ...], database: Database, tmp_path: Path
) -> None:
    if STATES[state]:
        database.rows(STATES[state])
    see(database.url, command, tmp_path)
    if "theirs" in STATES[state]:
        assert "theirs" in database.tables()


@pytest.mark.parametrize("command", [*COMMANDS, ANEW], ids=" ".join)
def test_where_nobody_answers_it_is_worth_another_try(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    url = f"postgresql://somebody@127.0.0.1:{free_port()}/nowhere"
    assert see(url, command, tmp_path) == 69
