"""Hold the lock in a transaction, fence the migration's transactions, notice when it is lost.

If the guard's session dies, its lock is free at once, while a statement of ours may go on. So
each transaction of the migration takes a second key, shared, and then looks whether the guard
still holds the first; and a new run that has the first key waits until nobody has the second.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from migrator.database.connection import Identity, Server, fetch
from migrator.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection as Connection

    FirstRow = Callable[[str], Any]

_CHECK_INTERVAL_SINCE = 140_000
_CHECK_INTERVAL = "500ms"
"""How often a backend looks whether its client is still there while a statement runs (PostgreSQL,
`client_connection_check_interval`, since 14)."""

_HALF = 0xFFFFFFFF
"""`pg_locks` shows an advisory lock's key as two unsigned halves ("System Views", `pg_locks`)."""

LIVELINESS = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""How soon the server notices that our machine is gone: seconds, seconds, tries (PostgreSQL, "TCP
Settings"). Its default is the system's, which is two hours: so long the lock would be held."""

_HELD = """
(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
 AND pid = {pid} AND database = {database} AND (classid, objid) IN ({keys}))
"""
"""Asked in each transaction, so it holds as little as can be to plan."""
_ITSELF = """
SELECT pg_backend_pid(), (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_GOES_ON = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND state = 'active'
 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
 AND (classid::bigint << 32 | objid::bigint) IN ({fences})
"""
_SETTLES_WITHIN_S, _LOOK_AGAIN_S = 10.0, 0.1
_RESET = """
SELECT count(set_config(name, reset_val, false)) FROM pg_settings WHERE name IN ({names})
"""


class Guard:
    """What stands between two runs of the same migration."""

    def __init__(self, server: Server, session: Connection, keys: Sequence[int]) -> None:
        """Guard with a session that holds these keys."""
        self.server, self._session, self._keys = server, session, keys
        self._pid, self._database = fetch(session, _ITSELF)[0]
        self._alone = threading.Lock()
        self._answered = time.monotonic()
        self.lost = False

    def alive(self, lately_s: float = 0.0) -> bool:
        """Ask the guard's session, unless it answered so lately; remember if it is gone."""
        with self._alone, suppress(UnreachableError):
            if time.monotonic() - self._answered >= lately_s:
                fetch(self._session, "SELECT 1")
                self._answered = time.monotonic()
            return not self.lost
        self.lost = True
        return False

    def settled(self, connection: Connection) -> bool:
        """Wait, though not for ever, until nothing of the migration runs in the server any more.

        A backend whose client is gone goes on for a moment, and may yet commit.
        """
        query = _GOES_ON.format(fences=",".join(str(fenced(key)) for key in self._keys))
        ends = time.monotonic() + _SETTLES_WITHIN_S
        while goes_on := bool(fetch(connection, query)[0][0]):
            if time.monotonic() >= ends:
                break
            time.sleep(_LOOK_AGAIN_S)
        return not goes_on

    def failure(self) -> UnreachableError | None:
        """Give the error of a run whose lock is lost, or None while it is held."""
        return lock_lost() if self.lost else None

    def concerns(self, first_row: FirstRow) -> bool:
        """Tell whether a connection is to the database that is guarded."""
        return Identity.seen_by(first_row) == self.server.identity

    def opening(self, settings: dict[str, str], *, autocommits: bool, direct: bool) -> str:
        """Give the query with which a transaction of the migration opens.

        It takes the fence and sets what lasts until its end: the transaction's, or, where there
        is none, the session's, and then only on a direct connection: behind a pooler the next
        client would inherit it.
        """
        local = "false" if autocommits else "true"
        if autocommits and not direct:
            return f"SELECT pg_backend_pid(), {self._held()}"
        take = "pg_try_advisory_lock_shared" if autocommits else "pg_try_advisory_xact_lock_shared"
        fence = " AND ".join(f"{take}({fenced(key)})" for key in self._keys)
        held = f"CASE WHEN {fence} THEN {self._held()} ELSE -1 END"
        if self.server.version >= _CHECK_INTERVAL_SINCE:
            settings = {**settings, "client_connection_check_interval": _CHECK_INTERVAL}
        values = [f"set_config('{name}', '{v}', {local})" for name, v in LIVELINESS.items()]
        values += [
            f"CASE current_setting('{name}')"
            f" WHEN '0' THEN set_config('{name}', '{value}', {local}) END"
            for name, value in settings.items()
        ]
        return f"SELECT {', '.join(['pg_backend_pid()', held, *values])}"

    def opened(self, row: Sequence[Any]) -> int:
        """Read the answer to the opening; gives the backend's pid.

        Raises `UnreachableError` where the lock is lost.
        """
        if row[1] < len(self._keys):
            self.lost = True
            raise lock_lost()
        return int(row[0])

    def closing(self, settings: dict[str, str]) -> list[str]:
        """Give the statements that undo what an opening set for a session."""
        unlock = ", ".join(f"pg_advisory_unlock_shared({fenced(key)})" for key in self._keys)
        names = [*settings, *LIVELINESS, "client_connection_check_interval"]
        return [f"SELECT {unlock}", _RESET.format(names=", ".join(f"'{name}'" for name in names))]

    def _held(self) -> str:
        keys = ",".join(f"({key >> 32 & _HALF}, {key & _HALF})" for key in self._keys)
        return _HELD.format(pid=self._pid, database=self._database, keys=keys)


def fenced(key: int) -> int:
    """Give the second key that belongs to a first: its bits turned over."""
    return ~key


def lock_lost() -> UnreachableError:
    """Give the error of a run whose guard is gone."""
    return UnreachableError(
        "The session that held the lock is gone: another run may have begun, so this one ends.",
        hint="The network failed, the server restarted, or an administrator ended the session."
        " Try again.",
    )
