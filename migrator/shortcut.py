"""The shortcut: head and version table of the project without running it, where that is proven."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from migrator.history.memory import Finding, Memory
from migrator.outline import imported
from migrator.outline.fingerprint import fingerprint
from migrator.outline.proven import Outline, usual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.version_table import VersionTable
    from migrator.settings.table import Settings


class Shortcut:
    """What the project's files prove, or an earlier run of the same files found out."""

    def __init__(
        self, settings: Settings, state: str, connection: Connection, *, keeps: bool = True
    ) -> None:
        """Look into the ledger, and else at the files; nothing is written unless it `keeps`."""
        self._keeps = keeps
        self._state, self._connection, self._memory = state, connection, Memory(connection)
        known = self._recalled()
        self.outline = known or _read(settings)
        """Head and version table, or None where only the project itself can tell."""
        self._new = known is None

    def proved(self) -> Mapping[str, str]:
        """Keep it for the next run, if the files had to be read and are those that were applied.

        Gives a sentence for each that is not, as `alterations` does. What is remembered has none.
        """
        if not (self._new and self.outline):
            return {}
        if self._memory.there and (altered := _altered(self._connection, self.outline.files)):
            return altered
        self._keep(self.outline.head, self.outline.table, ())
        return {}

    def found(self, head: str, table: VersionTable) -> None:
        """Keep what the project itself, which was run in this process, has told."""
        self._keep(head, table, imported.files())

    def _recalled(self) -> Outline | None:
        """Give what was found about the same files, if what they import is the same too."""
        finding = self._memory.recall(self._state)
        with suppress(OSError):
            if finding and finding.imported_sha256 == imported.digest(finding.imported, os.environ):
                return Outline(finding.head, finding.table)
        return None

    def _keep(self, head: str, table: VersionTable, files: tuple[str, ...]) -> None:
        if not self._keeps:
            return
        self._memory.keep(
            self._state, Finding(head, table, files, imported.digest(files, os.environ))
        )


def _altered(connection: Connection, files: Mapping[str, str]) -> Mapping[str, str]:
    from migrator.history.alteration import alterations  # noqa: PLC0415 - as in `_read`

    return alterations(connection, lambda: files)


def _read(settings: Settings) -> Outline | None:
    from migrator.outline import reading  # noqa: PLC0415 - where all is remembered, it is not needed

    return reading.read(settings, os.environ)


def revisions(settings: Settings) -> frozenset[str] | None:
    """Give the ids of all revisions, or None where the files do not prove them."""
    from migrator.outline import reading  # noqa: PLC0415 - as in `_read`

    return reading.revisions(settings, os.environ)


def state(settings: Settings) -> str | None:
    """Give the fingerprint of the project, or None where there can be no shortcut."""
    return fingerprint(settings, os.environ) if usual(settings) else None
