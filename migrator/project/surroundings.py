"""What the project finds around it: the environment variables and the command line of `alembic`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from migrator.handover import VARIABLE, bare_driver, for_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.address import Address

_NAME = "PGAPPNAME"


def variable(name: str) -> str | None:
    """Give an environment variable of the project's, or None."""
    return os.environ.get(name) or None


@contextmanager
def as_under_alembic(address: Address, arguments: Sequence[str]) -> Iterator[None]:
    """Let the project's code find the target in DATABASE_URL, and `alembic`'s own arguments."""
    argv, before = sys.argv, {name: os.environ.get(name) for name in (VARIABLE, _NAME)}
    sys.argv = ["alembic", *arguments]
    os.environ[VARIABLE] = for_variable(address, before[VARIABLE], _bare_works)
    os.environ.setdefault(_NAME, address.parameters.get("application_name", "migrator"))
    try:
        yield
    finally:
        sys.argv = argv
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def for_command(address: Address) -> dict[str, str]:
    """Give the environment of a command of the project's, the target in DATABASE_URL as above."""
    with as_under_alembic(address, ()):
        return dict(os.environ)


def _bare_works() -> bool:
    """Tell whether SQLAlchemy finds a driver for `postgresql://`."""
    import sqlalchemy  # noqa: PLC0415 - not before a project runs

    version = tuple(int(n) for n in sqlalchemy.__version__.split(".")[:2])
    return find_spec(bare_driver(version)) is not None
