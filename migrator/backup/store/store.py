"""The interface of a backup store, the same for a directory and a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Store(Protocol):
    """Files by their names; a name may have folders in it.

    Every method raises `StorageError` where the store refuses, or cannot be reached.
    """

    def address(self, name: str) -> str:
        """Give the address under which a person finds it."""

    def check(self) -> None:
        """See that it is there; raises `ConfigurationError` where it is not fit for backups."""

    def writing(
        self, name: str, expected_bytes: int
    ) -> AbstractContextManager[Callable[[bytes], object]]:
        """Give what writes the file; it is there, whole, once the block has ended well.

        Where the block raises, nothing is there. `expected_bytes` is about the most there will be.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """Give a file in pieces; raises `FileNotFoundError` where there is none."""

    def on_disk(self, name: str) -> str | None:
        """Give the file's path where programs can read it by themselves, else None."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Give the size of each file under a folder, by its name."""

    def remove(self, name: str) -> None:
        """Remove a file."""


def store_at(url: str) -> Store:
    """Give the store that MIGRATOR_BACKUP_TO names.

    Raises `ConfigurationError` where the extra `cloud` is needed and not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        from migrator.backup.store.directory import Directory  # noqa: PLC0415 - one of the two

        return Directory(parts.path, ephemeral="ok" in parse_qs(parts.query).get("ephemeral", []))
    from migrator.backup.store.cloud import Cloud  # noqa: PLC0415 - an extra

    return Cloud(url)
