"""Create a database to rehearse on, empty or a copy of the target; it is always dropped."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.connection import (
    WITHIN_S,
    connect,
    execute,
    fetch,
    quoted,
    spoken,
)
from migrator.database.scratch.embedded import embedded
from migrator.database.scratch.replace import carry_over
from migrator.database.scratch.scratch import PLAN, beside, may_create
from migrator.errors import ConfigurationError, DeniedError, MigratorError
from migrator.output.log import hushed
from migrator.process.signals import SIGNALS
from migrator.project.environ import in_place_of, without_libpqs
from migrator.settings.address import parse, to_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.database.scratch.scratch import Scratch
    from migrator.settings.address import Address

APPLICATION = "migrator plan"
_LOOK_S = 0.2
_A_DAY_S = 86_400.0
_VERSION_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
GROUP BY n.nspname, c.relname HAVING array_agg(a.attname::text) = ARRAY['version_num']
"""
_MISSING_EXTENSIONS = """
SELECT e.name FROM unnest(%s::text[]) AS e(name)
WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = e.name) ORDER BY 1
"""
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'"
_CANCEL = """
SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """A database that is empty, or is to be a copy of the target."""

    scratch: Scratch
    address: Address


@contextmanager
def empty(on: str = "embedded", environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Create an empty database on an embedded server, or on the one whose URL is `on`; drop it.

    With `environ`, libpq's own variables name no server, and each of these variables that names a
    target names this database, for as long as the block lasts.

    Raises `ConfigurationError` if the embedded server is not installed, and as `copied` does.
    """
    with hushed(), ExitStack() as stack:
        if environ is not None:
            stack.enter_context(without_libpqs())
        made = stack.enter_context(copied(None, on))
        server = stack.enter_context(opened(made))
        stack.enter_context(in_place_of(made.address, environ or {}))
        yield server


@contextmanager
def opened(made: Copy) -> Iterator[Server]:
    """Connect to it; what runs in it is cancelled once we are interrupted."""
    with connect(made.address, WITHIN_S) as server, _cancelled_with_us(made):
        yield server


@contextmanager
def copied(target: Server | None, on: str) -> Iterator[Copy]:
    """Create a database to copy the target into, on its own server or another; drop it again.

    `on` is `scratch`, `embedded`, or the URL of a server. What is older than a day and was left by
    a plan that was killed is dropped too.

    Raises `DeniedError` where the role may not create databases, `ConfigurationError` where the
    other server lacks an extension of the target.
    """
    if on == "scratch" and target is not None:
        with _made(target, target) as made:
            yield made
    elif on == "embedded":
        with (
            embedded() as url,
            connect(parse(url, "--on embedded"), WITHIN_S) as server,
            _made(server, target) as made,
        ):
            yield made
    else:
        with connect(_address(on), WITHIN_S) as server, _made(server, target) as made:
            yield made


def place(on: str) -> str:
    """Name where it is: `scratch`, `embedded`, or the address of the server, with no secret."""
    return on if on in {"scratch", "embedded"} else str(_address(on))


def _address(on: str) -> Address:
    try:
        return parse(on, "--on")
    except ValueError as error:
        message = f"--on: {error}"
        hint = "It is scratch, embedded, or the URL of a server."
        raise ConfigurationError(message, hint=hint) from None


@contextmanager
def _made(server: Server, target: Server | None) -> Iterator[Copy]:
    with closing(server.again(WITHIN_S)) as session:
        if not may_create(session):
            raise DeniedError(
                f"The role may not create a database on {server.address} to rehearse on.",
                hint="ALTER ROLE … CREATEDB, or --on embedded, or --on with the URL of another"
                " server. Nothing was changed.",
            )
        if target is not None and target is not server:
            _prepare(session, target)
    of = target.identity.database if target else "base"
    with beside(server, of, PLAN, older_than_s=_A_DAY_S) as scratch:
        if target is server:
            carry_over(server, of, scratch.name)
        address = to_database(server.address, scratch.name, APPLICATION)
        yield Copy(scratch, address)


def _prepare(session: Connection, target: Server) -> None:
    """See that the other server can hold the target, and make the roles that it may name."""
    used = [name for (name,) in fetch(target.connection, "SELECT extname FROM pg_extension")]
    missing = [name for (name,) in fetch(session, _MISSING_EXTENSIONS, [used])]
    if missing:
        raise ConfigurationError(
            f"The target uses extensions that the other server lacks: {', '.join(missing)}.",
            hint="--on scratch makes the copy on the target's own server; --on with the URL of a"
            " server that has them.",
        )
    there = {name for (name,) in fetch(session, _ROLES)}
    for (name,) in fetch(target.connection, _ROLES):
        if name not in there:
            with suppress(MigratorError):
                execute(session, "CREATE ROLE {name}", name=name)


def copy_revisions(target: Server, into: Scratch) -> None:
    """Copy the rows of the version tables: by them the copy knows where the target stands.

    A version table is one whose only column is `version_num` (Alembic, `MigrationContext`).
    """
    for schema, name in fetch(target.connection, _VERSION_TABLES):
        table = {"schema": schema, "name": name}
        rows = fetch(target.connection, quoted("SELECT version_num FROM {schema}.{name}", **table))
        with spoken(), into.connection.cursor() as cursor:
            cursor.executemany(quoted("INSERT INTO {schema}.{name} VALUES (%s)", **table), rows)


@contextmanager
def _cancelled_with_us(made: Copy) -> Iterator[None]:
    """Cancel what runs in the copy once the run is interrupted: a driver waits in C for it."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_S):
            if SIGNALS.pending:
                with suppress(MigratorError):
                    fetch(made.scratch.connection, _CANCEL)

    thread = threading.Thread(target=look, name="migrator-copy", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
