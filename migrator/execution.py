"""The execution of a plan under the lock: back up, carry out, prove, record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator import aftermath
from migrator.agreement import agree
from migrator.database.catalog import examine, sweep
from migrator.database.identity import witness
from migrator.database.sentinel import watching
from migrator.history.arrears import owed
from migrator.history.recording import recording
from migrator.process.signals import SIGNALS
from migrator.project.judge import judge
from migrator.project.migration import migrate
from migrator.project.retreat import retreat, undone

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from migrator.backup.take import Means
    from migrator.database.connection import Server
    from migrator.database.guard import Guard
    from migrator.database.pulse import Pulse
    from migrator.database.sentinel import Sentinel
    from migrator.output.report import Journal
    from migrator.project.plan import Plan
    from migrator.project.progress import Attempt
    from migrator.settings.table import Settings

    Carry = Callable[..., Attempt]


def means_of(server: Server, settings: Settings) -> Means | None:
    """Give what a backup is taken with; where none is asked for, nothing of it is loaded."""
    if settings.backup_to is None:
        return None
    from migrator.backup.take import prepare  # noqa: PLC0415 - as said above
    from migrator.database.pgtools.source import Source  # noqa: PLC0415 - as said above

    return prepare(Source(server), settings)


@dataclass(frozen=True, slots=True)
class Execution:
    """What a plan is carried out with."""

    server: Server
    guard: Guard
    """The lock, which is held."""
    pulse: Pulse
    settings: Settings
    journal: Journal
    means: Means | None
    """Of a backup, where one is wanted."""

    def upgrade(self, plan: Plan, invalid: frozenset[str]) -> None:
        """Apply what is pending; `invalid` are the indexes that were broken before.

        The journal learns what happened. After a failure what was applied is taken back, where
        the settings say so. Raises what keeps the backup from being made.
        """
        with recording(self.server, self.journal, plan.files), self._watched() as sentinel:
            takes_back = self.settings.on_failure == "rollback"
            self._carry_out(plan, sentinel, invalid, takes_back=takes_back)
            agree(self.server, plan, self.journal)
            aftermath.follow(self.settings, self.guard.failure)

    def finish(self, plan: Plan) -> None:
        """Do what another run has left to do after its upgrade, if anything."""
        agree(self.server, plan, self.journal)
        if not owed(self.settings, self.server.connection):
            return self.journal.nothing_pending(since="another run did it meanwhile")
        with recording(self.server, self.journal, {}), self._watched():
            self.journal.concluded((), None, "migrated", None)
            aftermath.follow(self.settings, self.guard.failure)
        return self.journal.nothing_pending(since="the command after it was owed, and is done")

    def downgrade(self, plan: Plan, invalid: frozenset[str]) -> None:
        """Take back what the plan says; else as `upgrade`."""
        with recording(self.server, self.journal, {}, "rollback"), self._watched() as sentinel:
            self._carry_out(plan, sentinel, invalid, takes_back=False)

    def _watched(self) -> AbstractContextManager[Sentinel]:
        return watching(self.guard, self.pulse, self.settings)

    def _carry_out(
        self, plan: Plan, sentinel: Sentinel, invalid: frozenset[str], *, takes_back: bool
    ) -> None:
        """Back up, migrate, and conclude: from the first change on nothing is cut short."""
        if self.means:
            address = self.means.take(plan, self.guard.failure)
            self.journal.backed_up(address, self.server.identity.database)
        with SIGNALS.held_back():
            self.journal.changing()
            clean = partial(sweep, sentinel, invalid)
            carry = partial(migrate, witness=witness(self.server), sentinel=sentinel, sweep=clean)
            self._conclude(carry(plan), invalid, carry if takes_back else None)

    def _conclude(
        self, attempt: Attempt, invalid_before: frozenset[str], undo: Carry | None
    ) -> None:
        """Look at the database on a fresh connection and conclude; after a failure first undo."""
        seen = examine(self.guard, attempt.tables)
        verdict = judge(attempt, seen, invalid_before)
        if undo and (plan := retreat(attempt, verdict, seen)):
            back = undo(plan, tried=attempt.tried)
            found = examine(self.guard, back.tables)
            verdict = undone(attempt, verdict, back, found, invalid_before)
        self.journal.taken_back = verdict.taken_back
        self.journal.concluded(verdict.applied, verdict.failed, verdict.state, verdict.error)
