"""`migrator plan` as a process: answers, exit codes, page; and the target stays as it is."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrator.plan import answer
from tests.plan.forecasts import FAILED, HARMLESS, NOTHING, RELEASE
from tests.plan.releases import in_production, project, revise
from tests.plan.test_copy import copies
from tests.support.command import Ended, eventually, run, start
from tests.support.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from migrator.plan.forecast import Forecast
    from tests.support.servers import Database

SECRET = "sharp&shiny|sword"  # noqa: S105 - of this test alone
_ADD = "op.add_column('orders', sa.Column('vat', sa.Integer, nullable=True))"


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Path:
    """Give a project whose first revision is in production."""
    made = project(tmp_path / "p")
    in_production(made, database, "CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
    return made


def plan(folder: Path, database: Database, *arguments: str, **env: str) -> Ended:
    """Plan, and see that the target is as it was."""
    before = (database.revisions(), database.tables(), _columns(database))
    ended = run("plan", *arguments, tree=folder, url=database.url, **env)
    assert (database.revisions(), database.tables(), _columns(database)) == before
    for line in ended.stderr.splitlines():
        assert line.startswith("migrator: ") or "Hint: " in line or json.loads(line)["event"]
    return ended


def _columns(database: Database) -> int:
    return int(database.rows("SELECT count(*) FROM information_schema.columns")[0][0])


def test_it_answers_on_standard_output_the_verdict_first(folder: Path, database: Database) -> None:
    revise(folder, _ADD, title="Give orders their VAT.")
    ended = plan(folder, database)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[0].split()[0] in {"safe", "caution", "danger"}
    assert "1 revision, 1 statement" in ended.stdout
    assert "ALTER TABLE orders ADD COLUMN vat INTEGER" in ended.stdout
    assert "versions/r2.py:11" in ended.stdout
    assert "public.orders" in ended.stdout
    assert "stops reads and writes" in ended.stdout
    assert "\033" not in ended.stdout


def test_as_json_it_has_what_scripts_rely_on(folder: Path, database: Database) -> None:
    revise(folder, _ADD)
    answer = json.loads(plan(folder, database, "--json").stdout)
    assert {"verdict", "revisions", "statements", "locks", "hazards"} <= answer.keys()
    [lock] = answer["locks"]
    assert (lock["table"], lock["mode"], lock["revision"]) == (
        *("public.orders", "AccessExclusive", "r2"),
    )
    assert lock["held_s"] > 0
    assert lock["size_bytes"] > 0


def test_with_exit_code_3_is_pending_and_0_is_nothing(folder: Path, database: Database) -> None:
    nothing = plan(folder, database, "--exit-code")
    assert nothing.exit_code == 0
    assert nothing.stdout == "safe      Nothing is pending: the database is at r1.\n"
    revise(folder, _ADD)
    assert plan(folder, database, "--exit-code", "--markdown").exit_code == 3
    assert plan(folder, database).exit_code == 0


def test_with_exit_code_79_is_more_of_a_risk_than_allowed(folder: Path, database: Database) -> None:
    revise(folder, "op.drop_column('orders', 'note')")
    refused = plan(folder, database, "--exit-code", "--json", MIGRATOR_MAX_RISK="caution")
    assert refused.exit_code == 79
    answer = json.loads(refused.stdout)
    assert answer["verdict"] == "danger"
    assert "drop-column" in [one["hazard"] for one in answer["hazards"]]
    assert plan(folder, database, "--exit-code", "--max-risk", "danger").exit_code == 3


def test_a_revision_that_fails_ends_with_its_own_code_and_is_the_first_thing_said(
    folder: Path, database: Database
) -> None:
    revise(folder, "op.drop_column('orders', 'colour')")
    ended = plan(folder, database, "--on", "embedded")
    assert ended.exit_code == 65
    first, second, *_ = ended.stdout.splitlines()
    assert first == "danger    The rehearsal failed in revision r2."
    assert 'column "colour" of relation "orders" does not exist' in second
    answer = json.loads(plan(folder, database, "--json", "--exit-code").stdout)
    assert answer["failed"]["error"]["sqlstate"] == "42703"


@pytest.mark.parametrize(
    ("forecast", "limit", "without", "with_codes"),
    [
        (NOTHING, "safe", 0, 0),
        (HARMLESS, "safe", 0, 3),
        (RELEASE, None, 0, 3),
        (RELEASE, "danger", 0, 3),
        (RELEASE, "caution", 0, 79),
        (RELEASE, "safe", 0, 79),
        (replace(RELEASE, hazards=RELEASE.hazards[2:]), "safe", 0, 79),
        (replace(RELEASE, hazards=RELEASE.hazards[3:]), "safe", 0, 3),
        (FAILED, "danger", 65, 65),
        (FAILED, "safe", 65, 65),
    ],
)
def test_the_limit_counts_with_exit_code_and_what_is_allowed_does_not(
    forecast: Forecast, limit: str | None, without: int, with_codes: int
) -> None:
    assert answer.exit_code(forecast, limit, codes=False) == without
    assert answer.exit_code(forecast, limit, codes=True) == with_codes


def test_the_page_is_written_besides_the_answer(
    folder: Path, database: Database, tmp_path: Path
) -> None:
    revise(folder, _ADD)
    page = tmp_path / "plan.html"
    ended = plan(folder, database, "--json", "--html", str(page))
    assert json.loads(ended.stdout)["verdict"]
    assert "ALTER TABLE orders ADD COLUMN vat" in page.read_text()


def test_a_page_that_cannot_be_written_is_said_before_the_rehearsal(
    folder: Path, database: Database, tmp_path: Path
) -> None:
    nowhere = tmp_path / "leads_nowhere"
    nowhere.symlink_to(tmp_path / "not" / "there")
    ended = plan(folder, database, "--html", str(nowhere))
    assert (ended.exit_code, ended.stdout) == (64, "")
    assert "cannot be written: No such file or directory" in ended.stderr
    assert "database.connected" not in ended.stderr


@pytest.mark.parametrize("page", ["/nowhere/plan.html", "/tmp"])  # noqa: S108 - is not written
def test_a_page_without_a_place_is_a_wrong_line(page: str) -> None:
    ended = run("plan", "--html", page)
    assert ended.exit_code == 64
    assert "--html" in ended.stderr


def test_a_page_stays_as_it_was_where_there_is_no_plan(tmp_path: Path) -> None:
    there, new = tmp_path / "there.html", tmp_path / "new.html"
    there.write_text("the last one")
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    for page in (there, new):
        line = ("plan", "--connect-timeout", "1s", "--html", str(page))
        assert run(*line, url=nobody).exit_code == 69
    assert there.read_text() == "the last one"
    assert not new.exists()


@pytest.mark.parametrize(
    "flags",
    [
        ("--json", "--markdown"),
        ("--from-base", "--with-data"),
        ("--from-base", "--on", "scratch"),
        ("--from-base", "--database-url", "postgresql://db/shop"),
        ("--max-risk", "low", "--exit-codes"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(flags: tuple[str, ...]) -> None:
    ended = run("plan", *flags)
    assert (ended.exit_code, ended.stdout) == (64, "")


def test_a_limit_that_is_none_is_a_wrong_setting() -> None:
    ended = run("plan", "--max-risk", "low", url="postgresql://db/shop")
    assert ended.exit_code == 78
    assert "'low' is not one of safe, caution, danger" in ended.stderr


def test_from_base_needs_no_target_and_asks_none_that_is_there(folder: Path) -> None:
    revise(folder, _ADD)
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    for env in ({}, {"DATABASE_URL": nobody}):
        ended = run("plan", "--from-base", "--json", tree=folder, **env)
        assert ended.exit_code == 0, ended.output
        answer = json.loads(ended.stdout)
        assert [one["revision"] for one in answer["revisions"]] == ["r1", "r2"]
        assert answer["rehearsal"]["on"] == "embedded"
        assert answer["tables"] == []


def test_no_secret_is_in_any_form_of_the_answer(
    folder: Path, database: Database, tmp_path: Path
) -> None:
    revise(folder, f"op.get_bind().exec_driver_sql('INSERT INTO orders SELECT 1, $${SECRET}$$')")
    page = tmp_path / "plan.html"
    for form in ((), ("--json",), ("--markdown", "--html", str(page))):
        ended = plan(folder, database, *form, SHOP_SECRET=SECRET)
        assert ended.exit_code == 0, ended.output
        told = ended.output + (page.read_text() if page.exists() else "")
        assert "INSERT INTO orders" in told
        assert "shiny" not in told


def test_sigterm_ends_it_within_seconds_and_leaves_no_copy(
    folder: Path, database: Database
) -> None:
    revise(folder, "op.execute('SELECT pg_sleep(600)')")
    process = start("plan", "--json", tree=folder, url=database.url)
    asleep = (
        "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"
    )
    eventually(lambda: bool(database.rows(asleep)))
    process.kill(signal.SIGTERM)
    ended = process.end()
    assert ended.exit_code == 143, ended.output
    assert json.loads(ended.stdout)["error"]["kind"] == "interrupted"
    assert database.rows(asleep) == []
    assert copies(database) == []
