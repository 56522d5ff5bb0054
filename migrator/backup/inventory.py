"""List the backups in a store, and tell which are complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.backup.manifest import DUMP, ENCRYPTED, manifests
from migrator.backup.store.store import store_at
from migrator.database.pgtools.worker import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.backup.manifest import Manifest
    from migrator.backup.store.store import Store


@dataclass(frozen=True, slots=True)
class Item:
    """A backup in a store. Without a manifest nothing is known of it but its file and size."""

    address: str
    file: str
    size_bytes: int | None
    """Of the dump that is there; None where there is none."""
    manifest: Manifest | None

    @property
    def state(self) -> str:
        """`complete`: the manifest is there, and a dump of the size that it says."""
        whole = self.manifest is not None and self.manifest.size_bytes == self.size_bytes
        return "complete" if whole else "incomplete"

    def fields(self) -> dict[str, Any]:
        """Give it under the names that scripts rely on."""
        known = self.manifest
        return {
            "state": self.state,
            "name": known.name if known else None,
            "address": self.address,
            "created": known.created if known else None,
            "database": known.database if known else None,
            "revisions_from": list(known.revisions_from) if known else None,
            "revisions_to": list(known.revisions_to) if known else None,
            "size_bytes": self.size_bytes,
            "encryption": known.encryption if known else None,
            "proof": known.proof if known else None,
        }


def inventory(url: str) -> tuple[Item, ...]:
    """Give the backups of every database under MIGRATOR_BACKUP_TO, the newest of each first.

    Raises `ConfigurationError` or `StorageError` where the store cannot be read.
    """
    crew = Crew()
    return crew.does(lambda: tuple(_items(store_at(url))))


def _items(store: Store) -> Iterator[Item]:
    store.check()
    sizes = store.sizes("")
    known = {m.file: m for m in manifests(store, sizes).values()}
    dumps = {name for name in sizes if name.endswith((DUMP, ENCRYPTED))}
    for file in sorted({*known, *dumps}, reverse=True):
        yield Item(store.address(file), file, sizes.get(file), known.get(file))
