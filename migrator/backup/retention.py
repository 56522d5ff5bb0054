"""Delete the oldest backups of a database, and keep the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.backup.manifest import MANIFEST, folder_of, manifests
from migrator.database.pgtools.pg_dump import remark
from migrator.errors import StorageError

if TYPE_CHECKING:
    from migrator.backup.manifest import Manifest
    from migrator.backup.store.store import Store


def retain(store: Store, newest: Manifest, keep: int) -> None:
    """Keep so many complete backups of this database, the newest among them.

    What has no manifest of ours, or one of another database, is nobody's to remove. That an old
    one cannot be removed is logged; the backup that was made stands.
    """
    try:
        sizes = store.sizes(folder_of(newest.database))
        ours = [m for m in manifests(store, sizes).values() if m.is_of(newest)]
        whole = [m for m in ours if sizes.get(m.file) == m.size_bytes]
        for manifest in superseded(whole, newest, keep):
            remove(store, manifest)
    except (StorageError, FileNotFoundError) as error:
        remark(f"An old backup could not be removed; the new one stands. {error}")


def superseded(whole: list[Manifest], newest: Manifest, keep: int) -> list[Manifest]:
    """Give the complete backups that are one too many, oldest first; never the newest."""
    ordered = sorted((m for m in whole if m.name != newest.name), key=lambda m: m.name)
    return ordered[: max(0, len(ordered) - (keep - 1))]


def remove(store: Store, manifest: Manifest) -> None:
    """Remove a backup: its manifest first, without which the rest is no backup."""
    store.remove(manifest.name + MANIFEST)
    store.remove(manifest.file)
