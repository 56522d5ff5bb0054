"""Find invalid indexes and scratch databases that were left behind."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2

from migrator.database.connection import WITHIN_S, quoted, spoken
from migrator.database.scratch import scratch
from migrator.errors import UnprovenError

if TYPE_CHECKING:
    from migrator.database.connection import Server

_GONE = ("08", "57P")
_HINT = "Mend what it says, and try again: migrator repair."
_IN_USE_S = 3_600.0
"""A scratch database that is younger may be about to be used."""
_OF_A_REBUILD = re.compile(r"_cc(new|old)\d*$")
"""What REINDEX CONCURRENTLY calls its second index, and leaves behind where it is cut short
(PostgreSQL, "REINDEX")."""


def scratch_databases(server: Server) -> tuple[str, ...]:
    """Give the scratch databases of ours that this database's plans and proofs left."""
    found = (
        name
        for prefix in scratch.PREFIXES
        for name in scratch.left_over(server.connection, server.identity.database, prefix)
    )
    return tuple(name for name in found if scratch.age_s(name) > _IN_USE_S)


def drop_database(server: Server, name: str) -> None:
    """Drop a database; raises as `say`."""
    say(server, "DROP DATABASE IF EXISTS {name}", name=name)


def mend_of_index(name: str) -> str:
    """Give the statement that mends an invalid index, without a lock that stops anybody."""
    bare = name.rpartition(".")[2].strip('"')
    if _OF_A_REBUILD.search(bare):
        return f"DROP INDEX CONCURRENTLY {name}"
    return f"REINDEX INDEX CONCURRENTLY {name}"


def say(server: Server, statement: str, **names: str) -> None:
    """Run a statement by itself; names are put into it as `execute` does it.

    Raises `UnprovenError` with what the server said of it, `UnreachableError` where it went away.
    """
    text = quoted(statement, **names)
    with closing(server.again(WITHIN_S)) as session, spoken(), session.cursor() as cursor:
        try:
            cursor.execute(text)
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode.startswith(_GONE):
                raise
            told = (error.diag.message_primary or str(error)).rstrip(".")
            detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
            message = f"{text.as_string(session)} failed: {told}.{detail}"
            raise UnprovenError(message, hint=_HINT, sqlstate=error.pgcode) from None
