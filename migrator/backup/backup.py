"""`migrator backup` and `migrator backups`: take a backup now, list those that exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.backup.inventory import Item, inventory
from migrator.backup.take import prepare
from migrator.database.catalog import revisions
from migrator.database.lock.run_lock import linked, run_lock
from migrator.database.pgtools.source import Source
from migrator.database.version_table import union
from migrator.errors import ConfigurationError
from migrator.output.text import named, readable
from migrator.status.position import find_position

if TYPE_CHECKING:
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken; an answer."""

    address: str
    current: tuple[str, ...]
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of the documentation."""
        return {"backup": self.address, "current": list(self.current)}

    def __str__(self) -> str:
        """Give it for a person."""
        return f"{self.address}  the database is at {named(self.current)}"


@dataclass(frozen=True, slots=True)
class Kept:
    """The backups that are there; an answer."""

    items: tuple[Item, ...]
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give them under the names of the documentation."""
        return {"backups": [item.fields() for item in self.items]}

    def __str__(self) -> str:
        """Give them for a person, one a line."""
        return "\n".join(map(_line, self.items)) or "There is no backup."


def backup(settings: Settings) -> Taken:
    """Take a backup now, behind the lock of a run.

    Raises what a run raises whose backup fails.
    """
    place(settings)
    with linked(settings) as link:
        server = link.server
        tables = find_position(settings, server)[0].tables
        prepared = prepare(Source(server), settings)
        with run_lock(link, tables) as locked:
            standing = {one: revisions(server.connection, one) for one in tables}
            address = prepared.take(standing, locked.guard.failure) if prepared else ""
    return Taken(address, union(standing.values()))


def backups(settings: Settings) -> Kept:
    """List the backups that are there, without asking the database.

    Raises `StorageError` or `ConfigurationError` where the store cannot be read.
    """
    return Kept(inventory(place(settings)))


def place(settings: Settings) -> str:
    """Give where backups are; raises `ConfigurationError` where that was not said."""
    if settings.backup_to is None:
        message = "MIGRATOR_BACKUP_TO says where backups are, and it is not set."
        raise ConfigurationError(message, hint="Nothing was tried.")
    return settings.backup_to


def _line(item: Item) -> str:
    size = "gone" if item.size_bytes is None else readable(item.size_bytes)
    known = item.manifest
    at = f"{known.created}  {known.database} at {named(known.revisions_from)}  " if known else ""
    return f"{item.state:<10}  {at}{size}  {item.address}"
