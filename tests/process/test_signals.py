"""SIGTERM and SIGINT: the run ends, says so, and leaves nothing half done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest
import sqlalchemy

from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.support.command import TREES, Process, eventually, start
from tests.support.servers import Proxy, free_port

if TYPE_CHECKING:
    from tests.support.servers import Database, Server

PATIENT = """
from migrator.process import signals
signals._GRACE_S = 600
from migrator.__main__ import main
main()
"""
CODES = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


def patient(tree: str = "plain", *, url: str) -> Process:
    """Start a run whose last resort, ending it as it stands after some seconds, is far away."""
    env = {"MIGRATOR_DATABASE_URL": url, "SLOW_SECONDS": "600"}
    return Process("run", cwd=TREES / tree, env=env, program=("-c", PATIENT))


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_while_connecting_ends_the_run(number: signal.Signals, code: int) -> None:
    running = start("run", url=f"postgresql://u@127.0.0.1:{free_port()}/db")
    running.until("database.waiting")
    running.kill(number)
    ended = running.end()

    assert ended.exit_code == ended.report["exit_code"] == code
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["error"]["kind"] == "interrupted"
    assert ended.report["database_state"] == "unchanged"


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_while_waiting_for_the_lock_ends_the_run(
    number: signal.Signals, code: int, database: Database
) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        key = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", key)
        running = start("run", url=database.url)
        running.until("lock.waiting")
        running.kill(number)
        ended = running.end()

    assert ended.exit_code == code
    assert ended.report["outcome"] == "interrupted"
    assert database.tables() == set()
    assert database.advisory_locks() == 0


SLOW = ["slow", "slow_in_python", "swallows_errors", "async_slow"]


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("tree", SLOW)
def test_a_signal_in_a_revision_cancels_it_on_the_server(
    tree: str, number: signal.Signals, code: int, database: Database
) -> None:
    first = start("run", "--target", "r1", tree=tree, url=database.url)
    assert first.end().exit_code == 0
    running = start("run", tree=tree, url=database.url, SLOW_SECONDS="600")
    running.until("revision.started")
    time.sleep(0.5)
    running.kill(number)
    ended = running.end()

    assert ended.exit_code == code
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["error"]["kind"] == "interrupted"
    assert ended.report["failed"] == "r2"
    assert ended.report["applied"] == []
    assert ended.report["database_state"] == "unchanged"
    assert database.revisions() == ["r1"]
    assert "orders" not in database.tables()
    eventually(lambda: database.advisory_locks() == 0)


def test_a_signal_while_a_server_says_nothing_ends_the_run(
    server: Server, database: Database
) -> None:
    proxy = Proxy(server, deaf=True)
    running = patient(url=proxy.url(database))
    eventually(lambda: proxy.accepted > 0)
    running.kill(signal.SIGTERM)
    ended = running.end()
    proxy.close()

    assert ended.exit_code == 143
    assert ended.report["outcome"] == "interrupted"


def test_a_revision_that_no_exception_ends_is_left_after_some_seconds(database: Database) -> None:
    running = start("run", tree="stubborn", url=database.url, SLOW_SECONDS="600")
    running.until("revision.applied")
    running.until("revision.started")
    time.sleep(0.5)
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["database_state"] == "unknown"
    eventually(lambda: database.advisory_locks() == 0)
    assert database.revisions() == ["r1"]


def test_a_second_signal_ends_the_run_at_once(database: Database) -> None:
    running = patient(tree="stubborn", url=database.url)
    running.until("revision.applied")
    running.until("revision.started")
    time.sleep(0.5)
    running.kill(signal.SIGTERM)
    time.sleep(1)
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert ended.events.count("run.finished") == 1


@pytest.mark.parametrize("tree", SLOW)
def test_the_deadline_ends_the_run_with_124(tree: str, database: Database) -> None:
    assert start("run", "--target", "r1", tree=tree, url=database.url).end().exit_code == 0
    running = start("run", "--deadline", "3s", tree=tree, url=database.url, SLOW_SECONDS="600")
    ended = running.end()

    assert ended.exit_code == 124
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["error"]["kind"] == "deadline"
    assert "MIGRATOR_DEADLINE" in ended.report["error"]["message"]
    assert database.revisions() == ["r1"]
    assert "orders" not in database.tables()


def test_the_deadline_counts_while_waiting_for_the_lock(database: Database) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        key = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", key)
        ended = start("run", "--deadline", "2s", url=database.url).end()
    assert ended.exit_code == 124
    assert database.tables() == set()


@pytest.mark.skipif(
    sqlalchemy.__version__.startswith("1."),
    reason="SQLAlchemy 1.4 tells of no transaction that it leaves to the driver",
)
def test_a_signal_while_env_py_looks_ends_its_statement_too(database: Database) -> None:
    database.rows("CREATE TABLE let_go (done bool)")
    running = start("run", tree="held", url=database.url, HOLD="look")
    held = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE %s"
        " AND pid <> pg_backend_pid()"
    )
    mine = (database.name, "%DO $$%FROM let_go%")
    eventually(lambda: database.rows(held, *mine) == [(1,)])
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert ended.report["database_state"] == "unchanged"
    if database.rows("SHOW server_version_num")[0][0] >= "140000":
        eventually(lambda: database.rows(held, *mine) == [(0,)])


AT_ONCE = """
import os, signal, threading, time
start = threading.Thread.start
def first(thread):
    threading.Thread.start = start
    start(thread)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
threading.Thread.start = first
from migrator.__main__ import main
main()
"""


def test_a_signal_in_the_moment_in_which_signals_are_first_heard_has_its_report(
    database: Database,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", AT_ONCE],
        cwd=TREES / "plain",
        env={"MIGRATOR_DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 143, ended.stderr
    report = json.loads(ended.stdout.splitlines()[-1])
    assert (report["event"], report["exit_code"]) == ("run.finished", 143)
    assert database.tables() == set()


def test_a_revision_whose_commit_was_the_last_thing_done_is_reported_as_applied(
    database: Database,
) -> None:
    ended = start("run", tree="signal_after_commit", url=database.url).end()

    assert database.revisions() == ["r2"]
    assert ended.exit_code == 143
    assert [each["revision"] for each in ended.report["applied"]] == ["r1", "r2"]
    assert ended.report["failed"] is None
    assert ended.report["database_state"] == "partially_migrated"
    assert "Revision r2 had been committed by then" in ended.report["error"]["message"]


def test_a_signal_while_stepping_back_from_a_table_lock_ends_the_run(database: Database) -> None:
    assert (
        start("run", "--target", "r1", tree="alters_table", url=database.url).end().exit_code == 0
    )
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("LOCK TABLE accounts IN ACCESS SHARE MODE")
        running = start("run", "--ddl-lock-timeout", "0.5s", tree="alters_table", url=database.url)
        running.until("statement.retried")
        running.kill(signal.SIGTERM)
        ended = running.end()
    assert ended.exit_code == 143
    assert ended.report["database_state"] == "unchanged"
    assert database.revisions() == ["r1"]
