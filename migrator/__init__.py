"""Brings one Postgres database to the head of one Alembic project, and proves it.

`migrator.run(config)` does the whole job for a project whose own command builds its
`alembic.config.Config` in code; everyone else uses the command `migrator run`. An application asks
`migrator.status(engine)` and `migrator.require_head(engine)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.errors import MigratorError, NotAtHeadError

if TYPE_CHECKING:
    from alembic.config import Config

    from migrator.introspection import Target
    from migrator.output.report import Outcome
    from migrator.standing import Status

__version__ = "0.1.0"
__all__ = ["MigratorError", "NotAtHeadError", "__version__", "require_head", "run", "status"]


def run(config: Config, /, **settings: str) -> Outcome:
    """Do the whole job of `migrator run` for a Config built in code; see `migrator.embed.run`."""
    from migrator.embed import run as run_embedded  # noqa: PLC0415 - keeps `import migrator` light

    return run_embedded(config, **settings)


def status(engine_or_url: Target, /, **settings: str) -> Status:
    """Find out where a database stands; see `migrator.introspection.status`."""
    from migrator import introspection  # noqa: PLC0415 - as above

    return introspection.status(introspection.flags_for(engine_or_url, settings))


def require_head(engine_or_url: Target, /, **settings: str) -> Status:
    """Raise where a database is not at head; see `migrator.introspection.require_head`."""
    from migrator import introspection  # noqa: PLC0415 - as above

    return introspection.require_head(introspection.flags_for(engine_or_url, settings))
