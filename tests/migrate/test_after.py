"""MIGRATOR_AFTER: a command under the lock, once the upgrade is proven."""

from __future__ import annotations

import shlex
import signal
import sys
from typing import TYPE_CHECKING

from tests.support.command import eventually, run, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

SEEDS = """
import os, psycopg2
with psycopg2.connect(os.environ["DATABASE_URL"].replace("+psycopg2", "")) as connection:
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    locks = cursor.fetchone()[0]
    cursor.execute("INSERT INTO accounts (email) VALUES ('root')")
print("seeded under", locks, "lock")
"""


def python(source: str) -> str:
    return shlex.join([sys.executable, "-c", source])


def test_it_runs_under_the_lock_and_its_output_is_in_the_log(database: Database) -> None:
    ended = run("run", url=database.url, MIGRATOR_AFTER=python(SEEDS), SEED_MASTER_DATA="true")
    assert (ended.exit_code, ended.report["outcome"]) == (0, "migrated"), ended.output
    [line] = [one for one in ended.named("upgrade.verified") if "after" in one]
    assert line["message"] == "seeded under 1 lock"
    assert ended.events.index("lock.released") > ended.lines.index(line)
    assert database.rows("SELECT email FROM accounts") == [("root",)]


def test_where_nothing_is_pending_it_does_not_run(database: Database) -> None:
    run("run", url=database.url)
    ended = run("run", url=database.url, MIGRATOR_AFTER=python(SEEDS))
    assert (ended.exit_code, ended.report["outcome"]) == (0, "up_to_date")
    assert database.rows("SELECT email FROM accounts") == []


def test_where_it_fails_the_run_does_and_the_next_one_makes_up_for_it(database: Database) -> None:
    broken = python("import sys; print('no such file', file=sys.stderr); sys.exit(3)")
    ended = run("run", url=database.url, MIGRATOR_AFTER=broken)
    assert (ended.exit_code, ended.report["outcome"]) == (65, "failed")
    assert ended.report["database_state"] == "migrated"
    assert ended.report["error"]["kind"] == "after"
    assert "ended with 3" in ended.report["error"]["message"]
    assert "no such file" in ended.report["error"]["message"]
    assert database.revisions() == ["r3"]
    again = run("run", url=database.url, MIGRATOR_AFTER=python(SEEDS))
    assert (again.exit_code, again.report["outcome"]) == (0, "up_to_date"), again.output
    assert database.rows("SELECT email FROM accounts") == [("root",)]
    run("run", url=database.url, MIGRATOR_AFTER=python(SEEDS))
    assert database.rows("SELECT email FROM accounts") == [("root",)]


def test_a_command_that_is_not_there_is_refused_before_anything(database: Database) -> None:
    ended = run("run", url=database.url, MIGRATOR_AFTER="seed-the-shop --all")
    assert ended.exit_code == 78
    assert "seed-the-shop" in ended.report["error"]["message"]
    assert database.revisions() == []


def test_a_signal_ends_it_too(database: Database, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    slow = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    process = start("run", url=database.url, MIGRATOR_AFTER=python(slow))
    eventually(mark.exists)
    process.kill(signal.SIGTERM)
    ended = process.end()
    assert (ended.exit_code, ended.report["database_state"]) == (143, "migrated")
    assert database.advisory_locks() == 0
    assert database.revisions() == ["r3"]
