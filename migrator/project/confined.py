"""A watcher that lets env.py work on one database and on no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project.environment import Watcher
from migrator.project.transactions import quietly

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from migrator.project.environment import Witness


class Confined(Watcher):
    """Asks of each connection to a Postgres where it leads, before anything is run on it."""

    def __init__(self, witness: Witness) -> None:
        """Have this witness, which raises where one leads elsewhere."""
        self._witness = witness

    def begun(self, connection: Connection) -> None:
        """Let the witness see it."""
        if connection.dialect.name == "postgresql":
            self._witness(lambda query: quietly(connection, query))
