"""One migration of a database at a time: asked of pg_locks, not of the lock's own code."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.support.command import eventually, run, start
from tests.support.servers import Proxy, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database, Server

DEFAULT = VersionTable(None, "alembic_version")


@pytest.fixture
def pooled(server: Server, database: Database, tmp_path: Path) -> Iterator[str]:
    """Give the database's URL by way of a PgBouncer in transaction mode."""
    program = pgbouncer_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    with pgbouncer(program, server, tmp_path, "transaction") as port:
        yield f"postgresql://postgres@127.0.0.1:{port}/{database.name}?sslmode=disable"


def test_a_run_waits_and_ends_with_75_naming_the_holder(database: Database) -> None:
    with closing(psycopg2.connect(database.url, application_name="the other run")) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys_for([DEFAULT]))
        ended = run("run", "--lock-wait", "2s", url=database.url)

        assert ended.exit_code == 75
        assert ended.report["outcome"] == "failed"
        assert ended.report["error"]["kind"] == "busy"
        assert "the other run (pid" in ended.report["error"]["message"]
        assert str(other.info.backend_pid) in ended.report["error"]["message"]
        assert ended.report["database_state"] == "unchanged"
        waiting = ended.named("lock.waiting")
        assert waiting[0]["holder"]["pid"] == other.info.backend_pid
        assert waiting[0]["holder"]["since"]
        assert waiting[0]["remaining_s"] <= 2
        assert "lock.acquired" not in ended.events
    assert database.tables() == set()


def test_a_server_that_goes_away_while_a_run_waits_for_the_lock_ends_it_with_69(
    server: Server, database: Database
) -> None:
    proxy = Proxy(server)
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys_for([DEFAULT]))
        running = start("run", url=proxy.url(database))
        running.until("lock.waiting")
        proxy.cut()
        ended = running.end(30)
    assert ended.exit_code == 69
    assert ended.report["error"]["kind"] == "unreachable"
    assert database.tables() == set()


def test_a_run_goes_on_as_soon_as_the_other_is_done(database: Database) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys_for([DEFAULT]))
        running = start("run", url=database.url)
        running.until("lock.waiting")
        other.rollback()
    ended = running.end()

    assert ended.exit_code == 0
    assert ended.named("lock.acquired")[0]["waited_s"] > 0
    assert database.revisions() == ["r3"]


def test_a_run_looks_again_once_it_has_the_lock(database: Database) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys_for([DEFAULT]))
        running = start("run", url=database.url)
        running.until("lock.waiting")
        assert run("run", "--lock-key", "1", url=database.url).exit_code == 0
        other.rollback()
    ended = running.end()

    assert ended.exit_code == 0
    assert ended.report["outcome"] == "up_to_date"
    assert ended.report["applied"] == []
    assert "lock.acquired" in ended.events
    assert "plan.made" not in ended.events


def test_the_lock_is_held_while_a_revision_runs_and_free_after(database: Database) -> None:
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="5")
    running.until("revision.started")
    assert database.advisory_locks("ExclusiveLock") == 1
    assert running.end().exit_code == 0
    assert database.advisory_locks() == 0


def test_the_lock_of_a_killed_run_is_free_again(database: Database) -> None:
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="1")
    running.until("revision.applied")
    running.kill(signal.SIGKILL)
    assert running.end().exit_code == -9
    eventually(lambda: database.advisory_locks() == 0)

    ended = run("run", tree="slow", url=database.url, SLOW_SECONDS="0")
    assert ended.exit_code == 0
    assert database.revisions() == ["r2"]


def ten_at_once(url: str, tree: str) -> list[list[str]]:
    running = [start("run", tree=tree, url=url) for _ in range(10)]
    ended = [each.end(120) for each in running]
    assert [e.exit_code for e in ended] == [0] * 10, "".join(e.output for e in ended)
    return [[a["revision"] for a in e.report["applied"]] for e in ended]


@pytest.mark.parametrize("tree", ["plain", "per_revision", "concurrent_index"])
def test_of_ten_runs_at_once_one_applies_each_revision(tree: str, database: Database) -> None:
    applied = ten_at_once(database.url, tree)

    assert sorted(r for each in applied for r in each) == ["r1", "r2", "r3"]
    assert database.revisions() == ["r3"]
    assert database.advisory_locks() == 0


def test_ten_runs_at_once_whose_env_py_makes_a_schema_all_succeed(database: Database) -> None:
    applied = ten_at_once(database.url, "own_version_table")

    assert sorted(r for each in applied for r in each) == ["r1", "r2"]
    assert database.revisions("app.app_version") == ["r2"]


