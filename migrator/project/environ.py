"""The environment and the arguments of the `alembic` command, as a project expects them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from migrator.project.url import VARIABLE, bare_driver, for_variable
from migrator.settings.address import FROM_VARIABLES
from migrator.settings.table import URL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from migrator.settings.address import Address

_NAME = "PGAPPNAME"


def variable(name: str) -> str | None:
    """Give an environment variable of the project's, or None."""
    return os.environ.get(name) or None


@contextmanager
def as_under_alembic(address: Address, arguments: Sequence[str]) -> Iterator[None]:
    """Let the project's code find the target in DATABASE_URL, and `alembic`'s own arguments."""
    argv, sys.argv = sys.argv, ["alembic", *arguments]
    ours = address.parameters.get("application_name", "migrator")
    url = for_variable(address, os.environ.get(VARIABLE), _bare_works)
    try:
        with _set({VARIABLE: url, _NAME: os.environ.get(_NAME, ours)}):
            yield
    finally:
        sys.argv = argv


@contextmanager
def in_place_of(address: Address, given: Mapping[str, str]) -> Iterator[None]:
    """Let all variables that name a target name this one instead, as far as they are `given`."""
    values = {
        name: for_variable(address, given[name], _bare_works)
        for name in URL_VARIABLES
        if given.get(name)
    }
    values |= {
        name: address.parameters.get(key, "")
        for name, key in FROM_VARIABLES.items()
        if given.get(name)
    }
    with _set(values):
        yield


@contextmanager
def without_libpqs() -> Iterator[None]:
    """Let libpq find no target in the variables of its own, wherever it is used."""
    with _set(dict.fromkeys(FROM_VARIABLES, "")):
        yield


@contextmanager
def _set(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables, those without a value to none, and put them back."""
    before = {name: os.environ.get(name) for name in values}
    _give(values)
    try:
        yield
    finally:
        _give({name: value or "" for name, value in before.items()})


def _give(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def for_command(address: Address) -> dict[str, str]:
    """Give the environment of a command of the project's, the target in DATABASE_URL as above."""
    with as_under_alembic(address, ()):
        return dict(os.environ)


def _bare_works() -> bool:
    """Tell whether SQLAlchemy finds a driver for `postgresql://`."""
    import sqlalchemy  # noqa: PLC0415 - not before a project runs

    version = tuple(int(n) for n in sqlalchemy.__version__.split(".")[:2])
    return find_spec(bare_driver(version)) is not None
