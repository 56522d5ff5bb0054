"""Hold back a revision until the backfill that it needs is complete."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.backfill import failure
from migrator.backfill.definition import named
from migrator.backfill.keyset import CANCELED, anything, asked
from migrator.errors import IncompleteBackfillError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.backfill.definition import Definition
    from migrator.project.annotations import Need

_TABLE = re.compile(
    r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?((?:\w+|\"[^\"]+\")(?:\.(?:\w+|\"[^\"]+\"))?)", re.IGNORECASE
)
_NAMED = "SELECT to_regclass(name)::text FROM unnest(%s) AS name"


def remains(connection: Connection, definition: Definition, within_s: float | None = None) -> bool:
    """Tell whether rows remain for a backfill.

    Where a table or column is not there yet, rows remain if any of its tables has rows: they are
    still to get what it asks for. Raises the driver's errors.
    """
    try:
        return anything(connection, definition.remaining, within_s)
    except Exception as error:
        if not failure.not_there(error):
            raise
    return any(
        anything(connection, f"SELECT FROM {one}") for one in _tables(connection, definition)
    )


def _tables(connection: Connection, definition: Definition) -> list[str]:
    names = list(dict.fromkeys(_TABLE.findall(definition.remaining)))
    return [row[0] for row in asked(connection, _NAMED, [names]) if row[0]]


def enforce(connection: Connection, needs: Iterable[Need]) -> None:
    """Refuse a run whose pending revisions need more than was done.

    Raises `IncompleteBackfillError` where rows remain, `ProjectError` where there is no such
    backfill.
    """
    found = list(unmet(connection, needs))
    if found:
        message = "\n".join(_said(need) for need in found)
        raise IncompleteBackfillError(message, hint=f"{_way(found[0])} Nothing was touched.")


def unmet(connection: Connection, needs: Iterable[Need]) -> Iterator[Need]:
    """Give the needs for which rows remain; raises as `enforce`."""
    for need in needs:
        definition = named(need.backfill, [need.folder])
        try:
            if remains(connection, definition):
                yield need
        except Exception as error:  # noqa: BLE001 - a driver's
            raise failure.of(error, definition) from None


def warnings(
    connection: Connection, needs: Iterable[Need], within_s: float | None = None
) -> Iterator[str]:
    """Give a sentence for each need that would keep a run from beginning, or may do so."""
    for need in needs:
        try:
            if remains(connection, named(need.backfill, [need.folder]), within_s):
                yield f"{_said(need)} {_way(need)}"
        except Exception as error:  # noqa: BLE001 - a warning is all that it comes to
            if getattr(error, "pgcode", None) == CANCELED:
                yield f"{_needed(need)}; whether rows remain could not be told in {within_s:g} s."
            else:
                yield f"{_needed(need)}: {failure.told(error)}"


def missing(needs: Iterable[Need]) -> Iterator[tuple[Need, ProjectError]]:
    """Give the needs for which there is no backfill, or a broken one, and what is wrong."""
    for need in needs:
        try:
            named(need.backfill, [need.folder])
        except ProjectError as error:
            yield need, error


def _needed(need: Need) -> str:
    return f"Revision {need.revision} needs the backfill {need.backfill}"


def _said(need: Need) -> str:
    return f"{_needed(need)} to be complete, and rows remain."


def _way(need: Need) -> str:
    before = f"MIGRATOR_TARGET={need.before} migrator run, then " if need.before else ""
    return f"First {before}migrator backfill {need.backfill}, then the run again."
