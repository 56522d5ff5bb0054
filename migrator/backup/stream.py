"""Stream a dump into the store, counting and hashing it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Reader(Protocol):
    """What gives bytes, and nothing at its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Give the next."""


class Meter:
    """Passes on what is written, and knows how much that was and its SHA-256."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Begin with nothing."""
        self._write = write
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Pass it on; gives its length."""
        self._write(data)
        self._hash.update(data)
        self.size_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: it keeps nothing back."""

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()


class Tap:
    """Gives what another reader gives, and hands it to somebody besides."""

    def __init__(self, source: Reader, feed: Callable[[bytes], object]) -> None:
        """Read from this source."""
        self._source, self._feed = source, feed

    def read(self, size: int = -1, /) -> bytes:
        """Give the next."""
        data = self._source.read(size)
        self._feed(data)
        return data


def copy(source: Reader, sink: Meter) -> None:
    """Write the whole source to the sink; raises what the one or the other raised."""
    while chunk := source.read():
        sink.write(chunk)