def test_an_env_py_that_loses_the_race_for_a_schema_is_run_again(database: Database) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("CREATE SCHEMA app")
        running = start("run", tree="own_version_table", url=database.url)
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: database.rows(blocked) == [(1,)])
        other.commit()
    ended = running.end()

    assert ended.exit_code == 0, ended.output
    assert database.revisions("app.app_version") == ["r2"]


def test_ten_runs_at_once_through_pgbouncer_apply_each_revision_once(
    pooled: str, database: Database
) -> None:
    applied = ten_at_once(pooled, "per_revision")

    assert sorted(r for each in applied for r in each) == ["r1", "r2", "r3"]
    assert database.revisions() == ["r3"]


def test_the_lock_excludes_through_pgbouncer_in_transaction_mode(
    pooled: str, database: Database
) -> None:
    first = start("run", tree="slow", url=pooled, SLOW_SECONDS="60")
    first.until("revision.started")
    second = run("run", "--lock-wait", "1s", tree="slow", url=pooled)
    first.kill(signal.SIGTERM)

    assert second.exit_code == 75
    assert first.end().exit_code == 143
    assert database.revisions() == ["r1"]


def test_an_index_is_built_concurrently_while_others_wait_for_the_lock(
    database: Database,
) -> None:
    """A waiter blocked in the server would have a snapshot, and the build would wait for it."""
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys_for([DEFAULT]))
        waiting = [start("run", url=database.url) for _ in range(3)]
        for each in waiting:
            each.until("lock.waiting")
        database.rows("CREATE TABLE big AS SELECT generate_series(1, 1000) AS n")
        began = time.monotonic()
        with closing(database.connect()) as builder, builder.cursor() as cursor:
            cursor.execute("SET statement_timeout = '15s'")
            cursor.execute("CREATE INDEX CONCURRENTLY big_n ON big (n)")
        assert time.monotonic() - began < 15
        other.rollback()
    assert [each.end().exit_code for each in waiting] == [0, 0, 0]


def test_two_projects_in_one_database_do_not_wait_for_each_other(database: Database) -> None:
    first = start("run", tree="slow", url=database.url, SLOW_SECONDS="60")
    first.until("revision.applied")
    first.until("revision.started")
    line = ("run", "--lock-wait", "1s", "-n", "analytics")
    second = run(*line, tree="several_sections", url=database.url)

    assert second.exit_code == 0, second.output
    assert database.revisions("analytics_version") == ["a2"]
    first.kill(signal.SIGTERM)
    assert first.end().exit_code == 143


def test_a_lock_key_of_ones_own_makes_two_projects_exclude_each_other(
    database: Database,
) -> None:
    line = ("run", "--lock-key", "shop", "--lock-wait", "1s")
    first = start(*line, tree="slow", url=database.url, SLOW_SECONDS="60")
    first.until("revision.started")
    second = run(*line, tree="own_version_table", url=database.url)
    first.kill(signal.SIGTERM)

    assert second.exit_code == 75
    assert first.end().exit_code == 143


def test_the_guard_holds_no_snapshot_even_where_isolation_is_stricter_by_default(
    database: Database,
) -> None:
    name = database.name
    database.rows(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    database.rows(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1s'")
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="5")
    running.until("revision.started")
    rows = database.rows(
        "SELECT backend_xmin FROM pg_stat_activity JOIN pg_locks USING (pid)"
        " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND pg_locks.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )

    assert rows == [(None,)]
    running.until("revision.started")
    time.sleep(2)
    assert database.advisory_locks("ExclusiveLock") == 1
    assert running.end().exit_code == 0
    assert database.revisions() == ["r2"]


def test_keys_are_made_of_the_version_table_and_its_schema() -> None:
    elsewhere = VersionTable("app", "alembic_version")
    renamed = VersionTable(None, "app_version")

    assert len({*keys_for([DEFAULT]), *keys_for([elsewhere]), *keys_for([renamed])}) == 3
    assert keys_for([DEFAULT, renamed]) == sorted([*keys_for([DEFAULT]), *keys_for([renamed])])
    assert keys_for([DEFAULT]) == keys_for([VersionTable(None, "alembic_version", "public")])
    assert all(-(2**63) <= key < 2**63 for key in keys_for([DEFAULT, elsewhere, renamed]))


def test_very_many_schemas_share_one_key() -> None:
    tenants = [VersionTable(f"tenant_{n}", "alembic_version") for n in range(65)]
    assert len(keys_for(tenants)) == 1
    assert len(keys_for(tenants[:64])) == 64


@pytest.mark.parametrize(("written", "keys"), [("42", [42]), ("-7", [-7])])
def test_a_number_is_the_key_itself(written: str, keys: list[int]) -> None:
    assert keys_for([DEFAULT], written) == keys
