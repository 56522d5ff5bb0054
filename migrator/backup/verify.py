"""Verify a backup: compare what is stored with what was dumped, and restore it if asked to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.backup.stream import Meter
from migrator.database.pgtools.pg_dump import failed
from migrator.database.pgtools.pg_restore import OPTIONS, restoring
from migrator.errors import BackupError, StorageError
from migrator.process import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from migrator.database.pgtools.pg_restore import Restorer, Target
    from migrator.database.pgtools.programs import Programs
    from migrator.database.pgtools.worker import Crew
    from migrator.process.program import Child

_DATA = " TABLE DATA "
_MOST_NAMED = 5
_AGAIN = "Look at the store: what is read from it is not what was written. Nothing was migrated."


def read_back(
    address: str,
    pieces: Iterable[bytes],
    expected: Meter,
    feed: Callable[[bytes], object] = lambda _: None,
) -> None:
    """Read all of what is stored, and hand it on; it must be what was written.

    Raises `StorageError` where it is not.
    """
    seen = Meter(feed)
    try:
        for piece in pieces:
            seen.write(piece)
    except FileNotFoundError:
        raise StorageError(f"{address} is not there.", hint=_AGAIN) from None
    if (seen.size_bytes, seen.sha256) != (expected.size_bytes, expected.sha256):
        raise StorageError(
            f"{address} is not what was stored:"
            f" {seen.size_bytes:,} bytes with SHA-256 {seen.sha256},"
            f" not {expected.size_bytes:,} with {expected.sha256}.",
            hint=_AGAIN,
        )


class Listing:
    """What `pg_restore --list` finds in a dump that is fed to it."""

    def __init__(self, child: Child, complaints: list[str]) -> None:
        """Listen to this child; it may print before it has read all."""
        self._child, self._complaints = child, complaints
        self._printed: list[bytes] = []
        self._wants = True
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def feed(self, data: bytes) -> None:
        """Give it the next of the dump; it needs the beginning only."""
        self._wants = self._wants and self._child.write(data)

    def tables(self) -> frozenset[str]:
        """Give what may be names of tables with data; raises `BackupError` where it fails."""
        self._child.end_of_input()
        code = self._child.wait()
        self._listener.join()
        if code != 0:
            raise failed("pg_restore --list", code, self._complaints)
        lines = b"".join(self._printed).decode(errors="replace").splitlines()
        found = (line.split(_DATA, 1)[1] for line in lines if _DATA in line)
        return frozenset(name for entry in found for name in _beginnings(entry))

    def _listen(self) -> None:
        while chunk := self._child.read():
            self._printed.append(chunk)


@contextmanager
def listing(programs: Programs, crew: Crew) -> Iterator[Listing]:
    """Run `pg_restore --list` for as long as the block lasts."""
    complaints: list[str] = []
    line = [programs.pg_restore, "--list"]
    told = environment.for_program()
    with crew.program(line, told, complaints.append, fed=True) as child:
        yield Listing(child, complaints)


def lists(listed: frozenset[str], expected: Iterable[str]) -> None:
    """See that the data of all these tables is in the dump; raises `BackupError`."""
    missing = [name for name in expected if name not in listed]
    if missing:
        message = f"The dump lacks the data of {', '.join(missing[:5])}."
        raise BackupError(message, hint="Nothing was migrated.")


class Trial:
    """A pg_restore that is fed the dump."""

    def __init__(self, restorer: Restorer) -> None:
        """Feed this one."""
        self._restorer = restorer

    def feed(self, data: bytes) -> None:
        """Give it the next of the dump."""
        self._restorer.write(data)

    def finish(self) -> None:
        """Let it come to its end; raises `BackupError` where that is not a good one."""
        code = self._restorer.ended()
        if code != 0:
            raise failed("pg_restore", code, self._restorer.complaints)


@contextmanager
def trying(programs: Programs, into: Target, crew: Crew) -> Iterator[Trial]:
    """Run a pg_restore into this database for as long as the block lasts."""
    with restoring(programs.pg_restore, OPTIONS, into, crew, fed=True) as restorer:
        yield Trial(restorer)


def accept(mistakes: Sequence[str]) -> None:
    """Raise `BackupError` where what was restored is not what was dumped."""
    if mistakes:
        more = f" … and {len(mistakes) - _MOST_NAMED} more" if len(mistakes) > _MOST_NAMED else ""
        message = (
            f"What was restored is not what was dumped: {'; '.join(mistakes[:_MOST_NAMED])}{more}."
        )
        raise BackupError(message, hint="Do not rely on this backup. Nothing was migrated.")


def _beginnings(entry: str) -> Iterator[str]:
    """Give `schema name` of an entry `schema name owner`: each may have spaces in it."""
    words = entry.split(" ")
    for count in range(2, len(words)):
        yield " ".join(words[:count])
