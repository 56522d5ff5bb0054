"""Run env.py for one revision, up or down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationStep

from migrator.project import downgrade, env_py, revisions
from migrator.project.annotations import allowed
from migrator.project.find import downgrading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory

    from migrator.database.version_table import VersionTable
    from migrator.project.find import Project
    from migrator.project.listeners import Listener
    from migrator.project.plan import MigrationPlan


@dataclass(frozen=True, slots=True)
class RehearsalStep:
    """A revision of one version table, to upgrade to or to downgrade from."""

    project: Project
    script: ScriptDirectory
    table: VersionTable
    revision: str

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be taken back; None where its downgrade is worth a try."""
        return downgrade.obstacle(self._file)

    @property
    def allowed(self) -> dict[str, str]:
        """The hazards that its author accepts, with the reasons."""
        return allowed(self._file.path)

    def after(self, rows: tuple[str, ...], *, down: bool = False) -> tuple[str, ...]:
        """Give the rows that it leaves in a version table which had these."""
        return revisions.end(rows, [self._step(down=down)])

    def upgrade(self, listener: Listener) -> None:
        """Have env.py upgrade to it; raises the `MigratorError` that it ended in."""
        self._run(self.project, listener, self._step(down=False))

    def downgrade(self, listener: Listener) -> None:
        """Have env.py downgrade from it; raises the `MigratorError` that it ended in."""
        below = self._file.down_revision or "base"
        lowest = below if isinstance(below, str) else below[0]
        self._run(downgrading(self.project, lowest), listener, self._step(down=True))

    @property
    def _file(self) -> Script:
        return self.script.get_revision(self.revision)

    def _step(self, *, down: bool) -> Any:  # noqa: ANN401 - Alembic's RevisionStep
        make = MigrationStep.downgrade_from_script if down else MigrationStep.upgrade_from_script
        return make(self.script.revision_map, self._file)

    def _run(self, project: Project, listener: Listener, step: Any) -> None:  # noqa: ANN401 - as above
        ran: list[Any] = []

        def only_this(_: tuple[str, ...], context: MigrationContext) -> Iterator[Any]:
            if not ran and env_py.table_of(context) == self.table:
                ran.append(step)
                yield step

        env_py.run(project, only_this, listener=listener)


def steps(plan: MigrationPlan) -> tuple[RehearsalStep, ...]:
    """Give what is pending, one by one and in order."""
    return tuple(
        RehearsalStep(path.project, path.script, path.table, revision)
        for path in plan.paths
        for revision in path.pending
    )
