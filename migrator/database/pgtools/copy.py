"""Copy one database into another with pg_dump and pg_restore, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.database.pgtools.pg_dump import ProgramError, dumping
from migrator.database.pgtools.pg_restore import OPTIONS, restoring
from migrator.database.pgtools.programs import programs_for
from migrator.errors import BackupError, ConfigurationError

if TYPE_CHECKING:
    from migrator.database.pgtools.pg_restore import Target
    from migrator.database.pgtools.source import Source
    from migrator.database.pgtools.worker import Crew

_HINT = "Nothing was changed in the target. --on says where else the copy can be made."


def duplicate(source: Source, into: Target, crew: Crew, *, with_data: bool) -> None:
    """Copy the definitions, and the rows too where they are wanted, into an empty database.

    Owners, privileges and comments are left out. Takes no lock but the weakest in the source.

    Raises `ClientError` where no pg_dump here can read the source, `ConfigurationError` with what
    pg_dump or pg_restore said where the copy cannot be made.
    """
    programs = programs_for(source.version, crew)
    try:
        with (
            source.snapshot() as snapshot,
            crew.stopping(snapshot.cancel),
            dumping(
                *(programs, source, snapshot.name, crew, lambda _: None), schema_only=not with_data
            ) as dump,
            restoring(programs.pg_restore, OPTIONS, into, crew, fed=True) as restorer,
        ):
            while (chunk := dump.read()) and restorer.write(chunk):
                pass
            code, complaints = restorer.ended(), list(restorer.complaints)
    except BackupError as error:
        told = error.said if isinstance(error, ProgramError) else error.message
        raise ConfigurationError(f"The copy could not be made: {told}", hint=_HINT) from None
    if code != 0:
        told = "\n".join([f"pg_restore ended with {code}.", *complaints])
        raise ConfigurationError(f"The copy could not be made: {told}", hint=_HINT)
