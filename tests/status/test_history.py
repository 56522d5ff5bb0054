"""`migrator history`: the ledger, newest first, of any database, with or without a project here."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import run
from tests.support.servers import as_role, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database


def past(database: Database, *arguments: str, folder: str | Path = "per_revision") -> Any:  # noqa: ANN401 - JSON
    ended = run("history", "--json", *arguments, tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_the_newest_run_comes_first_with_what_its_report_said(
    database: Database, tmp_path: Path
) -> None:
    """It needs no Alembic project: the folder is empty."""
    first = run("run", "--target", "r1", tree="per_revision", url=database.url).report
    second = run("run", tree="per_revision", url=database.url, GIT_SHA="abc").report
    answer = past(database, folder=tmp_path)
    assert not answer["more"]
    same = ("run_id", "outcome", "exit_code", "from", "to", "failed", "error", "database_state")
    assert [{k: one[k] for k in same} for one in answer["runs"]] == [
        {k: report[k] for k in same} for report in (second, first)
    ]
    assert [one["revision"] for one in answer["runs"][0]["applied"]] == ["r2", "r3"]
    assert answer["runs"][0]["git_revision"] == "abc"


def test_a_person_reads_a_table_with_what_a_run_failed_with(database: Database) -> None:
    run("run", "--target", "r1", tree="fails_second_per_revision", url=database.url)
    failed = run("run", tree="fails_second_per_revision", url=database.url, GIT_SHA="0123456789ab")
    header, newest, *error, oldest = run("history", url=database.url).stdout.splitlines()
    assert header.split() == ["started", "(UTC)", "command", "outcome", "took", "revisions", "by"]
    assert re.match(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  run      failed \(65\)  \d+\.\d\d s  "
        r"r1 → r3, 0 applied    .*@.*  01234567$",
        newest,
    ), newest
    assert "\n".join(line[2:] for line in error) == failed.report["error"]["message"]
    assert "run      migrated     " in oldest
    assert "base → r1, 1 applied" in oldest


def test_limit_takes_so_many_and_says_that_there_are_more(database: Database) -> None:
    for revision in ("r1", "r2", "r3"):
        run("run", "--target", revision, tree="per_revision", url=database.url)
    answer = past(database, "--limit", "2")
    assert ([one["to"] for one in answer["runs"]], answer["more"]) == ([["r3"], ["r2"]], True)
    assert not past(database, "--limit", "3")["more"]
    text = run("history", "--limit", "2", tree="per_revision", url=database.url).stdout
    assert text.splitlines()[-1] == "Older runs are left out: --limit 20 shows more of them."


def test_without_a_ledger_it_is_a_sentence_and_an_empty_list(database: Database) -> None:
    assert past(database) == {"runs": [], "more": False}
    ended = run("history", url=database.url)
    assert ended.exit_code == 0
    assert ended.stdout.startswith("There is no ledger here")
    assert database.tables("migrator") == set()


def test_a_role_that_may_not_read_the_ledger_is_told_so_and_its_status_is_told_all_the_same(
    database: Database,
) -> None:
    run("run", tree="per_revision", url=database.url)
    role = f"reader_{database.name}"
    database.rows(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    database.rows(f"GRANT USAGE ON SCHEMA migrator TO {role}")
    database.rows(f"GRANT SELECT ON alembic_version TO {role}")
    try:
        url = as_role(database, role, "reader")
        history = run("history", url=url)
        status = run("status", "--json", tree="per_revision", url=url)
    finally:
        database.rows(f"DROP OWNED BY {role}")
        database.rows(f"DROP ROLE {role}")
    assert history.exit_code == 77
    assert "permission denied" in history.stderr
    assert status.exit_code == 0, status.output
    assert json.loads(status.stdout)["last_run"] is None


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("somebody's", "a schema migrator in the database that is not our ledger"),
        ("The ledger of migrator, version 99", "The ledger is of version 99"),
    ],
)
def test_a_schema_that_it_cannot_read_is_a_sentence_and_76(
    comment: str, words: str, database: Database
) -> None:
    database.rows("CREATE SCHEMA migrator")
    database.rows("COMMENT ON SCHEMA migrator IS %s", comment)
    ended = run("history", "--json", url=database.url)
    assert ended.exit_code == 76
    assert words in json.loads(ended.stdout)["error"]["message"]


def test_a_database_that_is_not_there_is_a_sentence_and_69() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    ended = run("history", "--connect-timeout", "1s", url=url)
    assert ended.exit_code == 69
    assert "Traceback" not in ended.output


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_64(limit: str, database: Database) -> None:
    ended = run("history", "--limit", limit, url=database.url)
    assert ended.exit_code == 64
    assert "--limit" in ended.stderr
