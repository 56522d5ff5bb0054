"""A backfill that ends in the midst keeps what is committed, and goes on from there."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.backfill.projects import BATCH, expanded, fill, filling, made, remain, state
from tests.support.command import eventually
from tests.support.servers import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database, Server

SLOW = BATCH.replace("WHERE", "FROM pg_sleep(0.3) WHERE")
HANGS = BATCH.replace("WHERE", "FROM pg_sleep(600) WHERE")
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep%%' AND state = 'active'"
BUSY += " AND datname = current_database() AND pid <> pg_backend_pid()"


def began(database: Database) -> bool:
    """Tell whether a batch was committed."""
    if database.rows("SELECT to_regclass('migrator.backfill')")[0][0] is None:
        return False
    return database.rows("SELECT count(*) FROM migrator.backfill WHERE batches > 0") == [(1,)]


def test_after_a_kill_it_goes_on_where_it_was(database: Database, tmp_path: Path) -> None:
    """Rows below the position, put back by hand, show that it does not look at them first."""
    folder = expanded(made(tmp_path / "project", SLOW), database, 1000)
    running = filling(folder, database)
    eventually(lambda: began(database))
    running.kill(signal.SIGKILL)
    assert running.end().exit_code == -signal.SIGKILL

    ((position,), rows) = state(database, "position", "rows")
    assert int(position) == rows == 1000 - remain(database)
    database.rows("UPDATE users SET email = NULL WHERE id = 1")
    database.rows("ALTER TABLE users ADD CHECK (id > 1 OR email IS NULL)")
    again = fill(folder, database)
    assert again.exit_code == 65
    assert "at id = 1:" in again.report["message"]
    assert remain(database) == 1, "the first row came last"
    assert again.named("plan.made")[0]["done"] == rows


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_the_batch_on_the_server(
    number: signal.Signals, code: int, database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", HANGS), database, 300)
    running = filling(folder, database, "--workers", "2")
    eventually(lambda: database.rows(BUSY) == [(2,)])
    running.kill(number)
    ended = running.end()

    assert ended.exit_code == code
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["database_state"] == "unchanged"
    assert ended.events[-2:] == ["lock.released", "run.finished"]
    assert database.rows(BUSY) == [(0,)]
    assert remain(database) == 300
    assert database.advisory_locks() == 0


def test_the_deadline_ends_it_and_what_is_done_is_kept(database: Database, tmp_path: Path) -> None:
    """Each batch takes three times its target, and a pause follows."""
    slower = SLOW.replace("0.3", "1")
    folder = expanded(made(tmp_path / "project", slower), database, 2000)
    ended = fill(folder, database, "--deadline", "4s", "--batch-time", "0.3s")
    assert ended.exit_code == 124
    assert {line["reason"] for line in ended.named("statement.blocked")} == {"slow"}
    assert ended.report["database_state"] == "partially_migrated"
    assert "Rows remain: start it again." in ended.report["message"]
    assert remain(database) == 2000 - state(database, "rows")[0]


def test_a_session_that_is_ended_is_made_again_and_no_batch_is_lost(
    database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", SLOW), database, 1500)
    running = filling(folder, database, "--workers", "2")
    eventually(lambda: began(database))
    database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'migrator%%'"
    )
    ended = running.end()
    assert ended.exit_code == 0, ended.output
    assert len(ended.named("database.connected")) == 2
    assert len(ended.named("database.waiting")) == 1
    assert remain(database) == 0
    assert state(database, "rows") == (1500,)


def test_a_server_that_stays_away_ends_it_with_69(
    server: Server, database: Database, tmp_path: Path
) -> None:
    folder = expanded(made(tmp_path / "project", SLOW), database, 5000)
    proxy = Proxy(server)
    line = ("--connect-timeout", "2s", "--lock-wait", "2s")
    running = filling(folder, database, *line, MIGRATOR_DATABASE_URL=proxy.url(database))
    eventually(lambda: began(database))
    proxy.close()
    ended = running.end()
    assert ended.exit_code == 69
    assert ended.report["error"]["kind"] == "unreachable"
    assert ended.report["database_state"] == "partially_migrated"
    assert fill(folder, database).exit_code == 0


def test_one_that_is_lost_again_and_again_before_any_batch_gives_up(
    database: Database, tmp_path: Path
) -> None:
    ends = "    from sqlalchemy import text\n"
    ends += "    connection.execute(text('SELECT pg_terminate_backend(pg_backend_pid())'))\n"
    folder = expanded(made(tmp_path / "project", ends), database, 10)
    ended = fill(folder, database)
    assert ended.exit_code == 69
    assert remain(database) == 10
