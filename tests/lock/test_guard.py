"""The lock is lost, the pooler is in between, the run dies: nothing runs on unguarded."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from migrator.database import connection
from migrator.database.connection import connect
from migrator.database.lock import heartbeat
from migrator.database.lock.guard import fenced
from migrator.database.lock.lock import hold, keys_for
from migrator.database.version_table import VersionTable
from migrator.errors import UnreachableError
from migrator.process.signals import SIGNALS
from migrator.settings.address import parse
from tests.support.command import eventually, run, start
from tests.support.servers import Proxy, own_server, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Database, Server

KEY = keys_for([VersionTable(None, "alembic_version")])[0]
GUARD = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = %s"


def end_guard(database: Database) -> None:
    """End the session that holds the lock, as an administrator would."""
    for (pid,) in database.rows(GUARD):
        database.rows("SELECT pg_terminate_backend(%s)", pid)


def sleeping(database: Database) -> bool:
    """Tell whether the slow statement runs."""
    return database.rows(ASLEEP, database.name) == [(1,)]


def test_a_run_whose_guard_is_ended_is_cancelled_and_fails(database: Database) -> None:
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="600")
    eventually(lambda: sleeping(database))
    end_guard(database)
    ended = running.end()

    assert ended.exit_code == 69
    assert "The session that held the lock is gone" in ended.report["error"]["message"]
    assert ended.report["database_state"] == "partially_migrated"
    assert database.revisions() == ["r1"]
    assert "orders" not in database.tables()
    eventually(lambda: database.advisory_locks() == 0)


def test_a_network_that_goes_silent_ends_the_run_though_it_still_acknowledges(
    server: Server, database: Database
) -> None:
    proxy = Proxy(server)
    running = start("run", tree="slow", url=proxy.url(database), SLOW_SECONDS="600")
    eventually(lambda: sleeping(database))
    proxy.silent = True
    ended = running.end()
    proxy.close()

    assert ended.exit_code == 69
    assert ended.report["outcome"] == "failed"
    assert ended.report["database_state"] == "unknown"
    eventually(lambda: database.advisory_locks() == 0)
    assert database.revisions() == ["r1"]


@pytest.mark.slow
def test_a_network_that_goes_silent_ends_a_run_that_waits_for_the_lock(
    server: Server, database: Database
) -> None:
    """Also where it had waited for longer than the run needs to ask for the first time."""
    proxy = Proxy(server)
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
        running = start("run", url=proxy.url(database))
        running.until("lock.waiting")
        time.sleep(7)
        proxy.silent = True
        ended = running.end()
    proxy.close()

    assert ended.exit_code == 69
    assert "has answered nothing" in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"


@pytest.mark.slow
def test_an_attempt_to_connect_that_gets_no_answer_does_not_end_the_silence(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt is given up before the silence has lasted long enough; the count goes on."""
    monkeypatch.setattr(heartbeat, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(heartbeat, "_SILENCE_S", 3.5)
    monkeypatch.setattr(connection, "_LONGEST_ATTEMPT_S", 2)
    proxy = Proxy(server)
    with connect(parse(proxy.url(database), "the test"), 30) as reached:
        proxy.silent = True
        SIGNALS.begin()
        with heartbeat.heartbeat(reached):
            eventually(lambda: SIGNALS.pending is not None)
    SIGNALS.begin()
    proxy.close()


@pytest.mark.slow
def test_a_process_that_was_stopped_for_long_is_not_taken_for_a_silent_server(
    database: Database,
) -> None:
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="15")
    eventually(lambda: sleeping(database))
    running.kill(signal.SIGSTOP)
    time.sleep(12)
    running.kill(signal.SIGCONT)
    assert running.end().exit_code == 0


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the kernel's timers are in Linux")
def test_the_server_looks_whether_the_machine_of_the_lock_is_still_there(
    server: Server, database: Database
) -> None:
    """The socket of the guard's session has a keepalive that strikes within seconds."""
    if server.place()[0] != socket.AF_INET:
        with own_server() as reached_by_tcp, reached_by_tcp.fresh() as there:
            return assert_keepalive_is_short(there)
    return assert_keepalive_is_short(database)


def assert_keepalive_is_short(database: Database) -> None:
    """See what is left of the kernel's timer for the session that holds the lock."""
    address = parse(database.url, "DATABASE_URL")
    query = "SELECT client_port FROM pg_stat_activity WHERE pid = %s"
    with connect(address, 10) as server, hold(server, [KEY], 10):
        ((guard,),) = database.rows(GUARD)
        ((port,),) = database.rows(query, guard)
        eventually(lambda: (keepalive_s(port) or 3600) <= 5)


