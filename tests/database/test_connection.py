"""Reaching the database: what is tried again, what is not, and what is said meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import pytest

from migrator.database import refused
from migrator.errors import ConfigurationError, DeniedError, NoDatabaseError
from migrator.settings.address import parse
from tests.support.command import run, start
from tests.support.servers import Database, Proxy, as_role, free_port, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import OwnServer, Server


@pytest.fixture(scope="module")
def strict() -> Iterator[OwnServer]:
    """Give a server of this module's own, which asks for passwords and offers no TLS."""
    with own_server() as running:
        yield running


@contextmanager
def proxied(server: Server, host: str = "127.0.0.1", *, deaf: bool = False) -> Iterator[Proxy]:
    proxy = Proxy(server, host, deaf=deaf)
    try:
        yield proxy
    finally:
        proxy.close()


def test_a_port_where_nobody_listens_is_tried_until_the_deadline(database: Database) -> None:
    url = f"postgresql://u@127.0.0.1:{free_port()}/{database.name}"
    began = time.monotonic()
    ended = run("run", "--connect-timeout", "2s", url=url)

    assert ended.exit_code == 69
    assert time.monotonic() - began >= 2
    assert ended.report["outcome"] == "failed"
    assert ended.report["error"]["kind"] == "unreachable"
    assert "Connection refused" in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    waits = ended.named("database.waiting")
    assert [w["attempt"] for w in waits] == list(range(1, len(waits) + 1))
    assert all("Connection refused" in w["reason"] for w in waits)
    assert waits[0]["remaining_s"] > waits[-1]["remaining_s"]


def test_a_name_that_does_not_resolve_is_tried_until_the_deadline() -> None:
    ended = run("run", "--connect-timeout", "1s", url="postgresql://u@nowhere.invalid/db")
    assert ended.exit_code == 69
    assert "nowhere.invalid" in ended.report["error"]["message"]
    assert ended.named("database.waiting")


def test_a_socket_that_is_not_there_is_tried_until_the_deadline() -> None:
    ended = run("run", "--connect-timeout", "1s", url="postgresql:///db?host=/nowhere")
    assert ended.exit_code == 69
    assert "No such file or directory" in ended.report["error"]["message"]


def test_a_server_that_says_nothing_is_given_up_at_the_deadline(
    server: Server, database: Database
) -> None:
    with proxied(server, deaf=True) as proxy:
        ended = run("run", "--connect-timeout", "3s", url=proxy.url(database))

    assert ended.exit_code == 69
    assert proxy.accepted


def test_a_server_that_starts_late_is_waited_for(strict: OwnServer) -> None:
    with strict.fresh() as database:
        strict.stop()
        running = start("run", url=database.url)
        running.until("database.waiting")
        strict.start()
        ended = running.end()

        assert ended.exit_code == 0, ended.output
        assert database.revisions() == ["r3"]


def test_a_standby_is_tried_until_the_deadline(strict: OwnServer) -> None:
    with strict.standby() as url:
        ended = run("run", "--connect-timeout", "2s", url=url)

    assert ended.exit_code == 69
    assert "standby" in ended.report["error"]["message"]


def test_too_many_connections_are_waited_out(strict: OwnServer) -> None:
    with strict.fresh() as database:
        limited = as_role(database, "limited", "right")
        database.rows("CREATE ROLE limited LOGIN PASSWORD 'right' CONNECTION LIMIT 1")
        database.rows("GRANT ALL ON SCHEMA public TO limited")
        holder = psycopg2.connect(limited)
        ended = run("run", "--connect-timeout", "2s", url=limited)
        holder.close()
        assert ended.exit_code == 69
        assert "too many connections" in ended.report["error"]["message"]


FINAL = [
    ("a wrong password", "limited2:wrong", "", 77, "denied", "password"),
    ("an unknown role", "nobody_here:x", "", 77, "denied", ""),
    ("refused TLS", "limited2:right", "?sslmode=require", 78, "configuration", "TLS"),
]


@pytest.mark.parametrize(
    ("login", "query", "code", "kind", "word"),
    [case[1:] for case in FINAL],
    ids=[case[0] for case in FINAL],
)
def test_what_another_try_cannot_mend_fails_at_once(  # noqa: PLR0913, PLR0917 - a table
    login: str, query: str, code: int, kind: str, word: str, strict: OwnServer
) -> None:
    with strict.fresh() as database:
        database.rows("DROP ROLE IF EXISTS limited2")
        database.rows("CREATE ROLE limited2 LOGIN PASSWORD 'right'")
        url = f"postgresql://{login}@127.0.0.1:{strict.port}/{database.name}{query}"
        ended = run("run", url=url)

        assert ended.exit_code == code
        assert ended.report["error"]["kind"] == kind
        assert word in ended.report["error"]["message"]
        assert ended.report["error"]["hint"]
        assert not ended.named("database.waiting")
        assert "wrong" not in ended.output.replace("wrong password", "")
        assert database.tables() == set()


