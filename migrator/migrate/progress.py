"""Track which revisions ran, which are committed, and what a failed one left behind."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from migrator.migrate.no_effect import Idleness
from migrator.migrate.transactions import Transactions
from migrator.output.log import Event, emit
from migrator.output.report import Applied
from migrator.project import env_py
from migrator.project.failure import Circumstances
from migrator.project.listeners import COMMENTS, autocommit

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection

    from migrator.database.lock.monitor import StatementMonitor
    from migrator.database.version_table import VersionTable
    from migrator.errors import MigratorError
    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan, UpgradePath

_LATELY_S = 0.1
"""Revisions that take milliseconds share an answer of the guard's. The fence keeps other runs out
meanwhile, and each transaction asks for itself whether the lock is held."""
_ONLY_READS = re.compile(r"\s*(SELECT|SHOW|SET|BEGIN|SAVEPOINT|RELEASE|EXPLAIN)\b", re.IGNORECASE)
_ENDS = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
_INDEX = re.compile(
    COMMENTS + r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?"
    r"(?P<unless>IF\s+NOT\s+EXISTS\s+)?\"?(?P<name>\w+)",
    re.IGNORECASE | re.DOTALL,
)


_IDLE = (
    "\nIt changed nothing, though its upgrade() is not empty: was the work done already, or did a"
    " condition in it fail? migrator status --drift compares the schema."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A revision that Alembic applied, or was about to; `said` once the log has it."""

    path: UpgradePath
    applied: Applied
    said: bool
    idle: bool = False
    """It changed nothing, though it says that it does."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an upgrade did, as far as it can know itself; the proof is made elsewhere."""

    paths: tuple[UpgradePath, ...]
    steps: tuple[Step, ...]
    failed: str | None = None
    left_something: bool = False
    """The failed revision had committed part of its work."""
    tried: frozenset[str] = frozenset()
    """Indexes that it tried to build."""
    relied_on: frozenset[str] = frozenset()
    """Indexes that were to be made unless they existed."""
    error: MigratorError | None = None

    @property
    def tables(self) -> tuple[VersionTable, ...]:
        """The version tables it worked on."""
        return tuple(h.table for h in self.paths)


