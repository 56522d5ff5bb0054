"""The target's URL in the project's section of Alembic's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.handover import OPTION, for_option

if TYPE_CHECKING:
    from pathlib import Path

    from alembic.config import Config

    from migrator.settings.address import Address


def give_url(config: Config, env_py: Path, address: Address) -> None:
    """Put the target into the `sqlalchemy.url` of the project's section.

    `%` is doubled, because the value passes through `ConfigParser` (Alembic, `set_main_option`).
    """
    written = config.file_config.get(config.config_ini_section, OPTION, raw=True, fallback="")
    source = env_py.read_text(encoding="utf-8", errors="replace") if env_py.is_file() else ""
    url = for_option(address, written, source)
    config.set_main_option(OPTION, url.replace("%", "%%"))
