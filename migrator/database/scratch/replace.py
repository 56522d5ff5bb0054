"""Replace one database by another: both are renamed in one transaction, or neither."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from migrator.database.connection import WITHIN_S, execute, fetch, quoted, spoken
from migrator.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from migrator.database.connection import Server
    from migrator.database.sessions import Session

_ATTEMPTS, _PAUSE_S = 4, 0.2
_MOST_NAMED = 5
_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s
 AND coalesce(backend_type, 'client backend') = 'client backend'
"""
_RENAME = "ALTER DATABASE {old} RENAME TO {new}"
_PROPERTIES = """
SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'),
 datacl IS NOT NULL FROM pg_database WHERE datname = %s
"""
_PRIVILEGES = """
SELECT coalesce(r.rolname, 'PUBLIC'), r.rolname IS NULL, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %s
"""
_SETTINGS = """
SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c
WHERE d.datname = %s
"""


def refuse(sessions: Sequence[Session], database: str, kept: str) -> BusyError:
    """Give the error of a database that is in use; `kept` says what is left of the work."""
    named = "; ".join(map(str, sessions[:_MOST_NAMED])) or "a session that has ended meanwhile"
    more = f"; and {len(sessions) - _MOST_NAMED} more" if len(sessions) > _MOST_NAMED else ""
    return BusyError(
        f"Others are connected to {database}, so it cannot be replaced: {named}{more}.",
        hint=f"Stop them, or end their sessions by --end-sessions. {kept}",
    )


def end_sessions(server: Server, database: str) -> None:
    """End every session in a database, of whomever it is."""
    with closing(server.again(WITHIN_S)) as session:
        fetch(session, _END, [database])


def rename(server: Server, database: str, name: str) -> None:
    """Give a database that nobody is connected to its name."""
    with closing(server.again(WITHIN_S)) as session:
        execute(session, _RENAME, old=database, new=name)


def replace(server: Server, old: str, aside: str, new: str, *, end_sessions: bool) -> bool:
    """Let `new` be called as `old` is, and that one `aside`; tells whether it could be.

    It cannot where others are connected; then nothing is changed. They are ended where that is
    asked for, and tried again, because they may come back at once.
    """
    with closing(server.again(WITHIN_S)) as session:
        for attempt in range(_ATTEMPTS if end_sessions else 1):
            time.sleep(_PAUSE_S if attempt else 0)
            if end_sessions:
                fetch(session, _END, [old])
            if _replaced(session, old, aside, new):
                return True
    return False


def carry_over(server: Server, old: str, new: str) -> list[str]:
    """Give `new` what belongs to the database `old` and is in no dump of it.

    That is its owner, privileges, settings, limit of connections and comment. Gives the settings
    that this role may not set. Raises `DeniedError` where it may not do the rest.
    """
    with closing(server.again(WITHIN_S)) as session, spoken(), session.cursor() as cursor:
        left = [
            name
            for role, name, value in fetch(session, _SETTINGS, [old])
            if not _set(session, new, role, name, value)
        ]
        owner, limit, comment, granted = fetch(session, _PROPERTIES, [old])[0]
        for statement in [
            sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
                sql.Identifier(new), sql.Literal(limit)
            ),
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(new), sql.Literal(comment)
            ),
            *(_grants(session, old, new) if granted else ()),
            quoted("ALTER DATABASE {name} OWNER TO {owner}", name=new, owner=owner),
        ]:
            cursor.execute(statement)
    return left


def _replaced(session: Connection, old: str, aside: str, new: str) -> bool:
    try:
        with _transaction(session) as cursor:
            cursor.execute(quoted(_RENAME, old=old, new=aside))
            cursor.execute(quoted(_RENAME, old=new, new=old))
    except psycopg2.errors.ObjectInUse:
        return False
    except psycopg2.Error:
        with spoken():
            raise
    return True


def _set(session: Connection, database: str, role: str | None, name: str, value: str) -> bool:
    """Set it as it was stored: as the session's own first, which knows of lists."""
    whose = [sql.SQL("ROLE"), sql.Identifier(role), sql.SQL("IN")] if role else []
    whose += [sql.SQL("DATABASE"), sql.Identifier(database)]
    named = sql.Identifier(*name.split("."))
    try:
        with _transaction(session) as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
            cursor.execute(
                sql.SQL("ALTER {} SET {} FROM CURRENT").format(sql.SQL(" ").join(whose), named)
            )
    except psycopg2.Error:
        return False
    return True


@contextmanager
def _transaction(session: Connection) -> Iterator[Cursor]:
    """Do all of the block or nothing of it."""
    session.autocommit = False
    try:
        with session, session.cursor() as cursor:
            yield cursor
    finally:
        session.autocommit = True


def _grants(session: Connection, old: str, new: str) -> list[sql.Composable]:
    made = [quoted("REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=new)]
    for role, public, privilege, grantable in fetch(session, _PRIVILEGES, [old]):
        to = sql.SQL("PUBLIC") if public else sql.Identifier(role)
        option = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}{}")
        made.append(grant.format(sql.SQL(privilege), sql.Identifier(new), to, option))
    return made
