"""Identify which revision created a schema that has no version table.

The history is rehearsed on an embedded server, and after each revision what is there is compared
with what is in the database. Only a revision whose schema is the same, and no other's, is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migrator.database.identity import confined_to, same_database
from migrator.database.schema import shape
from migrator.database.schema_diff import departures
from migrator.errors import MigratorError
from migrator.output.log import silenced
from migrator.rehearsal.database import empty

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.rehearsal.step import RehearsalStep
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A revision, and how the database differs from what it makes."""

    revision: str
    differences: tuple[str, ...]
    """In words."""
    does_nothing: bool
    """Its upgrade() is empty, so that the revision before it makes the same."""


@dataclass(frozen=True, slots=True)
class Identified:
    """What the rehearsal told."""

    candidates: tuple[Candidate, ...]
    """The revisions in their order, as far as they could be applied."""
    obstacle: MigratorError | None = None
    """Why the next could not."""

    @property
    def matches(self) -> tuple[Candidate, ...]:
        """Those whose schema is the database's."""
        return tuple(each for each in self.candidates if not each.differences)

    @property
    def revision(self) -> str | None:
        """The one revision that the database is at; None where that is not proven.

        Of several that make the same schema it is the last, if those after the first do nothing.
        """
        matches = self.matches
        if matches and all(each.does_nothing for each in matches[1:]):
            return matches[-1].revision
        return None

    @property
    def nearest(self) -> Candidate | None:
        """The one with the fewest differences."""
        return min(self.candidates, key=lambda each: len(each.differences), default=None)


def identify(settings: Settings, server: Server) -> Identified:
    """Compare the database with each revision of a history that has one version table.

    Raises `ConfigurationError` where there is no embedded server, `ProjectError` where the project
    is broken.
    """
    from migrator.project.find import find  # noqa: PLC0415 - as above
    from migrator.project.survey import survey  # noqa: PLC0415 - as above
    from migrator.rehearsal.confine import Confined  # noqa: PLC0415 - loads Alembic
    from migrator.rehearsal.step import steps  # noqa: PLC0415 - as above

    with silenced(), empty() as there:
        plan = survey(find(replace(settings, database_url=there.address)), same_database(there))
        wanted = shape(server.connection, plan.tables)
        alike = server.version // 10_000 == there.version // 10_000
        found: list[Candidate] = []
        listener = Confined(confined_to(there))
        for step in steps(plan):
            try:
                step.upgrade(listener)
            except MigratorError as error:
                return Identified(tuple(found), error)
            made = shape(there.connection, plan.tables)
            differences = departures(made, wanted, same_major=alike)
            found.append(Candidate(step.revision, differences, _does_nothing(step)))
    return Identified(tuple(found))


def _does_nothing(step: RehearsalStep) -> bool:
    from migrator.project import downgrade  # noqa: PLC0415 - loads Alembic

    return downgrade.does_nothing(step.script.get_revision(step.revision))
