"""Compare the models with a database, as `alembic check` does, with env.py's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.autogenerate import RevisionContext

from migrator.project import env_py
from migrator.project.find import checking
from migrator.project.model_diff import place, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alembic.operations.ops import MigrationScript
    from alembic.runtime.migration import MigrationContext

    from migrator.project.find import Project
    from migrator.project.listeners import Listener

    Besides = Callable[[str | None, str | None], bool]

_AS_CHECK_DOES = {
    "message": None,
    "autogenerate": True,
    "sql": False,
    "head": "head",
    "splice": False,
    "branch_label": None,
    "version_path": None,
    "rev_id": None,
    "depends_on": None,
}
"""What `alembic.command.check` asks for."""


def compared(
    project: Project, listener: Listener, besides: Besides = lambda *_: False
) -> list[str] | None:
    """Give how the database differs from the models, in words; None where env.py names no models.

    What lies in a schema and table for which `besides` is true is left out.

    The database must be at the project's heads. Raises the `MigratorError` that env.py, or the
    comparison, ended in.
    """
    asked = checking(project)
    found: list[Any] = []
    named = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        if context.opts.get("target_metadata") is not None:
            named.append(context)
            found.extend(_differences(asked, heads, context))
        return ()

    env_py.run(asked, look, only_look=True, listener=listener)
    kept = (each for each in found if not besides(*place(each)))
    return [worded(each) for each in kept] if named else None


def _differences(project: Project, heads: tuple[str, ...], context: MigrationContext) -> list[Any]:
    """Give the differences as Alembic has them; a hook of env.py may have taken them all away."""
    asked = RevisionContext(project.config, project.script, _AS_CHECK_DOES)
    asked.run_autogenerate(heads, context)
    return differences(asked.generated_revisions)


def differences(scripts: Iterable[MigrationScript]) -> list[Any]:
    """Give what these drafts do, each as `alembic.autogenerate.compare_metadata` would."""
    return [
        difference
        for script in scripts
        for operations in script.upgrade_ops_list
        for difference in operations.as_diffs()
    ]
