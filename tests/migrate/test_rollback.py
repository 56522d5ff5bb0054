"""`migrator rollback`: shown, agreed to, taken back under the lock, and proven; or refused."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.lock.test_guard import sleeping
from tests.migrate.test_undo import changed, slow_downgrade, taken_back
from tests.support.command import TREES, eventually, run, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

TO = ("rollback", "--yes", "--to")


@pytest.fixture
def at_head(database: Database) -> Database:
    """Give a database at r3 of the tree `per_revision`."""
    assert run("run", tree="per_revision", url=database.url).exit_code == 0
    return database


def assert_refused(ended: Any, code: int, words: str) -> None:  # noqa: ANN401 - Ended
    """Assert that a rollback was refused, and nothing was touched."""
    assert ended.exit_code == ended.report["exit_code"] == code
    assert words in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    assert taken_back(ended) == []
    assert "lock.acquired" not in ended.events


@pytest.mark.parametrize(
    ("line", "left", "back"),
    [
        (("--to", "r1"), ["r1"], ["r3", "r2"]),
        (("--to", "base"), [], ["r3", "r2", "r1"]),
        (("--to", "-1"), ["r2"], ["r3"]),
        (("--steps", "2"), ["r1"], ["r3", "r2"]),
        (("--last-run",), [], ["r3", "r2", "r1"]),
    ],
)
def test_revisions_are_taken_back_and_the_result_is_proven(
    line: tuple[str, ...], left: list[str], back: list[str], at_head: Database
) -> None:
    ended = run("rollback", *line, "--yes", tree="per_revision", url=at_head.url)

    assert ended.exit_code == 0
    assert at_head.revisions() == left
    assert taken_back(ended) == back
    report = ended.report
    assert (report["outcome"], report["database_state"]) == ("migrated", "rolled_back")
    assert (report["from"], report["to"]) == (["r3"], left)
    assert report["applied"] == []
    assert f"Rolled back r3 → {left[0] if left else 'base'}" in report["message"]
    assert ended.events.index("plan.made") < ended.events.index("lock.acquired")
    assert ended.named("upgrade.verified")[0]["direction"] == "downgrade"
    assert at_head.advisory_locks() == 0


def test_it_is_in_the_ledger_by_its_name(at_head: Database) -> None:
    run(*TO, "r1", tree="per_revision", url=at_head.url)
    told = "SELECT command, database_state, revisions_from, revisions_to FROM migrator.run"
    assert at_head.rows(f"{told} ORDER BY started_at")[1:] == [
        ("rollback", "rolled_back", ["r3"], ["r1"])
    ]
    newest, first = json.loads(run("history", "--json", url=at_head.url).stdout)["runs"]
    assert [one["revision"] for one in newest["taken_back"]] == ["r3", "r2"]
    assert (newest["applied"], first["taken_back"]) == ([], [])
    assert "r3 → r1, 2 taken back" in run("history", url=at_head.url).stdout


def test_the_last_run_is_taken_back_alone_and_once(database: Database) -> None:
    run("run", "--target", "r2", tree="per_revision", url=database.url)
    run("run", tree="per_revision", url=database.url)
    line = ("rollback", "--last-run", "--yes")
    assert run(*line, tree="per_revision", url=database.url).exit_code == 0
    assert database.revisions() == ["r2"]

    again = run(*line, tree="per_revision", url=database.url)
    assert again.exit_code == 0
    assert again.report["outcome"] == "up_to_date"
    assert database.revisions() == ["r2"]


def test_a_last_run_over_which_others_were_applied_is_refused(database: Database) -> None:
    run("run", "--target", "r2", tree="per_revision", url=database.url)
    database.rows("CREATE TABLE later (); UPDATE alembic_version SET version_num = 'r3'")
    ended = run("rollback", "--last-run", "--yes", tree="per_revision", url=database.url)
    assert_refused(ended, 64, "Revision r3 came after those, and is not among them.")
    assert database.revisions() == ["r3"]


def test_without_a_ledger_there_is_no_last_run(at_head: Database) -> None:
    at_head.rows("DROP SCHEMA migrator CASCADE")
    ended = run("rollback", "--last-run", "--yes", tree="per_revision", url=at_head.url)
    assert_refused(ended, 64, "The ledger knows of no run that applied anything.")


def test_a_target_where_the_database_is_is_nothing_to_do(at_head: Database) -> None:
    ended = run(*TO, "r3", tree="per_revision", url=at_head.url)
    assert ended.exit_code == 0
    assert ended.report["outcome"] == "up_to_date"
    assert "lock.acquired" not in ended.events


@pytest.mark.parametrize("target", ["r9", "-4"])
def test_a_target_that_is_not_below_is_refused(target: str, at_head: Database) -> None:
    ended = run("rollback", "--yes", f"--to={target}", tree="per_revision", url=at_head.url)
    assert_refused(ended, 64, f"{target} is not below where the database is (r3)")
    assert at_head.revisions() == ["r3"]


def test_a_target_above_is_refused(database: Database) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    ended = run(*TO, "r2", tree="per_revision", url=database.url)
    assert_refused(ended, 64, "r2 is not below where the database is (r1)")


def test_steps_from_two_heads_are_refused(database: Database) -> None:
    run("run", "--target", "heads", tree="branches", url=database.url)
    ended = run("rollback", "--steps", "1", "--yes", tree="branches", url=database.url)
    assert_refused(ended, 64, "(a2, b2) no steps can be counted")
    assert run(*TO, "alpha@a1", tree="branches", url=database.url).exit_code == 0
    assert database.revisions() == ["a1", "b2"]


@pytest.mark.parametrize("line", [(), ("--to", "r1", "--steps", "1"), ("--steps", "0")])
def test_a_line_that_does_not_say_how_far_is_refused(line: tuple[str, ...]) -> None:
    assert run("rollback", *line, "--yes", tree="per_revision").exit_code == 64


def test_without_a_terminal_it_shows_the_plan_and_refuses_instead_of_hanging(
    at_head: Database,
) -> None:
    ended = run("rollback", "--to", "r1", tree="per_revision", url=at_head.url)
    assert_refused(ended, 64, "there is no terminal to ask on")
    assert ended.report["outcome"] == "refused"
    assert "--yes" in ended.report["error"]["hint"]
    assert ended.named("plan.made")[0]["pending"] == ["r3", "r2"]
    assert at_head.revisions() == ["r3"]


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, "r2"), ("n\n", 64, "r3")])
def test_on_a_terminal_it_asks(answer: str, code: int, left: str, at_head: Database) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "migrator", "rollback", "--steps", "1"],
        cwd=TREES / "per_revision",
        env={"MIGRATOR_DATABASE_URL": at_head.url, "PATH": os.environ["PATH"]},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        assert select.select([ours], [], [], 30)[0], seen
        seen += os.read(ours, 4096)
    assert b"Going to take back 1 revision: r3." in seen
    os.write(ours, answer.encode())
    while select.select([ours], [], [], 30)[0]:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # it has ended
            break
    assert process.wait(30) == code, seen
    assert at_head.revisions() == [left]


def test_a_revision_without_a_downgrade_is_refused_before_anything_is_touched(
    at_head: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "per_revision", r2_downgrade="raise NotImplementedError")
    ended = run(*TO, "r1", tree=copy, url=at_head.url)
    assert_refused(ended, 66, "Revision r2 cannot be taken back: its downgrade() always raises.")
    assert at_head.revisions() == ["r3"]
    assert run(*TO, "r2", tree=copy, url=at_head.url).exit_code == 0


def test_a_table_that_holds_rows_is_dropped_only_where_it_is_named(at_head: Database) -> None:
    at_head.rows("INSERT INTO accounts (id, email) VALUES (1, 'a@b')")
    ended = run(*TO, "base", tree="per_revision", url=at_head.url)
    assert_refused(ended, 64, "accounts would be dropped, and holds rows.")
    assert "--drop accounts" in ended.report["error"]["hint"]
    assert at_head.revisions() == ["r3"]

    for name in ("public.accounts",):
        ended = run(*TO, "base", "--drop", name, tree="per_revision", url=at_head.url)
    assert ended.exit_code == 0
    assert "accounts" not in at_head.tables()


@pytest.mark.parametrize(
    "statement",
    ['op.execute("drop table if exists public.accounts cascade")', "drop = op.drop_table"],
)
def test_a_drop_however_it_is_written_is_seen(
    statement: str, at_head: Database, tmp_path: Path
) -> None:
    """The first before anything is touched, the second when its statement comes."""
    body = f'{statement}\ndrop("accounts")' if "=" in statement else statement
    copy = changed(tmp_path, "per_revision", r1_downgrade=body)
    at_head.rows("INSERT INTO accounts (id, email) VALUES (1, 'a@b')")
    ended = run(*TO, "base", tree=copy, url=at_head.url)

    assert ended.exit_code == 64
    assert "accounts would be dropped, and holds rows." in ended.report["error"]["message"]
    assert at_head.rows("SELECT count(*) FROM accounts") == [(1,)]
    late = "=" in statement
    assert at_head.revisions() == (["r1"] if late else ["r3"])
    assert ended.report["database_state"] == ("partially_migrated" if late else "unchanged")


def test_a_downgrade_that_fails_ends_with_65_and_says_what_is_left(
    at_head: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "per_revision", r2_downgrade='op.drop_table("nowhere")')
    ended = run(*TO, "base", tree=copy, url=at_head.url)

    assert ended.exit_code == 65
    assert ended.report["failed"] == "r2"
    assert ended.report["database_state"] == "partially_migrated"
    assert "The downgrade of revision r2 failed" in ended.report["error"]["message"]
    assert at_head.revisions() == ["r2"]
    assert taken_back(ended) == ["r3"]


def test_a_signal_ends_it(database: Database, tmp_path: Path) -> None:
    copy = slow_downgrade(tmp_path)
    run("run", "--target", "r2", tree=copy, url=database.url)
    running = start(*TO, "base", tree=copy, url=database.url)
    eventually(lambda: sleeping(database))
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert ended.report["database_state"] == "partially_migrated"
    assert database.revisions() == ["r1"]


def test_it_waits_for_the_lock_of_a_run_and_looks_again(at_head: Database) -> None:
    with closing(psycopg2.connect(at_head.url)) as other:
        key = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", key)
        running = start(*TO, "r1", tree="per_revision", url=at_head.url)
        running.until("lock.waiting")
        at_head.rows("DROP TABLE orders; UPDATE alembic_version SET version_num = 'r2'")
    ended = running.end()

    assert ended.exit_code == 75
    assert "The database has moved since the plan was made." in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    assert at_head.revisions() == ["r2"]


def test_all_sections_go_back_the_last_one_first(database: Database) -> None:
    sections = ("--config-section", "alembic,analytics")
    run("run", *sections, tree="several_sections", url=database.url)
    ended = run(*TO, "base", *sections, tree="several_sections", url=database.url)

    assert ended.exit_code == 0
    assert taken_back(ended) == ["a2", "a1", "r2", "r1"]
    assert database.tables() == {"alembic_version", "analytics_version"}


def test_an_asynchronous_env_py_goes_back_too(database: Database) -> None:
    run("run", tree="async_env", url=database.url)
    assert run(*TO, "base", tree="async_env", url=database.url).exit_code == 0
    assert database.tables() == {"alembic_version"}
