"""Apply revisions up, down and up again, and compare the schema at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.catalog import revisions
from migrator.database.schema import shape
from migrator.database.schema_diff import Difference, compared
from migrator.errors import BusyError, ProjectError, RevisionFailedError, UnprovenError
from migrator.output.text import named
from migrator.project.annotations import NO_DOWNGRADE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.project.listeners import Listener
    from migrator.rehearsal.step import RehearsalStep

_FAILED = (BusyError, ProjectError, RevisionFailedError, UnprovenError)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a project."""

    message: str
    revision: str | None = None
    hint: str | None = None

    def lines(self) -> Iterator[str]:
        """Give it for a person."""
        named = self.revision is None or self.revision in self.message.split()
        told = self.message if named else f"{self.revision}: {self.message}"
        yield from told.splitlines()
        if self.hint:
            yield f"Hint: {self.hint}"


class RoundTrip:
    """The round trip of these steps on a database that is at base."""

    def __init__(
        self, steps: tuple[RehearsalStep, ...], connection: Connection, listener: Listener
    ) -> None:
        """Look by this connection, which is nobody else's; the listener is env.py's."""
        self._steps, self._connection, self._listener = steps, connection, listener
        self._tables = tuple(dict.fromkeys(step.table for step in steps))
        self._shapes = [self._look()]
        """Before the first revision and after each."""
        self._at, self._broken = 0, False
        self.lowest = ""
        """The revision that the way down ended at, or `base`."""
        self.stop: str | None = None
        """Why the way down ended before base, where its author accepts that."""

    def up(self) -> tuple[Finding, ...]:
        """Apply each revision; gives why that ended before the last."""
        for step in self._steps:
            if failed := self._ran(step, down=False):
                return (failed,)
            self._at += 1
            self._shapes.append(self._look())
        return ()

    def down_and_up(self) -> tuple[Finding, ...]:
        """Take each back and apply it again; gives each difference, with its revision."""
        found, left = self._down()
        self.lowest = self._steps[self._at - 1].revision if self._at else "base"
        return tuple(found if self._broken else [*found, *self._again(left)])

    def _down(self) -> tuple[list[Finding], frozenset[Difference]]:
        found: list[Finding] = []
        known: frozenset[Difference] = frozenset()
        while self._at:
            step = self._steps[self._at - 1]
            if why := step.obstacle:
                found += self._stopped(step, why)
                break
            if failed := self._ran(step, down=True):
                return [*found, failed], known
            self._at -= 1
            known, told = self._different(step, known, "after its downgrade")
            found += told
        return found, known

    def _again(self, known: frozenset[Difference]) -> list[Finding]:
        found: list[Finding] = []
        for step in self._steps[self._at :]:
            if failed := self._ran(step, down=False, again=True):
                return [*found, failed]
            self._at += 1
            known, told = self._different(step, known, "applied a second time")
            found += told
        return found

    def _stopped(self, step: RehearsalStep, why: str) -> list[Finding]:
        if reason := step.allowed.get(NO_DOWNGRADE):
            self.stop = f"{step.revision} has no way back, because {reason.rstrip('.')}"
            return []
        hint = f"If that is meant, say so in its file: # migrator: allow {NO_DOWNGRADE} because …"
        return [
            Finding(f"cannot be taken back: {why}. The way down ends here.", step.revision, hint)
        ]

    def _different(
        self, step: RehearsalStep, known: frozenset[Difference], when: str
    ) -> tuple[frozenset[Difference], list[Finding]]:
        """Give all differences here, and a finding for each that was not there a step before."""
        now = compared(self._shapes[self._at], self._look())
        return frozenset(now), [
            Finding(f"{when}, {each}", step.revision) for each in now if each not in known
        ]

    def _ran(self, step: RehearsalStep, *, down: bool, again: bool = False) -> Finding | None:
        """Have env.py do one step; gives why it did not."""
        run: Callable[[Listener], None] = step.downgrade if down else step.upgrade
        expected = step.after(revisions(self._connection, step.table), down=down)
        try:
            run(self._listener)
            found = revisions(self._connection, step.table)
            if found != expected:
                raise UnprovenError(
                    f"env.py returned as if all were well, but {step.table} is at {named(found)}"
                    f" and not at {named(expected)}: its transaction was not committed."
                )
        except _FAILED as error:
            self._broken = True
            told = f"A second time: {error.message}" if again else error.message
            return Finding(told, step.revision, error.hint)
        return None

    def _look(self) -> Mapping[str, str]:
        with self._connection:
            return shape(self._connection, self._tables)


def downgraded(steps: tuple[RehearsalStep, ...], listener: Listener) -> Finding | None:
    """Take back revisions that are all in place, the newest first; gives why that ended early."""
    for step in reversed(steps):
        if why := step.obstacle:
            return Finding(f"cannot be taken back: {why}.", step.revision)
        try:
            step.downgrade(listener)
        except _FAILED as error:
            return Finding(error.message, step.revision, error.hint)
    return None
