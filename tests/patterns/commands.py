"""Our commands on a project: `run` as a process at first, then, for speed, in this one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from migrator.backfill import backfill as backfilling
from migrator.cli.backfill import backfill
from migrator.cli.migrate import rollback as rollback_command
from migrator.errors import IncompleteBackfillError
from migrator.migrate import rollback
from migrator.migrate import run as job
from migrator.plan import plan
from migrator.process import boundary
from migrator.settings import load
from tests.patterns.pages import Said
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migrator.errors import MigratorError
    from migrator.output.report import Journal, Outcome
    from migrator.plan.forecast import Forecast
    from migrator.settings.table import Settings
    from tests.support.servers import Database

    Work = Callable[[Settings, Journal], object]

_ENVIRON = {"MIGRATOR_DDL_LOCK_TIMEOUT": "1s"}


class Commands:
    """Those of a project, for a database."""

    def __init__(self, folder: Path, database: Database) -> None:
        """Know both."""
        self._folder, self._url = folder, database.url
        self._flags = {"config": str(folder / "alembic.ini"), "database_url": database.url}

    def plan(self) -> Forecast:
        """Plan what is pending."""
        settings, _ = load.read(self._flags, _ENVIRON)
        return plan.forecast(settings, plan.PlanRequest())

    def run(self) -> None:
        """Bring the database to the project's head, by a process."""
        ended = run("run", tree=self._folder, url=self._url, **_ENVIRON)
        assert ended.exit_code == 0, ended.output

    def run_again(self) -> None:
        """Bring it there, without a process."""
        self._here(job.run)

    def rollback(self, words: tuple[str, ...]) -> None:
        """Take revisions back, as the command line of a page says."""
        given = rollback_command.make_context("rollback", list(words)).params
        request = rollback.RollbackRequest(given["to"], frozenset(given["drop"]), lambda: None)
        self._here(lambda told, journal: rollback.run(told, journal, request))

    def backfill(self, words: tuple[str, ...]) -> None:
        """Fill the rows that remain, as the command line of a page says."""
        given = backfill.make_context("backfill", list(words)).params
        limits = {name: given[name] for name in ("workers", "batch_time", "max_lag", "max_active")}
        request = backfilling.request(given["name"], **limits)
        self._here(lambda told, journal: backfilling.run(told, journal, request))

    def is_refused(self) -> None:
        """See that a run is, because a backfill is not complete."""
        outcome, error = self._ended(job.run)
        assert isinstance(error, IncompleteBackfillError), outcome
        assert outcome.exit_code == 79

    def _here(self, work: Work) -> None:
        outcome, error = self._ended(work)
        assert error is None, outcome

    def _ended(self, work: Work) -> tuple[Outcome, MigratorError | None]:
        return boundary.perform(work, self._flags, _ENVIRON, io.StringIO(), hear=False)


def said(plan: Forecast) -> Said:
    """Give what a page has to say of a plan."""
    assert plan.warnings == ()
    by_code = {(hazard.code, hazard.allowed is not None) for hazard in plan.hazards}
    return Said(
        plan.verdict,
        tuple(sorted(code for code, accepted in by_code if not accepted)),
        tuple(sorted(code for code, accepted in by_code if accepted)),
    )
