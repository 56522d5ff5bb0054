"""Find the position of a database: from the cache if it knows it, else from the project."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from migrator.database.catalog import revisions
from migrator.database.identity import same_database
from migrator.database.version_table import UnknownRevisionError
from migrator.errors import MigratorError
from migrator.ledger import cache
from migrator.ledger.cache import Answer
from migrator.output import log
from migrator.output.text import counted, named
from migrator.project import fingerprint
from migrator.project.fingerprint import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.database.version_table import VersionTable
    from migrator.project.annotations import Need
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings

    Look = Callable[[Connection], "Position"]


@dataclass(frozen=True, slots=True)
class Pending:
    """A revision that the database lacks."""

    revision: str
    title: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where the database is, and where this code wants it."""

    current: tuple[str, ...]
    head: tuple[str, ...]
    tables: tuple[VersionTable, ...]
    pending: tuple[Pending, ...] = ()
    """Where it is behind."""
    behind: bool = False
    unknown: bool = False
    """The database names a revision that this code does not have."""
    needs: tuple[Need, ...] = ()
    """The backfills that pending revisions need, where the project was run."""
    altered: Mapping[str, str] = field(default_factory=dict)
    """A sentence about each revision that was changed after it had been applied."""

    @property
    def there(self) -> bool:
        """Whether it is where this code wants it."""
        return not (self.behind or self.unknown)


class MustBeRunError(Exception):
    """Only the project itself can tell, and it must not be run here."""


def find_position(
    settings: Settings, server: Server, *, aloof: bool = False, keeps: bool = True
) -> tuple[Position, Look]:
    """Find out where the database stands, and give a way to ask again by another connection.

    The project runs unless the cache knows that nothing is pending. Raises `ProjectError` if the
    project is broken, and `MustBeRunError` instead of running it if the asker stays `aloof`. What
    is found is kept for the next one, if there is a ledger, unless not even that may be written:
    `keeps`.
    """
    key = fingerprint.key(settings, os.environ)
    if found := known(server.connection, key):
        announce(found)
        return found, lambda _: found
    if aloof:
        raise MustBeRunError
    with uncollected():
        from migrator.ledger.checksum import alterations  # noqa: PLC0415 - needed here only
        from migrator.project.annotations import pending_needs  # noqa: PLC0415 - loads Alembic
        from migrator.project.find import find  # noqa: PLC0415 - as above
        from migrator.project.survey import survey  # noqa: PLC0415 - as above
    projects = find(settings)
    try:
        compare = partial(alterations, server.connection)
        plan = survey(projects, same_database(server), compare=compare)
    except UnknownRevisionError as error:
        lost = _lost(error, (error.table,))
        return lost, lambda _: lost
    if keeps:
        remember(server.connection, key, plan)
    announce(of(plan), plan.paths[0].side)
    return replace(of(plan), needs=pending_needs(plan)), partial(_at, plan)


def known(connection: Connection, key: str | None) -> Position | None:
    """Give the position if nothing is pending and an earlier run of the same files found that out.

    None where only the project can tell.
    """
    answer = cache.recall(connection, key) if key else None
    if answer is None or not cache.still(connection, answer):
        return None
    used = Used(answer.files, answer.folders, answer.version_folders)
    if fingerprint.contents(used, os.environ) != answer.contents:
        return None
    current = dict.fromkeys(row for rows in answer.standing.values() for row in rows)
    return Position(tuple(current), answer.destination, tuple(answer.standing))


def remember(
    connection: Connection, key: str | None, plan: MigrationPlan, *, upgrades: bool = False
) -> None:
    """Keep in the ledger what a run of the project found, if nothing is pending by now.

    Not if the database could have decided it, nor if a revision was changed after it had been
    applied: each run is to warn of that. A run `upgrades` a ledger of an earlier version.
    """
    if key is None or plan.altered or not plan.repeatable:
        return
    try:
        now = plan.at({table: revisions(connection, table) for table in plan.tables})
    except MigratorError:  # also of a server that went away: the run's result stands
        return
    used = fingerprint.used_by(plan.projects, [path.script for path in plan.paths])
    if not now.pending and (contents := fingerprint.contents(used, os.environ)):
        answer = Answer(now.destination, now.standing, *used, contents)
        cache.keep(connection, key, answer, upgrades=upgrades)


def of(plan: MigrationPlan) -> Position:
    """Give the position that a plan begins at."""
    pending = tuple(Pending(revision, title) for revision, title in plan.titles)
    told = (plan.current, plan.destination, plan.tables, pending)
    return Position(*told, behind=bool(pending), altered=plan.altered)


def announce(found: Position, side: str = "short of") -> None:
    """Log that the project is loaded, and how far the database is from where it is to go.

    With it go the sentences about revisions that were changed after they had been applied.
    """
    count = counted(len(found.pending), "revision")
    told = f"the database is at {named(found.current)}, "
    told += f"{count} {side} {named(found.head)}" if found.pending else "nothing is pending"
    log.emit(
        log.Event.PROJECT_LOADED,
        "\n".join((f"Loaded the project: {told}.", *found.altered.values())),
        level="warn" if found.altered else "info",
        revisions_from=list(found.current),
        revisions_to=list(found.head),
        pending=len(found.pending),
        version_tables=[str(table) for table in found.tables],
        altered=list(found.altered),
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Load modules without garbage collection, and exempt what is loaded by then from it.

    They last until the end of the process. To look for garbage among those of Alembic and
    SQLAlchemy takes 35 ms while they load, and 60 more at the interpreter's end.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _at(plan: MigrationPlan, connection: Connection) -> Position:
    """Compare the version tables with what the project told."""
    standing = {table: revisions(connection, table) for table in plan.tables}
    try:
        return of(plan.at(standing))
    except UnknownRevisionError as error:
        return _lost(error, plan.tables)


def _lost(error: UnknownRevisionError, tables: tuple[VersionTable, ...]) -> Position:
    """Give the position of a database that is at a revision which this code does not have."""
    return Position(error.current, error.head, tables, (), error.behind, unknown=True)
