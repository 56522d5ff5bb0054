"""Give the target's URL to a project, in the two places where it may look for it.

The project's section of Alembic's configuration has it as `sqlalchemy.url`, the environment as
`DATABASE_URL`. Neither Alembic nor SQLAlchemy is loaded for this.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alembic.config import Config

    from migrator.settings.address import Address

OPTION, VARIABLE = "sqlalchemy.url", "DATABASE_URL"

_ASYNCHRONOUS = re.compile(r"async_engine_from_config|create_async_engine|AsyncEngine")


def give_url(config: Config, env_py: Path, address: Address) -> None:
    """Put the target into the `sqlalchemy.url` of the project's section.

    `%` is doubled, because the value passes through `ConfigParser` (Alembic, `set_main_option`).
    """
    written = config.file_config.get(config.config_ini_section, OPTION, raw=True, fallback="")
    source = env_py.read_text(encoding="utf-8", errors="replace") if env_py.is_file() else ""
    url = for_option(address, written, source)
    config.set_main_option(OPTION, url.replace("%", "%%"))


def for_option(address: Address, written: str, env_py: str) -> str:
    """Give the URL for the section's option.

    The driver is the one that the address names, else the one of the URL `written` in the
    section, else what suits env.py.
    """
    named = re.match(r"postgres(?:ql)?\+(\w+):", written)
    driver = address.driver or (named and named[1]) or _suiting(env_py)
    return address.url(driver)


def for_variable(address: Address, given: str | None, bare_works: Callable[[], bool]) -> str:
    """Give the URL for the variable, of which the project may have been `given` one.

    That is untouched where it is the target, else with the driver that the project wrote there;
    without any, bare as platforms write it, where that works.
    """
    if given and address.source == VARIABLE:
        return given
    scheme = (given or "").partition("://")[0]
    driver = scheme.partition("+")[2] if scheme.startswith("postgres") else address.driver
    if driver:
        return address.url(driver)
    url = address.url("psycopg2")
    return url.replace("postgresql+psycopg2:", "postgresql:", 1) if bare_works() else url


def bare_driver(sqlalchemy: tuple[int, ...]) -> str:
    """Give the driver that this SQLAlchemy takes for `postgresql://`: psycopg 3 from 2.1 on."""
    return "psycopg2" if sqlalchemy < (2, 1) else "psycopg"


def _suiting(env_py: str) -> str:
    if not _ASYNCHRONOUS.search(env_py):
        return "psycopg2"
    return "asyncpg" if find_spec("asyncpg") else "psycopg"
