"""Runs a page's backfill: its batches, each committed by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers import Database

_BATCH, _BATCHES = 5000, 20


def fill(text: str, database: Database) -> None:
    """Do what remains of it, until nothing does."""
    said: dict[str, Any] = {}
    exec(text, said)  # noqa: S102 - the page's own code
    batch = said["batch"].replace("%", "%%").replace(":keys", "%s")
    for _ in range(_BATCHES):
        keys = [row[0] for row in database.rows(said["remaining"])][:_BATCH]
        if not keys:
            return
        database.rows(batch, keys)
    message = f"more and more remain: {text}"
    raise AssertionError(message)
