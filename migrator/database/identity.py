"""Tell whether env.py's connection reaches the database that we reached.

env.py may ignore the URL it is given. So its own connection is asked which database it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.database.connection import Identity, Server
from migrator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    FirstRow = Callable[[str], Any]

_TAKE_IT = (
    "Let env.py take its URL from config.get_main_option('sqlalchemy.url') or from DATABASE_URL."
)


def confined_to(server: Server) -> Callable[[FirstRow], None]:
    """Give a function that refuses a connection to any other database than this empty one.

    It is called and raises as what `same_database` gives.
    """

    def ask(first_row: FirstRow) -> None:
        seen = Identity.seen_by(first_row)
        if seen != server.identity:
            raise ConfigurationError(
                f"env.py connects elsewhere: to {seen}, and not to the empty database that it was"
                " given. Nothing was run there.",
                hint=_TAKE_IT,
            )

    return ask


def same_database(server: Server) -> Callable[[FirstRow], None]:
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


def aside_from(target: Server | None, copy: Server) -> Callable[[FirstRow], None]:
    """Give a function that refuses a connection to the target of a plan, which changes nothing.

    Where there is no target, it refuses any but to the copy. It is called and raises as what
    `same_database` gives.
    """

    def ask(first_row: FirstRow) -> None:
        seen = Identity.seen_by(first_row)
        if seen.is_place_of(target.identity) if target else seen != copy.identity:
            told = "the target itself" if target else "another database"
            raise ConfigurationError(
                f"env.py connects to {told} ({seen.database}), and not to the copy that it was"
                " given. Nothing was run there.",
                hint=_TAKE_IT,
            )

    return ask
