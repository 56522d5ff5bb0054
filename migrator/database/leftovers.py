"""What was left over: indexes that are not used, and scratch databases that nobody dropped."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from migrator.database import copy
from migrator.database.connection import spoken
from migrator.database.scratch import names, scratch
from migrator.errors import UnprovenError

if TYPE_CHECKING:
    from migrator.database.connection import Server

PREFIXES = (scratch.PREFIX, scratch.RESET, copy.PREFIX, names.PREFIX)
"""What the names of our own scratch databases begin with."""
_WITHIN_S = 20.0
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
        for prefix in PREFIXES
        for name in scratch.left_over(server.connection, server.identity.database, prefix)
    )
    return tuple(name for name in found if scratch.age_s(name) > _IN_USE_S)


def drop_database(server: Server, name: str) -> None:
    """Drop a database; raises as `say`."""
    say(server, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def mend_of_index(name: str) -> str:
    """Give the statement that mends an invalid index, without a lock that stops anybody."""
    bare = name.rpartition(".")[2].strip('"')
    if _OF_A_REBUILD.search(bare):
        return f"DROP INDEX CONCURRENTLY {name}"
    return f"REINDEX INDEX CONCURRENTLY {name}"


def say(server: Server, statement: str | sql.Composable) -> None:
    """Run a statement by itself.

    Raises `UnprovenError` with what the server said of it, `UnreachableError` where it went away.
    """
    text = statement if isinstance(statement, sql.Composable) else sql.SQL(statement)
    with closing(server.again(_WITHIN_S)) as session, spoken(), session.cursor() as cursor:
        try:
            cursor.execute(text)
        except psycopg2.Error as error:
            if error.pgcode is None or error.pgcode.startswith(_GONE):
                raise
            told = (error.diag.message_primary or str(error)).rstrip(".")
            detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
            message = f"{text.as_string(session)} failed: {told}.{detail}"
            raise UnprovenError(message, hint=_HINT, sqlstate=error.pgcode) from None
