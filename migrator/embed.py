"""The whole job for a project whose own command builds its Alembic Config in code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from migrator import job
from migrator.output import log
from migrator.process.boundary import perform
from migrator.project.find import opened
from migrator.settings import load

if TYPE_CHECKING:
    from alembic.config import Config

    from migrator.output.report import Journal, Outcome
    from migrator.settings.table import Settings


def run(config: Config, /, **given: str) -> Outcome:
    """Bring the database to the head of this Config's project; gives how the run ended.

    `given` are settings by their names, as a user would write them (`lock_wait="5m"`); the rest
    comes from the environment as for the command. The target is `database_url` or
    MIGRATOR_DATABASE_URL, else the `sqlalchemy.url` of the Config, else as for the command.
    The log goes to standard output.

    Raises the `MigratorError` that ended the run.
    """
    flags: dict[str, str | None] = {**given}
    if not flags.get("database_url") and not os.environ.get("MIGRATOR_DATABASE_URL"):
        written = config.get_main_option("sqlalchemy.url")
        flags["database_url"] = written if (written or "").startswith("postgres") else None

    def work(settings: Settings, journal: Journal) -> None:
        load.refuse_unknown(given, besides=("config", "config_section"))
        log.structured()
        job.run(settings, journal, (opened(config, settings),))

    outcome, error = perform(work, flags, os.environ, sys.stdout, hear=False)
    if error is not None:
        raise error
    return outcome