def keepalive_s(client_port: int) -> float | None:
    """Give when the server's socket asks whether its client is there; None while data is out."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (timer,) = [row[5] for row in rows if row[2].endswith(f":{client_port:04X}")]
    kind, _, hundredths = timer.partition(":")
    return int(hundredths, 16) / 100 if kind == "02" else None


def test_no_further_revision_begins_once_the_guard_is_gone(database: Database) -> None:
    running = start("run", tree="slow_in_python", url=database.url, SLOW_SECONDS="4")
    running.until("revision.applied")
    running.until("revision.started")
    end_guard(database)
    ended = running.end()

    assert ended.exit_code == 69
    assert database.revisions() == ["r1"]
    assert "orders" not in database.tables()


def test_a_new_run_waits_for_a_statement_of_one_whose_guard_is_gone(database: Database) -> None:
    """The first run is stopped, so that it cannot notice; its statement goes on in the server."""
    first = start("run", tree="slow", url=database.url, SLOW_SECONDS="60")
    eventually(lambda: sleeping(database))
    first.kill(signal.SIGSTOP)
    end_guard(database)
    second = start("run", tree="slow", url=database.url, SLOW_SECONDS="0")
    waiting = second.until("lock.waiting")

    assert "A statement of an earlier run still goes on" in waiting["message"]
    assert sleeping(database)
    first.kill(signal.SIGKILL)
    ended = second.end()
    first.end()
    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r2"]


def test_the_server_notices_that_a_run_was_killed(database: Database) -> None:
    if database.rows("SHOW server_version_num")[0][0] < "140000":
        pytest.skip("client_connection_check_interval is new in 14")
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="600")
    eventually(lambda: sleeping(database))
    running.kill(signal.SIGKILL)
    running.end()

    eventually(lambda: database.advisory_locks() == 0)
    assert not sleeping(database)
    assert database.revisions() == ["r1"]


def test_a_transaction_that_opens_after_the_lock_is_gone_is_refused(database: Database) -> None:
    address = parse(database.url, "DATABASE_URL")
    with (
        connect(address, 10) as server,
        hold(server, [KEY], 10) as guard,
        closing(database.connect()) as session,
        session.cursor() as cursor,
    ):
        opening = guard.opening({}, autocommits=False, direct=True)
        cursor.execute(opening)
        assert guard.opened(cursor.fetchone()) == session.info.backend_pid
        end_guard(database)
        eventually(lambda: database.advisory_locks() == 0)
        cursor.execute(opening)
        with pytest.raises(UnreachableError, match="is gone"):
            guard.opened(cursor.fetchone())


def test_the_fence_is_another_key() -> None:
    assert fenced(KEY) != KEY
    assert -(2**63) <= fenced(KEY) < 2**63


def test_a_transaction_of_the_migration_shares_the_fence(database: Database) -> None:
    running = start("run", tree="slow", url=database.url, SLOW_SECONDS="3")
    eventually(lambda: sleeping(database))
    assert database.advisory_locks("ShareLock") == 1
    assert running.end().exit_code == 0


def test_sessions_of_a_run_say_who_they_are(database: Database) -> None:
    running = start(
        "run", tree="slow", url=database.url, SLOW_SECONDS="3", RAILWAY_DEPLOYMENT_ID="d-42"
    )
    eventually(lambda: sleeping(database))
    query = "SELECT application_name FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
    names = {row[0] for row in database.rows(query, database.name, 0)} - {""}
    assert names == {"migrator 0.1.0 d-42"}
    assert running.end().exit_code == 0


@pytest.fixture(params=["transaction", "session"])
def pooled(
    request: pytest.FixtureRequest, server: Server, database: Database, tmp_path: Path
) -> Iterator[str]:
    """Give the database's URL by way of a PgBouncer in each mode."""
    program = pgbouncer_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    with pgbouncer(program, server, tmp_path, request.param) as port:
        yield f"postgresql://postgres@127.0.0.1:{port}/{database.name}?sslmode=disable"


@pytest.mark.parametrize("tree", ["per_revision", "concurrent_index", "autocommit_env"])
def test_nothing_a_run_sets_leaks_through_a_pooler(
    tree: str, pooled: str, database: Database
) -> None:
    ended = run("run", "--statement-timeout", "1h", tree=tree, url=pooled)
    assert ended.exit_code == 0, ended.output
    assert ended.named("database.connected")[0]["pooled"] is True
    assert "pooler" in ended.named("database.connected")[0]["message"]
    assert database.revisions() == ["r3"]

    shown = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    with ExitStack() as stack:
        for _ in range(6):
            other = stack.enter_context(closing(psycopg2.connect(pooled)))
            with other.cursor() as cursor:
                cursor.execute(shown)
                assert cursor.fetchone() == ("0", "0")
    assert database.advisory_locks() == 0


def test_a_direct_connection_is_not_taken_for_a_pooler(database: Database) -> None:
    connected = run("run", url=database.url).named("database.connected")[0]
    assert connected["pooled"] is False
