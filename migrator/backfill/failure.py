"""Turn errors of a backfill's queries and batches into our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.errors import BackfillError, DeniedError, MigratorError, UnreachableError
from migrator.project.failure import server_message

if TYPE_CHECKING:
    from migrator.backfill.definition import Definition
    from migrator.backfill.keyset import Keyset, Page

_GAVE_WAY = ("55P03", "40P01", "40001", "57014")
"""SQLSTATEs of a batch that gave way: to a lock's timeout, in a deadlock, to another transaction,
to the statement's timeout."""
_OF_ROWS = ("22", "23", "P0")
"""Classes of SQLSTATE for what is wrong with a row: data, a constraint, what a trigger says."""
_NOT_THERE = ("42P01", "42703", "3F000", "42704", "42883")
"""SQLSTATEs of a table, column, schema, type or function that is not there."""
_DENIED = "42501"
_TOO_EARLY = (
    "Where its revision is not applied yet: migrator run first, with MIGRATOR_TARGET up to the one"
    " that needs this backfill."
)


def gave_way(error: Exception) -> bool:
    """Tell whether the same may succeed at another time."""
    said = server_message(error)
    return bool(said and not said.lost and said.sqlstate in _GAVE_WAY)


def of_rows(error: Exception) -> bool:
    """Tell whether some row is the cause, so that a smaller batch may find out which."""
    said = server_message(error)
    return bool(said and (said.sqlstate or "").startswith(_OF_ROWS))


def not_there(error: Exception) -> bool:
    """Tell whether something that a query names is missing."""
    said = server_message(error)
    return bool(said and said.sqlstate in _NOT_THERE)


def told(error: Exception) -> str:
    """Give what went wrong, in the server's own words where it has any."""
    if isinstance(error, MigratorError):
        return error.message
    said = server_message(error)
    return said.told() if said else f"{type(error).__name__}: {error}"


def of(error: Exception, definition: Definition, where: str = "") -> MigratorError:
    """Give our error; `where` names the rows it came at."""
    if isinstance(error, MigratorError):
        return error
    said = server_message(error)
    message = f"The backfill {definition.name} failed{where}: {told(error)}"
    if said is None:
        return BackfillError(message)
    if said.lost:
        return UnreachableError(message, sqlstate=said.sqlstate)
    if said.sqlstate == _DENIED:
        return DeniedError(message, hint="GRANT the role what it lacks.", sqlstate=said.sqlstate)
    hint = _TOO_EARLY if not_there(error) else said.hint
    return BackfillError(message, hint=hint, sqlstate=said.sqlstate)


def place(keyset: Keyset, page: Page) -> str:
    """Name the rows of a page, as in the midst of a sentence."""
    names = ", ".join(keyset.columns)
    if len(page.keys) == 1:
        return f" at {names} = {', '.join(page.first)}"
    count, first, last = len(page.keys), ", ".join(page.first), ", ".join(page.last)
    return f" in a batch of {count} rows, {names} from {first} to {last}"
