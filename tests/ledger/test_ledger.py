"""The ledger: what a run leaves in the database about itself, and what it does where it may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from migrator.ledger import checksum
from tests.support.command import TREES, run
from tests.support.servers import as_role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database


def runs(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(
        "SELECT command, outcome, exit_code, database_state, revisions_from, revisions_to, failed"
        " FROM migrator.run ORDER BY started_at"
    )


def test_a_run_has_a_row_and_each_revision_that_it_applied(database: Database) -> None:
    ended = run(tree="per_revision", url=database.url, RAILWAY_DEPLOYMENT_ID="d1", GIT_SHA="abc")
    assert runs(database) == [("run", "migrated", 0, "migrated", [], ["r3"], None)]
    told = "SELECT id::text, role, deployment, git_revision, duration_s > 0 FROM migrator.run"
    assert database.rows(told) == [(ended.report["run_id"], "postgres", "d1", "abc", True)]

    versions = TREES / "per_revision" / "versions"
    files = sorted(map(str, versions.glob("*.py")))
    rows = database.rows("SELECT position, revision, sha256 FROM migrator.revision ORDER BY 1")
    assert [row[:2] for row in rows] == [(1, "r1"), (2, "r2"), (3, "r3")]
    assert {row[2] for row in rows} == {checksum.of(file) for file in files}


def test_a_run_that_fails_has_a_row_with_its_error(database: Database) -> None:
    run(tree="fails_second_per_revision", url=database.url)
    assert runs(database) == [("run", "failed", 65, "partially_migrated", [], ["r3"], "r2")]
    assert database.rows("SELECT error ->> 'kind' FROM migrator.run") == [("revision",)]
    assert database.rows("SELECT revision FROM migrator.revision") == [("r1",)]


def test_a_run_that_was_rolled_back_has_a_row_and_no_revision(database: Database) -> None:
    run("run", "--on-failure", "rollback", tree="fails_third", url=database.url)
    assert runs(database) == [("run", "failed", 65, "rolled_back", [], ["r3"], "r3")]
    assert database.rows("SELECT revision FROM migrator.revision") == []


def test_a_run_with_nothing_to_do_has_none(database: Database) -> None:
    run(tree="plain", url=database.url)
    run(tree="plain", url=database.url)
    run("run", "-x", "a=b", tree="plain", url=database.url)
    assert len(runs(database)) == 1


def test_no_secret_gets_into_it(database: Database) -> None:
    run(tree="secret_in_error", url=database.url)
    row = database.rows("SELECT error::text FROM migrator.run")[0][0]
    assert "***" in row
    assert "hunter2" not in row


@pytest.fixture
def stranger(database: Database) -> Iterator[str]:
    """Give the URL of a role that may use the schema `public`, and make no schema of its own."""
    role = f"stranger_{database.name}"
    database.rows(f"CREATE ROLE {role} LOGIN PASSWORD 'stranger'")
    database.rows(f"GRANT ALL ON SCHEMA public TO {role}")
    yield as_role(database, role, "stranger")
    database.rows(f"DROP OWNED BY {role}")
    database.rows(f"DROP ROLE {role}")


def test_where_the_role_may_not_make_it_the_run_goes_on_and_says_so(
    database: Database, stranger: str
) -> None:
    ended = run(tree="plain", url=stranger)
    assert ended.exit_code == 0
    assert "The run is not in the ledger: permission denied" in ended.report["message"]
    assert database.revisions() == ["r3"]
    assert database.tables("migrator") == set()


def test_a_schema_of_this_name_that_is_another_s_is_let_alone(database: Database) -> None:
    database.rows("CREATE SCHEMA migrator")
    ended = run(tree="plain", url=database.url)
    assert ended.exit_code == 0
    assert "There is a schema migrator in the database that is not our ledger" in ended.stdout
    assert database.tables("migrator") == set()


def test_a_ledger_of_a_later_version_is_let_alone(database: Database) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    database.rows("COMMENT ON SCHEMA migrator IS 'The ledger of migrator, version 4'")
    before = database.rows("SELECT key, found_at FROM migrator.cache")
    ended = run(tree="per_revision", url=database.url)
    assert ended.exit_code == 0
    assert "The ledger is of version 4" in ended.report["message"]
    assert len(runs(database)) == 1
    assert run(tree="per_revision", url=database.url).exit_code == 0
    assert database.rows("SELECT key, found_at FROM migrator.cache") == before


def as_version_2(database: Database) -> None:
    """Make the ledger of a run what it would be if the version before this had made it."""
    database.rows("DROP TABLE migrator.cache")
    database.rows(
        "CREATE TABLE migrator.project (fingerprint text PRIMARY KEY, found_at timestamptz NOT NULL"
        " DEFAULT now(), head text NOT NULL, version_table text NOT NULL, version_table_schema"
        " text, version_table_found_in text, imported text[] NOT NULL, imported_sha256 text NOT"
        " NULL)"
    )
    database.rows(
        "INSERT INTO migrator.backfill (name, remaining_sha256, batch_rows) VALUES ('b', '', 1)"
    )
    database.rows("COMMENT ON SCHEMA migrator IS 'The ledger of migrator, version 2'")


def version(database: Database) -> str:
    found = database.rows("SELECT obj_description('migrator'::regnamespace, 'pg_namespace')")
    return str(found[0][0])


TABLES = {"backfill", "cache", "revision", "run"}


@pytest.mark.parametrize("target", ["r1", "r2"], ids=["nothing is pending", "one is pending"])
def test_a_ledger_of_version_2_is_carried_over_by_a_run(target: str, database: Database) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    as_version_2(database)
    ended = run("run", "--target", target, tree="per_revision", url=database.url)
    assert (ended.exit_code, "ledger" in ended.report["message"]) == (0, False)
    assert version(database) == "The ledger of migrator, version 3"
    assert database.tables("migrator") == TABLES
    assert len(runs(database)) == (1 if target == "r1" else 2)
    assert database.rows("SELECT name FROM migrator.backfill") == [("b",)]
    assert database.rows("SELECT count(*) FROM migrator.cache") == [(1,)]


@pytest.mark.parametrize("question", ["status", "history"])
def test_a_ledger_of_version_2_is_read_and_left_as_it_is(question: str, database: Database) -> None:
    run(tree="per_revision", url=database.url)
    as_version_2(database)
    ended = run(question, "--json", tree="per_revision", url=database.url)
    assert ended.exit_code == 0
    answer = json.loads(ended.stdout)
    last = answer["last_run"] if question == "status" else answer["runs"][0]
    assert [each["revision"] for each in last["applied"]] == ["r1", "r2", "r3"]
    assert version(database) == "The ledger of migrator, version 2"
    assert database.tables("migrator") == {*TABLES, "project"} - {"cache"}


def test_a_ledger_of_version_2_that_another_role_owns_is_written_to_as_it_is(
    database: Database, stranger: str
) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    as_version_2(database)
    role = f"stranger_{database.name}"
    database.rows(f"GRANT USAGE ON SCHEMA migrator TO {role}")
    for schema in ("migrator", "public"):
        database.rows(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
    ended = run("run", "--target", "r2", tree="per_revision", url=stranger)
    assert "ledger" not in ended.report["message"]
    assert len(runs(database)) == 2
    assert version(database) == "The ledger of migrator, version 2"


def test_somebody_in_the_way_of_it_holds_up_no_run(database: Database) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    with database.connect() as other:
        other.autocommit = False
        other.cursor().execute("LOCK TABLE migrator.run")
        ended = run(tree="per_revision", url=database.url)
        other.rollback()
    assert ended.exit_code == 0
    assert "The run is not in the ledger" in ended.report["message"]


SOURCE = "x = 'a'\n\n\ndef upgrade():\n    '''Do.'''\n    return f(x, [1, 2])\n"


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\nx = 'a'\ndef upgrade():\n  '''Do.'''\n  return f(x, [1, 2])  # more\n",
        'x = "a"\ndef upgrade():\n    """Do."""\n    return f(\n        x,\n        [1, 2],\n )\n',
    ],
    ids=["comments and whitespace", "as a formatter writes it"],
)
def test_a_file_that_says_the_same_has_the_same_checksum(tmp_path: Path, same: str) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "b.py").write_text(same)
    assert checksum.of(str(tmp_path / "a.py")) == checksum.of(str(tmp_path / "b.py"))


@pytest.mark.parametrize("old", ["'a'", "'''Do.'''", "x,", "2", "def", "upgrade"])
def test_a_file_that_says_something_else_has_another(tmp_path: Path, old: str) -> None:
    new = {"def": "async def", "x,": "y,", "2": "2, 3"}.get(old, old.replace("a", "b") + " ")
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "b.py").write_text(SOURCE.replace(old, new.replace("Do", "Done"), 1))
    if old == "upgrade":
        (tmp_path / "b.py").write_text(SOURCE.replace("upgrade", "downgrade"))
    assert checksum.of(str(tmp_path / "a.py")) != checksum.of(str(tmp_path / "b.py"))


def test_a_tree_is_not_a_tree_of_the_same_words(tmp_path: Path) -> None:
    """What stands in a list, and what after it, is told apart."""
    (tmp_path / "a.py").write_text("f([a, b], c)")
    (tmp_path / "b.py").write_text("f([a], b, c)")
    assert checksum.of(str(tmp_path / "a.py")) != checksum.of(str(tmp_path / "b.py"))


def test_it_is_known_in_every_python(tmp_path: Path) -> None:
    """The number was made by Python 3.11; another that gives another breaks what is stored."""
    (tmp_path / "a.py").write_text(SOURCE)
    assert checksum.of(str(tmp_path / "a.py")) == (
        "c9d26940ed05c5284a09613ed1b20fea8b8e80b80cb24c7da1899016f5c7cf05"
    )


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def")
    assert checksum.of(str(tmp_path / "a.py")) is None
    assert checksum.of(str(tmp_path / "gone.py")) is None
