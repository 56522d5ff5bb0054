"""Execute a migration plan under the lock: back up, apply, verify, record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from migrator.database.identity import same_database
from migrator.ledger.record import recording
from migrator.migrate import after
from migrator.migrate.apply import migrate, sweep
from migrator.migrate.undo import retreat, undone
from migrator.migrate.verify import examine, judge
from migrator.process.signals import SIGNALS
from migrator.rehearsal.drift import agree

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.backup.take import PreparedBackup
    from migrator.database.connection import Server
    from migrator.database.lock.run_lock import Locked
    from migrator.migrate.progress import Attempt
    from migrator.output.report import Journal
    from migrator.project.plan import MigrationPlan
    from migrator.settings.table import Settings

    Carry = Callable[..., Attempt]


def prepared_backup(server: Server, settings: Settings) -> PreparedBackup | None:
    """Prepare the backup, if one is asked for; else nothing of it is loaded."""
    if settings.backup_to is None:
        return None
    from migrator.backup.take import prepare  # noqa: PLC0415 - as said above
    from migrator.database.pgtools.source import Source  # noqa: PLC0415 - as said above

    return prepare(Source(server), settings)


@dataclass(frozen=True, slots=True)
class Execution:
    """What a plan is carried out with."""

    locked: Locked
    journal: Journal
    backup: PreparedBackup | None
    """If one is wanted."""

    def upgrade(self, plan: MigrationPlan, invalid: frozenset[str]) -> None:
        """Apply what is pending; `invalid` are the indexes that were broken before.

        The journal learns what happened. After a failure what was applied is taken back, where
        the settings say so. Raises what keeps the backup from being made.
        """
        server, settings = self.locked.server, self.locked.settings
        with recording(server, self.journal, plan.files):
            self._carry_out(plan, invalid, takes_back=settings.on_failure == "rollback")
            agree(server, plan, self.journal)
            after.follow(settings, self.locked.guard.failure)

    def finish(self, plan: MigrationPlan) -> None:
        """Do what another run has left to do after its upgrade, if anything."""
        server, settings = self.locked.server, self.locked.settings
        agree(server, plan, self.journal)
        if not after.owed(settings, server.connection):
            return self.journal.nothing_pending(since="another run did it meanwhile")
        with recording(server, self.journal, {}):
            self.journal.concluded((), None, "migrated", None)
            after.follow(settings, self.locked.guard.failure)
        return self.journal.nothing_pending(since="the command after it was owed, and is done")

    def downgrade(self, plan: MigrationPlan, invalid: frozenset[str]) -> None:
        """Take back what the plan says; else as `upgrade`."""
        with recording(self.locked.server, self.journal, {}, "rollback"):
            self._carry_out(plan, invalid, takes_back=False)

    def _carry_out(self, plan: MigrationPlan, invalid: frozenset[str], *, takes_back: bool) -> None:
        """Back up, migrate, and conclude: from the first change on nothing is cut short."""
        locked = self.locked
        if self.backup:
            address = self.backup.take(plan.standing, locked.guard.failure, plan.destination)
            self.journal.backed_up(address, locked.server.identity.database)
        with SIGNALS.held_back():
            self.journal.changing()
            carry = partial(
                migrate,
                witness=same_database(locked.server),
                monitor=locked.monitor,
                sweep=partial(sweep, locked.monitor, invalid),
            )
            self._conclude(carry(plan), invalid, carry if takes_back else None)

    def _conclude(
        self, attempt: Attempt, invalid_before: frozenset[str], undo: Carry | None
    ) -> None:
        """Look at the database on a fresh connection and conclude; after a failure first undo."""
        seen = examine(self.locked.guard, attempt.tables)
        verdict = judge(attempt, seen, invalid_before)
        if undo and (plan := retreat(attempt, verdict, seen)):
            back = undo(plan, tried=attempt.tried)
            found = examine(self.locked.guard, back.tables)
            verdict = undone(attempt, verdict, back, found, invalid_before)
        self.journal.taken_back = verdict.taken_back
        self.journal.concluded(verdict.applied, verdict.failed, verdict.state, verdict.error)
