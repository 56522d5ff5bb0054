"""The round trip: a history goes up, down and up again, and the shape is compared at each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.checklist import Finding
from migrator.database.catalog import revisions
from migrator.database.schema import shape
from migrator.database.schema_diff import Difference, compared
from migrator.errors import BusyError, ProjectError, RevisionFailedError, UnprovenError
from migrator.output.text import named
from migrator.plan.hazard import NO_DOWNGRADE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.project.environment import Watcher
    from migrator.project.leg import Leg

_FAILED = (BusyError, ProjectError, RevisionFailedError, UnprovenError)


class RoundTrip:
    """A history on its way on a scratch database, which is at base."""

    def __init__(self, legs: tuple[Leg, ...], connection: Connection, watcher: Watcher) -> None:
        """Look by this connection, which is nobody else's; the watcher is env.py's."""
        self._legs, self._connection, self._watcher = legs, connection, watcher
        self._tables = tuple(dict.fromkeys(leg.table for leg in legs))
        self._shapes = [self._look()]
        """Before the first revision and after each."""
        self._at, self._broken = 0, False
        self.lowest = ""
        """The revision that the way down ended at, or `base`."""
        self.stop: str | None = None
        """Why the way down ended before base, where its author accepts that."""

    def up(self) -> tuple[Finding, ...]:
        """Apply each revision; gives why that ended before the last."""
        for leg in self._legs:
            if failed := self._went(leg, back=False):
                return (failed,)
            self._at += 1
            self._shapes.append(self._look())
        return ()

    def down_and_up(self) -> tuple[Finding, ...]:
        """Take each back and apply it again; gives each difference, with its revision."""
        found, left = self._down()
        self.lowest = self._legs[self._at - 1].revision if self._at else "base"
        return tuple(found if self._broken else [*found, *self._again(left)])

    def _down(self) -> tuple[list[Finding], frozenset[Difference]]:
        found: list[Finding] = []
        known: frozenset[Difference] = frozenset()
        while self._at:
            leg = self._legs[self._at - 1]
            if why := leg.obstacle:
                found += self._stopped(leg, why)
                break
            if failed := self._went(leg, back=True):
                return [*found, failed], known
            self._at -= 1
            known, told = self._different(leg, known, "after its downgrade")
            found += told
        return found, known

    def _again(self, known: frozenset[Difference]) -> list[Finding]:
        found: list[Finding] = []
        for leg in self._legs[self._at :]:
            if failed := self._went(leg, back=False, again=True):
                return [*found, failed]
            self._at += 1
            known, told = self._different(leg, known, "applied a second time")
            found += told
        return found

    def _stopped(self, leg: Leg, why: str) -> list[Finding]:
        if reason := leg.allowed.get(NO_DOWNGRADE):
            self.stop = f"{leg.revision} has no way back, because {reason.rstrip('.')}"
            return []
        hint = f"If that is meant, say so in its file: # migrator: allow {NO_DOWNGRADE} because …"
        return [
            Finding(f"cannot be taken back: {why}. The way down ends here.", leg.revision, hint)
        ]

    def _different(
        self, leg: Leg, known: frozenset[Difference], when: str
    ) -> tuple[frozenset[Difference], list[Finding]]:
        """Give all differences here, and a finding for each that was not there a step before."""
        now = compared(self._shapes[self._at], self._look())
        return frozenset(now), [
            Finding(f"{when}, {each}", leg.revision) for each in now if each not in known
        ]

    def _went(self, leg: Leg, *, back: bool, again: bool = False) -> Finding | None:
        """Have env.py do one step; gives why it did not."""
        go: Callable[[Watcher], None] = leg.back if back else leg.forth
        expected = leg.after(revisions(self._connection, leg.table), back=back)
        try:
            go(self._watcher)
            found = revisions(self._connection, leg.table)
            if found != expected:
                raise UnprovenError(
                    f"env.py returned as if all were well, but {leg.table} is at {named(found)} and"
                    f" not at {named(expected)}: its transaction was not committed."
                )
        except _FAILED as error:
            self._broken = True
            told = f"A second time: {error.message}" if again else error.message
            return Finding(told, leg.revision, error.hint)
        return None

    def _look(self) -> Mapping[str, str]:
        with self._connection:
            return shape(self._connection, self._tables)


def taken_back(legs: tuple[Leg, ...], watcher: Watcher) -> Finding | None:
    """Take back revisions that are all in place, the newest first; gives why that ended early."""
    for leg in reversed(legs):
        if why := leg.obstacle:
            return Finding(f"cannot be taken back: {why}.", leg.revision)
        try:
            leg.back(watcher)
        except _FAILED as error:
            return Finding(error.message, leg.revision, error.hint)
    return None
