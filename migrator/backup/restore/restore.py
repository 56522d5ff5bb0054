"""`migrator restore`: restore a backup into a new database, or over the original."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrator.backup import backup
from migrator.backup.inventory import inventory
from migrator.backup.restore import choose, load
from migrator.backup.restore.load import Manner
from migrator.backup.restore.replace import Recovery, ending_of
from migrator.backup.store.store import store_at
from migrator.database.pgtools.worker import Crew
from migrator.database.scratch import names
from migrator.database.version_table import union
from migrator.errors import ConfigurationError, UsageError
from migrator.output.text import named

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.backup.manifest import Manifest
    from migrator.backup.restore.load import PreparedRestore
    from migrator.database.connection import Server
    from migrator.settings.address import Address
    from migrator.settings.table import Settings

_ASK = "The backup {} takes the place of {}, which is kept under another name. Go on?"
_DIRECT = "Give the direct address of the server: DATABASE_UNPOOLED_URL, or MIGRATOR_DATABASE_URL."


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What is to be restored, and where to."""

    name: str | None = None
    """The backup's; None is the newest."""
    into: str | None = None
    """A database that is not there yet; None is a name of its own."""
    over: str | None = None
    """The database itself, by its name."""
    manner: Manner = field(default_factory=Manner)
    end_sessions: bool = False
    consent: Callable[[str], None] = lambda _: None
    """Asks a person; raises `UsageError` where that is no."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that was restored; an answer."""

    database: str
    kept: str | None
    """The one whose place it took, by the name that it has now."""
    backup: str
    created: str
    current: tuple[str, ...]
    rows: int
    tables: int
    duration_s: float
    warnings: tuple[str, ...]
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of the documentation."""
        return {
            "database": self.database,
            "kept": self.kept,
            "backup": self.backup,
            "created": self.created,
            "current": list(self.current),
            "tables": self.tables,
            "rows": self.rows,
            "duration_s": self.duration_s,
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        """Give it for a person."""
        told = (
            f"Restored {self.database} from {self.backup}, of {self.created}: at"
            f" {named(self.current)}, {self.tables} tables with {self.rows:,} rows, in"
            f" {self.duration_s:.1f} s."
        )
        kept = [f"The database that was there is kept as {self.kept}."] if self.kept else []
        return "\n".join((told, *kept, *self.warnings))


def restore(settings: Settings, request: RestoreRequest) -> Restored:
    """Restore a backup, prove it, and only then give it its name.

    Raises `UsageError` where the request cannot be meant, `StorageError` where what is stored is
    not what was backed up, `BackupError` where it cannot be restored, `UnprovenError` where it is
    not what its manifest says, `BusyError` where the database is in use, and what else is in the
    way.
    """
    began, url = time.monotonic(), _place(settings, request)
    database, ours = _database(settings.database_url, request), f"migrator {secrets.token_hex(4)}"
    items = inventory(url)
    with names.maintenance(settings.database_url, settings.connect_timeout, ours) as server:
        _refuse_pooler(server)
        manifest = (
            choose.named(items, request.name, store_at(url))
            if request.name
            else choose.newest(items, database, _system(server))
        )
        recovery = Recovery(
            settings,
            server,
            _prepared(request, manifest, url, server.version),
            database,
            _name(server, manifest, database, request),
            ours,
            request.end_sessions,
        )
        if request.over:
            request.consent(_ASK.format(manifest.name, database))
        done = recovery.done()
    return Restored(
        database=recovery.name,
        kept=done.kept,
        backup=recovery.means.address,
        created=manifest.created,
        current=union(done.found.standing.values()),
        tables=len(done.found.rows),
        rows=sum(done.found.rows.values()),
        duration_s=round(time.monotonic() - began, 3),
        warnings=done.warnings,
    )


def _place(settings: Settings, request: RestoreRequest) -> str:
    """Give where backups are; where that is not said, an address of a backup says it too."""
    if settings.backup_to or "://" not in (request.name or ""):
        return backup.place(settings)
    root = str(request.name).rsplit("/", 2)[0]
    return f"{root}?ephemeral=ok" if root.startswith("file:") else root


def _prepared(
    request: RestoreRequest, manifest: Manifest, url: str, version: int
) -> PreparedRestore:
    crew = Crew()
    return crew.does(
        lambda: load.prepare(manifest, url, version, request.manner, crew),
    )


def _database(address: Address, request: RestoreRequest) -> str:
    """Give the name of the database that backups were taken of."""
    database = address.parameters.get("dbname") or address.parameters.get("user")
    if not database:
        message = f"{address.source} names no database."
        raise ConfigurationError(message, hint="Say which was backed up, though it may be gone.")
    if request.over and request.into:
        message = "--into and --over exclude each other."
        raise UsageError(message, hint="migrator restore --help")
    if request.over and request.over != database:
        message = f"--over {request.over}: the database is called {database}."
        raise UsageError(message, hint="It is named again to be sure. Nothing was touched.")
    return database


def _name(server: Server, manifest: Manifest, database: str, request: RestoreRequest) -> str:
    """Give the name that the restored database is to have."""
    if request.over:
        if not names.exists(server, database):
            message = f"There is no database {database} that could be replaced."
            raise UsageError(message, hint=f"--into {database} makes it. Nothing was touched.")
        return database
    if request.into and names.exists(server, request.into):
        message = f"There is a database {request.into} already."
        over = f"; --over {database} replaces it" if request.into == database else ""
        raise UsageError(message, hint=f"Name another one{over}. Nothing was touched.")
    return request.into or names.free_name(server, database, ending_of(manifest))


def _system(server: Server) -> str | None:
    identifier = server.identity.system_identifier
    return str(identifier) if identifier else None


def _refuse_pooler(server: Server) -> None:
    if server.pooled:
        message = "A backup cannot be restored through a pooler: pg_restore needs its own session."
        raise ConfigurationError(message, hint=_DIRECT)
