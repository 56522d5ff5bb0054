"""A statement waits seconds for its table lock, steps back, and names who was in the way."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.support.command import TREES, eventually, run, start
from tests.support.servers import as_role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database

IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'accounts_email'::regclass"
QUICK = {"MIGRATOR_DDL_LOCK_TIMEOUT": "0.5s"}


@contextmanager
def long_transaction(database: Database) -> Iterator[tuple[Any, int]]:
    """Hold a lock on accounts, as a report of the app would; gives the session and its pid."""
    with closing(psycopg2.connect(database.url, application_name="monthly report")) as session:
        session.cursor().execute("SELECT count(*) FROM accounts -- the report's own words")
        yield session, session.info.backend_pid


@pytest.fixture
def begun(database: Database) -> Database:
    """Give a database at r1, in which accounts exists."""
    assert run("run", "--target", "r1", tree="alters_table", url=database.url).exit_code == 0
    return database


def test_a_blocked_statement_steps_back_and_is_applied_once_the_way_is_free(
    begun: Database,
) -> None:
    with long_transaction(begun) as (report, pid):
        running = start("run", tree="alters_table", url=begun.url, **QUICK)
        blocked = running.until("statement.blocked")
        retried = running.until("statement.retried")
        report.rollback()
    ended = running.end()

    assert blocked["blockers"][0]["pid"] == pid
    assert blocked["blockers"][0]["application_name"] == "monthly report"
    assert blocked["blockers"][0]["state"] == "idle in transaction"
    assert blocked["blockers"][0]["transaction_s"] > 0
    assert "the report's own words" in blocked["blockers"][0]["query"]
    assert "ALTER TABLE accounts" in blocked["statement"]
    assert blocked["waited_s"] < 0.5
    assert retried["revision"] == "r2"
    assert ended.exit_code == 0
    assert [a["revision"] for a in ended.report["applied"]] == ["r2", "r3"]
    assert begun.revisions() == ["r3"]


def test_who_is_in_the_way_is_never_ended(begun: Database) -> None:
    with long_transaction(begun) as (report, _):
        ended = run("run", "--ddl-retry-for", "0", tree="alters_table", url=begun.url, **QUICK)
        assert ended.exit_code == 75
        report.cursor().execute("SELECT 1")


def test_a_way_that_is_never_free_ends_with_75_and_names_who_was_in_it(begun: Database) -> None:
    with long_transaction(begun) as (_, pid):
        line = ("run", "--ddl-retry-for", "3s")
        ended = run(*line, tree="alters_table", url=begun.url, **QUICK)

    assert ended.exit_code == 75
    assert ended.report["outcome"] == "failed"
    assert ended.report["error"]["kind"] == "busy"
    assert ended.report["error"]["sqlstate"] == "55P03"
    assert f"monthly report (pid {pid}" in ended.report["error"]["message"]
    assert ended.report["failed"] == "r2"
    assert ended.report["database_state"] == "unchanged"
    assert ended.named("statement.retried")
    assert begun.revisions() == ["r1"]
    assert begun.advisory_locks() == 0


def test_what_was_applied_before_the_blocked_revision_stays(database: Database) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("CREATE TABLE orders (id int)")
        line = ("run", "--ddl-retry-for", "1s")
        ended = run(*line, tree="alters_table", url=database.url, **QUICK)
        assert ended.exit_code == 75
        assert ended.report["failed"] == "r3"
        assert ended.report["database_state"] == "partially_migrated"
        assert [a["revision"] for a in ended.report["applied"]] == ["r1", "r2"]
        assert database.revisions() == ["r2"]


def test_the_query_of_who_is_in_the_way_can_be_kept_out_of_the_log(begun: Database) -> None:
    line = ("run", "--ddl-retry-for", "0", "--log-queries", "off")
    with long_transaction(begun):
        ended = run(*line, tree="alters_table", url=begun.url, **QUICK)

    assert ended.named("statement.blocked")[0]["blockers"][0]["query"] is None
    assert "the report's own words" not in ended.output


def test_a_role_that_may_not_see_others_queries_still_names_their_pid(begun: Database) -> None:
    role = f"role_{begun.name}"
    begun.rows(f"CREATE ROLE {role} LOGIN PASSWORD 'limited'")
    begun.rows(f"GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE accounts OWNER TO {role}")
    begun.rows(f"ALTER TABLE alembic_version OWNER TO {role}")
    try:
        with long_transaction(begun) as (_, pid):
            url = as_role(begun, role, "limited")
            ended = run("run", "--ddl-retry-for", "0", tree="alters_table", url=url, **QUICK)
        blocker = ended.named("statement.blocked")[0]["blockers"][0]
        assert blocker["pid"] == pid
        assert blocker["query"] is None
    finally:
        begun.rows(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_in_one_transaction_all_revisions_step_back_and_each_is_applied_once(
    database: Database,
) -> None:
    """r1 waits to be told that accounts does not exist, by a session that is about to make it."""
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("CREATE TABLE orders (id int)")
        running = start("run", tree="alters_in_one", url=database.url, **QUICK)
        running.until("statement.retried")
        other.rollback()
    ended = running.end()

    assert ended.exit_code == 0, ended.output
    assert [a["revision"] for a in ended.report["applied"]] == ["r1", "r2", "r3"]
    assert [e["revision"] for e in ended.named("revision.applied")] == ["r1", "r2", "r3"]
    assert database.revisions() == ["r3"]


def test_one_transaction_is_called_by_its_cost(database: Database) -> None:
    one = run("run", tree="alters_in_one", url=database.url).named("plan.made")[0]
    assert one["transactions"] == "one"
    assert "MIGRATOR_TRANSACTIONS=per-revision" in one["message"]


def test_a_transaction_for_each_revision_needs_no_advice(database: Database) -> None:
    each = run("run", tree="alters_table", url=database.url).named("plan.made")[0]
    assert each["transactions"] == "per-revision"
    assert "MIGRATOR_TRANSACTIONS" not in each["message"]


def test_the_app_is_held_up_no_longer_than_the_table_lock_timeout(begun: Database) -> None:
    """The app reads the table the whole time; the queue behind a waiting ALTER is what stops it."""
    longest = 0.0
    with long_transaction(begun) as (report, _), closing(begun.connect()) as app:
        running = start("run", tree="alters_table", url=begun.url, **QUICK)
        running.until("plan.made")
        app.cursor().execute("SET statement_timeout = '30s'")  # the report's lock is held for ever
        ends = time.monotonic() + 4
        while time.monotonic() < ends:
            began = time.monotonic()
            app.cursor().execute("SELECT count(*) FROM accounts")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
        report.rollback()
    assert running.end().exit_code == 0
    assert longest > 0.2


def test_an_index_is_built_concurrently_however_long_the_transactions_before_it_last(
    begun: Database,
) -> None:
    with closing(psycopg2.connect(begun.url)) as old:
        old.set_session(isolation_level="REPEATABLE READ")
        old.cursor().execute("SELECT count(*) FROM accounts")
        running = start("run", tree="index_if_not_exists", url=begun.url, **QUICK)
        running.until("revision.started")
        time.sleep(2)
        old.rollback()
    ended = running.end()

    assert ended.exit_code == 0
    assert not ended.named("statement.retried")
    assert begun.rows(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'accounts_email'::regclass"
    ) == [(True,)]


def test_the_lock_timeout_is_back_after_a_concurrent_statement_that_failed(
    begun: Database, tmp_path: Path
) -> None:
    shutil.copytree(TREES / "index_if_not_exists", tmp_path / "project")
    (tmp_path / "project/versions/r2.py").write_text(
        "from alembic import op\n"
        "revision, down_revision = 'r2', 'r1'\n"
        "def upgrade():\n"
        "    with op.get_context().autocommit_block():\n"
        "        try:\n"
        "            op.execute('CREATE INDEX CONCURRENTLY x ON accounts (nowhere)')\n"
        "        except Exception:\n"
        "            pass\n"
        "        op.execute(\"CREATE TABLE seen AS SELECT current_setting('lock_timeout')\")\n"
    )
    ended = run("run", tree=tmp_path / "project", url=begun.url)
    assert ended.exit_code == 0, ended.output
    assert begun.rows("SELECT * FROM seen") == [("3s",)]


def leave_invalid(database: Database) -> None:
    """Leave an invalid index of the name that the revision is about to make."""
    database.rows("INSERT INTO accounts VALUES (1, 'same'), (2, 'same')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.rows("CREATE UNIQUE INDEX CONCURRENTLY accounts_email ON accounts (email)")


def test_an_index_that_exists_but_is_invalid_does_not_count_as_built(begun: Database) -> None:
    leave_invalid(begun)
    ended = run("run", tree="index_if_not_exists", url=begun.url)

    assert ended.exit_code == 76
    assert "public.accounts_email is invalid" in ended.report["error"]["message"]
    assert "DROP INDEX CONCURRENTLY public.accounts_email;" in ended.report["error"]["hint"]
    assert ended.report["outcome"] == "failed"


def test_an_invalid_index_that_was_there_before_is_named_with_what_to_do(begun: Database) -> None:
    leave_invalid(begun)
    ended = run("run", tree="alters_table", url=begun.url)

    assert ended.exit_code == 0
    made = ended.named("plan.made")[0]
    assert made["level"] == "warn"
    assert made["invalid_indexes"] == ["public.accounts_email"]
    assert "DROP INDEX CONCURRENTLY public.accounts_email;" in made["message"]
    query = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert begun.rows(query) == [(1,)]


def test_an_invalid_index_of_the_runs_own_failed_try_is_dropped_before_the_next(
    begun: Database,
) -> None:
    """The build and the app deadlock: the build is the victim and leaves its index invalid."""
    begun.rows(f"ALTER DATABASE {begun.name} SET deadlock_timeout = '4s'")  # the build looks first
    with closing(psycopg2.connect(begun.url)) as app:
        app.cursor().execute("SET deadlock_timeout = '60s'")
        app.cursor().execute("INSERT INTO accounts VALUES (1, 'x')")
        running = start("run", tree="index_if_not_exists", url=begun.url)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'virtualxid'"
        eventually(lambda: begun.rows(waits) == [(1,)])

        def lock() -> None:
            app.cursor().execute("LOCK TABLE accounts IN SHARE UPDATE EXCLUSIVE MODE")
            app.commit()

        thread = threading.Thread(target=lock)
        thread.start()
        running.until("statement.retried")
        thread.join(20)
        ended = running.end()

    assert ended.exit_code == 0, ended.output
    assert begun.rows(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'accounts_email'::regclass"
    ) == [(True,)]
    assert begun.revisions() == ["r2"]


def test_the_projects_own_timeouts_win(database: Database) -> None:
    assert run("run", tree="own_timeouts", url=database.url, **QUICK).exit_code == 0
    assert database.rows("SELECT * FROM seen") == [("7s", "11min")]


def test_a_timeout_set_for_the_database_wins(begun: Database) -> None:
    begun.rows(f"ALTER DATABASE {begun.name} SET lock_timeout = '300ms'")
    line = ("run", "--ddl-retry-for", "0", "--ddl-lock-timeout", "600s")
    with long_transaction(begun):
        ended = run(*line, tree="alters_table", url=begun.url)
    assert ended.exit_code == 75
