"""Stamp a database through env.py, as `alembic stamp` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.project import env_py

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.runtime.migration import MigrationContext

    from migrator.project.env_py import Witness
    from migrator.project.find import Project


def stamp(project: Project, witness: Witness, revision: str) -> None:
    """Make this revision the only row of the version table, which is made where there is none.

    `witness` raises where env.py connects elsewhere. Raises what env.py failed with, as ours.
    """

    def work(heads: tuple[str, ...], context: MigrationContext) -> Iterable[Any]:
        witness(env_py.first_row(context))
        script = context.script or project.script
        return list(script._stamp_revs(revision, heads))  # noqa: SLF001 - as alembic.command does

    env_py.run(project, work, purge=True)
