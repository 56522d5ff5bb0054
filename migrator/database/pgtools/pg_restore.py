"""Run pg_restore, and stop at its first error that matters."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from migrator.database.pgtools.pg_dump import Origin, complain, login

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.database.pgtools.worker import Crew
    from migrator.process.program import Child

OPTIONS = (
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
)
"""What belongs to roles, to other servers and to disks cannot be restored by every role, and is no
part of the comparison."""
_TRANSACTION_TIMEOUT_SINCE = 17
_HARMLESS = (
    'unrecognized configuration parameter "transaction_timeout"',
    "warning: errors ignored on restore",
)
"""From 17 on pg_restore switches that timeout off, and an older server does not know it. With
`--exit-on-error` no later pg_restore could restore into an older server."""
_ERROR = "pg_restore: error: "


class Target(Origin, Protocol):
    """A database to restore into."""

    @property
    def major(self) -> int:
        """The server's major version."""


class Restorer:
    """A pg_restore, and what it complained of."""

    def __init__(self) -> None:
        """Begin with no complaint."""
        self.complaints: list[str] = []
        self._child: Child | None = None
        self._harmless = self._serious = False

    def begins(self, child: Child) -> None:
        """Learn which one it is."""
        self._child = child
        self._stop_where_serious()

    def said(self, text: str) -> None:
        """Hear a line of it."""
        if any(each in text for each in _HARMLESS):
            self._harmless = True
            return
        complain(text, self.complaints)
        self._serious = self._serious or text.startswith(_ERROR)
        self._stop_where_serious()

    def write(self, data: bytes) -> bool:
        """Give it the next of a dump; tells whether it still wants to."""
        return self._child is not None and self._child.write(data)

    def ended(self) -> int | None:
        """Let it come to its end; gives 0 where that is a good one, else its exit code."""
        if self._child is None:
            return None
        self._child.end_of_input()
        code = self._child.wait()
        if self._serious:
            return 1
        return 0 if code == 1 and self._harmless else code

    def _stop_where_serious(self) -> None:
        if self._serious and self._child:
            self._child.stop()


@contextmanager
def restoring(
    pg_restore: str, options: Sequence[str], into: Target, crew: Crew, *, fed: bool
) -> Iterator[Restorer]:
    """Run a pg_restore into this database for as long as the block lasts."""
    strict = ("--exit-on-error",) if into.major >= _TRANSACTION_TIMEOUT_SINCE else ()
    line = [pg_restore, *strict, "--no-password", f"--dbname={into.conninfo()}", *options]
    restorer = Restorer()
    with crew.program(line, login(into), restorer.said, fed=fed) as child:
        restorer.begins(child)
        yield restorer
