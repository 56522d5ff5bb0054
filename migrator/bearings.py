"""Bearings: where a database stands against this code, found out as cheaply as can be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator import position, shortcut
from migrator.database.catalog import revisions
from migrator.database.identity import witness
from migrator.database.version_table import UnknownRevisionError
from migrator.garbage import uncollected
from migrator.output import log
from migrator.shortcut import Shortcut

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.database.version_table import VersionTable
    from migrator.outline.proven import Outline
    from migrator.project.needs import Need
    from migrator.project.plan import Plan
    from migrator.settings.table import Settings

    Look = Callable[[Connection], "Bearings"]


@dataclass(frozen=True, slots=True)
class Pending:
    """A revision that the database lacks."""

    revision: str
    title: str


@dataclass(frozen=True, slots=True)
class Bearings:
    """Where the database is, and where this code wants it."""

    current: tuple[str, ...]
    head: tuple[str, ...]
    tables: tuple[VersionTable, ...]
    pending: tuple[Pending, ...] = ()
    """Where it is behind; none where they were not asked for."""
    behind: bool = False
    unknown: bool = False
    """The database names a revision that this code does not have."""
    needs: tuple[Need, ...] = ()
    """The backfills that pending revisions need, where the project was run."""
    altered: tuple[str, ...] = ()
    """Sentences about revisions that were changed after they had been applied."""

    @property
    def there(self) -> bool:
        """Whether it is where this code wants it."""
        return not (self.behind or self.unknown)


class MustBeRunError(Exception):
    """Only the project itself can tell, and it must not be run here."""


def take(
    settings: Settings,
    server: Server,
    *,
    briefly: bool = False,
    aloof: bool = False,
    keeps: bool = True,
) -> tuple[Bearings, Look]:
    """Find out where the database stands, and give a way to ask again by another connection.

    The project is run only where nothing else can tell, or, unless `briefly`, where something is
    pending, to say what. Raises `ProjectError` where the project is broken, and `MustBeRunError`
    instead of running it where the asker stays `aloof`. What is found is kept in the ledger for the
    next one, unless not even that may be written: `keeps`.
    """
    state = shortcut.state(settings)
    short = Shortcut(settings, state, server.connection, keeps=keeps) if state else None
    if short and (outline := short.outline):
        current = revisions(server.connection, outline.table)
        if outline.satisfied_by(current):
            altered = short.proved()
            position.announce(current, current, 0, [outline.table], altered)
            found = Bearings(current, current, (outline.table,), altered=tuple(altered.values()))
            return found, lambda _: found
        if briefly and (known := shortcut.revisions(settings)):
            look = partial(_compared, outline, known)
            return look(server.connection), look
    if aloof:
        raise MustBeRunError
    return _surveyed(settings, server, short)


def _compared(outline: Outline, known: frozenset[str], connection: Connection) -> Bearings:
    """Compare the version table with what the files say."""
    current = revisions(connection, outline.table)
    unknown = not known.issuperset(current)
    behind = not unknown and not outline.satisfied_by(current)
    return Bearings(current, (outline.head,), (outline.table,), (), behind, unknown)


def _surveyed(settings: Settings, server: Server, short: Shortcut | None) -> tuple[Bearings, Look]:
    """Run the project, and keep what it tells."""
    with uncollected():
        log.structured()
        from migrator.history.alteration import alterations  # noqa: PLC0415 - needed here only
        from migrator.project.find import find  # noqa: PLC0415 - loads Alembic
        from migrator.project.survey import survey  # noqa: PLC0415 - as above
    projects = find(settings)
    try:
        compare = partial(alterations, server.connection)
        plan = survey(projects, witness(server), compare=compare)
    except UnknownRevisionError as error:
        found = _lost(error, (error.table,))
        return found, lambda _: found
    if short and plan.simple and not plan.altered:
        short.found(plan.destination[0], plan.tables[0])
    return _planned(plan), partial(_at, plan)


def _at(plan: Plan, connection: Connection) -> Bearings:
    """Compare the version tables with what the project told."""
    standing = {table: revisions(connection, table) for table in plan.tables}
    try:
        return _planned(plan.at(standing))
    except UnknownRevisionError as error:
        return _lost(error, plan.tables)


def _lost(error: UnknownRevisionError, tables: tuple[VersionTable, ...]) -> Bearings:
    """Give the bearings of a database that is at a revision which this code does not have."""
    return Bearings(error.current, error.head, tables, (), error.behind, unknown=True)


def _planned(plan: Plan) -> Bearings:
    from migrator.project.needs import declared  # noqa: PLC0415 - Alembic is loaded anyway

    pending = tuple(Pending(revision, title) for revision, title in plan.titles)
    altered = tuple(plan.altered.values())
    return Bearings(
        *(plan.current, plan.destination, plan.tables, pending),
        behind=bool(pending),
        needs=declared(plan),
        altered=altered,
    )
