"""`migrator wait`: an app's pod begins when the database is where its code wants it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.status.test_nothing_to_do import HEAVY, loaded
from tests.support.command import eventually, run, start
from tests.support.servers import free_port

if TYPE_CHECKING:
    from tests.support.command import Process
    from tests.support.servers import Database


def waiting(database: Database, *arguments: str, tree: str = "per_revision") -> Process:
    return start("wait", "--json", "--log-format", "json", *arguments, tree=tree, url=database.url)


def test_at_head_it_is_over_at_once(database: Database) -> None:
    run("run", tree="per_revision", url=database.url)
    ended = run("wait", "--json", tree="per_revision", url=database.url)
    assert ended.exit_code == 0
    answer = json.loads(ended.stdout)
    assert answer["waited_s"] < 5
    assert {**answer, "waited_s": 0} == {
        "state": "at_head",
        "current": ["r3"],
        "head": ["r3"],
        "waited_s": 0,
    }


@pytest.mark.parametrize("tree", ["per_revision", "own_version_table"])
def test_it_waits_for_a_run(tree: str, database: Database) -> None:
    waits = waiting(database, tree=tree)
    waits.until("database.waiting", "stderr")
    assert run("run", tree=tree, url=database.url).exit_code == 0
    ended = waits.end()
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["current"] == json.loads(ended.stdout)["head"]
    said = [json.loads(line) for line in ended.stderr.splitlines()]
    assert "and not at" in said[-1]["message"]
    assert said[-1]["event"] == "database.waiting"


def test_it_says_that_a_run_is_in_progress_and_takes_no_lock(database: Database) -> None:
    job = start("run", tree="slow", url=database.url, SLOW_SECONDS="12")
    job.until("revision.started")
    eventually(lambda: database.advisory_locks("ShareLock") == 1)  # of the revision's transaction
    held = database.advisory_locks()
    ended = run("wait", "--timeout", "1s", tree="slow", url=database.url)
    assert database.advisory_locks() == held
    assert job.end().exit_code == 0
    assert ended.exit_code == 124
    assert "A run is in progress: migrator" in ended.stderr


def test_when_the_time_is_up_it_ends_with_124_and_changes_nothing(database: Database) -> None:
    ended = run("wait", "--json", "--timeout", "1s", tree="per_revision", url=database.url)
    assert ended.exit_code == 124
    error = json.loads(ended.stdout)["error"]
    assert "The database is at base and not at r3 yet. No run is in progress." in error["message"]
    assert error["kind"] == "deadline"
    assert database.tables() == set()


def test_a_revision_that_this_code_does_not_have_ends_it_at_once_with_76(
    database: Database,
) -> None:
    run("run", tree="per_revision", url=database.url)
    database.rows("UPDATE alembic_version SET version_num = 'r4'")
    ended = run("wait", tree="per_revision", url=database.url)
    assert ended.exit_code == 76
    assert "The database is at r4, which this code, whose head is r3, does not have" in ended.stderr


def test_a_database_that_goes_ahead_while_it_waits_ends_it_with_76(database: Database) -> None:
    waits = waiting(database)
    waits.until("database.waiting", "stderr")
    database.rows("CREATE TABLE alembic_version (version_num text)")
    database.rows("INSERT INTO alembic_version VALUES ('r4')")
    assert waits.end().exit_code == 76


def test_a_database_that_is_not_there_in_time_is_69() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    ended = run("wait", "--timeout", "1s", url=url)
    assert ended.exit_code == 69
    assert "could not be reached within 1 s" in ended.stderr


def test_a_signal_ends_it_with_143(database: Database) -> None:
    waits = waiting(database)
    waits.until("database.waiting", "stderr")
    waits.kill(signal.SIGTERM)
    ended = waits.end()
    assert ended.exit_code == 143
    assert json.loads(ended.stdout)["error"]["message"] == "Interrupted by SIGTERM."
    assert "Traceback" not in ended.output


@pytest.mark.parametrize("timeout", ["0", "soon", "-1s"])
def test_a_timeout_that_is_none_is_64(timeout: str, database: Database) -> None:
    ended = run("wait", "--timeout", timeout, url=database.url)
    assert ended.exit_code == 64
    assert "--timeout" in ended.stderr


@pytest.mark.parametrize("command", ["wait", "status"])
def test_neither_loads_what_a_run_with_nothing_to_do_does_not(
    command: str, database: Database
) -> None:
    run("run", tree="per_revision", url=database.url)
    assert loaded("per_revision", database, command) & HEAVY == set()
