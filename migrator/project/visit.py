"""A visit to env.py: it is run, and nothing is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project import env_py, failure

if TYPE_CHECKING:
    from alembic.autogenerate import RevisionContext

    from migrator.project.env_py import Work
    from migrator.project.find import Project
    from migrator.project.listeners import Listener


def visit(
    project: Project,
    listener: Listener,
    work: Work = lambda *_: (),
    revision: RevisionContext | None = None,
) -> None:
    """Run env.py with `work` in the place of the upgrade; `revision` is as for `env_py.run`.

    Raises the `MigratorError` that it ended in.
    """
    try:
        env_py.run(project, work, only_look=True, listener=listener, revision=revision)
    except BaseException as error:  # noqa: BLE001 - env.py may raise anything
        failure.pass_on_interruption(error)
        raise failure.of_env_py(error, project) from None
