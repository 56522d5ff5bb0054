"""A watcher that lets env.py work on one database and on no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project.environment import Watcher
from migrator.project.transactions import quietly

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from migrator.project.environment import Witness


_SEEN = "migrator.seen"


class Confined(Watcher):
    """Asks of each connection to a Postgres where it leads, before anything is run on it."""

    def __init__(self, witness: Witness) -> None:
        """Have this witness, which raises where one leads elsewhere."""
        self._witness = witness

    def begun(self, connection: Connection) -> None:
        """Let the witness see it."""
        self._see(connection)

    def executing(self, connection: Connection, statement: str) -> None:  # noqa: ARG002
        """Let the witness see it: SQLAlchemy 1.4 begins nothing where env.py does not."""
        self._see(connection)

    def _see(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql" and not connection.info.get(_SEEN):
            self._witness(lambda query: quietly(connection, query))
            connection.info[_SEEN] = True
