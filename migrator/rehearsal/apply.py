"""Upgrade a rehearsal database, from base to where some database is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.project import env_py, revisions
from migrator.project.plan import UpgradePath
from migrator.project.url import give_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alembic.runtime.migration import MigrationContext

    from migrator.database.version_table import VersionTable
    from migrator.project.find import Project
    from migrator.project.listeners import Listener
    from migrator.project.plan import FindPath, MigrationPlan
    from migrator.settings.address import Address


@contextmanager
def redirected(projects: Iterable[Project], address: Address) -> Iterator[tuple[Project, ...]]:
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


def path_to(standing: Mapping[VersionTable, tuple[str, ...]]) -> FindPath:
    """Give what finds the path of each version table to these rows."""

    def find_path(
        project: Project, context: MigrationContext, heads: tuple[str, ...]
    ) -> UpgradePath:
        script, table = context.script or project.script, env_py.table_of(context)
        wanted, current = standing.get(table, ()), tuple(sorted(heads))
        revisions.known(script, table, wanted, tuple(script.get_heads()))
        return UpgradePath(project, script, table, current, wanted).planned(current)

    return find_path


def apply(plan: MigrationPlan, listener: Listener) -> None:
    """Apply all that the plan has; raises the `MigratorError` that it ended in."""
    ways = {path.table: path for path in plan.paths}

    def work(heads: tuple[str, ...], context: MigrationContext) -> list[Any]:
        return ways[env_py.table_of(context)].steps(tuple(heads))

    for project in plan.projects:
        env_py.run(project, work, listener=listener)
