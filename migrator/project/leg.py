"""A leg of a journey: env.py is run for one revision, applied or taken back, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationStep

from migrator.project import allowances, environment, failure, irreversible, revisions
from migrator.project.find import downgrading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory

    from migrator.database.version_table import VersionTable
    from migrator.project.environment import Watcher
    from migrator.project.find import Project
    from migrator.project.plan import Plan


@dataclass(frozen=True, slots=True)
class Leg:
    """A revision of one version table."""

    project: Project
    script: ScriptDirectory
    table: VersionTable
    revision: str

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be taken back; None where its downgrade is worth a try."""
        return irreversible.obstacle(self._file)

    @property
    def allowed(self) -> dict[str, str]:
        """The hazards that its author accepts, with the reasons."""
        return allowances.allowed(self._file.path)

    def after(self, rows: tuple[str, ...], *, back: bool = False) -> tuple[str, ...]:
        """Give the rows that it leaves in a version table which had these."""
        return revisions.end(rows, [self._step(back=back)])

    def forth(self, watcher: Watcher) -> None:
        """Have env.py apply it; raises the `MigratorError` that it ended in."""
        self._go(self.project, f"revision {self.revision}", watcher, self._step(back=False))

    def back(self, watcher: Watcher) -> None:
        """Have env.py take it back; raises the `MigratorError` that it ended in."""
        below = self._file.down_revision or "base"
        lowest = below if isinstance(below, str) else below[0]
        what = f"the downgrade of revision {self.revision}"
        self._go(downgrading(self.project, lowest), what, watcher, self._step(back=True))

    @property
    def _file(self) -> Script:
        return self.script.get_revision(self.revision)

    def _step(self, *, back: bool) -> Any:  # noqa: ANN401 - Alembic's RevisionStep
        make = MigrationStep.downgrade_from_script if back else MigrationStep.upgrade_from_script
        return make(self.script.revision_map, self._file)

    def _go(self, project: Project, what: str, watcher: Watcher, step: Any) -> None:  # noqa: ANN401 - as above
        ran: list[Any] = []

        def only_this(_: tuple[str, ...], context: MigrationContext) -> Iterator[Any]:
            if not ran and environment.table_of(context) == self.table:
                ran.append(step)
                yield step

        try:
            environment.run(project, only_this, watcher=watcher)
        except BaseException as error:  # noqa: BLE001 - env.py and revisions may raise anything
            failure.pass_on_interruption(error)
            raise failure.of_step(error, what if ran else None, project) from None


def legs(plan: Plan) -> tuple[Leg, ...]:
    """Give what is pending, one by one and in order."""
    return tuple(
        Leg(history.project, history.script, history.table, revision)
        for history in plan.histories
        for revision in history.pending
    )
