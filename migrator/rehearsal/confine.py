"""Confine env.py to one database; a connection to any other is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project.listeners import Listener, autocommit, quietly

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from migrator.project.env_py import Witness
    from migrator.project.listeners import Permit


_SEEN = "migrator.seen"


def permitting(witness: Witness) -> Permit:
    """Give what lets a witness see each connection to a Postgres once; it raises where it must."""

    def permit(connection: Connection) -> None:
        if connection.dialect.name == "postgresql" and connection.info.get(_SEEN) is not witness:
            witness(lambda query: quietly(connection, query))
            connection.info[_SEEN] = witness

    return permit


class Confined(Listener):
    """Asks of each connection to a Postgres where it leads, before anything is run on it."""

    def __init__(self, witness: Witness) -> None:
        """Have this witness, which raises where one leads elsewhere."""
        self._see = permitting(witness)

    def begun(self, connection: Connection) -> None:
        """Let the witness see it."""
        self._see(connection)

    def executing(self, connection: Connection, statement: str) -> None:  # noqa: ARG002
        """Let the witness see it: SQLAlchemy 1.4 begins nothing where env.py does not."""
        self._see(connection)


class ReadOnly(Confined):
    """Asks of each connection where it leads, and makes its transactions read-only."""

    def begun(self, connection: Connection) -> None:
        """Let the server refuse what writes."""
        super().begun(connection)
        if connection.dialect.name == "postgresql" and not autocommit(connection):
            quietly(connection, "SET TRANSACTION READ ONLY")
