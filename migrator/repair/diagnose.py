"""Diagnose what is broken in a database, and what would fix it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.database.catalog import invalid_indexes, revisions
from migrator.database.identity import same_database
from migrator.database.version_table import RedundantRevisionError, UnknownRevisionError
from migrator.errors import ConfigurationError
from migrator.output.text import named
from migrator.process.git import introduced
from migrator.rehearsal.identify import identify
from migrator.repair import leftovers
from migrator.status import position
from migrator.status.health import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from migrator.database.connection import Server
    from migrator.database.version_table import VersionTable
    from migrator.project.find import Project
    from migrator.rehearsal.identify import Identified
    from migrator.settings.table import Settings

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Mend:
    """Something that is not healthy, and what mends it."""

    kind: str
    """`version_table`, `redundant_revision`, `invalid_index` or `scratch_database`."""
    what: str
    how: str
    """What will be done: a statement, or what amounts to one."""
    act: Callable[[], None] = field(repr=False)
    helped: Callable[[], bool] = field(repr=False)

    def fields(self) -> dict[str, str]:
        """Give it under the names of `repair --json`."""
        return {"kind": self.kind, "what": self.what, "mend": self.how}

    def __str__(self) -> str:
        """Give it for a person."""
        return f"{self.what}\n  mend: {self.how}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is not healthy in a database."""

    mends: tuple[Mend, ...] = ()
    advice: tuple[str, ...] = ()
    """What cannot be mended here, each with what to do."""
    standing: tuple[str, ...] = ()
    """The revisions that the version table has."""
    wanted: tuple[str, ...] = ()
    """Those that it has after the mend."""
    tables: tuple[VersionTable, ...] = ()

    def moved(self, server: Server) -> bool:
        """Tell whether the version tables have other revisions by now."""
        now = (one for table in self.tables for one in revisions(server.connection, table))
        return sorted(now) != sorted(self.standing)


def diagnose(settings: Settings, server: Server, environ: Mapping[str, str]) -> Diagnosis:
    """Look at everything that a repair knows of.

    Raises `ProjectError` where the project is broken, `ConfigurationError` where a database
    without a version table cannot be compared, because there is no embedded server.
    """
    from migrator.project.find import find  # noqa: PLC0415 - loads Alembic
    from migrator.project.survey import survey  # noqa: PLC0415 - as above

    projects = find(settings)
    rest = (*_indexes(server), *_databases(server))
    try:
        plan = survey(projects, same_database(server))
        position.announce(position.of(plan))
    except UnknownRevisionError as error:
        return Diagnosis(
            rest, (_whose(error, projects, environ),), error.current, error.current, (error.table,)
        )
    except RedundantRevisionError as error:
        return _redundant(error, rest, settings, server, projects)
    seen = condition(server.connection, plan.tables, (), queries=False)
    healthy = Diagnosis(rest, (), plan.current, plan.current, plan.tables)
    if plan.current or not seen.has_tables:
        return healthy
    if seen.has_version_table:
        return _emptied(rest, settings, server, projects, plan.tables) or healthy
    return _unversioned(rest, settings, server, projects, plan.tables)


def _indexes(server: Server) -> Iterator[Mend]:
    for name in sorted(invalid_indexes(server.connection)):
        statement = leftovers.mend_of_index(name)
        yield Mend(
            "invalid_index",
            f"{name} is an invalid index: kept up with every write, and used by no query.",
            statement,
            partial(leftovers.say, server, statement),
            partial(_is_valid, server, name),
        )


def _databases(server: Server) -> Iterator[Mend]:
    for name in leftovers.scratch_databases(server):
        yield Mend(
            "scratch_database",
            f"{name} is a scratch database that was left behind.",
            f"DROP DATABASE {name}",
            partial(leftovers.drop_database, server, name),
            partial(_is_gone, server, name),
        )


def _is_valid(server: Server, index: str) -> bool:
    return index not in invalid_indexes(server.connection)


def _is_gone(server: Server, database: str) -> bool:
    return database not in leftovers.scratch_databases(server)


