"""A backfill at work beside the app, another worker, another backfill, a run and a replica."""

from __future__ import annotations

import signal
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.backfill.projects import (
    BATCH,
    REMAINING,
    backfill,
    expanded,
    fill,
    filling,
    made,
    remain,
    state,
)
from tests.plan.releases import revise
from tests.support.command import eventually, run
from tests.support.servers import own_server, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database, Server

AUDIT = "INSERT INTO audit SELECT unnest(CAST(:keys AS bigint[]))"
SLOW = BATCH.replace("WHERE", "FROM pg_sleep(0.2) WHERE")
SLEEPS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
)
HANGS = BATCH.replace("WHERE", "FROM pg_sleep(600) WHERE")


def test_several_workers_do_no_row_twice_while_the_app_writes(
    database: Database, tmp_path: Path
) -> None:
    """The app inserts rows of the old kind, fills some itself, and holds others for a while."""
    folder = expanded(made(tmp_path / "project", f"{BATCH}; {AUDIT}"), database, 20_000)
    database.rows("CREATE TABLE audit (id bigint)")
    over = threading.Event()

    def app() -> None:
        with closing(database.connect()) as session, session.cursor() as cursor:
            n = 0
            while not over.is_set():
                n += 1
                cursor.execute("INSERT INTO users (mail) VALUES ('NEW@example.com')")
                cursor.execute(
                    "UPDATE users SET email = 'by the app' WHERE email IS NULL AND id ="
                    " (SELECT id FROM users WHERE email IS NULL ORDER BY id DESC OFFSET 5 LIMIT 1)"
                )
                cursor.execute("BEGIN; UPDATE users SET mail = mail WHERE id = %s", [n])
                cursor.execute("SELECT pg_sleep(0.01); COMMIT")

    traffic = threading.Thread(target=app)
    traffic.start()
    try:
        ended = fill(folder, database, "--workers", "4", "--batch-time", "0.05s")
    finally:
        over.set()
        traffic.join()
    assert ended.exit_code == 0, ended.output
    last = fill(folder, database)
    assert last.exit_code == 0
    assert remain(database) == 0
    assert database.rows("SELECT count(*), count(DISTINCT id) FROM audit") == [
        (*state(database, "rows"),) * 2
    ]
    assert database.rows(
        "SELECT count(*) FROM users LEFT JOIN audit USING (id)"
        " WHERE email <> CASE WHEN audit.id IS NULL THEN 'by the app' ELSE lower(mail) END"
    ) == [(0,)]


@pytest.mark.slow
def test_workers_that_cannot_lock_rows_do_none_twice(database: Database, tmp_path: Path) -> None:
    """What a UNION gives cannot be locked; the keys are given out one page at a time."""
    union = f"{REMAINING} AND id % 2 = 0 UNION {REMAINING}"
    folder = expanded(made(tmp_path / "project", f"{BATCH}; {AUDIT}", union), database, 5000)
    database.rows("CREATE TABLE audit (id bigint)")
    ended = fill(folder, database, "--workers", "4", "--batch-time", "0.02s")
    assert ended.exit_code == 0, ended.output
    assert remain(database) == 0
    assert database.rows("SELECT count(*), count(DISTINCT id) FROM audit") == [(5000, 5000)]


