"""An older image is deployed again: the database is ahead, and what becomes of the run."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.support.command import TREES, Ended, run, start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.servers import Database

OLDER = "per_revision"
R4 = """
from alembic import op

revision = "r4"
down_revision = "r3"


def upgrade():
    op.execute("CREATE TABLE invoices ()")
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Give the project of the newer image: the older one's, and one revision more."""
    folder = shutil.copytree(TREES / OLDER, tmp_path / "newer")
    (folder / "versions" / "r4.py").write_text(R4)
    return folder


@pytest.fixture
def ahead(newer: Path, database: Database) -> Database:
    """Give a database that the older image has migrated, and the newer one after it."""
    assert run(tree=OLDER, url=database.url).exit_code == 0
    assert run(tree=newer, url=database.url).exit_code == 0
    return database


def accepting(database: Database, tree: str | Path = OLDER, command: str = "run") -> Ended:
    return run(command, tree=tree, url=database.url, MIGRATOR_ON_DB_AHEAD="ok")


def refused(ended: Ended, database: Database, words: str) -> None:
    """See that nothing was done, and that the hint has these words."""
    before = database.revisions()
    assert ended.exit_code == 76
    report = ended.report
    assert (report["outcome"], report["database_state"]) == ("refused", "unchanged")
    assert words in report["error"]["hint"]
    assert report["error"]["hint"].endswith("Nothing was touched.")
    assert "lock.acquired" not in ended.events
    assert database.revisions() == before


def test_it_is_refused_with_the_exact_ways_out(ahead: Database) -> None:
    ended = run(tree=OLDER, url=ahead.url)
    refused(ended, ahead, "or go back with it: migrator rollback --to r3. If this code")
    assert "accept it: MIGRATOR_ON_DB_AHEAD=ok." in ended.report["error"]["hint"]
    assert ahead.revisions() == ["r4"]


def test_with_ok_it_succeeds_and_says_what_it_did_not_do(ahead: Database) -> None:
    runs = ahead.rows("SELECT count(*) FROM migrator.run")
    ended = accepting(ahead)
    report = ended.report
    assert (ended.exit_code, report["outcome"]) == (0, "up_to_date")
    assert (report["from"], report["to"], report["applied"]) == (["r4"], ["r4"], [])
    assert report["message"] == (
        "The database is at r4, ahead of r3, this code's head, and MIGRATOR_ON_DB_AHEAD=ok accepts"
        " that: nothing was applied, backed up or proven."
    )
    assert "lock.acquired" not in ended.events
    assert ahead.revisions() == ["r4"]
    assert ahead.rows("SELECT count(*) FROM migrator.run") == runs


def test_where_the_ledger_began_later_it_knows_where_the_database_came_from(
    ahead: Database, newer: Path
) -> None:
    """The newer image was the first whose run had anything to do."""
    ahead.rows("DROP SCHEMA migrator CASCADE")
    ahead.rows("UPDATE alembic_version SET version_num = 'r3'")
    ahead.rows("DROP TABLE invoices")
    assert run(tree=newer, url=ahead.url).exit_code == 0
    assert accepting(ahead).report["outcome"] == "up_to_date"


def without_ledger(database: Database) -> None:
    database.rows("DROP SCHEMA migrator CASCADE")


def with_a_ledger_that_is_another_s(database: Database) -> None:
    database.rows("COMMENT ON SCHEMA migrator IS 'something else'")


def never_at_this_head(database: Database) -> None:
    database.rows("DELETE FROM migrator.revision WHERE revision IN ('r3', 'r4')")
    database.rows("UPDATE migrator.run SET revisions_from = '{}'")


def taken_back(database: Database) -> None:
    """Another branch, which begins after r2, was deployed in the place of r3."""
    database.rows("UPDATE alembic_version SET version_num = 'r3'")
    back = run("rollback", "--to", "r2", "--yes", tree=OLDER, url=database.url)
    assert back.exit_code == 0, back.output
    database.rows("UPDATE alembic_version SET version_num = 'r4'")


def restored(database: Database) -> None:
    """Have a backup from before r3 in the place of the original, with its ledger; then came r4."""
    never_at_this_head(database)
    columns = "id, command, started_at, duration_s, outcome, exit_code, database_state, client"
    columns += ", revisions_from, revisions_to, version"
    database.rows(
        f"INSERT INTO migrator.run ({columns}) VALUES (gen_random_uuid(), 'restore', now(), 1,"  # noqa: S608
        " 'migrated', 0, 'migrated', '', '{r3}', '{r2}', '')"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_ledger, "MIGRATOR_ON_DB_AHEAD=ok does not cover a database without a ledger."),
        (with_a_ledger_that_is_another_s, "does not cover a database without a ledger."),
        (never_at_this_head, "The ledger does not know that this database has ever been at r3"),
        (taken_back, "The ledger does not know that this database has ever been at r3"),
        (restored, "The ledger does not know that this database has ever been at r3"),
    ],
)
def test_what_the_ledger_does_not_prove_is_refused_with_ok_too(
    change: Callable[[Database], None], words: str, ahead: Database
) -> None:
    change(ahead)
    refused(accepting(ahead), ahead, words)
    assert accepting(ahead, command="wait").exit_code == 76


