"""The downgrade path of a version table: the newest revisions, by their downgrades."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from migrator.errors import ProjectError, UsageError
from migrator.output.text import named
from migrator.project import downgrade, revisions
from migrator.project.env_py import in_one_transaction, table_of
from migrator.project.find import downgrading
from migrator.project.plan import MigrationPlan, UpgradePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy.engine import Connection

    from migrator.project.find import Project


@dataclass(frozen=True, slots=True)
class DowngradePath(UpgradePath):
    """A path on its way back; what is pending is taken back, newest first."""

    may_drop: frozenset[str] | None = None
    """The tables that may be dropped though they hold rows; None is any."""

    todo: ClassVar[str] = "take back"
    doing: ClassVar[str] = "Taking back "
    done: ClassVar[str] = "taken back"
    proven: ClassVar[str] = "taken back"
    side: ClassVar[str] = "above"
    adds: ClassVar[bool] = False
    arrived: ClassVar[str] = "rolled_back"
    told: ClassVar[Mapping[str, str]] = {"direction": "downgrade"}

    def steps(self, heads: tuple[str, ...]) -> list[Any]:
        """Give Alembic's steps for those of the pending revisions that are in place there."""
        return revisions.steps_back(self.script, self.pending, heads)

    def permit(self, connection: Connection, statement: str) -> None:
        """Refuse a statement that drops a table which holds rows and may not go."""
        if self.may_drop is not None:
            downgrade.permit(connection, statement, self.may_drop)

    def end(self) -> tuple[str, ...]:
        """Give the rows that its steps lead to, before one of them is tried.

        Raises `ProjectError` where a revision has no downgrade.
        """
        for script in revisions.in_place(self.script, self.current):
            if script.revision in self.pending and (why := downgrade.obstacle(script)):
                raise ProjectError(f"Revision {script.revision} cannot be taken back: {why}.")
        return revisions.end(self.current, self.steps(self.current))

    def see(self) -> None:
        """See that it leads to where it is to go.

        Raises `ProjectError` where a revision has no downgrade, or where Alembic would end
        elsewhere.
        """
        end = self.end()
        if set(end) != set(self.destination):
            raise ProjectError(
                f"Alembic would downgrade {self.table} to {named(end)}, and not to"
                f" {named(self.destination)}."
            )


def path_back(path: UpgradePath, standing: tuple[str, ...]) -> DowngradePath:
    """Give the way back to where a path was from where it is now."""
    done = frozenset(path.pending) - path.outstanding(standing)
    back = [s.revision for s in revisions.in_place(path.script, standing) if s.revision in done]
    return DowngradePath(
        path.project,
        path.script,
        path.table,
        current=standing,
        destination=path.current,
        pending=tuple(back),
        in_one_transaction=path.in_one_transaction,
    )


def down_to(
    target: str,
    may_drop: frozenset[str],
    project: Project,
    context: MigrationContext,
    heads: tuple[str, ...],
) -> DowngradePath:
    """Give the way down to a target, as `alembic downgrade` has it.

    Raises `UsageError` where that is not below where the database is.
    """
    script, current = _known(project, context, heads)
    return _down(project, context, current, revisions.above(script, target, current), may_drop)


def without(
    unwanted: frozenset[str],
    may_drop: frozenset[str],
    project: Project,
    context: MigrationContext,
    heads: tuple[str, ...],
) -> DowngradePath:
    """Give the way back from these revisions, as far as they are in place.

    Raises `UsageError` where others came after them.
    """
    script, current = _known(project, context, heads)
    there = revisions.in_place(script, current)
    back = [each for each in there if each.revision in unwanted]
    going = {each.revision for each in back}
    for each in there:
        if each.revision not in going and going.intersection(each._all_down_revisions):  # noqa: SLF001 - with dependencies
            message = f"Revision {each.revision} came after those, and is not among them."
            raise UsageError(message, hint="--to says how far to go back.")
    return _down(project, context, current, back, may_drop)


def _known(
    project: Project, context: MigrationContext, heads: tuple[str, ...]
) -> tuple[ScriptDirectory, tuple[str, ...]]:
    script, current = context.script or project.script, tuple(sorted(heads))
    revisions.whole(script)
    revisions.known(script, table_of(context), current, tuple(script.get_heads()))
    return script, current


def _down(
    project: Project,
    context: MigrationContext,
    current: tuple[str, ...],
    back: Iterable[Script],
    may_drop: frozenset[str],
) -> DowngradePath:
    way = DowngradePath(
        project,
        context.script or project.script,
        table_of(context),
        current=current,
        destination=(),
        pending=tuple(each.revision for each in back),
        in_one_transaction=in_one_transaction(context),
        may_drop=may_drop,
    )
    return replace(way, destination=way.end())


def together(paths_back: Iterable[UpgradePath]) -> MigrationPlan:
    """Give the plan of them all; a section that has nothing to take back is left alone."""
    paths, sections = tuple(paths_back), dict[str, "Project"]()
    for each in paths:
        if each.pending and each.project.section not in sections:
            lowest = each.destination[0] if each.destination else "base"
            sections[each.project.section] = downgrading(each.project, lowest)
    return MigrationPlan(tuple(sections.values()), paths, find_path=_untouched)


def _untouched(
    project: Project, context: MigrationContext, heads: tuple[str, ...]
) -> DowngradePath:
    """Give a path of which nothing is to be taken back."""
    return DowngradePath(project, context.script or project.script, table_of(context), heads, heads)
