"""Stamping: a revision is written into the version table by env.py, as `alembic stamp` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.errors import MigratorError
from migrator.project import env_py, failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.runtime.migration import MigrationContext

    from migrator.project.env_py import Witness
    from migrator.project.find import Project


def stamp(project: Project, witness: Witness, revision: str) -> None:
    """Make this revision the only row of the version table, which is made where there is none.

    `witness` raises where env.py connects elsewhere. Raises what env.py failed with, as ours.
    """
    refused: list[MigratorError] = []

    def work(heads: tuple[str, ...], context: MigrationContext) -> Iterable[Any]:
        try:
            witness(env_py.first_row(context))
        except MigratorError as error:
            refused.append(error)
            raise
        script = context.script or project.script
        return list(script._stamp_revs(revision, heads))  # noqa: SLF001 - as alembic.command does

    try:
        env_py.run(project, work, purge=True)
    except BaseException as error:  # noqa: BLE001 - env.py may raise anything
        failure.pass_on_interruption(error)
        raise (refused[0] if refused else failure.of_env_py(error, project)) from None