def test_what_came_while_it_waited_for_the_lock_counts_too(ahead: Database) -> None:
    """It finds r3 pending, and then the lock held; meanwhile the newer image's run is done."""
    ahead.rows("UPDATE alembic_version SET version_num = 'r2'")
    with ahead.connect() as other:
        other.autocommit = False
        keys = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys)
        waits = start("run", tree=OLDER, url=ahead.url, MIGRATOR_ON_DB_AHEAD="ok")
        waits.until("lock.waiting")
        ahead.rows("UPDATE alembic_version SET version_num = 'r4'")
        other.rollback()
    ended = waits.end()
    assert (ended.exit_code, ended.report["outcome"]) == (0, "up_to_date")
    assert "ahead of r3" in ended.report["message"]
    assert ended.events[-2:] == ["lock.released", "run.finished"]
    assert ahead.revisions() == ["r4"]


def test_with_another_version_table_behind_it_is_refused_with_ok_too(database: Database) -> None:
    sections = ("-n", "alembic,analytics")
    assert run("run", *sections, tree="several_sections", url=database.url).exit_code == 0
    database.rows("UPDATE alembic_version SET version_num = 'later'")
    line = {"tree": "several_sections", "url": database.url, "MIGRATOR_ON_DB_AHEAD": "ok"}
    assert run("run", *sections, **line).report["outcome"] == "up_to_date"

    database.rows("UPDATE analytics_version SET version_num = 'a1'")
    refused(
        run("run", *sections, **line),
        database,
        "Another version table has revisions pending: MIGRATOR_ON_DB_AHEAD=ok does not cover those",
    )
    assert run("wait", *sections, **line).exit_code == 76
    assert database.revisions("analytics_version") == ["a1"]


@pytest.mark.parametrize("arguments", [(), ("-x", "a=b")], ids=["by the files", "by the project"])
def test_wait_is_over_with_ok(arguments: tuple[str, ...], ahead: Database) -> None:
    line = ("wait", *arguments, "--on-db-ahead", "ok")
    ended = run(*line, "--json", tree=OLDER, url=ahead.url)
    assert ended.exit_code == 0, ended.output
    answer = json.loads(ended.stdout)
    assert {**answer, "waited_s": 0} == {
        "state": "ahead",
        "current": ["r4"],
        "head": ["r3"],
        "waited_s": 0,
    }
    text = run(*line, tree=OLDER, url=ahead.url).stdout
    assert text == "ahead    The database is at r4, ahead of r3.\n"


def test_wait_says_the_ways_out_without_ok(ahead: Database) -> None:
    ended = run("wait", tree=OLDER, url=ahead.url)
    assert ended.exit_code == 76
    assert "migrator rollback --to r3" in ended.stderr


def test_wait_is_over_where_the_database_goes_ahead_meanwhile(
    newer: Path, database: Database
) -> None:
    waits = start(
        *("wait", "--log-format", "json", "--on-db-ahead", "ok"), tree=OLDER, url=database.url
    )
    waits.until("database.waiting", "stderr")
    assert run(tree=newer, url=database.url).exit_code == 0
    ended = waits.end()
    assert ended.exit_code == 0, ended.output


def test_wait_does_not_give_up_while_a_run_has_not_entered_where_it_has_come_to(
    ahead: Database,
) -> None:
    ahead.rows("ALTER SCHEMA migrator RENAME TO elsewhere")
    with ahead.connect() as other:
        other.autocommit = False
        keys = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys)
        line = ("wait", "--log-format", "json", "--on-db-ahead", "ok")
        waits = start(*line, tree=OLDER, url=ahead.url)
        assert "A run is in progress" in waits.until("database.waiting", "stderr")["message"]
        ahead.rows("ALTER SCHEMA elsewhere RENAME TO migrator")
        other.rollback()
    assert waits.end().exit_code == 0


def test_status_counts_what_the_ledger_saw_before_the_first_run(
    ahead: Database, newer: Path
) -> None:
    ahead.rows("DROP SCHEMA migrator CASCADE")
    ahead.rows("UPDATE alembic_version SET version_num = 'r3'")
    ahead.rows("DROP TABLE invoices")
    assert run(tree=newer, url=ahead.url).exit_code == 0
    ended = run("status", "--json", tree=OLDER, url=ahead.url)
    assert json.loads(ended.stdout)["state"] == "ahead"
