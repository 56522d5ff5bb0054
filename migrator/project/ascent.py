"""An ascent: a history is run on another database, from base to where some database stands."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.project import environment, failure, revisions
from migrator.project.plan import History
from migrator.project.url import give_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alembic.runtime.migration import MigrationContext

    from migrator.database.version_table import VersionTable
    from migrator.project.environment import Watcher
    from migrator.project.find import Project
    from migrator.project.plan import Chart, Plan
    from migrator.settings.address import Address


@contextmanager
def aimed(projects: Iterable[Project], address: Address) -> Iterator[tuple[Project, ...]]:
    """Give the same projects with another database, for as long as the block lasts."""
    before = tuple(projects)
    for project in before:
        give_url(project.config, Path(project.script.env_py_location), address)
    try:
        yield tuple(_with_address(project, address) for project in before)
    finally:
        for project in before:
            theirs = project.settings.database_url
            give_url(project.config, Path(project.script.env_py_location), theirs)


def _with_address(project: Project, address: Address) -> Project:
    told = replace(project.settings, database_url=address, transactions="per-revision")
    return replace(project, settings=told)


def towards(standing: Mapping[VersionTable, tuple[str, ...]]) -> Chart:
    """Give the chart that leads each version table to these rows."""

    def chart(project: Project, context: MigrationContext, heads: tuple[str, ...]) -> History:
        script, table = context.script or project.script, environment.table_of(context)
        wanted, current = standing.get(table, ()), tuple(sorted(heads))
        revisions.known(script, table, wanted, tuple(script.get_heads()))
        return History(project, script, table, current, wanted).planned(current)

    return chart


def ascend(plan: Plan, watcher: Watcher) -> None:
    """Apply all that the plan has; raises the `MigratorError` that it ended in."""
    ways = {history.table: history for history in plan.histories}
    for project in plan.projects:
        running: list[str] = []
        work = partial(_steps, ways, running)
        try:
            environment.run(project, work, watcher=watcher)
        except BaseException as error:  # noqa: BLE001 - env.py and revisions may raise anything
            failure.pass_on_interruption(error)
            what = f"revision {running[-1]}" if running else None
            raise failure.of_step(error, what, project) from None


def _steps(
    ways: Mapping[VersionTable, History],
    running: list[str],
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterator[Any]:
    for step in ways[environment.table_of(context)].steps(tuple(heads)):
        running.append(step.revision.revision)
        yield step
