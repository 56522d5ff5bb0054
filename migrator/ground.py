"""The proving ground: an empty database, embedded as a rule, in the place of every other target."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.database.connection import connect
from migrator.database.copy import cancelled_with_us, copy
from migrator.output.log import hushed
from migrator.project.surroundings import in_place_of, without_libpqs
from migrator.settings.table import URL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from migrator.database.connection import Server
    from migrator.settings.address import Address

_WITHIN_S = 20.0


@contextmanager
def ground(environ: Mapping[str, str], on: str = "embedded") -> Iterator[Server]:
    """Give an empty database; while the block lasts, each variable that names a target names it.

    It is on an embedded server, or on the one whose URL is given as `on`.

    Raises `ConfigurationError` where the embedded server is not installed, and as `copy` does.
    """
    with (
        hushed(),
        without_libpqs(),
        copy(None, on) as copied,
        connect(copied.address, _WITHIN_S) as server,
        cancelled_with_us(copied),
        in_place(copied.address, environ),
    ):
        yield server


def in_place(address: Address, environ: Mapping[str, str]) -> AbstractContextManager[None]:
    """Let every variable that names a target name this one."""
    return in_place_of(address, environ, URL_VARIABLES)
