"""Notice a revision that changed nothing although it contains operations.

Most revisions say so by their statements. Only where these leave it open is the server asked, once
and in the revision's own transaction, whether that has written anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.project import downgrade
from migrator.project.listeners import COMMENTS, autocommit, quietly

if TYPE_CHECKING:
    from alembic.script import Script
    from sqlalchemy.engine import Connection

    from migrator.database.version_table import VersionTable

_OPEN = re.compile(
    COMMENTS + r"(?:(?:SELECT|WITH|SHOW|SET|DO|BEGIN|SAVEPOINT|RELEASE|EXPLAIN)\b"
    r"|.*\bIF\s+(?:NOT\s+)?EXISTS\b)",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that may have changed something, or not."""
_OF_VERSIONS = r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:\S+\.)?\"?{}\"?\s"
_WROTE = "SELECT txid_current_if_assigned() IS NOT NULL"
"""A transaction has a number once it writes (PostgreSQL documentation, "System Information
Functions")."""


class Idleness:
    """Follows one revision, until Alembic writes into the version table that it is applied."""

    def __init__(self, revision: Script, table: VersionTable) -> None:
        """Begin before its first statement."""
        self._revision = revision
        self._of_versions = re.compile(_OF_VERSIONS.format(re.escape(table.name)), re.IGNORECASE)
        self._acted = False
        self.found = False
        """Whether it changed nothing, and does not say so itself by an empty upgrade()."""

    def executing(self, connection: Connection, statement: str) -> None:
        """Learn of a statement that is about to run while the revision does."""
        if self._acted:
            return
        if self._of_versions.match(statement):
            self.found = self._is_idle(connection)
            self._acted = True
        else:
            self._acted = autocommit(connection) or not _OPEN.match(statement)

    def _is_idle(self, connection: Connection) -> bool:
        if downgrade.does_nothing(self._revision):
            return False
        return not quietly(connection, _WROTE)[0]
