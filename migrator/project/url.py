"""The target's URL in the form that this project's env.py can use."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from alembic.config import Config

    from migrator.address import Address

_OPTION = "sqlalchemy.url"
_ASYNCHRONOUS = re.compile(r"async_engine_from_config|create_async_engine|AsyncEngine")


def give_url(config: Config, env_py: Path, address: Address) -> None:
    """Put the target into the `sqlalchemy.url` of the project's section.

    `%` is doubled, because the value passes through `ConfigParser` (Alembic, `set_main_option`).
    """
    url = address.url(_driver(config, env_py, address))
    config.set_main_option(_OPTION, url.replace("%", "%%"))


def _driver(config: Config, env_py: Path, address: Address) -> str:
    """Give the driver the address names, else the ini file, else what suits env.py."""
    if address.driver:
        return address.driver
    written = config.file_config.get(config.config_ini_section, _OPTION, raw=True, fallback="")
    named = re.match(r"postgres(?:ql)?\+(\w+):", written)
    if named:
        return named[1]
    if env_py.is_file() and _ASYNCHRONOUS.search(
        env_py.read_text(encoding="utf-8", errors="replace")
    ):
        return "asyncpg" if find_spec("asyncpg") else "psycopg"
    return "psycopg2"
