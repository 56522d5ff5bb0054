"""Read the keys of the remaining rows page by page (keyset pagination).

Errors of the driver's come out as they are: which of them are worth another try is for the asker
to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from migrator.errors import BackfillError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection as Connection

    Key = tuple[str, ...]

CANCELED = "57014"
_NO_LOCKING = "0A000"
_TYPES = "SELECT array_agg(format_type(oid, -1) ORDER BY place) FROM unnest(%s::oid[])"
_TYPES += " WITH ORDINALITY AS given (oid, place)"
_BRIEFLY = "SELECT set_config('statement_timeout', %s, true);"
_READ_ONLY = "SELECT set_config('transaction_read_only', 'on', true);"
_NOTICE_US_DIE = (
    "SELECT set_config(name, '500ms', true) FROM pg_settings"
    " WHERE name = 'client_connection_check_interval';"
)
"""New in PostgreSQL 14."""
_LOCKED = " FOR NO KEY UPDATE OF remaining SKIP LOCKED"
"""The weaker form of FOR UPDATE: a row that refers to one of these may be inserted meanwhile."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys in their order."""

    keys: tuple[tuple[Any, ...], ...]
    """As Python has them."""
    texts: tuple[Key, ...]
    """As the server writes them."""

    @property
    def first(self) -> Key:
        """The lowest."""
        return self.texts[0]

    @property
    def last(self) -> Key:
        """The highest."""
        return self.texts[-1]


@dataclass(frozen=True, slots=True)
class Keyset:
    """The keys that a query gives, each of one column or of several."""

    query: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    locks: bool = True
    """Whether the rows can be locked; not those of a DISTINCT, a GROUP BY or a UNION."""

    def page(
        self,
        connection: Connection,
        after: Key | None,
        upto: Key | None,
        limit: int,
        *,
        locking: bool = True,
    ) -> Page | None:
        """Give the next keys; None where there are none. `locking` locks their rows until the end.

        Rows that another session has locked are passed over. Raises `BackfillError` where a key is
        NULL.
        """
        where, values = self._between(after, upto)
        texts = ", ".join(f"{name}::text AS {name}_text" for name in self._names)
        query = f"SELECT {self._list}, {texts} {self.source}{where} ORDER BY {self._list} LIMIT %s"
        rows = asked(
            connection, query + (_LOCKED if self.locks and locking else ""), [*values, limit]
        )
        if not rows:
            return None
        width = len(self.columns)
        if any(part is None for row in rows for part in row[:width]):
            message = "The query for what remains gives a key that is NULL."
            raise BackfillError(message, hint="Its columns are to be those of the primary key.")
        return Page(tuple(row[:width] for row in rows), tuple(row[width:] for row in rows))

    def left(self, connection: Connection, page: Page) -> int:
        """Give how many of these keys remain."""
        given = ", ".join(f"given_{n}::{kind}" for n, kind in enumerate(self.types))
        arrays = ", ".join("%s::text[]" for _ in self.types)
        names = ", ".join(f"given_{n}" for n, _ in enumerate(self.types))
        where, values = self._between(None, page.last)
        these = f"SELECT {given} FROM unnest({arrays}) AS given ({names})"  # noqa: S608 - our own
        query = f"SELECT count(*) {self.source}{where} AND ({self._list}) IN ({these})"
        columns = [[key[n] for key in page.texts] for n, _ in enumerate(self.types)]
        return int(asked(connection, query, [*values, *columns])[0][0])

    def any(self, connection: Connection) -> bool:
        """Tell whether any remain."""
        return anything(connection, self.query)

    def count(self, connection: Connection, within_s: float | None = None) -> int | None:
        """Give how many remain; None where that cannot be counted in so many seconds."""
        briefly = "" if within_s is None else _BRIEFLY
        values = [] if within_s is None else [f"{round(within_s * 1000)}ms"]
        try:
            rows = asked(connection, f"{briefly} SELECT count(*) {self.source}", values)
        except psycopg2.Error as error:
            if within_s is not None and error.pgcode == CANCELED:
                return None
            raise
        return int(rows[0][0])

    def estimate(self, connection: Connection) -> int:
        """Give how many the planner thinks remain."""
        told = asked(connection, f"EXPLAIN (FORMAT JSON) SELECT * {self.source}", [])[0][0]
        plan = json.loads(told) if isinstance(told, str) else told
        return int(plan[0]["Plan"]["Plan Rows"])

    @property
    def _names(self) -> list[str]:
        return [f"key_{n}" for n, _ in enumerate(self.columns)]

    @property
    def _list(self) -> str:
        return ", ".join(self._names)

    @property
    def source(self) -> str:
        """The query as what another selects from."""
        query = self.query.replace("%", "%%")
        return f"FROM ({query}\n) AS remaining ({self._list})"

    def _between(self, after: Key | None, upto: Key | None) -> tuple[str, list[str]]:
        casts = ", ".join(f"%s::{kind}" for kind in self.types)
        ends = [(sign, key) for sign, key in ((">", after), ("<=", upto)) if key is not None]
        where = " AND ".join(f"({self._list}) {sign} ({casts})" for sign, _ in ends)
        return (f" WHERE {where}" if where else ""), [part for _, key in ends for part in key]


def keyset(connection: Connection, query: str) -> Keyset:
    """Give the keys of a query, which is not executed for it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}\n) AS remaining LIMIT 0")  # noqa: S608 - theirs
        columns = [(column.name, column.type_code) for column in cursor.description or ()]
    types = asked(connection, _TYPES, [[oid for _, oid in columns]])[0][0]
    found = Keyset(query, tuple(name for name, _ in columns), tuple(types))
    try:
        asked(connection, f"EXPLAIN SELECT * {found.source}{_LOCKED}", [])
    except psycopg2.Error as error:
        if error.pgcode != _NO_LOCKING:
            raise
        return Keyset(query, found.columns, found.types, locks=False)
    return found


def anything(connection: Connection, query: str, within_s: float | None = None) -> bool:
    """Tell whether a query gives any row; nothing can be changed by it."""
    limit = "0" if within_s is None else f"{round(within_s * 1000)}ms"
    told = query.replace("%", "%%")
    asks = f"{_BRIEFLY}{_READ_ONLY}{_NOTICE_US_DIE}"
    asks += f" SELECT EXISTS (SELECT FROM ({told}\n) AS remaining)"  # noqa: S608 - as above
    return bool(asked(connection, asks, [limit])[0][0])


def asked(connection: Connection, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Give the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, list(values))
        return list(cursor.fetchall())
