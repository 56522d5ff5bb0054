"""Brings one Postgres database to the head of one Alembic project, and proves it.

`migrator.run(config)` does the whole job for a project whose own command builds its
`alembic.config.Config` in code; everyone else uses the command `migrator run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.errors import MigratorError

if TYPE_CHECKING:
    from alembic.config import Config

    from migrator.report import Outcome

__version__ = "0.1.0"
__all__ = ["MigratorError", "__version__", "run"]


def run(config: Config, /, **settings: str) -> Outcome:
    """Do the whole job of `migrator run` for a Config built in code; see `migrator.embed.run`."""
    from migrator.embed import run as run_embedded  # noqa: PLC0415 - keeps `import migrator` light

    return run_embedded(config, **settings)
