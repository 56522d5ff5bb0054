"""Run the command of MIGRATOR_AFTER under the lock after a successful upgrade (seed data)."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from migrator.errors import AftermathError, ConfigurationError, MigratorError
from migrator.output.log import Event, emit
from migrator.process.program import Child
from migrator.process.signals import SIGNALS
from migrator.project.environ import for_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection

    from migrator.settings.table import Settings

_LOOK_S = 0.1
_LINES_KEPT = 5


def owed(settings: Settings, connection: Connection) -> bool:
    """Tell whether the last run brought the database there, and MIGRATOR_AFTER was not done.

    Only the ledger knows; without one nothing is owed.
    """
    if not settings.after:
        return False
    from migrator.ledger import runs  # noqa: PLC0415 - most runs have no such command

    try:
        last = runs.last(connection)
    except MigratorError:  # not for this role, or not our ledger
        return False
    return bool(last and last["error"] and last["database_state"] == "migrated")


def ready(settings: Settings) -> None:
    """See before anything is changed that the command is there; raises `ConfigurationError`."""
    if settings.after and _which(settings.after[0]) is None:
        raise ConfigurationError(
            f"MIGRATOR_AFTER names {settings.after[0]}, which is not there, or cannot be run.",
            hint="It is started without a shell: a program and its arguments. Nothing was tried.",
        )


def follow(settings: Settings, lost: Callable[[], MigratorError | None]) -> None:
    """Run the command, with its output in the log; it finds the target in DATABASE_URL.

    `lost` gives the error of a run whose lock is gone. Raises that, the interruption that came, or
    `AftermathError` where the command did not end with 0; it is ended in either case.
    """
    if not settings.after:
        return
    program = _which(settings.after[0]) or settings.after[0]
    last: list[str] = []

    def said(line: str) -> None:
        last.append(line)
        del last[:-_LINES_KEPT]
        emit(Event.UPGRADE_VERIFIED, line, after=settings.after[0])

    environ = for_command(settings.database_url)
    code = _ended([program, *settings.after[1:]], environ, said, lost)
    if code != 0:
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        raise AftermathError("\n".join([f"MIGRATOR_AFTER {ended}: {settings.after[0]}.", *last]))


def _which(program: str) -> str | None:
    import shutil  # noqa: PLC0415 - a run with nothing to do asks only what is `owed`

    return shutil.which(program)


def _ended(
    line: Sequence[str],
    environ: Mapping[str, str],
    said: Callable[[str], None],
    lost: Callable[[], MigratorError | None],
) -> int:
    """Run a program to its end, and no further than the run goes; gives its exit code."""
    with closing(Child(line, environ, said)) as child:
        reading = threading.Thread(target=_read, args=(child, said), daemon=True)
        reading.start()
        while (code := child.wait(_LOOK_S)) is None:
            SIGNALS.deliver()
            if error := lost():
                raise error
        reading.join()
    return code


def _read(child: Child, said: Callable[[str], None]) -> None:
    rest = b""
    while chunk := child.read():
        *lines, rest = (rest + chunk).split(b"\n")
        for one in lines:
            said(one.decode(errors="replace").rstrip())
    if rest:
        said(rest.decode(errors="replace").rstrip())
