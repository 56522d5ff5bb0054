"""Choose the backup to restore: the newest of a database, or the one that was named."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from migrator.backup.manifest import DUMP, ENCRYPTED, FORMAT, KIND, MANIFEST
from migrator.errors import ConfigurationError, DisagreementError, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.backup.inventory import Item
    from migrator.backup.manifest import Manifest
    from migrator.backup.store.store import Store

_LIST = "migrator backups lists what is there. Nothing was touched."


def named(items: Sequence[Item], name: str, store: Store) -> Manifest:
    """Give the backup of this name, file or address; the name's last part is enough.

    Raises `UsageError` where there is none, `DisagreementError` where a later migrator made it, and
    `StorageError` where it is not complete.
    """
    found = [item for item in items if name in _names(item)]
    if not found:
        raise UsageError(f"There is no backup called {name}.", hint=_LIST)
    if len(found) > 1:
        message = f"{name} is the name of {len(found)} backups."
        raise UsageError(message, hint="Name one by its address. " + _LIST)
    manifest = found[0].manifest
    if manifest is None:
        _refuse_a_later_format(store, _stem(found[0].file) + MANIFEST)
    if manifest is None or found[0].state != "complete":
        why = "is not of the size that its manifest says" if manifest else "has no manifest"
        why = "is gone" if found[0].size_bytes is None else why
        message = f"The backup {name} is incomplete: its dump {why}."
        raise StorageError(message, hint="Take another one. " + _LIST)
    return manifest


def newest(items: Sequence[Item], database: str, system_identifier: str | None) -> Manifest:
    """Give the newest complete backup of this database of this server.

    Where there is none of this server, that of the one other server that had a database of this
    name: the server may be a new one, because the old one is lost. Raises `ConfigurationError`
    where there is none, `UsageError` where there are several servers.
    """
    whole = [i.manifest for i in items if i.manifest and i.state == "complete"]
    ours = [m for m in whole if m.database == database]
    here = [m for m in ours if m.system_identifier == system_identifier] or ours
    if not here:
        message = f"There is no complete backup of {database} under MIGRATOR_BACKUP_TO."
        raise ConfigurationError(message, hint=_LIST)
    if len({m.system_identifier for m in here}) > 1:
        message = f"Several other servers have backups of a database {database}."
        raise UsageError(message, hint="Name the backup. " + _LIST)
    return max(here, key=lambda m: m.name)


def _names(item: Item) -> set[str]:
    stem = _stem(item.file)
    return {stem, item.file, item.address, stem.rpartition("/")[2]}


def _stem(file: str) -> str:
    return file.removesuffix(ENCRYPTED).removesuffix(DUMP)


def _refuse_a_later_format(store: Store, file: str) -> None:
    with suppress(FileNotFoundError, ValueError, AttributeError):
        found = json.loads(b"".join(store.read(file)))
        if found.get("kind") == KIND and found.get("format") != FORMAT:
            raise DisagreementError(
                f"The backup's manifest is of format {found.get('format')}, and this migrator knows"
                f" {FORMAT}.",
                hint="A later migrator made it; use that one. Nothing was touched.",
            )
