"""Restore into a new database, verify it, and swap it with the old one."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migrator.backup.restore import load
from migrator.database.catalog import revisions
from migrator.database.connection import WITHIN_S, connect
from migrator.database.lock.heartbeat import heartbeat
from migrator.database.lock.lock import keys_for
from migrator.database.lock.run_lock import linked, run_lock
from migrator.database.pgtools.pg_dump import remark
from migrator.database.pgtools.worker import Crew
from migrator.database.scratch import names
from migrator.database.scratch import replace as replacement
from migrator.database.sessions import connected
from migrator.database.version_table import VersionTable, union
from migrator.errors import UnprovenError
from migrator.ledger.record import recording
from migrator.output import log
from migrator.output.report import Journal
from migrator.output.text import named
from migrator.process.signals import SIGNALS
from migrator.settings.address import to_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrator.backup.manifest import Manifest
    from migrator.backup.restore.load import PreparedRestore
    from migrator.database.connection import Server
    from migrator.database.scratch.names import Found
    from migrator.database.scratch.scratch import Scratch
    from migrator.database.sessions import Session
    from migrator.errors import MigratorError
    from migrator.settings.address import Address
    from migrator.settings.table import Settings

    Lost = Callable[[], MigratorError | None]

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was restored."""

    found: Found
    kept: str | None
    """The name that the database has now whose place it took."""
    warnings: tuple[str, ...]


@dataclass
class Recovery:
    """One restore."""

    settings: Settings
    server: Server
    """Reached by another database than the one that is restored."""
    means: PreparedRestore
    original: str
    name: str
    """What the restored one is to be called: as the original, where it takes its place."""
    application_name: str
    """Of all sessions of ours, by which they are told from others."""
    end_sessions: bool = False
    crew: Crew = field(default_factory=Crew)
    warnings: list[str] = field(default_factory=list)

    @property
    def _replaces(self) -> bool:
        return self.name == self.original and names.exists(self.server, self.name)

    @property
    def _manifest(self) -> Manifest:
        return self.means.manifest

    def done(self) -> Recovered:
        """Restore, prove, record and name it; what fails before that leaves all as it was."""
        with ExitStack() as lock:
            replaces, origin = self._replaces, tuple[str, ...]()
            if replaces:
                lost, origin = self._locked(lock)
                self._see_that_nobody_is_there()
            else:
                lock.enter_context(heartbeat(self.server))
                lost = lambda: None  # noqa: E731 - there is no lock to lose
            with names.destination(self.server, self.original) as made:
                found = self._restored(made, lost)
                self._record(made, origin)
                if replaces:
                    self.warnings += self._carried_over(made.name)
                made.connection.close()
                with SIGNALS.held_back():
                    lock.close()  # its session is one in the original, which must be alone
                    kept = self._in_place(made.name) if replaces else None
                    if not replaces:
                        self._named(made.name)
        return Recovered(found, kept, tuple(self.warnings))

    def _locked(self, stack: ExitStack) -> tuple[Lost, tuple[str, ...]]:
        """Take the lock of a run; gives what tells its loss, and where the database is."""
        tables = version_tables(self._manifest)
        there = replace(self.settings, database_url=self._address(self.original))
        link = stack.enter_context(linked(there))
        locked = stack.enter_context(run_lock(link, keys=lock_keys(tables, there.lock_key)))
        standing = union(revisions(link.server.connection, table) for table in tables)
        return locked.guard.failure, standing

    def _others(self) -> tuple[Session, ...]:
        return connected(self.server.connection, self.original, self.application_name)

    def _see_that_nobody_is_there(self) -> None:
        sessions = self._others()
        if sessions and not self.end_sessions:
            raise replacement.refuse(sessions, self.original, "Nothing was restored.")

    def _restored(self, made: Scratch, lost: Lost) -> Found:
        load.begins(self.means, made.name)

        def look() -> None:
            if error := lost():
                raise error

        def work() -> Found:
            self.means.restore(made, self.crew)
            with self.crew.stopping(made.connection.cancel):
                return names.read(made, version_tables(self._manifest))

        found = self.crew.does(work, look)
        _accept(list(mistakes(self._manifest, found)))
        return found

    def _record(self, made: Scratch, origin: tuple[str, ...]) -> None:
        """Enter it into the ledger that came with the backup."""
        journal = Journal(id=log.run_id_of_lines())
        journal.planned(origin, tuple(self._manifest.revisions_from))
        journal.backed_up(self.means.address)
        with (
            connect(self._address(made.name), WITHIN_S) as server,
            recording(server, journal, {}, "restore"),
        ):
            journal.concluded((), None, "migrated", None)
        self.warnings += journal.remarks

    def _carried_over(self, temporary: str) -> Iterator[str]:
        left = replacement.carry_over(self.server, self.original, temporary)
        for setting in left:
            yield f"The setting {setting} of the database could not be carried over: set it again."

    def _named(self, temporary: str) -> None:
        replacement.rename(self.server, temporary, self.name)
        remark(f"The restored database is proven, and called {self.name}.", "info")

    def _in_place(self, temporary: str) -> str:
        """Put it in the original's place; gives the name that that one has now."""
        ending = f"_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
        aside = names.free_name(self.server, self.original, ending)
        if replacement.replace(
            self.server, self.original, aside, temporary, end_sessions=self.end_sessions
        ):
            told = f"The restored database is proven, and in the place of {self.original}"
            remark(f"{told}, which is kept as {aside}.", "info")
            return aside
        sessions = self._others()
        name = names.free_name(self.server, self.original, ending_of(self._manifest))
        replacement.rename(self.server, temporary, name)
        kept = f"The restored database is proven, and kept as {name}; {self.original} is as it was."
        raise replacement.refuse(sessions, self.original, kept)

    def _address(self, database: str) -> Address:
        return to_database(self.settings.database_url, database, self.application_name)


def version_tables(manifest: Manifest) -> tuple[VersionTable, ...]:
    """Give the version tables that the backup holds, or would hold."""
    return tuple(VersionTable(one["schema"], one["name"]) for one in manifest.version_tables)


def lock_keys(tables: tuple[VersionTable, ...], own_key: str | None) -> list[int]:
    """Give the keys of a run on these tables.

    A run makes them of the schema that env.py names, or of none; the manifest knows the schema
    alone. So both are taken.
    """
    unnamed = [VersionTable(None, table.name) for table in tables]
    return sorted({*keys_for(tables, own_key), *keys_for(unnamed, own_key)})


def ending_of(manifest: Manifest) -> str:
    """Give what the name of a database restored from it ends with: when it was backed up."""
    return f"_{datetime.fromisoformat(manifest.created):%Y%m%d_%H%M%S}"


def mistakes(manifest: Manifest, found: Found) -> Iterator[str]:
    """Give how a restored database differs from what the manifest says of it."""
    for table, one in zip(version_tables(manifest), manifest.version_tables, strict=True):
        if sorted(found.standing[table]) != sorted(one["revisions"]):
            at, wanted = named(found.standing[table]), named(one["revisions"])
            yield f"{table} is at {at}, and not at {wanted}"
    for name in manifest.tables:
        if name not in found.rows:
            yield f"the table {name} is missing"
    for name, count in (manifest.rows or {}).items():
        if found.rows.get(name, count) != count:
            yield f"{name} has {found.rows[name]} rows, and not {count}"


def _accept(wrong: list[str]) -> None:
    if wrong:
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        message = f"What was restored is not what the manifest says: {'; '.join(wrong[:5])}{more}."
        raise UnprovenError(message, hint="Take another backup. Nothing was replaced.")
