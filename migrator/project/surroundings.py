"""What the project finds around it: the environment variables and the command line of `alembic`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.address import Address

_URL, _NAME = "DATABASE_URL", "PGAPPNAME"


def variable(name: str) -> str | None:
    """Give an environment variable of the project's, or None."""
    return os.environ.get(name) or None


@contextmanager
def as_under_alembic(address: Address, arguments: Sequence[str]) -> Iterator[None]:
    """Let the project's code find the target in DATABASE_URL, and `alembic`'s own arguments."""
    argv, before = sys.argv, {name: os.environ.get(name) for name in (_URL, _NAME)}
    sys.argv = ["alembic", *arguments]
    os.environ[_URL] = _in_its_form(address, before[_URL])
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


def _in_its_form(address: Address, given: str | None) -> str:
    """Give the target as DATABASE_URL would have it.

    That is untouched where it is the target, else with the driver that the project wrote there.
    """
    if given and address.source == _URL:
        return given
    scheme = (given or "").partition("://")[0]
    driver = scheme.partition("+")[2] if scheme.startswith("postgres") else address.driver
    if driver:
        return address.url(driver)
    return _bare(address) if _bare_works() else address.url("psycopg2")


def _bare(address: Address) -> str:
    """Give the URL without a driver, as platforms write it."""
    return address.url("psycopg2").replace("postgresql+psycopg2:", "postgresql:", 1)


def _bare_works() -> bool:
    """Tell whether SQLAlchemy finds a driver for `postgresql://`: psycopg 3 from 2.1 on."""
    import sqlalchemy  # noqa: PLC0415 - not before a project runs

    before_2_1 = tuple(int(n) for n in sqlalchemy.__version__.split(".")[:2]) < (2, 1)
    return before_2_1 or find_spec("psycopg") is not None
