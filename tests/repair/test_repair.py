"""`migrator repair`: the one mend for each state that is not healthy, once it is proven."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from migrator.database.scratch.scratch import PLAN, beginning
from tests.support.command import TREES, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

TREE = "per_revision"


def repaired(
    database: Database, tree: str | Path = TREE, code: int = 0, **env: str
) -> dict[str, Any]:
    ended = run("repair", "--yes", "--json", tree=tree, url=database.url, **env)
    assert ended.exit_code == code, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def migrated(database: Database, *arguments: str, tree: str | Path = TREE) -> None:
    ended = run("run", *arguments, tree=tree, url=database.url)
    assert ended.exit_code == 0, ended.output


def test_a_healthy_database_is_left_alone(database: Database) -> None:
    migrated(database)
    assert repaired(database) == {"mended": [], "advice": [], "warnings": []}


def test_without_a_terminal_it_says_what_it_would_do_and_refuses(database: Database) -> None:
    migrated(database)
    database.rows("DROP TABLE alembic_version")
    ended = run("repair", tree=TREE, url=database.url)
    assert ended.exit_code == 64
    assert "stamp alembic_version with r3" in ended.stderr
    assert "--yes" in ended.stderr
    assert database.revisions() == []


def test_an_empty_version_table_is_filled_where_the_schema_proves_the_revision(
    database: Database,
) -> None:
    migrated(database, "--target", "r2")
    database.rows("DELETE FROM alembic_version")
    answer = repaired(database)
    assert [each["kind"] for each in answer["mended"]] == ["version_table"]
    assert answer["mended"][0]["what"].startswith("alembic_version is empty.")
    assert database.revisions() == ["r2"]


def test_at_base_beside_tables_of_somebody_else_nothing_is_to_be_mended(
    database: Database,
) -> None:
    migrated(database, "--target", "r1")
    assert run("rollback", "--to", "base", "--yes", tree=TREE, url=database.url).exit_code == 0
    database.rows("CREATE TABLE theirs (id int)")
    assert repaired(database) == {"mended": [], "advice": [], "warnings": []}
    assert database.revisions() == []


def test_a_lost_version_table_is_made_again_where_the_schema_proves_the_revision(
    database: Database,
) -> None:
    migrated(database, "--target", "r2")
    database.rows("DROP TABLE alembic_version")
    answer = repaired(database)
    assert [each["kind"] for each in answer["mended"]] == ["version_table"]
    assert database.revisions() == ["r2"]
    migrated(database)
    assert database.revisions() == ["r3"]


def test_the_log_says_nothing_of_the_database_that_revisions_are_compared_on(
    database: Database,
) -> None:
    migrated(database, "--target", "r2")
    database.rows("DROP TABLE alembic_version")
    ended = run("repair", "--yes", tree=TREE, url=database.url)
    assert ended.exit_code == 0, ended.output
    said = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert {each["database"] for each in said if each["event"] == "database.connected"} == {
        database.name
    }


def test_a_run_on_a_schema_that_is_there_already_names_the_repair(database: Database) -> None:
    migrated(database)
    database.rows("DROP TABLE alembic_version")
    ended = run("run", tree=TREE, url=database.url)
    assert (ended.exit_code, ended.report["error"]["sqlstate"]) == (65, "42P07")
    assert "migrator repair" in ended.report["error"]["hint"]


def test_a_repair_is_in_the_ledger(database: Database) -> None:
    migrated(database)
    database.rows("DROP TABLE alembic_version")
    repaired(database)
    [last] = database.rows(
        "SELECT command, outcome, revisions_to FROM migrator.run ORDER BY started_at DESC LIMIT 1"
    )
    assert last == ("repair", "migrated", ["r3"])


def test_a_schema_that_no_revision_makes_is_not_stamped(database: Database) -> None:
    migrated(database)
    database.rows("DROP TABLE alembic_version; ALTER TABLE accounts ADD COLUMN shoe_size int")
    answer = repaired(database, code=76)
    assert answer["mended"] == []
    assert "r3 comes nearest" in answer["advice"][0]
    assert "shoe_size" in answer["advice"][0]
    assert database.revisions() == []


def test_of_two_revisions_with_one_schema_none_is_stamped(
    database: Database, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(TREES / TREE, tree)
    (tree / "versions" / "r4.py").write_text(
        '"""Rows alone."""\nfrom alembic import op\nrevision = "r4"\ndown_revision = "r3"\n'
        'def upgrade():\n    op.execute("DELETE FROM accounts")\n'
    )
    migrated(database, tree=tree)
    database.rows("DROP TABLE alembic_version")
    answer = repaired(database, tree, code=76)
    assert "r3, r4 make the same schema" in answer["advice"][0]
    assert database.revisions() == []


def test_a_row_that_another_includes_is_taken_out(database: Database) -> None:
    migrated(database)
    database.rows("INSERT INTO alembic_version VALUES ('r2')")
    ended = run("run", tree=TREE, url=database.url)
    assert ended.exit_code == 76
    assert "r2 beside r3" in ended.report["error"]["message"]
    assert [each["kind"] for each in repaired(database)["mended"]] == ["redundant_revision"]
    assert database.revisions() == ["r3"]


def test_a_row_that_another_includes_stays_where_the_schema_is_not_that_ones(
    database: Database,
) -> None:
    migrated(database, "--target", "r2")
    database.rows("INSERT INTO alembic_version VALUES ('r3')")
    answer = repaired(database, code=76)
    assert "r2 beside r3" in answer["advice"][0]
    assert database.revisions() == ["r2", "r3"]


def test_an_invalid_index_is_built_again(database: Database) -> None:
    migrated(database)
    database.rows("INSERT INTO accounts (email) VALUES ('a'), ('a')")
    with pytest.raises(Exception, match="could not create unique index"):
        database.rows("CREATE UNIQUE INDEX CONCURRENTLY one_email ON accounts (email)")
    ended = run("repair", "--yes", tree=TREE, url=database.url)
    assert ended.exit_code == 76
    assert "(email)=(a) is duplicated" in ended.stderr
    database.rows("DELETE FROM accounts WHERE id = 2")
    answer = repaired(database)
    mends = {each["mend"] for each in answer["mended"]}
    assert "REINDEX INDEX CONCURRENTLY public.one_email" in mends
    assert database.rows("SELECT FROM pg_index WHERE NOT indisvalid") == []
    assert database.rows("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'one_email%'") == [
        (1,)
    ]


def test_an_unknown_revision_is_named_with_its_commit_and_left(
    database: Database, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(TREES / TREE, tree)
    git = ["git", "-C", str(tree), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Everything"], check=True)
    migrated(database, tree=tree)
    (tree / "versions" / "r3.py").unlink()
    subprocess.run([*git, "commit", "-qam", "Lose r3"], check=True)
    answer = repaired(database, tree, code=76)
    assert answer["mended"] == []
    assert "git has r3 in " in answer["advice"][0]
    assert "Everything" in answer["advice"][0]
    assert database.revisions() == ["r3"]


def test_scratch_databases_of_ours_that_were_left_are_dropped(database: Database) -> None:
    migrated(database)
    old = f"{beginning(database.name, PLAN)}_{int(time.time()) - 7_200:08x}abcd"
    other = f"migrator_plan_00000000_{int(time.time()) - 7_200:08x}abcd"
    for name in (old, other):
        database.rows(f"CREATE DATABASE {name}")
    try:
        assert [each["kind"] for each in repaired(database)["mended"]] == ["scratch_database"]
        left = database.rows(
            "SELECT datname FROM pg_database WHERE datname IN (%s, %s)", old, other
        )
        assert left == [(other,)]
    finally:
        for name in (old, other):
            database.rows(f"DROP DATABASE IF EXISTS {name}")