def test_an_unknown_database_fails_at_once(server: Server) -> None:
    ended = run("run", url=server.database("no_such_database").url)
    assert ended.exit_code == 78
    assert "no_such_database" in ended.report["error"]["message"]
    assert "create it" in ended.report["error"]["hint"]
    assert not ended.named("database.waiting")


def test_a_database_one_may_not_connect_to_fails_at_once(strict: OwnServer) -> None:
    with strict.fresh() as database:
        database.rows("DROP ROLE IF EXISTS outsider")
        database.rows("CREATE ROLE outsider LOGIN PASSWORD 'right'")
        database.rows(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
        ended = run("run", url=as_role(database, "outsider", "right"))

        assert ended.exit_code == 77
        assert "GRANT CONNECT" in ended.report["error"]["hint"]


def test_a_password_of_any_characters_connects_and_is_never_printed(strict: OwnServer) -> None:
    with strict.fresh() as database:
        database.rows("DROP ROLE IF EXISTS odd")
        database.rows("CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'p%25w@:/'")
        for written in ("p%2525w%40%3A%2F", "p%2525w@:/"):
            url = f"postgres://odd:{written}@127.0.0.1:{strict.port}/{database.name}"
            ended = run("run", url=url, MIGRATOR_LOG_LEVEL="debug")

            assert ended.exit_code == 0, ended.output
            assert written not in ended.output
            assert "p%25w@:/" not in ended.output
        assert database.revisions() == ["r3"]


def test_ipv6_is_an_address_like_any_other(server: Server, database: Database) -> None:
    with proxied(server, "::1") as proxy:
        assert run("run", url=proxy.url(database)).exit_code == 0
    assert database.revisions() == ["r3"]


def test_the_second_of_several_hosts_is_taken_where_the_first_is_down(
    server: Server, database: Database
) -> None:
    with proxied(server) as proxy:
        url = proxy.url(database).replace("127.0.0.1:", f"127.0.0.1:{free_port()},127.0.0.1:")
        ended = run("run", url=url)

    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r3"]


MESSAGES = [
    ('FATAL:  password authentication failed for user "x"', DeniedError),
    ("fe_sendauth: no password supplied", DeniedError),
    ('FATAL:  role "x" does not exist', DeniedError),
    ('FATAL:  role "x" is not permitted to log in', DeniedError),
    ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "x", no encryption', DeniedError),
    ('FATAL:  permission denied for database "x"', DeniedError),
    ('FATAL:  database "x" does not exist', NoDatabaseError),
    ("FATAL:  no such database: x", NoDatabaseError),
    ("FATAL:  no such user: x", DeniedError),
    ("server does not support SSL, but SSL was required", ConfigurationError),
    ("SSL error: certificate verify failed", ConfigurationError),
    ('root certificate file "/root/.postgresql/root.crt" does not exist', ConfigurationError),
    ("FATAL:  unsupported startup parameter: options", ConfigurationError),
    ('invalid port number: "99999"', ConfigurationError),
    ("FATAL:  the database system is starting up", None),
    ("FATAL:  the database system is shutting down", None),
    ("FATAL:  the database system is in recovery mode", None),
    ("FATAL:  the database system is not yet accepting connections", None),
    ("FATAL:  sorry, too many clients already", None),
    ("FATAL:  remaining connection slots are reserved for superusers", None),
    ('FATAL:  too many connections for role "x"', None),
    ("connection refused", None),
    ("timeout expired", None),
    ("server closed the connection unexpectedly", None),
    ("could not translate host name: Temporary failure in name resolution", None),
    ("No route to host", None),
    ("session is read-only", None),
    ("FATAL:  query_wait_timeout", None),
    ("something nobody has seen yet", None),
]


@pytest.mark.parametrize(("message", "error"), MESSAGES)
def test_each_refusal_is_final_or_worth_another_try(
    message: str, error: type[Exception] | None
) -> None:
    address = parse("postgresql://u:secret@h:1/db", "DATABASE_URL")
    found = refused.final(
        f'connection to server at "h" (1.2.3.4), port 1 failed: {message}\n', address
    )

    assert type(found) is (error or type(None))
    if found is not None:
        assert found.message.startswith("u@h:1/db: ")
        assert "secret" not in found.message
        assert found.hint


def test_one_final_refusal_among_several_hosts_is_final() -> None:
    address = parse("postgresql://u@a,b/db", "DATABASE_URL")
    message = (
        'connection to server at "a", port 5432 failed: Connection refused\n'
        'connection to server at "b", port 5432 failed: FATAL:  database "db" does not exist\n'
    )
    assert isinstance(refused.final(message, address), ConfigurationError)


def test_the_reason_is_what_the_server_said() -> None:
    message = (
        'connection to server at "a", port 5432 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?\n"
        'connection to server at "b", port 1 failed: FATAL:  the database system is starting up\n'
    )
    assert refused.reason(message) == "Connection refused; the database system is starting up"