class Progress(Transactions):
    """Follows the revisions as Alembic applies them, and what of them is committed."""

    def __init__(
        self, plan: MigrationPlan, monitor: StatementMonitor, tried: frozenset[str]
    ) -> None:
        """Start before the first; an earlier attempt had tried to build these indexes."""
        super().__init__(plan.settings, monitor)
        self._paths, self._find_path = {h.table: h for h in plan.paths}, plan.find_path
        self._steps: list[Step] = []
        self._said = 0
        """So many of them, from the first, are in the log."""
        self._wrote = self._committing = self._ended_by_hand = self._left_something = False
        self._relied_on: set[str] = set()
        self.indexes = set(tried)
        """Those that a revision tried to build."""
        self._running: tuple[UpgradePath, str, float] | None = None
        self._idleness: Idleness | None = None

    @property
    def current(self) -> str | None:
        """The revision that runs, or None between two."""
        return self._running[1] if self._running else None

    @property
    def called(self) -> str | None:
        """What runs, in words, or None between two."""
        return self._running[0].called(self._running[1]) if self._running else None

    @property
    def lock_lost(self) -> MigratorError | None:
        """The error of a run that lost its lock, or None."""
        return self._guard.failure()

    def circumstances(self) -> Circumstances:
        """Give what is known beside the error when env.py fails now."""
        return Circumstances(bool(self._steps), self._left_something, self._monitor.in_the_way)

    def path(
        self, project: Project, context: MigrationContext, heads: tuple[str, ...]
    ) -> UpgradePath:
        """Give the path that env.py works on now: as it was planned, where it was."""
        planned = self._paths.get(env_py.table_of(context))
        return planned or self._find_path(project, context, heads)

    def resume(self, path: UpgradePath, heads: tuple[str, ...]) -> None:
        """Take up a path where the database is: what an earlier try left undone is forgotten."""
        self._paths.setdefault(path.table, path)
        self._running, self._left_something = None, False
        if not self._steps:
            return
        outstanding = path.outstanding(heads)
        steps, self._steps, self._said = self._steps, [], 0
        for step in steps:
            if step.path.table != path.table:
                self._steps.append(step)
            elif step.applied.revision not in outstanding:
                self._steps.append(said(step))

    def start(self, step: Any, path: UpgradePath) -> None:  # noqa: ANN401 - Alembic's RevisionStep
        """Note a revision that begins."""
        self._guard.alive(_LATELY_S)
        self._go_on()
        revision = step.revision
        self._running = (path, revision.revision, time.monotonic())
        self._idleness = Idleness(revision, path.table) if path.adds else None
        self._wrote = self._left_something = False
        title = (revision.doc or "").strip()
        emit(
            Event.REVISION_STARTED,
            f"{path.doing}{revision.revision}  {title}".rstrip(),
            revision=revision.revision,
            title=title,
            version_table=str(path.table),
            **path.told,
        )

    def finish(self, ran: MigrationContext) -> None:
        """Note that the revision ran; say so once nothing can roll it back."""
        self._steps.extend(self._unfinished())
        self._running = None
        if ran.connection is not None and not ran.connection.in_transaction():
            self._steps[self._said :] = [said(step) for step in self._steps[self._said :]]
            self._said = len(self._steps)

    def begun(self, connection: Connection) -> None:
        """See that the commit before it went through."""
        self._passed()
        self._ended_by_hand = False
        super().begun(connection)

    def executing(self, connection: Connection, statement: str) -> None:
        """See that it may run, and remember which indexes a revision tried to build."""
        if self._running:
            self._running[0].permit(connection, statement)
        super().executing(connection, statement)
        if self._running and self._idleness:
            self._idleness.executing(connection, statement)
        if found := _INDEX.match(statement):
            self.indexes.add(found["name"])

    def committing(self, connection: Connection) -> None:
        """Remember that what was written is about to stay."""
        self._committing = True
        super().committing(connection)

    def executed(
        self,
        connection: Connection,
        statement: str,
        rows: int | None = None,
    ) -> None:
        """Notice what a revision writes, and whether it can still be rolled back."""
        super().executed(connection, statement, rows)
        self._passed()
        if self.current is None:
            return
        if (found := _INDEX.match(statement)) and found["unless"]:
            self._relied_on.add(found["name"])
        if _ENDS.match(statement):
            self._ended_by_hand = True  # the driver does not know, and begins no other
            self._left_something |= self._wrote
        elif not _ONLY_READS.match(statement):
            self._wrote = True
            self._left_something |= self._ended_by_hand or autocommit(connection)

    def ended(self, error: MigratorError | None) -> Attempt:
        """Give what was done."""
        return Attempt(
            paths=tuple(self._paths.values()),
            steps=(*self._steps, *self._unfinished()),
            failed=self.current,
            left_something=self._left_something,
            tried=frozenset(self.indexes),
            relied_on=frozenset(self._relied_on),
            error=error,
        )

    def _unfinished(self) -> list[Step]:
        """Give the revision that runs as a step: its commit may have been its last moment."""
        if self._running is None:
            return []
        path, revision, began = self._running
        seconds = round(time.monotonic() - began, 3)
        idle = self._idleness is not None and self._idleness.found
        return [Step(path, Applied(revision, seconds), said=False, idle=idle)]

    def _passed(self) -> None:
        """See that a commit went through: something came after it."""
        if self._committing:
            self._committing = False
            if self.current is not None:
                self._left_something |= self._wrote
            self._wrote = False


def said(step: Step) -> Step:
    """Log a revision as applied, or taken back, unless that was done."""
    if not step.said:
        applied, path = step.applied, step.path
        emit(
            Event.REVISION_APPLIED,
            f"{applied.revision}  {path.done} in {applied.duration_s:.2f} s"
            + (_IDLE if step.idle else ""),
            level="warn" if step.idle else "info",
            revision=applied.revision,
            duration_s=applied.duration_s,
            version_table=str(path.table),
            **path.told,
        )
    return replace(step, said=True)
