"""Whether the connection that env.py made is one to the database that we reached.

env.py may ignore the URL it is given. So its own connection is asked which database it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.database.connection import Identity, Server
from migrator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    FirstRow = Callable[[str], Any]


def confined_to(server: Server) -> Callable[[FirstRow], None]:
    """Give a function that refuses a connection to any other database than this empty one.

    It is called and raises as what `witness` gives.
    """

    def ask(first_row: FirstRow) -> None:
        seen = Identity.seen_by(first_row)
        if seen != server.identity:
            raise ConfigurationError(
                f"env.py connects elsewhere: to {seen}, and not to the empty database that it was"
                " given. Nothing was run there.",
                hint="Let env.py take its URL from config.get_main_option('sqlalchemy.url') or"
                " from DATABASE_URL.",
            )

    return ask


def witness(server: Server) -> Callable[[FirstRow], None]:
    """Give a function that asks a connection which database it is.

    It is called with a function that gives the first row of a query, and raises
    `ConfigurationError` where that is not the database of `server`.
    """

    def ask(first_row: FirstRow) -> None:
        seen = Identity.seen_by(first_row)
        if seen != server.identity:
            raise ConfigurationError(
                f"env.py connects elsewhere: to {seen}, not to {server.identity}."
                " Nothing was applied.",
                hint="Let env.py take its URL from config.get_main_option('sqlalchemy.url') or"
                f" from DATABASE_URL, or let {server.address.source} name the database it uses.",
            )

    return ask
