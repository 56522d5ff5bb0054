"""Decide what a database means that is ahead of this code: an older image on a newer schema.

Only the ledger tells that from a database of other code, or of another branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.version_table import UnknownRevisionError
from migrator.errors import MigratorError
from migrator.ledger import runs
from migrator.output.text import named

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.settings.table import Settings

_SETTING = "MIGRATOR_ON_DB_AHEAD=ok"
_DEPLOY = "Deploy the code that has it"
_UNTOUCHED = "Nothing was touched."


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of a database that has revisions which this code does not have."""

    current: tuple[str, ...]
    """Its revisions."""
    head: tuple[str, ...]
    """Those that this code wants it at."""
    behind: bool
    """Whether another version table has revisions pending."""
    passed: bool | None
    """Whether it has been at this code's head, by the ledger; None where no ledger tells."""
    tolerated: bool
    """Whether the settings accept one that is ahead."""

    @property
    def accepted(self) -> bool:
        """Whether it is known to be ahead, and that is good enough."""
        return self.tolerated and bool(self.passed) and not self.behind

    @property
    def told(self) -> str:
        """Say that it is left as it is."""
        return (
            f"The database is at {named(self.current)}, ahead of {named(self.head)},"
            f" this code's head, and {_SETTING} accepts that: nothing was applied, backed up or"
            " proven."
        )

    @property
    def ways_out(self) -> str:
        """Say what can be done about it."""
        if self.passed is None:
            return self._without_ledger()
        head = self.head
        if not self.passed:
            told = f"The ledger does not know that this database has ever been at {named(head)}:"
            told += f" is it the right one, or was another branch deployed here? {_DEPLOY}."
            return f"{told}{self._not_covered('that')} {_UNTOUCHED}"
        if self.behind:
            told = "Another version table has revisions pending:"
            return f"{_DEPLOY}. {told}{self._not_covered('those')} {_UNTOUCHED}"
        back = f", or go back with it: migrator rollback --to {head[0]}" if len(head) == 1 else ""
        accept = f"If this code can live with the newer schema, accept it: {_SETTING}."
        return f"{_DEPLOY}{back}. {accept} {_UNTOUCHED}"

    def _without_ledger(self) -> str:
        back = f"{_DEPLOY}, or bring the database back to a revision that this code knows."
        return f"{back}{self._not_covered('a database without a ledger')} {_UNTOUCHED}"

    def _not_covered(self, what: str) -> str:
        return f" {_SETTING} does not cover {what}." if self.tolerated else ""


def weigh(
    connection: Connection,
    settings: Settings,
    current: tuple[str, ...],
    head: tuple[str, ...],
    *,
    behind: bool = False,
) -> Ahead:
    """Find out what the ledger knows of such a database."""
    try:
        known = runs.in_place(connection)
    except MigratorError:  # not for this role, or not our ledger
        known = None
    passed = None if known is None else known.union(current).issuperset(head)
    return Ahead(current, head, behind, passed, settings.on_db_ahead == "ok")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Lets a run whose database is ahead end well, if the settings and the ledger allow it.

    If they do not, the error that ends it has the ways out.
    """

    server: Server
    settings: Settings
    journal: Journal

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Give whether the block's end is a good one."""
        if not isinstance(error, UnknownRevisionError):
            return False
        asked = self.server.connection, self.settings
        ahead = weigh(*asked, error.current, error.head, behind=error.behind)
        error.hint = ahead.ways_out
        if ahead.accepted:
            self.journal.planned(error.current, error.current)
            self.journal.nothing_to_do = ahead.told
        return ahead.accepted
