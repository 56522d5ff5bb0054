"""A listener that lets env.py read one database, and write into none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project.listeners import autocommit, quietly
from migrator.rehearsal.confine import Confined

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Reading(Confined):
    """Asks of each connection where it leads, and makes its transactions read-only."""

    def begun(self, connection: Connection) -> None:
        """Let the server refuse what writes."""
        super().begun(connection)
        if connection.dialect.name == "postgresql" and not autocommit(connection):
            quietly(connection, "SET TRANSACTION READ ONLY")
