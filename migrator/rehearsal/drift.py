"""Compare a schema with what its revisions create, and with the models.

The revisions that it is at are run on an embedded server, from base, and the two are compared.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.catalog import revisions
from migrator.database.identity import confined_to, same_database
from migrator.database.schema import shape
from migrator.database.schema_diff import LEDGER, departures, partitions
from migrator.errors import MigratorError, UnprovenError
from migrator.output.log import silenced
from migrator.project import env_py
from migrator.project.listeners import Listener
from migrator.project.survey import survey
from migrator.rehearsal.apply import apply, path_to, redirected
from migrator.rehearsal.confine import Confined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migrator.database.connection import Server
    from migrator.database.version_table import VersionTable
    from migrator.output.report import Journal
    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan

    Standing = Mapping[VersionTable, tuple[str, ...]]

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Departure:
    """One way in which a database differs."""

    against: str
    """`revisions` or `models`."""
    message: str


@dataclass(frozen=True, slots=True)
class Drift:
    """All ways in which a database differs."""

    departures: tuple[Departure, ...]
    unproven: str | None = None
    """Why it could not be compared with the revisions; None where it was."""
    compared: bool = True
    """Whether it could be compared with anything."""

    def fields(self) -> list[dict[str, Any]]:
        """Give them under the names of `status --json`."""
        return [asdict(each) for each in self.departures]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a database."""

    major: int
    shape: Mapping[str, str]
    models: tuple[str, ...] | None
    """How it differs from the models; None where that was not asked, or there are none."""


def drift(server: Server, projects: tuple[Project, ...], tables: Iterable[VersionTable]) -> Drift:
    """Compare a database with its revisions, rehearsed, and where it is at the heads with models.

    What the models and the revisions disagree about by themselves is no drift. Raises
    `ConfigurationError` where the embedded server is not installed, and what keeps the target from
    being looked at.
    """
    standing = {table: revisions(server.connection, table) for table in tables}
    found = _seen(server, projects, standing, Listener())
    try:
        made = _rehearsed(projects, standing)
    except MigratorError as error:
        if error.exit_code in _OURS:
            raise
        alone = tuple(Departure("models", each) for each in found.models or ())
        return Drift(alone, error.message, compared=found.models is not None)
    told = departures(made.shape, found.shape, same_major=made.major == found.major)
    known = frozenset(made.models or ())
    return Drift(
        (
            *(Departure("revisions", each) for each in told),
            *(Departure("models", each) for each in found.models or () if each not in known),
        )
    )


_OURS = (69, 78, 124, 130, 143)
"""Exit codes of what has nothing to do with the history: it is raised as it is."""


def agree(server: Server, plan: MigrationPlan, journal: Journal) -> None:
    """See that the schema is what the revisions make, if MIGRATOR_VERIFY=schema asks for that.

    The journal learns if it could be compared with the models alone. Raises `UnprovenError` where
    it differs, or cannot be compared with anything, and as `drift` does.
    """
    if plan.settings.verify != "schema":
        return
    found = drift(server, plan.projects, plan.tables)
    if found.departures:
        raise UnprovenError(_told(found.departures), hint=_HINT)
    if found.unproven and not found.compared:
        message = f"The schema cannot be compared: {found.unproven}"
        raise UnprovenError(message, hint="MIGRATOR_VERIFY=heads does without.")
    if found.unproven:
        journal.remark(f"The schema was compared with the models alone: {found.unproven}")


_HINT = (
    "Somebody changed the database by hand, or a revision was marked as applied and never was."
    " migrator status --drift shows it again; a new revision can mend it."
)


def _told(found: tuple[Departure, ...]) -> str:
    lines = [f"{each.message} ({each.against})" for each in found[:_MOST_NAMED]]
    more = len(found) - _MOST_NAMED
    lines += [f"… and {more} more"] if more > 0 else []
    return "\n".join(("The schema is not what the revisions make:", *lines))


def _rehearsed(projects: tuple[Project, ...], standing: Standing) -> _Seen:
    """Run the revisions that a database is at on an empty one, and look at that."""
    from migrator.rehearsal.database import empty  # noqa: PLC0415 - few runs compare anything

    with silenced(), empty() as there, redirected(projects, there.address) as theirs:
        listener = Confined(confined_to(there))
        for project in theirs:
            env_py.run(project, only_look=True, listener=listener)
        apply(survey(theirs, same_database(there), path_to(standing)), listener)
        return _seen(there, theirs, standing, listener)


def _seen(
    server: Server, projects: tuple[Project, ...], standing: Standing, listener: Listener
) -> _Seen:
    from migrator.project import models  # noqa: PLC0415 - as above

    with server.connection:
        things = shape(server.connection, standing)
    parts = {part.replace('"', "") for part in partitions(things)}

    def is_no_models(schema: str | None, table: str | None) -> bool:
        return schema == LEDGER or f"{schema or 'public'}.{table}" in parts

    heads = {head for project in projects for head in project.script.get_heads()}
    differences = None
    if heads == {revision for rows in standing.values() for revision in rows}:
        each = [models.compared(project, listener, is_no_models) for project in projects]
        told = [one for one in each if one is not None]
        differences = tuple(one for found in told for one in found) if told else None
    return _Seen(server.version // 10_000, things, differences)