def _unversioned(
    rest: tuple[Mend, ...],
    settings: Settings,
    server: Server,
    projects: tuple[Project, ...],
    tables: tuple[VersionTable, ...],
) -> Diagnosis:
    if len(tables) != 1:
        told = "There are tables and no version table, and the project has several: stamp each."
        return Diagnosis(rest, (told,), tables=tables)
    found = identify(settings, server)
    if found.revision is None:
        return Diagnosis(rest, (_unproven(found),), tables=tables)
    said = "There are tables and no version table."
    return _unstamped(said, found.revision, rest, server, projects[0], tables[0])


def _emptied(
    rest: tuple[Mend, ...],
    settings: Settings,
    server: Server,
    projects: tuple[Project, ...],
    tables: tuple[VersionTable, ...],
) -> Diagnosis | None:
    """Give what mends an empty version table; None where the tables may be somebody else's.

    A run makes one before its first revision finds that `create_all` was there before it, and in
    some projects it stays.
    """
    if len(tables) != 1:
        return None
    try:
        found = identify(settings, server)
    except ConfigurationError:  # without an embedded server nothing speaks against it
        return None
    if found.revision is None:
        return None
    said = f"{tables[0]} is empty."
    return _unstamped(said, found.revision, rest, server, projects[0], tables[0])


def _unstamped(  # noqa: PLR0913, PLR0917 - what is stamped, and where
    said: str,
    revision: str,
    rest: tuple[Mend, ...],
    server: Server,
    project: Project,
    table: VersionTable,
) -> Diagnosis:
    """Give the diagnosis of a database whose revision is proven, and named by no row."""
    mend = Mend(
        "version_table",
        f"{said} The schema is, thing for thing, the one that {revision} makes.",
        *_stamp(server, project, table, revision),
    )
    return Diagnosis((mend, *rest), (), (), (revision,), (table,))


def _redundant(
    error: RedundantRevisionError,
    rest: tuple[Mend, ...],
    settings: Settings,
    server: Server,
    projects: tuple[Project, ...],
) -> Diagnosis:
    tables, left = (error.table,), error.left
    found = identify(settings, server)
    if len(left) != 1 or left[0] not in {each.revision for each in found.matches}:
        told = f"{error.message} {_unproven(found)}"
        return Diagnosis(rest, (told,), error.current, error.current, tables)
    mend = Mend(
        "redundant_revision",
        f"{error.message} The schema is, thing for thing, the one that {left[0]} makes.",
        *_stamp(server, projects[0], error.table, left[0]),
    )
    return Diagnosis((mend, *rest), (), error.current, left, tables)


def _stamp(
    server: Server, project: Project, table: VersionTable, revision: str
) -> tuple[str, Callable[[], None], Callable[[], bool]]:
    """Give how that is called, what does it, and what tells whether it was done."""
    from migrator.project.stamp import stamp  # noqa: PLC0415 - loads Alembic

    return (
        f"stamp {table} with {revision}",
        partial(stamp, project, same_database(server), revision),
        lambda: revisions(server.connection, table) == (revision,),
    )


def _unproven(found: Identified) -> str:
    """Say why nothing is stamped, and what is nearest."""
    if found.matches:
        several = ", ".join(each.revision for each in found.matches)
        return (
            f"Which revision it is at cannot be proven: {several} make the same schema, which is"
            " the one that is there. If you know which: alembic stamp."
        )
    told = "No revision of this code makes the schema that is there, so none is stamped."
    if found.obstacle:
        told += f" The rehearsal ended early: {found.obstacle.message}"
    if found.nearest:
        said = "; ".join(found.nearest.differences[:_MOST_NAMED])
        more = len(found.nearest.differences) - _MOST_NAMED
        said += f"; and {more} more" if more > 0 else ""
        told += f" {found.nearest.revision} comes nearest: {said}."
    return told


def _whose(
    error: UnknownRevisionError, projects: tuple[Project, ...], environ: Mapping[str, str]
) -> str:
    """Say of an unknown revision where git has its file."""
    told = f"{error.message} {error.hint}"
    unknown = set(error.current)
    for project in projects:
        for revision in sorted(unknown):
            if commit := introduced(revision, Path(project.script.dir), environ):
                told += f" git has {revision} in {commit}."
    return f"{told} The database is at {named(error.current)}."
