"""`migrator backfill`: rows are changed in batches, each committed, until none remains."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.backfill.projects import (
    BATCH,
    NAME,
    REMAINING,
    backfill,
    expanded,
    fill,
    made,
    remain,
    state,
)
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

COMPOSITE = """
CREATE TABLE lines (tenant text, n int, price numeric, cents bigint, PRIMARY KEY (tenant, n));
INSERT INTO lines (tenant, n, price) SELECT 'shop ' || t, n, n * 1.25
FROM generate_series(1, 3) AS t, generate_series(1, 150) AS n
"""
DELETE = "DELETE FROM users"
SET = (
    "UPDATE lines SET cents = price * 100 WHERE (tenant, n) IN (SELECT * FROM unnest(:tenant, :n))"
)
EACH = "UPDATE lines SET cents = price * 100 WHERE tenant = :tenant AND n = :n"
ONE_BY_ONE = f"""
    from sqlalchemy import text
    for tenant, n in keys:
        connection.execute(text({EACH!r}), {{"tenant": tenant, "n": n}})
"""
LINES = "SELECT tenant, n FROM lines WHERE cents IS NULL AND tenant NOT LIKE '%closed%'"


def test_it_fills_in_batches_and_the_revision_that_needs_it_is_applied_then(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 5000)
    ended = fill(folder, database)

    assert ended.exit_code == 0, ended.output
    assert ended.events == [
        *("run.started", "database.connected", "lock.acquired", "plan.made"),
        *("lock.released", "run.finished"),
    ]
    first = ended.named("plan.made")[0]
    assert (first["backfill"], first["done"], first["remaining"]) == (NAME, 0, 5000)
    assert not first["estimated"]
    assert ended.report["outcome"] == "migrated"
    assert ended.report["database_state"] == "migrated"
    assert ended.report["message"].startswith("Nothing remains for users_email: 5,000 rows in ")
    assert database.rows("SELECT email FROM users WHERE id = 5000") == [("user5000@example.com",)]
    rows, batches, completed, position = state(
        database, "rows", "batches", "completed_at IS NOT NULL", "position"
    )
    assert (rows, completed, position) == (5000, True, None)
    assert batches > 1
    written = database.rows("SELECT count(DISTINCT xmin::text) FROM users")
    assert written == [(batches,)]

    again = fill(folder, database)
    assert (again.exit_code, again.report["outcome"]) == (0, "up_to_date")
    assert run("run", tree=folder, url=database.url).exit_code == 0
    assert database.revisions() == ["r3"]


def test_without_a_name_it_does_all_that_are_not_complete_and_passes_over_those_of_long_ago(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 10)
    backfill(folder, "a_dropped_column", BATCH, "SELECT id FROM users WHERE gone IS NULL")
    backfill(folder, "no_table_yet", BATCH, "SELECT id FROM orders")
    (folder / "backfills" / "_shared.py").write_text("raise RuntimeError")
    ended = run("backfill", tree=folder, url=database.url)

    assert ended.exit_code == 0, ended.output
    assert remain(database) == 0
    passed = [line for line in ended.named("plan.made") if line["level"] == "warn"]
    assert [line["backfill"] for line in passed] == ["a_dropped_column", "no_table_yet"]
    named = run("backfill", "a_dropped_column", tree=folder, url=database.url)
    assert named.exit_code == 65
    assert 'column "gone" does not exist' in named.report["message"]


@pytest.mark.parametrize(
    "batch",
    [SET, ONE_BY_ONE],
    ids=["a statement", "a function"],
)
def test_a_key_of_several_columns_goes_to_a_statement_or_to_a_function(
    batch: str, database: Database, tmp_path: Path
) -> None:
    database.rows(COMPOSITE)
    folder = made(tmp_path / "project", batch, LINES)
    ended = fill(folder, database)
    assert ended.exit_code == 0, ended.output
    assert database.rows("SELECT count(*), sum(cents) FROM lines WHERE cents = price * 100") == [
        (450, 3 * 125 * 150 * 151 // 2)
    ]


def test_a_batch_that_fails_names_the_row_and_keeps_what_was_done(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 1000)
    database.rows("ALTER TABLE users ADD CHECK (email <> 'user777@example.com')")
    ended = fill(folder, database)

    assert ended.exit_code == 65
    assert ended.report["error"]["kind"] == "backfill"
    assert "at id = 777: new row for relation" in ended.report["message"]
    assert ended.report["database_state"] == "partially_migrated"
    left = [row[0] for row in database.rows("SELECT id FROM users WHERE email IS NULL ORDER BY 1")]
    assert left == list(range(777, 1001))
    database.rows("UPDATE users SET mail = 'other' WHERE id = 777")
    assert fill(folder, database).exit_code == 0
    assert state(database, "rows") == (1000,)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ("UPDATE users SET mail = mail WHERE id = ANY(:keys)", "would never end"),
        ("SELECT nothing FROM users WHERE id = ANY(:keys)", 'column "nothing" does not exist'),
        ("    raise KeyError(keys[0])\n", "KeyError: 1"),
        ("    connection.commit()\n", "ends its transaction"),
    ],
)
def test_a_batch_that_cannot_work_ends_with_65_and_nothing_done(
    batch: str, said: str, database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", batch), database, 200)
    ended = fill(folder, database)
    assert ended.exit_code == 65, ended.output
    assert said in ended.report["message"] or "has no attribute 'commit'" in ended.output
    assert ended.report["database_state"] == "unchanged"
    assert remain(database) == 200


def test_rows_that_a_batch_leaves_are_found_in_the_second_pass(
    database: Database, tmp_path: Path
) -> None:
    """The first batch does its part, and no later one is looked at in the first pass."""
    folder = expanded(made(tmp_path / "project", f"{BATCH} AND id <> 1500"), database, 2000)
    ended = fill(folder, database)
    assert ended.exit_code == 65
    assert "at id = 1500" in ended.report["message"]
    assert remain(database) == 1


@pytest.mark.parametrize(
    ("remaining", "batch", "said"),
    [
        ("SELECT NULL::int", BATCH, "a key that is NULL"),
        ("SELEKT id", BATCH, "syntax error"),
    ],
)
def test_a_query_that_cannot_work_ends_with_65(
    remaining: str, batch: str, said: str, database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", batch, remaining), database, 1)
    ended = fill(folder, database)
    assert ended.exit_code == 65, ended.output
    assert said in ended.report["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("remaining = 'SELECT 1'", "is no backfill"),
        ("import nothing_of_the_kind", "cannot be loaded"),
        ("remaining = 'SELECT 1'\nbatch = 'UPDATE users SET email = mail'", "not name :keys"),
        (None, "There is no backfill users_email in"),
    ],
)
def test_a_file_that_is_no_backfill_ends_with_66(
    text: str | None, said: str, database: Database, tmp_path: Path
) -> None:
    folder = made(tmp_path / "project")
    file = folder / "backfills" / f"{NAME}.py"
    file.write_text(text) if text else file.rename(file.with_stem("another"))
    ended = fill(folder, database)
    assert ended.exit_code == 66
    assert said in ended.report["message"]
    assert database.tables() == set()


def test_a_dry_run_counts_shows_the_first_batch_and_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 250)
    before = database.rows("SELECT xmin::text FROM users")
    backfill(folder, "two_at_once", f"{BATCH}; {DELETE}", REMAINING)
    ended = run("backfill", "--dry-run", "--json", tree=folder, url=database.url)

    assert ended.exit_code == 0, ended.output
    two, one = json.loads(ended.stdout)["backfills"]
    assert list(one) == [
        *("name", "title", "remaining", "columns", "first_keys", "statement", "plan", "problem")
    ]
    assert (one["name"], one["title"], one["remaining"]) == (NAME, "Copy mail to email.", 250)
    assert (one["columns"], one["first_keys"][:2]) == (["id"], [["1"], ["2"]])
    assert len(one["first_keys"]) == 100
    assert one["statement"] == BATCH
    assert one["plan"][0].startswith("Update on users")
    assert "read-only transaction" in two["problem"]
    told = fill(folder, database, "--dry-run")
    assert told.stdout.splitlines()[:2] == [
        "users_email  250 rows remain  Copy mail to email.",
        "  first batch: 100 rows, id 1, 2, 3, 4, 5, …",
    ]
    assert database.rows("SELECT xmin::text FROM users") == before
    assert database.rows("SELECT to_regnamespace('migrator')") == [(None,)]


def test_a_ledger_of_the_first_version_is_upgraded(database: Database, tmp_path: Path) -> None:
    folder = expanded(made(tmp_path / "project"), database, 10)
    made_by_the_first = "COMMENT ON SCHEMA migrator IS 'The ledger of migrator, version 1'"
    database.rows(f"CREATE SCHEMA migrator; {made_by_the_first}")
    assert fill(folder, database).exit_code == 0
    assert state(database, "rows") == (10,)
    assert database.rows("SELECT obj_description('migrator'::regnamespace)") == [
        ("The ledger of migrator, version 3",)
    ]


def test_the_order_begins_anew_where_the_query_is_another_one(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 300)
    database.rows("ALTER TABLE users ADD CHECK (email <> 'user200@example.com')")
    assert fill(folder, database).exit_code == 65
    assert state(database, "position") == (["199"],)
    shutil.rmtree(folder / "backfills")
    backfill(folder, NAME, BATCH, REMAINING.replace("SELECT id", "SELECT id::text"))
    assert fill(folder, database).exit_code == 65
    assert state(database, "position") == (None,)


def test_wrong_flags_are_refused_before_anything_is_tried() -> None:
    assert run("backfill", "--json").exit_code == 64
    assert run("backfill", "--batch-time", "0").exit_code == 64
    assert run("backfill", "--workers", "0").exit_code == 64
