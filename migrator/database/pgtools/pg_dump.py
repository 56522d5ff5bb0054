"""Run pg_dump (custom format), and read the dump while it is made."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from migrator.errors import BackupError
from migrator.output.log import Event, emit
from migrator.process import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from migrator.database.pgtools.programs import Programs
    from migrator.database.pgtools.worker import Crew
    from migrator.process.program import Child

_LOCK_WAIT_MS = 30_000
"""pg_dump asks for the weakest table lock there is, and nobody who reads or writes queues behind
it: it can wait longer than a statement of the migration."""
_SPEAKS_UP = re.compile(r"pg_\w+: (?P<level>warning|error|fatal|detail|hint): ")
_LINES_KEPT = 6
_OPTIONS = {"zstd": "--compress=zstd", "gzip": "--compress=1"}
"""zlib's level 1 takes a third of the time of pg_dump's default of 6, for a tenth more bytes."""


class Origin(Protocol):
    """Where a program of Postgres connects to."""

    @property
    def password(self) -> str | None:
        """What goes to the program by its environment."""

    def conninfo(self) -> str:
        """Give libpq's parameters, which may be seen in a list of processes."""


class Dump:
    """A pg_dump that runs. Its end of file comes only after it has ended well."""

    def __init__(self, child: Child, complaints: list[str]) -> None:
        """Read from this child."""
        self._child, self._complaints = child, complaints

    def read(self, _size: int = -1) -> bytes:
        """Give the next of the dump, or nothing at its end.

        Raises `BackupError` where pg_dump did not end well: what was read is then no dump.
        """
        chunk = self._child.read()
        if not chunk:
            code = self._child.wait()
            if code != 0:
                raise failed("pg_dump", code, self._complaints)
        return chunk


@contextmanager
def dumping(  # noqa: PLR0913 - what is run, on what, and who sees to it
    programs: Programs,
    origin: Origin,
    snapshot: str,
    crew: Crew,
    heard: Callable[[str], None],
    *,
    schema_only: bool = False,
) -> Iterator[Dump]:
    """Run pg_dump for as long as the block lasts; `heard` gets what it says of its progress.

    With `schema_only` the dump has no rows.

    Raises `BackupError`.
    """
    line = [
        programs.pg_dump,
        "--format=custom",
        _OPTIONS[programs.compression],
        "--no-password",
        "--verbose",
        f"--lock-wait-timeout={_LOCK_WAIT_MS}",
        f"--snapshot={snapshot}",
        f"--dbname={origin.conninfo()}",
        *(["--schema-only"] if schema_only else []),
    ]
    complaints: list[str] = []

    def said(text: str) -> None:
        heard(text)
        complain(text, complaints)

    with crew.program(line, login(origin), said) as child:
        yield Dump(child, complaints)


def login(origin: Origin) -> dict[str, str]:
    """Give a program's environment, the password in it and nowhere else."""
    given = {"PGPASSWORD": origin.password} if origin.password else {}
    return environment.for_program(**given)


def remark(
    message: str,
    level: str = "warn",
    written_bytes: int | None = None,
    tables_bytes: int | None = None,
    fraction: float | None = None,
) -> None:
    """Log how far a backup is, or what a program says of it."""
    emit(
        Event.BACKUP_PROGRESSED,
        message,
        level=level,
        written_bytes=written_bytes,
        tables_bytes=tables_bytes,
        fraction=fraction,
    )


def complain(text: str, complaints: list[str]) -> None:
    """Log what a program says is wrong, and keep the last of it."""
    if _SPEAKS_UP.match(text):
        complaints.append(text)
        del complaints[:-_LINES_KEPT]
        remark(text)
    elif text:
        remark(text, "debug")


class ProgramError(BackupError):
    """A program of Postgres did not end well."""

    def __init__(self, ended: str, complaints: Sequence[str]) -> None:
        """Say how it ended, and what it complained of."""
        self.said = "\n".join([f"{ended}.", *complaints])
        """That alone, without what follows from it for a backup."""
        super().__init__(
            "\n".join([f"{ended}, so there is no backup.", *complaints]),
            hint="Mend what it says, and try again. Nothing was migrated.",
        )


def failed(name: str, code: int | None, complaints: list[str]) -> ProgramError:
    """Give the error of a program that did not end well."""
    ended = (
        f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
    )
    return ProgramError(f"{name} {ended}", complaints)
