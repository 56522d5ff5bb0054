"""A visit to env.py: it is run, and nothing is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.project import environment, failure

if TYPE_CHECKING:
    from migrator.project.environment import Watcher, Work
    from migrator.project.find import Project


def visit(project: Project, watcher: Watcher, work: Work = lambda *_: ()) -> None:
    """Run env.py with `work` in the place of the upgrade.

    Raises the `MigratorError` that it ended in.
    """
    try:
        environment.run(project, work, only_look=True, watcher=watcher)
    except BaseException as error:  # noqa: BLE001 - env.py may raise anything
        failure.pass_on_interruption(error)
        raise failure.of_env_py(error, project) from None
