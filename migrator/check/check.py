"""`migrator check`: verify a project by itself, on a scratch server, without its database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.backfill import requirement
from migrator.check.checklist import Check, Checklist, complete, judged, skipped
from migrator.database.identity import confined_to, same_database
from migrator.errors import ProjectError, UnreachableError
from migrator.output.log import silenced
from migrator.output.text import capital, counted, named
from migrator.plan import plan
from migrator.plan.hazards.hazard import counts
from migrator.process.git import new_files
from migrator.project import env_py, models, revisions
from migrator.project.annotations import all_needs
from migrator.project.find import find
from migrator.project.survey import survey
from migrator.project.unimported_models import HINT, unimported
from migrator.rehearsal.confine import Confined
from migrator.rehearsal.database import empty
from migrator.rehearsal.roundtrip import Finding, RoundTrip
from migrator.rehearsal.step import steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.database.connection import Server
    from migrator.plan.hazards.hazard import Hazard
    from migrator.project.find import Project
    from migrator.project.listeners import Listener
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings

_NOT_AT_THE_END = "Not looked at: the history does not run to its end."


def check(
    settings: Settings, *, since: str | None, environ: Mapping[str, str], on: str = "embedded"
) -> Checklist:
    """Prove what can be proven of a project without its database.

    That is done on an embedded server, or in a database made for it on the server whose URL is
    given as `on`. With `since`, a reference of git, the revisions that are new since then are
    rehearsed for hazards.

    Raises `ConfigurationError` where the embedded server is not installed or env.py connects
    elsewhere, `ProjectError` where there is no project, and what `copy` and `new_files` raise.
    """
    making = _Making(settings, since, environ, on)
    checks: list[Check] = []
    try:
        with silenced():
            for made in making.all():
                checks.append(made)  # noqa: PERF402 - those before an error are kept
    except ProjectError as error:
        return complete(checks, error, making.new)
    return Checklist(tuple(checks), making.new)


class _Making:
    """Makes the checks, one after the other."""

    def __init__(
        self, settings: Settings, since: str | None, environ: Mapping[str, str], on: str
    ) -> None:
        self._settings, self._since, self._environ = settings, since, dict(environ)
        self._on = on
        self._projects: tuple[Project, ...] = ()
        self.new: tuple[str, ...] | None = None

    def all(self) -> Iterator[Check]:
        """Make them; raises `ProjectError` in the midst of one where the project is broken."""
        with empty(self._on, self._environ) as server:
            told = replace(self._settings, database_url=server.address)
            self._projects = find(told)  # once: an application is loaded with the address it finds
            yield self._chain()
            self.new = self._new()
            yield self._heads()
            listener = Confined(confined_to(server))
            plan = self._run_env_py(server, listener)
            yield Check("environment", "passed", "env.py runs, and asks for migrations.")
            trip = RoundTrip(steps(plan), server.connection, listener)
            failed = trip.up()
            yield judged("upgrade", _way(plan), failed)
            if failed:
                yield from (skipped(name, _NOT_AT_THE_END) for name in ("models", "downgrade"))
            else:
                yield _models(plan, listener)
                yield _downgrade(trip)
        yield skipped("hazards", _NOT_AT_THE_END) if failed else self._hazards()

    def _chain(self) -> Check:
        for project in self._projects:
            revisions.whole(project.script)
        count = sum(len(list(project.script.walk_revisions())) for project in self._projects)
        lacking = tuple(
            Finding(error.message, need.revision, error.hint)
            for project in self._projects
            for need, error in requirement.missing(all_needs(project))
        )
        return judged("chain", f"{counted(count, 'revision')}, and no gap between them.", lacking)

    def _heads(self) -> Check:
        wanted = self._settings.target
        heads = [
            head
            for project in self._projects
            for head in revisions.destination(project.script, wanted, ())
        ]
        return Check("heads", "passed", f"{capital(wanted)} is {named(heads)}.")

    def _run_env_py(self, server: Server, listener: Listener) -> MigrationPlan:
        """Let env.py run confined before anything else has it run."""
        for project in self._projects:
            env_py.run(project, only_look=True, listener=listener)
        return survey(self._projects, same_database(server))

    def _new(self) -> tuple[str, ...] | None:
        """Give the revisions that are new since the reference, the oldest first."""
        if self._since is None:
            return None
        folder = Path(self._projects[0].script.dir)
        files = new_files(self._since, folder, self._environ)
        scripts = [each for p in self._projects for each in p.script.walk_revisions()]
        return tuple(
            each.revision for each in reversed(scripts) if Path(each.path).resolve() in files
        )

    def _hazards(self) -> Check:
        if self.new is None:
            return skipped("hazards", "Not looked at: --since says which revisions are new.")
        if not self.new:
            return Check("hazards", "passed", f"No revision is new since {self._since}.")
        try:
            found = tuple(
                Finding(f"{each.reason} ({each.code}, {each.level})", each.revision, each.instead)
                for each in self._rehearsed()
                if each.revision in self.new and counts(each, self._settings.max_risk)
            )
        except UnreachableError as error:  # of an application that keeps the address it had before
            found = (Finding(f"They could not be rehearsed: {error.message}", hint=error.hint),)
        return judged("hazards", f"New since {self._since}: {named(self.new)}.", found)

    def _rehearsed(self) -> tuple[Hazard, ...]:
        return plan.from_base(self._settings, self._on, self._environ).hazards


def _way(plan: MigrationPlan) -> str:
    return f"From base to {named(plan.destination)}, {counted(len(plan.pending), 'revision')}."


def _models(plan: MigrationPlan, listener: Listener) -> Check:
    """Compare the models where the database is at the heads, as Alembic wants it for that."""
    heads = {head for path in plan.paths for head in path.script.get_heads()}
    if heads != {*plan.destination}:
        return skipped("models", "Not compared: MIGRATOR_TARGET is not the project's heads.")
    found = [models.compared(project, listener) for project in plan.projects]
    if all(each is None for each in found):
        return skipped("models", "Not compared: env.py names none (target_metadata).")
    unknown = [each for project in plan.projects for each in unimported(project, listener)]
    told = (
        *(Finding(each.message, hint=HINT) for each in unknown),
        *(Finding(one) for each in found for one in each or ()),
    )
    return judged("models", "The models against the revisions.", told)


def _downgrade(trip: RoundTrip) -> Check:
    found = trip.down_and_up()
    told = f"Down to {trip.lowest} and up again."
    return judged("downgrade", f"{told} {trip.stop}." if trip.stop else told, found)
