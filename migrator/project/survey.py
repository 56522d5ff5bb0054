"""Find out what is pending by running env.py once, without a change."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from migrator.errors import MigratorError, ProjectError
from migrator.project import env_py
from migrator.project.listeners import Look
from migrator.project.plan import FindPath, MigrationPlan, known, path_or_error, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alembic.runtime.migration import MigrationContext

    from migrator.project.env_py import Witness
    from migrator.project.find import Project
    from migrator.project.plan import PathOrError

    Compare = Callable[[Callable[[], Mapping[str, str]]], Mapping[str, str]]

_RACES = 3
_RACED = ("23505", "40001", "40P01", "42P06", "42P07", "42710")
"""SQLSTATEs of two sessions that made the same thing, or locked each other out: what an env.py
that writes before `configure` may meet, because it is run once before the lock."""


def survey(
    projects: tuple[Project, ...],
    witness: Witness,
    find_path: FindPath = standing,
    compare: Compare = lambda _: {},
    look: Look | None = None,
) -> MigrationPlan:
    """Run env.py once without a change, and give what there is to do.

    `compare` gives what was changed of the revisions in place, `look` sees env.py's connections.
    Raises `ProjectError` where the project is broken or env.py fails, `DisagreementError` where
    the database is at a revision unknown to the code, and what `witness` and `find_path` raise.
    """
    found: list[PathOrError] = []
    look = look or Look()
    for project in projects:
        found += _paths(project, witness, look, find_path)
    plan = MigrationPlan(projects, known(found), look.asked, find_path)
    return replace(plan, altered=compare(lambda: plan.in_place))


def _paths(
    project: Project, witness: Witness, listener: Look, find_path: FindPath
) -> list[PathOrError]:
    """Look, and look again where another run's env.py made the same schema at the same moment."""
    for _ in range(_RACES):
        try:
            return _looked(project, witness, listener, find_path)
        except ProjectError as error:
            if error.sqlstate not in _RACED:
                raise
    return _looked(project, witness, listener, find_path)


def _looked(
    project: Project, witness: Witness, listener: Look, find_path: FindPath
) -> list[PathOrError]:
    found: list[PathOrError] = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        listener.chosen = True
        witness(env_py.first_row(context))
        found.append(path_or_error(partial(find_path, project, context, heads)))
        return ()

    try:
        env_py.run(project, look, only_look=True, listener=listener)
    except MigratorError:
        known(found)
        raise
    if not found:
        message = "env.py finished without asking for migrations: it never called run_migrations()."
        raise ProjectError(message, hint="Does it act only under a condition?")
    return found
