"""The manifest of a backup, a JSON file written beside it after everything else."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from migrator.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from migrator.backup.store.store import Store

FORMAT = 1
KIND = "migrator.backup"
MANIFEST, DUMP, ENCRYPTED = ".json", ".dump", ".dump.age"
_LONGEST_REVISIONS = 60
_ODD = re.compile(r"[^A-Za-z0-9_.+-]")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a backup. The fields are those of the file, in its order."""

    kind: str
    format: int
    name: str
    file: str
    created: str
    database: str
    system_identifier: str | None
    server_version: str
    revisions_from: Sequence[str]
    revisions_to: Sequence[str]
    version_tables: Sequence[Mapping[str, Any]]
    size_bytes: int
    sha256: str
    compression: str
    encryption: str | None
    recipients: Sequence[str]
    proof: str
    migrator_version: str
    pg_dump_version: str
    deployment: str | None
    tables: Mapping[str, Mapping[str, int]]
    rows: Mapping[str, int] | None

    @property
    def text(self) -> bytes:
        """The file."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n").encode()

    def is_of(self, other: Manifest) -> bool:
        """Tell whether it is a backup of the same database."""
        mine, theirs = (
            (self.database, self.system_identifier),
            (
                other.database,
                other.system_identifier,
            ),
        )
        return mine == theirs


def folder_of(database: str) -> str:
    """Give the folder for the backups of a database of this name."""
    return quote(database, safe="") + "/"


def name_for(database: str, origin: Sequence[str], now: datetime) -> str:
    """Give the name of a backup, without its ending: sorted by name is sorted by time.

    The last letters are drawn by lot: two servers may have a database of the same name.
    """
    revisions = _ODD.sub("_", "+".join(origin) or "base")[:_LONGEST_REVISIONS]
    return f"{folder_of(database)}{now:%Y%m%dT%H%M%SZ}-{revisions}-{secrets.token_hex(3)}"


def now() -> datetime:
    """Give the time, UTC, without parts of a second."""
    return datetime.now(UTC).replace(microsecond=0)


def read(text: bytes) -> Manifest | None:
    """Give the manifest in a file, or None where it is none of ours."""
    try:
        found = json.loads(text)
        if found.get("kind") != KIND or found.get("format") != FORMAT:
            return None
        return Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    except (ValueError, AttributeError, KeyError):
        return None


def manifests(store: Store, sizes: Mapping[str, int]) -> dict[str, Manifest]:
    """Give the manifests among the files of a store, by their file's name, oldest first."""
    found = {}
    for name in sorted(n for n in sizes if n.endswith(MANIFEST)):
        manifest = load(store, name)
        if manifest is not None and manifest.name + MANIFEST == name:
            found[name] = manifest
    return found


def load(store: Store, name: str) -> Manifest | None:
    """Give the manifest of this file name, or None where there is none of ours.

    Raises `StorageError` where it cannot be read.
    """
    try:
        return read(b"".join(store.read(name)))
    except FileNotFoundError:
        return None


def save(store: Store, manifest: Manifest) -> None:
    """Write the manifest, after which the backup is complete.

    Raises `StorageError`.
    """
    name = manifest.name + MANIFEST
    with store.writing(name, len(manifest.text)) as write:
        write(manifest.text)
    if load(store, name) is None:
        message = f"The manifest {store.address(name)} cannot be read back."
        raise StorageError(message, hint="Look at the store, and try again. Nothing was migrated.")
