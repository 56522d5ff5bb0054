"""Where a database stands in the project's history, said in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.output.log import Event, emit
from migrator.output.text import counted, named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from migrator.database.version_table import VersionTable


def announce(  # noqa: PLR0913, PLR0917 - what one line of the log tells
    current: Sequence[str],
    destination: Sequence[str],
    pending: int,
    tables: Sequence[VersionTable],
    altered: Mapping[str, str],
    side: str = "short of",
) -> None:
    """Log that the project is loaded, and how far the database is from where it is to go.

    With it go the sentences about revisions that were changed after they had been applied.
    """
    told = f"the database is at {named(current)}, "
    told += (
        f"{counted(pending, 'revision')} {side} {named(destination)}"
        if pending
        else "nothing is pending"
    )
    emit(
        Event.PROJECT_LOADED,
        "\n".join((f"Loaded the project: {told}.", *altered.values())),
        level="warn" if altered else "info",
        revisions_from=list(current),
        revisions_to=list(destination),
        pending=pending,
        version_tables=[str(t) for t in tables],
        altered=list(altered),
    )
