"""The trial: what is stored is restored into a scratch database, and compared with its origin."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from migrator.backup.dump import Origin, complain, failed, login
from migrator.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.backup.child import Child
    from migrator.backup.crew import Crew
    from migrator.backup.programs import Programs

_OPTIONS = (
    "--no-password",
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
_SAYS_TOO_MUCH_SINCE = 17
"""From here on pg_restore begins with `SET transaction_timeout`, which an older server refuses."""
_MOST_NAMED = 5


class Into(Origin, Protocol):
    """Where to restore to."""

    @property
    def major(self) -> int:
        """The server's major version."""


class Trial:
    """A pg_restore that is fed the dump."""

    def __init__(self, child: Child, complaints: list[str], *, strict: bool) -> None:
        """Feed this child; unless `strict` it may pass over errors, and the comparison decides."""
        self._child, self._complaints, self._strict = child, complaints, strict

    def feed(self, data: bytes) -> None:
        """Give it the next of the dump."""
        self._child.write(data)

    def finish(self) -> None:
        """Let it come to its end; raises `BackupError` where that is not a good one."""
        self._child.end_of_input()
        code = self._child.wait()
        if code != 0 and (self._strict or code != 1):
            raise failed("pg_restore", code, self._complaints)


@contextmanager
def trying(programs: Programs, into: Into, crew: Crew) -> Iterator[Trial]:
    """Run a pg_restore into this database for as long as the block lasts."""
    complaints: list[str] = []
    strict = into.major >= _SAYS_TOO_MUCH_SINCE or programs.major < _SAYS_TOO_MUCH_SINCE
    options = ["--exit-on-error", *_OPTIONS] if strict else _OPTIONS
    line = [programs.pg_restore, *options, f"--dbname={into.conninfo()}"]
    with crew.program(
        line, login(into), lambda text: complain(text, complaints), fed=True
    ) as child:
        yield Trial(child, complaints, strict=strict)


def accept(mistakes: Sequence[str]) -> None:
    """Raise `BackupError` where what was restored is not what was dumped."""
    if mistakes:
        more = f" … and {len(mistakes) - _MOST_NAMED} more" if len(mistakes) > _MOST_NAMED else ""
        message = (
            f"What was restored is not what was dumped: {'; '.join(mistakes[:_MOST_NAMED])}{more}."
        )
        raise BackupError(message, hint="Do not rely on this backup. Nothing was migrated.")
