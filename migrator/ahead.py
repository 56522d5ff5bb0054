"""The database is ahead of this code: an older image was deployed again.

Only the ledger tells that from a database of other code, or of another branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from migrator.database.version_table import UnknownRevisionError
from migrator.errors import MigratorError
from migrator.history import ledger
from migrator.output.text import named

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.settings.table import Settings

_SETTING = "MIGRATOR_ON_DB_AHEAD=ok"
_DEPLOY = "Deploy the code that has it"
_UNTOUCHED = "Nothing was touched."


class Place(Protocol):
    """Where a database is that has revisions which this code does not have."""

    @property
    def current(self) -> tuple[str, ...]:
        """Its revisions."""

    @property
    def head(self) -> tuple[str, ...]:
        """Those that this code wants it at."""

    @property
    def behind(self) -> bool:
        """Whether another version table has revisions pending."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What is known of such a database."""

    place: Place
    passed: bool | None
    """Whether it has been at this code's head, by the ledger; None where no ledger tells."""
    tolerated: bool
    """Whether the settings accept one that is ahead."""

    @property
    def accepted(self) -> bool:
        """Whether it is known to be ahead, and that is good enough."""
        return self.tolerated and bool(self.passed) and not self.place.behind

    @property
    def told(self) -> str:
        """Say that it is left as it is."""
        return (
            f"The database is at {named(self.place.current)}, ahead of {named(self.place.head)},"
            f" this code's head, and {_SETTING} accepts that: nothing was applied, backed up or"
            " proven."
        )

    @property
    def ways_out(self) -> str:
        """Say what can be done about it."""
        if self.passed is None:
            return self._without_ledger()
        head = self.place.head
        if not self.passed:
            told = f"The ledger does not know that this database has ever been at {named(head)}:"
            told += f" is it the right one, or was another branch deployed here? {_DEPLOY}."
            return f"{told}{self._not_covered('that')} {_UNTOUCHED}"
        if self.place.behind:
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


def weigh(connection: Connection, settings: Settings, place: Place) -> Lead:
    """Find out what the ledger knows of such a database."""
    try:
        known = ledger.in_place(connection)
    except MigratorError:  # not for this role, or not our ledger
        known = None
    passed = None if known is None else known.union(place.current).issuperset(place.head)
    return Lead(place, passed, settings.on_db_ahead == "ok")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Lets a run whose database is ahead end well, where the settings and the ledger say so.

    Where they do not, the error that ends it has the ways out.
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
        lead = weigh(self.server.connection, self.settings, error)
        error.hint = lead.ways_out
        if lead.accepted:
            self.journal.planned(error.current, error.current)
            self.journal.nothing_to_do = lead.told
        return lead.accepted
