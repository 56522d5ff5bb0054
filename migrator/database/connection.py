"""Connect to the server with bounded retries, and run queries whose errors are ours."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from migrator.database import refused
from migrator.errors import DeniedError, MigratorError, UnreachableError
from migrator.output.log import Event, emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection as Connection
    from tenacity import RetryCallState

    from migrator.settings.address import Address

WITHIN_S = 20.0
"""How long a further connection to a server that was reached may take."""
_SECRET = ("password", "sslpassword")
_LONGEST_ATTEMPT_S = 10
_SHORTEST_ATTEMPT_S = 2
"""libpq rounds a shorter `connect_timeout` up to this."""
_GRANT = "GRANT the role what the message says it lacks."
_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
"""How soon we notice that the server's machine is gone: seconds, seconds, tries, milliseconds
(libpq, "Parameter Key Words")."""


class _RefusedError(Exception):
    """The server did not let us in this time; another try may."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database of which running server this is."""

    database: str
    system_identifier: int | None
    started: str

    QUERY = (
        "SELECT current_database(), CASE WHEN has_function_privilege('pg_control_system()',"
        " 'EXECUTE') THEN (SELECT system_identifier FROM pg_control_system()) END,"
        " extract(epoch FROM pg_postmaster_start_time())::text"
    )

    @classmethod
    def seen_by(cls, first_row: Callable[[str], Sequence[Any]]) -> Identity:
        """Give what a connection says it is connected to, by its first row of a query."""
        return cls(*first_row(cls.QUERY))

    def is_place_of(self, other: Identity) -> bool:
        """Tell whether this is the same database, though the server may have been restarted."""
        return (self.database, self.system_identifier) == (other.database, other.system_identifier)

    def __str__(self) -> str:
        """Name it for a person."""
        return f"{self.database} on server {self.system_identifier}"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was reached: how, what it is, and a connection that only reads."""

    address: Address
    connection: Connection
    identity: Identity
    version: int
    """As `server_version_num`: 150004 is 15.4."""
    pooled: bool
    """A pooler stands between: libpq's idea of the backend's pid is not the backend's."""

    def conninfo(self, database: str | None = None) -> str:
        """Give libpq's parameters of this database or another one, with no secret in them.

        Of several hosts only the one that answered: a dump of another would be of another.
        """
        given = {k: v for k, v in self.address.parameters.items() if k not in _SECRET}
        if len(self.address.hosts()) > 1:
            info = self.connection.info
            given = {k: v for k, v in given.items() if k != "hostaddr"}
            given |= {"host": info.host, "port": str(info.port)}
        return str(make_dsn(**{**given, "dbname": database or self.identity.database}))

    def again(self, timeout_s: float) -> Connection:
        """Give a further connection to it, autocommitting, within so many seconds."""
        return _persistently(self.address, timeout_s)

    def once(self, timeout_s: float) -> Connection | None:
        """Try once for a further connection; None where the server answers, and refuses.

        Raises `UnreachableError` where it does not answer.
        """
        began = time.monotonic()
        try:
            return _once(self.address, began + timeout_s)
        except (_RefusedError, MigratorError) as error:
            if time.monotonic() - began < timeout_s / 2:
                return None
            raise UnreachableError(str(error)) from None


@contextmanager
def connect(address: Address, timeout_s: float) -> Iterator[Server]:
    """Reach the server and leave it again.

    Raises `DeniedError` or `ConfigurationError` at once where another try cannot help,
    `UnreachableError` when the time is used up.
    """
    began = time.monotonic()
    connection = _persistently(address, timeout_s)
    try:
        server = _met(address, connection)
        by = " by way of a pooler" if server.pooled else ""
        emit(
            Event.DATABASE_CONNECTED,
            f"Connected to {address}, Postgres {readable_version(server.version)}{by}.",
            database=server.identity.database,
            server_version=readable_version(server.version),
            pooled=server.pooled,
            duration_s=round(time.monotonic() - began, 3),
        )
        yield server
    finally:
        connection.close()


def fetch(
    connection: Connection,
    query: str | sql.Composable,
    arguments: list[Any] | dict[str, Any] | None = None,
) -> list[tuple[Any, ...]]:
    """Give the rows of a query.

    Raises `UnreachableError` where the server is gone, `DeniedError` where it refuses.
    """
    with spoken(), connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return list(cursor.fetchall())


