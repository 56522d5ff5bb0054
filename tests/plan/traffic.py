"""Light traffic of an app on a database, and the table locks that others take meanwhile."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.servers import Database

Seen = set[tuple[str, str, str | None]]
"""A table, the mode of a lock, and the index where it is a lock on one."""

_OF_THE_APP = (
    "SELECT amount FROM orders WHERE id = 1",
    "UPDATE orders SET amount = amount + 1 WHERE id = 1",
    "SELECT name FROM customers WHERE id = 1",
    "UPDATE customers SET region = region WHERE id = 1",
    "SELECT name FROM labels WHERE id = 1",
)
_LOCKS = """
SELECT k.name, replace(l.mode, 'Lock', ''), CASE WHEN k.index THEN c.relname END
FROM pg_locks l JOIN known k ON k.oid = l.relation JOIN pg_stat_activity a USING (pid)
LEFT JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
  AND a.backend_type = 'client backend'
  AND a.application_name <> 'the app' AND l.pid <> pg_backend_pid()
  AND coalesce(c.relname, '') !~ '_cc(new|old)$'  -- of REINDEX CONCURRENTLY: in nobody's use
"""
_KNOWN = """
CREATE TEMPORARY TABLE known AS
SELECT c.oid, format('%I.%I', n.nspname, t.relname) AS name, i.indexrelid IS NOT NULL AS index
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND t.relname <> 'alembic_version'
"""


@contextmanager
def traffic(database: Database) -> Iterator[Seen]:
    """Read and write a little for as long as the block lasts; gives what others have locked."""
    seen: Seen = set()
    over, ready = threading.Event(), threading.Barrier(3, timeout=20)
    threads = [
        threading.Thread(target=_use, args=(database, over, ready.wait)),
        threading.Thread(target=_look, args=(database, over, ready.wait, seen)),
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _use(database: Database, over: threading.Event, ready: Callable[[], int]) -> None:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET application_name = 'the app'; SET statement_timeout = '2s'")
        ready()
        while not over.wait(0.005):
            for statement in _OF_THE_APP:
                with suppress(psycopg2.Error):  # what it names may be gone
                    cursor.execute(statement)


def _look(database: Database, over: threading.Event, ready: Callable[[], int], seen: Seen) -> None:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_KNOWN)
        ready()
        while not over.wait(0.002):
            cursor.execute(_LOCKS)
            seen.update(cursor.fetchall())
