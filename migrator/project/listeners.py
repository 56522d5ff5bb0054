"""Listen to the connections of env.py: each transaction, each statement.

SQLAlchemy tells of those of every engine that env.py makes, the synchronous side of an
asynchronous one included.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    FirstRow = Callable[[str], Any]
    Permit = Callable[[Connection], None]

COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_NOTICE_US_DIE = (
    "SELECT set_config(name, '500ms', true) FROM pg_settings"
    " WHERE name = 'client_connection_check_interval'"
)
"""New in PostgreSQL 14."""
_READS = re.compile(COMMENTS + r"(SELECT|WITH|TABLE|SHOW|VALUES)\b", re.IGNORECASE)
_OF_ALEMBIC = re.compile(
    r"pg_catalog\.|\.version_num\b|^select relname from pg_class c join pg_namespace n\b"
)
"""The last is how SQLAlchemy 1.4 asks whether a schema has a table."""


class Listener:
    """Sees what happens on the connections of env.py; this one looks on."""

    def begun(self, connection: Connection) -> None:
        """Act on a transaction that begins."""

    def committing(self, connection: Connection) -> None:
        """Act on a transaction that is about to be committed."""
        self.ending(connection)

    def ending(self, connection: Connection) -> None:
        """Act on a transaction that is about to end, either way."""

    def executing(self, connection: Connection, statement: str) -> None:
        """Act on a statement that is about to run."""

    def executed(self, connection: Connection, statement: str, rows: int | None = None) -> None:
        """Act on a statement that succeeded, and changed or gave so many rows, if that is known."""

    def failed(self, connection: Connection | None) -> None:
        """Act on a statement that failed."""


class Look(Listener):
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
