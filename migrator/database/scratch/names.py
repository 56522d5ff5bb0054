"""Name the database that a backup is restored into, and see that the name is free."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.catalog import revisions
from migrator.database.connection import connect, fetch, spoken
from migrator.database.scratch.scratch import RESTORE, beside
from migrator.database.tables import counted, tables
from migrator.errors import DeniedError, NoDatabaseError
from migrator.settings.address import to_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from migrator.database.connection import Server
    from migrator.database.scratch.scratch import Scratch
    from migrator.database.version_table import VersionTable
    from migrator.settings.address import Address

_MAINTENANCE = ("postgres", "template1")
"""Databases that a server has when it is made (initdb): one cannot rename where one is."""
_LONGEST = 63
"""Bytes of an identifier (PostgreSQL, "Identifiers and Key Words")."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a restored database."""

    standing: Mapping[VersionTable, tuple[str, ...]]
    rows: Mapping[str, int]


@contextmanager
def maintenance(address: Address, timeout_s: float, application_name: str) -> Iterator[Server]:
    """Reach the server of a database by another one, which is there whatever became of that.

    Raises what `connect` raises.
    """
    first, second = (to_database(address, name, application_name) for name in _MAINTENANCE)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(connect(first, timeout_s))
        except (NoDatabaseError, DeniedError):
            server = stack.enter_context(connect(second, timeout_s))
        yield server


def exists(server: Server, database: str) -> bool:
    """Tell whether the server has a database of this name."""
    query = "SELECT count(*) FROM pg_database WHERE datname = %s"
    return bool(fetch(server.connection, query, [database])[0][0])


def free_name(server: Server, database: str, ending: str) -> str:
    """Give a name for a further database: that of another one, an ending, a number if need be."""
    number, name = 1, _shortened(database, ending)
    while exists(server, name):
        number += 1
        name = _shortened(database, f"{ending}_{number}")
    return name


def destination(server: Server, database: str) -> AbstractContextManager[Scratch]:
    """Give an empty database beside this one, which is dropped unless it is renamed."""
    return beside(server, database, RESTORE)


def read(made: Scratch, expected: Sequence[VersionTable]) -> Found:
    """Give what is in it, counted; first let the planner know how large its tables are."""
    with spoken(), made.connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    standing = {table: revisions(made.connection, table) for table in expected}
    return Found(standing, counted(made.connection, tables(made.connection)))


def _shortened(database: str, ending: str) -> str:
    room = _LONGEST - len(ending.encode())
    return database.encode()[:room].decode(errors="ignore") + ending
