"""Acquire the migration lock: one migration of a database at a time.

A transaction of its own holds it (`pg_try_advisory_xact_lock`), so it is gone when we are,
and through PgBouncer in transaction mode it cannot be handed to two clients, as a session's
lock would be. It is polled, never waited for in the server: a blocked waiter has a snapshot,
for which another session's CREATE INDEX CONCURRENTLY would wait. For the same reason the
transaction is READ COMMITTED: idle, it then holds no snapshot.
"""

from __future__ import annotations

import hashlib
import random
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from migrator.database.connection import Server, fetch, spoken
from migrator.database.lock.guard import LIVELINESS, Guard, fenced
from migrator.database.sessions import holding
from migrator.errors import BusyError
from migrator.output.log import Event, emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection

    from migrator.database.sessions import Session
    from migrator.database.version_table import VersionTable

_MOST_KEYS = 64
_POLL_S = (0.1, 1.0)
_SAY_EVERY_S = 10.0
_TRANSACTION_TIMEOUT_SINCE = 170_000

_GOES_ON = "A statement of an earlier run still goes on"
_LATER = (
    "Nothing was touched. Let that run finish, then try again; MIGRATOR_LOCK_WAIT says how long"
    " to wait."
)
_TRY = "SELECT bool_and(pg_try_advisory_xact_lock(key)) FROM unnest(%s::bigint[]) AS key"


def keys_for(tables: Sequence[VersionTable], own_key: str | None = None) -> list[int]:
    """Give the keys that lock these version tables, sorted; or the one that a setting names.

    A key is made of the table's name and schema as env.py writes them. Where a project keeps
    very many (a schema per tenant), the tables' name alone stands for all of them, so as not
    to fill the server's lock table.
    """
    if own_key is not None:
        number = own_key.strip().lstrip("-").isdecimal()
        return [int(own_key) if number else _key(own_key)]
    names = {f"{table.schema or ''}.{table.name}" for table in tables}
    if len(names) > _MOST_KEYS:
        names = {f"*.{table.name}" for table in tables}
    return sorted(_key(name) for name in names)


@contextmanager
def hold(server: Server, keys: list[int], wait_s: float) -> Iterator[Guard]:
    """Hold the lock for as long as the block lasts; gives the guard.

    Raises `BusyError`, naming the holder, when the wait is used up.
    """
    guard = server.again(wait_s)
    guard.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED, autocommit=False)
    with closing(guard):
        waited_s = _acquire(guard, server, keys, wait_s)
        _pass_fence(guard, keys, wait_s - waited_s)
        acquired = time.monotonic()
        emit(Event.LOCK_ACQUIRED, "Took the lock.", waited_s=round(waited_s, 3), keys=keys)
        try:
            yield Guard(server, guard, keys)
        finally:
            released = _release(guard)
            held_s = round(time.monotonic() - acquired, 3)
            told = "Released the lock." if released else "The lock was gone before its release."
            emit(Event.LOCK_RELEASED, told, level="info" if released else "warn", held_s=held_s)


def holder(connection: Connection, keys: Sequence[int]) -> Session | None:
    """Give the session that holds one of these keys, or None; it is idle, as a guard is."""
    found = holding(connection, keys)
    return replace(found[0], state=None) if found else None


def _acquire(guard: Connection, server: Server, keys: list[int], wait_s: float) -> float:
    """Try until the lock is ours; gives the seconds that took."""
    began = time.monotonic()
    said = -_SAY_EVERY_S
    while not _try(guard, server.version, keys):
        waited = time.monotonic() - began
        now = holder(server.connection, keys)
        if waited >= wait_s:
            raise _busy(now, wait_s)
        if now is not None and waited - said >= _SAY_EVERY_S:
            said = waited
            _say(now, wait_s - waited)
        time.sleep(min(random.uniform(*_POLL_S), max(0.0, wait_s - waited)))  # noqa: S311 - jitter
    return time.monotonic() - began


def _pass_fence(guard: Connection, keys: list[int], wait_s: float) -> None:
    """Wait until no transaction of an earlier run goes on, whose guard is gone already."""
    fences, ends, said = [fenced(key) for key in keys], time.monotonic() + wait_s, False
    while not _fence_is_free(guard, fences):
        left_s = ends - time.monotonic()
        now = holder(guard, fences)
        if left_s <= 0:
            raise BusyError(f"{_GOES_ON}: {now or 'a session that ended just now'}.", hint=_LATER)
        if now is not None and not said:
            said = True
            _say(now, left_s, _GOES_ON)
        time.sleep(random.uniform(*_POLL_S))  # noqa: S311 - jitter


def _fence_is_free(guard: Connection, fences: list[int]) -> bool:
    """Try the second keys, and give them back at once: our own transactions will share them."""
    with spoken(), guard.cursor() as cursor:
        cursor.execute(f"SAVEPOINT fence; {_TRY}", [fences])
        free = bool(cursor.fetchall()[0][0])
        cursor.execute("ROLLBACK TO SAVEPOINT fence; RELEASE SAVEPOINT fence")
    return free


def _try(guard: Connection, version: int, keys: list[int]) -> bool:
    timeouts = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if version >= _TRANSACTION_TIMEOUT_SINCE:
        timeouts.append("transaction_timeout")
    settings = {**dict.fromkeys(timeouts, "0"), **LIVELINESS}
    set_them = "SELECT set_config(name, value, true) FROM unnest(%s, %s) AS setting (name, value)"
    if fetch(guard, f"{set_them}; {_TRY}", [[*settings], [*settings.values()], keys])[0][0]:
        return True
    guard.rollback()
    return False


def _release(guard: Connection) -> bool:
    """End the guard's transaction; that it is gone already must not hide the first error."""
    with suppress(psycopg2.Error):
        guard.rollback()
        return True
    return False


def _say(now: Session, left_s: float, why: str = "Another run holds the lock") -> None:
    emit(
        Event.LOCK_WAITING,
        f"{why}: {now}. Waiting for {left_s:.0f} s more.",
        level="warn",
        holder={
            "pid": now.pid,
            "user": now.user,
            "application_name": now.application_name,
            "client": now.client,
            "since": now.since,
            "held_s": now.transaction_s,
        },
        remaining_s=round(left_s, 1),
    )


def _busy(now: Session | None, wait_s: float) -> BusyError:
    who = str(now) if now else "a session that ended just now"
    return BusyError(
        f"Another run holds the lock after {wait_s:g} s of waiting: {who}.",
        hint=_LATER,
    )


def _key(name: str) -> int:
    digest = hashlib.blake2b(f"migrator:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
