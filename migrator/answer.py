"""The quick answer: nothing is pending. Where the files do not prove it, the job finds out."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from migrator import log

if TYPE_CHECKING:
    from migrator.report import Journal
    from migrator.settings import Settings


def run(settings: Settings, journal: Journal) -> None:
    """Bring the database to the target, by the shortest way that proves it is there.

    Raises the error that says why it could not.
    """
    gc.enable()
    log.structured()
    from migrator import job  # noqa: PLC0415 - loads Alembic

    job.run(settings, journal)
