"""The database that a backup is taken of: its address, a snapshot, its contents."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from migrator.database.connection import WITHIN_S, fetch, readable_version, spoken
from migrator.database.lock.guard import LIVELINESS
from migrator.database.schema import shape
from migrator.database.schema_diff import differences
from migrator.database.scratch.scratch import Scratch, impossible, possible, scratch
from migrator.database.tables import counted, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Identity, Server

_PREPARE = "SELECT set_config(name, value, true) FROM unnest(%s, %s) AS setting (name, value)"
_LASTING = {"idle_in_transaction_session_timeout": "0", "statement_timeout": "0", **LIVELINESS}
_TRANSACTION_TIMEOUT_SINCE = 170_000


class Snapshot:
    """A moment of the database, kept for a dump and for those who compare with it."""

    def __init__(self, connection: Connection) -> None:
        """Take it with this connection, in whose transaction it lasts."""
        self._connection = connection
        self.name = str(fetch(connection, "SELECT pg_export_snapshot()")[0][0])
        self.tables = tables(connection)

    def contents(self) -> Contents:
        """Give its shape and how many rows are in each table; it reads them all."""
        return Contents(shape(self._connection), counted(self._connection, self.tables))

    def cancel(self) -> None:
        """End what is being asked of it; for another thread."""
        self._connection.cancel()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a restore is compared by."""

    shape: Mapping[str, str]
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """The database that a backup is taken of."""

    server: Server

    @property
    def identity(self) -> Identity:
        """Which database of which server it is."""
        return self.server.identity

    @property
    def version(self) -> int:
        """The server's `server_version_num`."""
        return self.server.version

    @property
    def readable_version(self) -> str:
        """The server's version as a person writes it."""
        return readable_version(self.version)

    @property
    def pooled(self) -> bool:
        """A pooler stands between."""
        return self.server.pooled

    def conninfo(self) -> str:
        """Give libpq's parameters of the server that was reached, with no secret in them."""
        return self.server.conninfo()

    @property
    def password(self) -> str | None:
        """The password, or None where libpq finds it elsewhere or none is needed."""
        return self.server.address.password

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Keep a moment of the database for as long as the block lasts.

        A dump that reads it is of this database and of no other: elsewhere nobody knows it.
        """
        with closing(self.server.again(WITHIN_S)) as connection:
            connection.set_session(
                isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True, autocommit=False
            )
            lasting = dict(_LASTING)
            if self.version >= _TRANSACTION_TIMEOUT_SINCE:
                lasting["transaction_timeout"] = "0"
            fetch(connection, _PREPARE, [[*lasting], [*lasting.values()]])
            yield Snapshot(connection)

    @contextmanager
    def scratch(self) -> Iterator[Scratch]:
        """Give an empty database to restore into, and drop it.

        Raises `ConfigurationError` where there can be none.
        """
        with scratch(self.server) as made:
            yield made

    def see_that_scratch_is_possible(self) -> None:
        """Raise `ConfigurationError` where there can be no scratch database."""
        if not possible(self.server):
            raise impossible()

    def mistakes(self, expected: Contents, found: Scratch) -> list[str]:
        """Give how a restored database differs from the one that was dumped; it reads it all."""
        with spoken(), found.connection:
            shape_differs = differences(
                expected.shape,
                shape(found.connection),
                names_only=found.major != self.version // 10_000,
            )
            rows = counted(found.connection, tables(found.connection))
        return shape_differs + [
            f"{name} has {rows.get(name)} rows, and not {count}"
            for name, count in expected.rows.items()
            if rows.get(name) != count
        ]

    def total_bytes(self) -> int:
        """Give how large the database is, with all its indexes."""
        query = "SELECT pg_database_size(current_database())"
        with closing(self.server.again(WITHIN_S)) as connection:
            return int(fetch(connection, query)[0][0])