def execute(connection: Connection, statement: str, **names: str) -> None:
    """Run a statement that gives no rows; a `{name}` in it becomes a quoted identifier.

    Raises as `fetch`.
    """
    with spoken(), connection.cursor() as cursor:
        cursor.execute(quoted(statement, **names))


def quoted(statement: str, **names: str) -> sql.Composable:
    """Give a statement with each `{name}` replaced by that identifier, quoted."""
    text = sql.SQL(statement)
    return text.format(**{k: sql.Identifier(v) for k, v in names.items()}) if names else text


@contextmanager
def spoken() -> Iterator[None]:
    """Let the driver's errors come out as ours."""
    try:
        yield
    except psycopg2.errors.InsufficientPrivilege as error:
        raise DeniedError(_said(error), hint=_GRANT, sqlstate=error.pgcode) from None
    except psycopg2.Error as error:
        message = f"The database went away: {_said(error)}"
        raise UnreachableError(message, sqlstate=error.pgcode) from None


def _said(error: psycopg2.Error) -> str:
    return (error.diag.message_primary or refused.reason(str(error))).rstrip(".") + "."


def _persistently(address: Address, timeout_s: float) -> Connection:
    deadline = time.monotonic() + timeout_s
    try:
        return _once(address, deadline)
    except _RefusedError as error:
        return _after(error, address, timeout_s, deadline)


def _after(first: _RefusedError, address: Address, timeout_s: float, deadline: float) -> Connection:
    """Try again after a first attempt that failed."""
    from tenacity import (  # noqa: PLC0415 - it loads asyncio, and mostly nothing is tried again
        Retrying,
        retry_if_exception_type,
        stop_after_delay,
        wait_random_exponential,
    )

    def attempt() -> Connection:
        for failed in earlier:
            raise failed
        return _once(address, deadline)

    earlier = iter([first])
    patience = wait_random_exponential(multiplier=0.2, max=5)
    retrying = Retrying(
        retry=retry_if_exception_type(_RefusedError),
        stop=stop_after_delay(timeout_s),
        wait=lambda state: min(patience(state), max(0.0, deadline - time.monotonic())),
        before_sleep=lambda state: _say(address, state, deadline),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except _RefusedError as error:
        message = f"{address} could not be reached within {timeout_s:g} s: {error}."
        hint = "Raise MIGRATOR_CONNECT_TIMEOUT if the server only needs longer to start."
        raise UnreachableError(message, hint=hint) from None


def _once(address: Address, deadline: float) -> Connection:
    left = (deadline - time.monotonic()) / max(1, len(address.hosts()))
    attempt = round(min(_LONGEST_ATTEMPT_S, max(_SHORTEST_ATTEMPT_S, left)))
    try:
        given: dict[str, Any] = {"connect_timeout": attempt, **_KEEPALIVE, **address.parameters}
        connection = _interruptibly(lambda: psycopg2.connect("", **given))
    except psycopg2.OperationalError as error:
        final = refused.final(str(error), address)
        if final is not None:
            raise final from None
        raise _RefusedError(refused.reason(str(error))) from None
    try:
        connection.autocommit = True
        _refuse_standby(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _interruptibly(connect: Callable[[], Connection]) -> Connection:
    """Connect in a thread: libpq waits on through a signal, a thread that joins does not."""
    made: list[Connection] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        try:
            made.append(connect())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=attempt, name="migrator-connect", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _refuse_standby(connection: Connection) -> None:
    """See that the server takes writes; one that will soon is worth another try."""
    try:
        standby = fetch(connection, "SELECT pg_is_in_recovery()")[0][0]
    except UnreachableError as error:
        raise _RefusedError(error.message.rstrip(".")) from None
    if standby:
        raise _RefusedError("it is a standby, or still recovering")


def _say(address: Address, state: RetryCallState, deadline: float) -> None:
    error = state.outcome and state.outcome.exception()
    left = max(0.0, deadline - time.monotonic())
    emit(
        Event.DATABASE_WAITING,
        f"No luck with {address} yet: {error}. Trying for {left:.0f} s more.",
        level="warn",
        attempt=state.attempt_number,
        reason=str(error),
        remaining_s=round(left, 1),
    )


def _met(address: Address, connection: Connection) -> Server:
    *identity, pid = fetch(connection, f"{Identity.QUERY}, pg_backend_pid()")[0]
    pooled = pid != connection.info.backend_pid
    return Server(address, connection, Identity(*identity), connection.server_version, pooled)


def readable_version(version: int) -> str:
    """Give a `server_version_num` as a person writes it: 15.4."""
    return f"{version // 10_000}.{version % 10_000}"