@pytest.mark.slow
def test_the_rows_of_a_batch_are_locked_from_the_look_on_though_others_may_refer_to_them(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", HANGS), database, 10)
    running = filling(folder, database)
    eventually(lambda: bool(database.rows(SLEEPS)))
    with closing(psycopg2.connect(database.url)) as app, app.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = 1 FOR KEY SHARE NOWAIT")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            cursor.execute("SELECT FROM users WHERE id = 1 FOR UPDATE NOWAIT")
    running.kill(signal.SIGTERM)
    assert running.end().exit_code == 143


def test_two_of_the_same_name_exclude_each_other_and_a_run_does_not_wait_for_them(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", HANGS), database, 300)
    backfill(folder, "another", BATCH.replace("email", "note"), "SELECT id FROM users WHERE 0 = 1")
    running = filling(folder, database)
    running.until("plan.made")

    second = fill(folder, database, "--lock-wait", "1s")
    assert second.exit_code == 75
    assert "Another run holds the lock" in second.report["message"]
    assert run("backfill", "another", tree=folder, url=database.url).exit_code == 0
    (folder / "versions" / "r3.py").unlink()
    revise(folder, "op.execute('CREATE TABLE others (id int)')")
    assert run("run", tree=folder, url=database.url).exit_code == 0
    running.kill(signal.SIGTERM)
    assert running.end().exit_code == 143


def test_a_row_that_the_app_holds_is_passed_over_and_done_when_it_is_free(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project"), database, 1000)
    with closing(psycopg2.connect(database.url)) as app:
        app.cursor().execute("UPDATE users SET mail = 'Mine' WHERE id = 500")
        running = filling(folder, database)
        eventually(lambda: remain(database) == 1)
        app.commit()
    ended = running.end()
    assert ended.exit_code == 0, ended.output
    assert not ended.named("statement.retried")
    assert database.rows("SELECT email FROM users WHERE id = 500") == [("mine",)]


@pytest.mark.slow
def test_rows_that_stay_locked_end_it_with_75(database: Database, tmp_path: Path) -> None:
    folder = expanded(made(tmp_path / "project"), database, 100)
    with closing(psycopg2.connect(database.url)) as app:
        app.cursor().execute("UPDATE users SET mail = 'Mine' WHERE id = 50")
        ended = fill(folder, database, "--ddl-retry-for", "1s")
    assert ended.exit_code == 75
    assert "stays locked" in ended.report["message"]
    assert ended.report["database_state"] == "partially_migrated"


@pytest.mark.slow
def test_a_table_lock_makes_it_give_way_and_try_again_with_fewer_rows(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", f"{BATCH}; {AUDIT}"), database, 200)
    database.rows("CREATE TABLE audit (id bigint)")
    told = {"MIGRATOR_DDL_LOCK_TIMEOUT": "0.3s", "MIGRATOR_DDL_RETRY_FOR": "2s"}
    with closing(psycopg2.connect(database.url)) as app:
        app.cursor().execute("LOCK TABLE audit")
        assert fill(folder, database, **told).exit_code == 75
        running = filling(folder, database, **told)
        first = running.until("statement.retried")
        app.rollback()
    ended = running.end()
    assert ended.exit_code == 0, ended.output
    assert first["batch_rows"] == 50
    assert remain(database) == 0
    assert database.rows("SELECT count(*) FROM audit") == [(200,)]


@pytest.mark.slow
def test_a_batch_that_takes_too_long_is_made_smaller(database: Database, tmp_path: Path) -> None:
    """A statement that is over its timeout is tried again with half of the rows."""
    slow = "    from sqlalchemy import text\n"
    slow += "    connection.execute(text('SELECT pg_sleep(0.005 * :n)'), {'n': len(keys)})\n"
    slow += f"    connection.execute(text({BATCH!r}), {{'keys': keys}})\n"
    folder = expanded(made(tmp_path / "project", slow), database, 200)
    ended = fill(
        folder,
        database,
        "--batch-time",
        "0.1s",
        "--statement-timeout",
        "0.35s",
        "--ddl-lock-timeout",
        "0.3s",
    )
    assert ended.exit_code == 0, ended.output
    assert "statement timeout" in ended.named("statement.retried")[0]["message"]
    assert state(database, "batch_rows")[0] < 30
    assert remain(database) == 0


@pytest.mark.slow
def test_it_pauses_while_others_are_at_work(database: Database, tmp_path: Path) -> None:
    folder = expanded(made(tmp_path / "project", SLOW), database, 3000)
    with closing(database.connect()) as other, closing(database.connect()) as another:

        def work(session: Any) -> None:  # noqa: ANN401 - a psycopg2 connection
            with suppress(psycopg2.errors.QueryCanceled):
                session.cursor().execute("SELECT pg_sleep(600)")

        threads = [threading.Thread(target=work, args=[each]) for each in (other, another)]
        for thread in threads:
            thread.start()
        running = filling(folder, database, "--max-active", "1")
        blocked = running.until("statement.blocked")
        for session, thread in zip((other, another), threads, strict=True):
            session.cancel()
            thread.join()
        ended = running.end()
    assert blocked["reason"] == "load"
    assert blocked["active"] >= 2
    assert ended.exit_code == 0, ended.output


@pytest.mark.slow
def test_it_pauses_while_a_replica_is_behind(tmp_path: Path) -> None:
    """The replica stops to replay what it gets, as behind a long query on it."""
    with own_server() as server, server.fresh() as database, server.standby() as standby:
        folder = expanded(made(tmp_path / "project", SLOW), database, 20_000)
        with closing(psycopg2.connect(standby)) as replica:
            replica.autocommit = True
            replica.cursor().execute("SELECT pg_wal_replay_pause()")
            running = filling(folder, database, "--max-lag", "1s")
            blocked = running.until("statement.blocked")
            assert blocked["reason"] == "lag"
            assert blocked["lag_s"] > 1
            eventually(lambda: not database.rows(SLEEPS))  # the batch that had begun
            before = remain(database)
            replica.cursor().execute("SELECT pg_sleep(1)")
            assert remain(database) == before > 0
            replica.cursor().execute("SELECT pg_wal_replay_resume()")
        ended = running.end()
        assert ended.exit_code == 0, ended.output
        assert remain(database) == 0


@pytest.mark.slow
def test_it_works_through_a_pooler_of_transactions(
    server: Server, database: Database, tmp_path: Path
) -> None:
    program = pgbouncer_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    folder = expanded(made(tmp_path / "project"), database, 1000)
    tmp_path.chmod(0o755)
    home = tmp_path / "pooler"
    home.mkdir()
    with pgbouncer(program, server, home, "transaction") as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.name}"
        ended = run("backfill", "--workers", "3", tree=folder, url=url)
    assert ended.exit_code == 0, ended.output
    assert remain(database) == 0
