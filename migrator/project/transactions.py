"""The migration's transactions: what each opens with, which statement runs, what it leaves.

SQLAlchemy tells of every transaction and statement of every engine that env.py makes. Those on
the guarded database are opened under the guard's terms; others are let alone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from migrator.process.signals import SIGNALS
from migrator.project.environment import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection, Engine

    from migrator.errors import MigratorError
    from migrator.settings.table import Settings

    FirstRow = Callable[[str], Any]
    Permit = Callable[[Connection], None]

COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_CONCURRENTLY = re.compile(
    COMMENTS + r"(CREATE|DROP|REINDEX|ALTER)\b.*\bCONCURRENTLY\b", re.IGNORECASE | re.DOTALL
)
_NOTICE_US_DIE = (
    "SELECT set_config(name, '500ms', true) FROM pg_settings"
    " WHERE name = 'client_connection_check_interval'"
)
"""New in PostgreSQL 14."""
_READS = re.compile(COMMENTS + r"(SELECT|WITH|TABLE|SHOW|VALUES)\b", re.IGNORECASE)
_OF_ALEMBIC = re.compile(r"pg_catalog\.|\.version_num\b")
_PID, _OPENED, _LIFTED = "migrator.pid", "migrator.opened", "migrator.lifted"


class Guard(Protocol):
    """What holds the lock, as far as a transaction has to do with it."""

    def alive(self, lately_s: float) -> bool:
        """Ask whether the lock is still held, unless the answer was yes so many seconds ago."""

    def concerns(self, first_row: FirstRow) -> bool:
        """Tell whether a connection is to the guarded database."""

    def opening(self, settings: dict[str, str], *, autocommits: bool, direct: bool) -> str:
        """Give the query with which a transaction opens."""

    def opened(self, row: Sequence[Any]) -> int:
        """Read its answer; gives the backend's pid."""

    def closing(self, settings: dict[str, str]) -> list[str]:
        """Give the statements that undo what an opening set for a session."""

    def failure(self) -> MigratorError | None:
        """Give the error of a run whose lock is lost, or None."""


class Sentinel(Protocol):
    """What watches a statement from outside."""

    @property
    def guard(self) -> Guard:
        """The guard it watches for."""

    @property
    def in_the_way(self) -> tuple[object, ...]:
        """Who was last seen in the way of a statement."""

    def begins(self, pid: int, statement: str) -> None:
        """Learn of a statement."""

    def ends(self) -> None:
        """Learn that none runs."""


class Look(Watcher):
    """Has the server notice within a moment when a run dies that only looks."""

    def __init__(self, permit: Permit = lambda _: None) -> None:
        """Nothing was asked yet, and no version table chosen; `permit` may refuse a connection."""
        self._permit = permit
        self.asked = self.chosen = False
        """Whether env.py asked a database for anything before it chose a version table."""

    def executing(self, connection: Connection, statement: str) -> None:
        """Notice a question that is not Alembic's own, about its version table."""
        self._permit(connection)  # SQLAlchemy 1.4 begins nothing where env.py does not
        if not self.chosen and _READS.match(statement):
            self.asked |= not _OF_ALEMBIC.search(statement)

    def begun(self, connection: Connection) -> None:
        """Set it for this transaction, where the server knows it."""
        self._permit(connection)
        if connection.dialect.name == "postgresql" and not autocommit(connection):
            quietly(connection, _NOTICE_US_DIE)


class Transactions(Watcher):
    """Opens each transaction under the guard's terms and tells the sentinel what runs."""

    def __init__(self, settings: Settings, sentinel: Sentinel) -> None:
        """Open with these settings' limits; env.py's own limits win over them."""
        self._sentinel, self._guard = sentinel, sentinel.guard
        self._limits = {"lock_timeout": _milliseconds(settings.ddl_lock_timeout)}
        if settings.statement_timeout is not None:
            self._limits["statement_timeout"] = _milliseconds(settings.statement_timeout)
        self._concerned: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()

    def begun(self, connection: Connection) -> None:
        """Take the fence and set the limits."""
        if not self._concerns(connection):
            return
        self._go_on()
        autocommits = autocommit(connection)
        direct = autocommits and self._direct(connection)  # asked only where it decides
        query = self._guard.opening(self._limits, autocommits=autocommits, direct=direct)
        connection.info[_PID] = self._guard.opened(quietly(connection, query))
        connection.info[_OPENED] = direct

    def executing(self, connection: Connection, statement: str) -> None:
        """Say what is about to run; lift the lock timeout where it would leave a broken index."""
        info = connection.info
        pid = info.get(_PID)
        if pid is None:  # it is not to the guarded database
            return
        self._go_on()
        if info.get(_OPENED) and _CONCURRENTLY.match(statement):
            now = quietly(connection, "SELECT current_setting('lock_timeout')")[0]
            info[_LIFTED] = now
            quietly(connection, "SELECT set_config('lock_timeout', '0', false)")
        self._sentinel.begins(pid, statement)

    def executed(
        self,
        connection: Connection,
        statement: str,  # noqa: ARG002
        rows: int | None = None,  # noqa: ARG002
    ) -> None:
        """Say that it ran."""
        self._sentinel.ends()
        self._restore(connection)

    def failed(self, connection: Connection | None) -> None:
        """Say that it did not."""
        self._sentinel.ends()
        if connection is not None:
            with suppress(Exception):  # the first error stands; a broken session has no settings
                self._restore(connection)

    def ending(self, connection: Connection) -> None:
        """Undo what was set for the session; the session may be another's next."""
        if connection.info.pop(_OPENED, False):
            with suppress(Exception):  # a broken session takes its settings with it
                for statement in self._guard.closing(self._limits):
                    quietly(connection, statement)

    def _restore(self, connection: Connection) -> None:
        """Set the lock timeout that was lifted again, whoever had set it."""
        if limit := connection.info.pop(_LIFTED, None):
            quietly(connection, f"SELECT set_config('lock_timeout', '{limit}', false)")

    def _go_on(self) -> None:
        """Raise where the run must not go on."""
        SIGNALS.deliver()
        if failure := self._guard.failure():
            raise failure

    def _concerns(self, connection: Connection) -> bool:
        if connection.dialect.name != "postgresql":
            return False
        engine = connection.engine
        if engine not in self._concerned:
            self._concerned[engine] = self._guard.concerns(lambda query: quietly(connection, query))
        return self._concerned[engine]

    def _direct(self, connection: Connection) -> bool:
        """Tell whether no pooler stands between: the driver's idea of the pid is the server's."""
        claimed = _claimed_pid(connection)
        return claimed == quietly(connection, "SELECT pg_backend_pid()")[0] if claimed else False


def autocommit(connection: Connection) -> bool:
    """Tell whether what runs on a connection is committed at once."""
    raw = connection.connection.dbapi_connection
    return bool(getattr(raw, "autocommit", False))


def quietly(connection: Connection, query: str) -> Any:  # noqa: ANN401 - a row, or None
    """Give the first row of a query of ours, on the driver's own cursor: nobody is told."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(query)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()


def _claimed_pid(connection: Connection) -> int | None:
    """Give the pid that the server named when the connection was made (psycopg2, 3, asyncpg)."""
    raw: Any = connection.connection.dbapi_connection
    driver = getattr(raw, "driver_connection", None) or getattr(raw, "_connection", raw)
    if hasattr(driver, "get_server_pid"):
        return int(driver.get_server_pid())
    pid = getattr(getattr(driver, "info", None), "backend_pid", None)
    return pid if isinstance(pid, int) else None


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
