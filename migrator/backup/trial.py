"""The trial: what is stored is restored into a scratch database, and compared with its origin."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.database.pgtools.pg_dump import failed
from migrator.database.pgtools.pg_restore import restoring
from migrator.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.database.pgtools.pg_restore import Restorer, Target
    from migrator.database.pgtools.programs import Programs
    from migrator.database.pgtools.worker import Crew

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
_MOST_NAMED = 5


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
