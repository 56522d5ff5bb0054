"""Open a SQLAlchemy connection as env.py does, for the code of a backfill."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout, suppress
from sys import stderr
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from migrator.project import environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.project.find import Project
    from migrator.settings.address import Address


class Session:
    """A connection of psycopg2's, in transactions; SQLAlchemy's is laid over it."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - psycopg2 has its place elsewhere
        """Take the connection over; it is closed with the session."""
        raw.autocommit = False
        self.raw = raw
        pool = {"poolclass": NullPool, "pool_reset_on_return": None}
        engine = create_engine("postgresql+psycopg2://", creator=lambda: raw, **pool)
        self.connection = engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end of the block, or roll back what ends in an error."""
        with self.connection.begin():
            yield

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction that was begun goes on."""
        return bool(self.connection.in_transaction())

    def execute(self, statement: str, values: Mapping[str, Any]) -> None:
        """Execute a statement of the project's, with the values of its `:names`."""
        self.connection.execute(text(statement), dict(values))

    def explain(self, statement: str, values: Mapping[str, Any]) -> list[str]:
        """Give the planner's lines about a statement, which is not executed."""
        found = self.connection.execute(text(f"EXPLAIN {statement}"), dict(values))
        return [str(row[0]) for row in found]

    def close(self) -> None:
        """Leave; what was not committed is rolled back by the server."""
        with suppress(SQLAlchemyError):
            self.connection.close()
        self.raw.close()


@contextmanager
def within(project: Project, address: Address) -> Iterator[None]:
    """Let the project's code run as it does below its env.py: its surroundings, its application.

    What it prints goes to standard error.
    """
    with (
        redirect_stdout(stderr),
        environ.as_under_alembic(address, project.line),
        project.within(),
    ):
        yield
