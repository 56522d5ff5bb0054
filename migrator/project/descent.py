"""The way back: a history whose newest revisions are taken back by their downgrades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from migrator.errors import ProjectError
from migrator.project import irreversible, revisions
from migrator.project.environment import table_of
from migrator.project.find import downgrading
from migrator.project.plan import History, Plan
from migrator.report import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alembic.runtime.migration import MigrationContext

    from migrator.project.find import Project


@dataclass(frozen=True, slots=True)
class Descent(History):
    """A history on its way back; what is pending is taken back, newest first."""

    todo: ClassVar[str] = "take back"
    doing: ClassVar[str] = "Taking back "
    done: ClassVar[str] = "taken back"
    told: ClassVar[Mapping[str, str]] = {"direction": "downgrade"}

    @staticmethod
    def called(revision: str) -> str:
        """Name what runs while a revision is taken back."""
        return f"the downgrade of revision {revision}"

    def steps(self, heads: tuple[str, ...]) -> list[Any]:
        """Give Alembic's steps for those of the pending revisions that are in place there."""
        return revisions.steps_back(self.script, self.pending, heads)

    def see(self) -> None:
        """See that it leads to where it is to go, before a step of it is tried.

        Raises `ProjectError` where a revision has no downgrade, or where Alembic would end
        elsewhere.
        """
        for script in revisions.in_place(self.script, self.current):
            if script.revision in self.pending and (why := irreversible.obstacle(script)):
                raise ProjectError(f"Revision {script.revision} cannot be taken back: {why}.")
        end = revisions.end(self.current, self.steps(self.current))
        if set(end) != set(self.destination):
            raise ProjectError(
                f"Alembic would downgrade {self.table} to {named(sorted(end))}, and not to"
                f" {named(self.destination)}."
            )


def descent(history: History, standing: tuple[str, ...]) -> Descent:
    """Give the way back to where a history was from where it is now."""
    done = frozenset(history.pending) - history.outstanding(standing)
    back = [s.revision for s in revisions.in_place(history.script, standing) if s.revision in done]
    return Descent(
        history.project,
        history.script,
        history.table,
        current=standing,
        destination=history.current,
        pending=tuple(back),
        in_one_transaction=history.in_one_transaction,
    )


def together(descents: Iterable[Descent]) -> Plan:
    """Give the plan of them all; a section that has nothing to take back is left alone."""
    histories, sections = tuple(descents), dict[str, "Project"]()
    for each in histories:
        if each.pending and each.project.section not in sections:
            lowest = each.destination[0] if each.destination else "base"
            sections[each.project.section] = downgrading(each.project, lowest)
    return Plan(tuple(sections.values()), histories, chart=_untouched)


def _untouched(project: Project, context: MigrationContext, heads: tuple[str, ...]) -> Descent:
    """Give a history of which nothing is to be taken back."""
    return Descent(project, context.script or project.script, table_of(context), heads, heads)
