"""What `alembic revision --autogenerate` would write, as operations; nothing is written yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alembic.autogenerate import RevisionContext
from alembic.util import asbool

from migrator.develop.new.enums import rendering
from migrator.develop.new.facts import facts
from migrator.develop.new.split import Part, is_empty, series
from migrator.errors import NotAtHeadError
from migrator.output.text import named
from migrator.project import env_py
from migrator.project.find import option, revising
from migrator.project.model_diff import titled
from migrator.project.models import differences

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from migrator.develop.new.facts import Facts
    from migrator.project.find import Project
    from migrator.project.listeners import Listener


@dataclass
class Draft:
    """Revisions that are to be written."""

    context: RevisionContext
    parts: tuple[Part, ...]
    compared: bool = False
    """Whether env.py names models that the database was compared with."""


def compared(project: Project, message: str | None, listener: Listener) -> Draft:
    """Compare the database, which must be at the heads, with the models, and take precautions.

    Without a message the revision is named by what it does. Raises `NotAtHeadError` where the
    database is elsewhere, and the `MigratorError` that env.py, or the comparison, ended in.
    """
    asked = revising(project, message or "", autogenerate=True)
    made = _asked(asked, message, autogenerate=True)
    known: list[Facts] = []
    named_models = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        _see_at_heads(project, heads)
        if context.opts.get("target_metadata") is not None:
            named_models.append(context)
            known.append(facts(context))
            made.run_autogenerate(heads, context)
        return ()

    env_py.run(asked, look, only_look=True, listener=listener, revision=made)
    scripts = [each for each in made.generated_revisions if not is_empty(each)]
    for script in scripts:
        script.message = script.message or titled(differences([script]))
    if len(scripts) == 1 and len(scripts[0].upgrade_ops_list) == 1:
        options = made._last_autogen_context.opts  # noqa: SLF001 - what it is rendered by
        options["render_item"] = rendering(options.get("render_item"))
        parts = series(scripts[0], known[0])
    else:  # of several databases, or a hook of env.py has made several for reasons of its own
        parts = tuple(Part(each) for each in scripts)
    return Draft(made, parts, compared=bool(named_models))


def _see_at_heads(project: Project, current: tuple[str, ...]) -> None:
    heads = project.script.get_heads()
    if {*current} != {*heads}:
        raise NotAtHeadError(
            f"The database is at {named(sorted(current))}, and the project's head is"
            f" {named(sorted(heads))}."
        )


def empty(project: Project, message: str, heads: tuple[str, ...], listener: Listener) -> Draft:
    """Give a revision without any operation, on top of these.

    env.py is run for it only where the project asks for that (`revision_environment`).
    """
    asked = revising(project, message, autogenerate=False)
    made = _asked(asked, message, autogenerate=False, heads=heads)
    if asbool(option(project.config, "revision_environment")):

        def look(rows: tuple[str, ...], context: MigrationContext) -> tuple[()]:
            made.run_no_autogenerate(rows, context)
            return ()

        env_py.run(asked, look, only_look=True, listener=listener, revision=made)
    return Draft(made, tuple(Part(each) for each in made.generated_revisions))


def _asked(
    project: Project, message: str | None, *, autogenerate: bool, heads: tuple[str, ...] = ("head",)
) -> RevisionContext:
    given = {
        "message": message,
        "autogenerate": autogenerate,
        "sql": False,
        "head": heads[0] if len(heads) == 1 else heads,
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": None,
        "depends_on": None,
    }
    return RevisionContext(project.config, project.script, given)
