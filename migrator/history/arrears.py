"""The arrears: what an earlier run left undone after its upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.errors import MigratorError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from migrator.settings.table import Settings


def owed(settings: Settings, connection: Connection) -> bool:
    """Tell whether the last run brought the database there, and MIGRATOR_AFTER was not done.

    Only the ledger knows; without one nothing is owed.
    """
    if not settings.after:
        return False
    from migrator.history import ledger  # noqa: PLC0415 - a run with nothing to do needs none of it

    try:
        last = ledger.last(connection)
    except MigratorError:  # not for this role, or not our ledger
        return False
    return bool(last and last["error"] and last["database_state"] == "migrated")
