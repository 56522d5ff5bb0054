"""How a run of env.py ends: in one of our errors, whatever env.py makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrator.errors import ConfigurationError, ProjectError, RevisionFailedError
from migrator.project import env_py, revisions
from migrator.project.find import find
from migrator.settings import load
from tests.plan.releases import ENV, project, revise

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from alembic.runtime.migration import MigrationContext

    from migrator.project.find import Project
    from tests.support.servers import Database

SWALLOWS = ENV.replace(
    "        context.run_migrations()",
    """
        try:
            context.run_migrations()
        except Exception:
            connection.rollback()
""",
)


def found(folder: Path, database: Database) -> Project:
    flags = {"config": str(folder / "alembic.ini"), "database_url": database.url}
    return find(load.read(flags, {})[0])[0]


def test_what_was_refused_is_raised_though_env_py_swallows_it(
    tmp_path: Path, database: Database
) -> None:
    def refuse(_: tuple[str, ...], __: MigrationContext) -> tuple[()]:
        message = "Not here."
        raise ConfigurationError(message)

    one = found(project(tmp_path / "p", SWALLOWS), database)
    with pytest.raises(ConfigurationError, match="Not here"):
        env_py.run(one, refuse)


def test_the_revision_that_ran_is_named(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    revise(folder, "op.execute('SELECT 1')")
    revise(folder, "raise RuntimeError('no')")
    one = found(folder, database)

    def all_of_them(heads: tuple[str, ...], _: MigrationContext) -> list[Any]:
        return revisions.steps(one.script, ("r2",), heads)

    with pytest.raises(RevisionFailedError, match="Revision r2 failed: RuntimeError: no"):
        env_py.run(one, all_of_them)
    assert database.revisions() == ["r1"]


def test_what_env_py_raises_by_itself_is_the_projects(tmp_path: Path, database: Database) -> None:
    one = found(project(tmp_path / "p", f"{ENV}\nraise RuntimeError('late')\n"), database)
    with pytest.raises(ProjectError, match=r"env\.py failed: RuntimeError: late"):
        env_py.run(one, only_look=True)
