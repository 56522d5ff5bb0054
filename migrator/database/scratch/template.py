"""Create a template database, and copies of it in milliseconds.

The processes of one test session share it. Each holds a shared advisory lock while it uses it, and
who finds itself alone when it leaves drops it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.connection import execute, fetch
from migrator.database.scratch import scratch
from migrator.errors import DeniedError
from migrator.settings.address import to_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrator.database.connection import Server
    from migrator.settings.address import Address

PREFIX = "migrator_pytest_"
"""Then letters that stand for the session."""
_A_DAY_S = 86_400.0
_FINISHED = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY datname"
_COPY = "CREATE DATABASE {name} TEMPLATE {template}"
_RENAME = "ALTER DATABASE {name} RENAME TO {template}"


@dataclass(frozen=True, slots=True)
class Template:
    """A database that is ready to be copied, and has nobody in it."""

    server: Server
    name: str
    of: str
    """The session."""

    @contextmanager
    def copy(self) -> Iterator[Address]:
        """Give the address of a copy, which is dropped again, whoever is still in it."""
        name = scratch.new_name(self.of, PREFIX)
        execute(self.server.connection, _COPY, name=name, template=self.name)
        try:
            yield to_database(self.server.address, name)
        finally:
            scratch.drop(self.server, name)


@contextmanager
def template(server: Server, of: str, make: Callable[[Address], None]) -> Iterator[Template]:
    """Give the template of a session; where no process of it has made one yet, `make` fills it.

    What sessions that were killed have left is dropped after a day.

    Raises `DeniedError` where the role may not create databases, and what `make` raises.
    """
    _see_that_it_can_be(server)
    with _locked(server, f"{of} uses", shared=True):
        with once(server, of):
            scratch.sweep(server.connection, PREFIX, _A_DAY_S)
            name = _made_already(server, of) or _made(server, of, make)
        yield Template(server, name, of)
    with once(server, of):
        if _try(server, f"{of} uses"):
            scratch.drop(server, name)


@contextmanager
def once(server: Server, of: str) -> Iterator[None]:
    """Let one process of a session at a time do what the block does."""
    with _locked(server, f"{of} makes"):
        yield


def _see_that_it_can_be(server: Server) -> None:
    if not scratch.may_create(server.connection):
        raise DeniedError(
            f"The role may not create databases on {server.address}.",
            hint="ALTER ROLE … CREATEDB, or let the tests have the embedded server.",
        )


def _made_already(server: Server, of: str) -> str | None:
    found = fetch(server.connection, _FINISHED, [_beginning(of)])
    return str(found[0][0]) if found else None


def _made(server: Server, of: str, make: Callable[[Address], None]) -> str:
    """Make it under another name: by its own it is found, and so it must be ready."""
    raw, name = scratch.new_name(of, PREFIX), scratch.new_name(of, f"{PREFIX}template_")
    execute(server.connection, "CREATE DATABASE {name}", name=raw)
    try:
        make(to_database(server.address, raw))
        execute(server.connection, _RENAME, name=raw, template=name)
    finally:
        scratch.drop(server, raw)
    return name


def _beginning(of: str) -> str:
    return scratch.beginning(of, f"{PREFIX}template_")


@contextmanager
def _locked(server: Server, what: str, *, shared: bool = False) -> Iterator[None]:
    mode = "_shared" if shared else ""
    fetch(server.connection, f"SELECT pg_advisory_lock{mode}(%s)", [_key(what)])
    try:
        yield
    finally:
        fetch(server.connection, f"SELECT pg_advisory_unlock{mode}(%s)", [_key(what)])


def _try(server: Server, what: str) -> bool:
    asked = "SELECT pg_try_advisory_lock(%s) AND pg_advisory_unlock(%s)"
    return bool(fetch(server.connection, asked, [_key(what), _key(what)])[0][0])


def _key(what: str) -> int:
    digest = hashlib.blake2b(f"migrator tests:{what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
