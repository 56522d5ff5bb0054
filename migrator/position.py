"""Where a database stands in the project's history, said in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.log import Event, emit
from migrator.report import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.version_table import VersionTable


def announce(
    current: Sequence[str],
    destination: Sequence[str],
    pending: int,
    tables: Sequence[VersionTable],
    side: str = "short of",
) -> None:
    """Log that the project is loaded, and how far the database is from where it is to go."""
    told = f"the database is at {named(current)}, "
    told += f"{counted(pending)} {side} {named(destination)}" if pending else "nothing is pending"
    emit(
        Event.PROJECT_LOADED,
        f"Loaded the project: {told}.",
        revisions_from=list(current),
        revisions_to=list(destination),
        pending=pending,
        version_tables=[str(t) for t in tables],
    )


def capital(text: str) -> str:
    """Give a text as a sentence begins."""
    return text[:1].upper() + text[1:]


def counted(number: int) -> str:
    """Give `1 revision`, `2 revisions`."""
    return f"{number} revision{'' if number == 1 else 's'}"
