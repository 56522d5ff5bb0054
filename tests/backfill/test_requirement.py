"""A revision that needs a backfill is not applied before that is complete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.backfill.projects import NAME, NEEDS, expanded, fill, made, remain
from tests.plan.releases import project, revise
from tests.status.test_nothing_to_do import loaded
from tests.support.backups import path
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

SAID = f"Revision r3 needs the backfill {NAME} to be complete, and rows remain."
COLUMNS = "CREATE TABLE users (id bigserial PRIMARY KEY, mail text)"


def test_a_run_is_refused_with_79_and_plan_and_status_say_so(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 10)
    ended = run("run", tree=folder, url=database.url)

    assert ended.exit_code == 79
    assert ended.report["error"]["kind"] == "incomplete"
    assert ended.report["message"].startswith(SAID)
    assert "First migrator backfill users_email, then the run again." in ended.report["message"]
    assert (ended.report["outcome"], ended.report["database_state"]) == ("refused", "unchanged")
    assert "lock.acquired" not in ended.events
    assert database.revisions() == ["r2"]

    status = json.loads(run("status", "--json", tree=folder, url=database.url).stdout)
    assert status["warnings"][0].startswith(SAID)
    plan = run("plan", "--json", tree=folder, url=database.url, PATH=path())
    assert json.loads(plan.stdout)["warnings"][0].startswith(SAID)

    assert fill(folder, database).exit_code == 0
    assert run("status", "--json", tree=folder, url=database.url).stdout.count(NAME) == 0
    assert run("run", tree=folder, url=database.url).exit_code == 0
    assert run("rollback", "--to", "r2", "--yes", tree=folder, url=database.url).exit_code == 0
    assert database.revisions() == ["r2"]


def test_a_history_from_its_base_goes_through(database: Database, tmp_path: Path) -> None:
    folder = made(tmp_path / "project")
    assert run("run", tree=folder, url=database.url).exit_code == 0
    assert database.revisions() == ["r3"]


def test_where_the_column_is_to_come_yet_the_rows_that_are_there_count(
    database: Database, tmp_path: Path
) -> None:
    """Both revisions in one release would leave no moment for the backfill."""
    folder = made(tmp_path / "project")
    assert run("run", "--target", "r1", tree=folder, url=database.url).exit_code == 0
    database.rows("INSERT INTO users (mail) VALUES ('A@example.com')")
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 79
    way = "First MIGRATOR_TARGET=r2 migrator run, then migrator backfill users_email, then the run"
    assert way in ended.report["message"]
    assert database.revisions() == ["r1"]

    early = fill(folder, database)
    assert early.exit_code == 65
    assert "MIGRATOR_TARGET" in early.report["error"]["hint"]
    assert run("run", "--target", "r2", tree=folder, url=database.url).exit_code == 0
    assert fill(folder, database).exit_code == 0
    assert remain(database) == 0
    assert run("run", tree=folder, url=database.url).exit_code == 0


def test_where_the_column_is_to_come_and_no_row_is_there_nothing_is_needed(
    database: Database, tmp_path: Path
) -> None:
    folder = made(tmp_path / "project")
    assert run("run", "--target", "r1", tree=folder, url=database.url).exit_code == 0
    assert fill(folder, database).report["outcome"] == "up_to_date"
    assert run("run", tree=folder, url=database.url).exit_code == 0


def test_a_backfill_that_is_not_there_ends_a_run_with_66_and_is_a_finding_of_the_check(
    database: Database, tmp_path: Path
) -> None:
    folder = made(tmp_path / "project")
    (folder / "backfills" / f"{NAME}.py").unlink()
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 66
    assert f"There is no backfill {NAME} in" in ended.report["message"]
    assert database.tables() == set()

    checked = run("check", "--json", tree=folder)
    assert checked.exit_code == 3, checked.output
    chain = json.loads(checked.stdout)["checks"][0]
    assert (chain["check"], chain["state"]) == ("chain", "failed")
    assert [each["revision"] for each in chain["findings"]] == ["r3"]


@pytest.mark.parametrize("comment", ["", NEEDS])
def test_only_a_revision_that_declares_a_need_has_it_looked_at(
    comment: str, database: Database, tmp_path: Path
) -> None:
    folder = made(tmp_path / "project") if comment else project(tmp_path / "project")
    if not comment:
        revise(folder, f"op.execute({COLUMNS!r})")
    found = loaded(str(folder), database)
    assert ("migrator.backfill.requirement" in found) == bool(comment)
