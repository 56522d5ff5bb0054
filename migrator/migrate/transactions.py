"""Open each transaction of the migration with the lock's fence and the configured timeouts.

SQLAlchemy tells of every transaction and statement of every engine that env.py makes. Those on
the guarded database are opened under the guard's terms; others are let alone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from migrator.process.signals import SIGNALS
from migrator.project.listeners import COMMENTS, Listener, autocommit, quietly

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from migrator.database.lock.monitor import StatementMonitor
    from migrator.settings.table import Settings


_CONCURRENTLY = re.compile(
    COMMENTS + r"(CREATE|DROP|REINDEX|ALTER)\b.*\bCONCURRENTLY\b", re.IGNORECASE | re.DOTALL
)
_PID, _OPENED, _LIFTED = "migrator.pid", "migrator.opened", "migrator.lifted"


class Transactions(Listener):
    """Opens each transaction under the guard's terms and tells the statement monitor what runs."""

    def __init__(self, settings: Settings, monitor: StatementMonitor) -> None:
        """Open with these settings' limits; env.py's own limits win over them."""
        self._monitor, self._guard = monitor, monitor.guard
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
        self._monitor.begins(pid, statement)

    def executed(
        self,
        connection: Connection,
        statement: str,  # noqa: ARG002
        rows: int | None = None,  # noqa: ARG002
    ) -> None:
        """Say that it ran."""
        self._monitor.ends()
        self._restore(connection)

    def failed(self, connection: Connection | None) -> None:
        """Say that it did not."""
        self._monitor.ends()
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
