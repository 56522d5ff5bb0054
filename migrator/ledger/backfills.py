"""The progress of each backfill in the ledger, one row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.database.connection import fetch, spoken
from migrator.ledger import schema

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_OF_BACKFILLS = 2
"""The version of the ledger since which they are in it."""
_PATIENCE = "SELECT set_config('lock_timeout', '2s', true)"
_BEGIN = """
INSERT INTO migrator.backfill AS kept (name, remaining_sha256, batch_rows)
VALUES (%(name)s, %(digest)s, %(size)s)
ON CONFLICT (name) DO UPDATE SET updated_at = now(), completed_at = NULL,
 remaining_sha256 = excluded.remaining_sha256,
 position = CASE kept.remaining_sha256 WHEN excluded.remaining_sha256 THEN kept.position END
RETURNING position, rows, batches, batch_rows
"""
_ADVANCE = """
UPDATE migrator.backfill SET updated_at = now(), position = %(position)s,
 rows = rows + %(rows)s, batches = batches + 1, batch_rows = %(size)s
WHERE name = %(name)s
"""
_COMPLETE = """
UPDATE migrator.backfill SET updated_at = now(), completed_at = now(), position = NULL
WHERE name = %s
"""


class Progress(NamedTuple):
    """How far a backfill had come."""

    position: tuple[str, ...] | None
    """The key up to which all was done; None at the beginning of a pass."""
    rows: int
    batches: int
    batch_rows: int
    """The size of its last batch."""


def begin(connection: Connection, name: str, digest: str, size: int) -> Progress:
    """Give how far a backfill has come, or enter it; the ledger is made where there is none.

    It begins anew where its query is another than before: `digest`. `size` is that of its first
    batch. Raises `DeniedError` where the role may not, `DisagreementError` where the ledger is of a
    later version or is none.
    """
    make = schema.MAKE if (schema.version(connection) or 0) < _OF_BACKFILLS else ""
    values = {"name": name, "digest": digest, "size": size}
    found = fetch(connection, f"{_PATIENCE};{make};{_BEGIN}", values)[0]
    return Progress(tuple(found[0]) if found[0] else None, *found[1:])


def advance(
    connection: Connection, name: str, position: tuple[str, ...] | None, rows: int, size: int
) -> None:
    """Enter a batch, in its own transaction; the driver's errors come out as they are."""
    values = {"name": name, "position": list(position) if position else None}
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, {**values, "rows": rows, "size": size})


def complete(connection: Connection, name: str) -> None:
    """Enter that nothing remains."""
    with spoken(), connection.cursor() as cursor:
        cursor.execute(f"{_PATIENCE};{_COMPLETE}", [name])
