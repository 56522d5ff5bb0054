"""`migrator wait`: block until the database is at this code's head."""

from __future__ import annotations

import random
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.connection import connect
from migrator.database.lock.lock import holder, keys_for
from migrator.errors import DeadlineError, DisagreementError
from migrator.output.log import Event, emit
from migrator.output.text import named
from migrator.status.ahead import weigh
from migrator.status.position import find_position

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from migrator.settings.table import Settings
    from migrator.status.position import Position

_PAUSE_S = (1.0, 10.0)
_GROWTH = 1.5
"""A thousand pods that wait must not be a thousand sessions: each asks, leaves, and comes again
after a pause, in seconds, that grows."""
_HINT = "migrator run brings it there; migrator status says what is going on."


@dataclass(frozen=True, slots=True)
class Arrival:
    """The database is there; an answer."""

    current: tuple[str, ...]
    head: tuple[str, ...]
    waited_s: float
    state: str = "at_head"
    """Or `ahead`, where that is accepted."""
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names that scripts rely on."""
        return {
            "state": self.state,
            "current": self.current,
            "head": self.head,
            "waited_s": self.waited_s,
        }

    def __str__(self) -> str:
        """Give it for a person."""
        beyond = f", ahead of {named(self.head)}" if self.state == "ahead" else ""
        return f"{self.state:<7}  The database is at {named(self.current)}{beyond}."


def wait(settings: Settings, timeout_s: float) -> Arrival:
    """Wait for so long until nothing is pending, or the database is ahead and that is accepted.

    Raises `DeadlineError` where something still is, `DisagreementError` as soon as the database
    is at a revision that this code does not have, `UnreachableError` where it cannot be reached.
    """
    began = time.monotonic()
    ends, pause, attempt = began + timeout_s, _PAUSE_S[0], 0
    with connect(settings.database_url, timeout_s) as server:
        found, look = find_position(settings, server)
        run = _at_work(found, server.connection, settings)
        ahead = _accepted(found, server.connection, settings, run)
    while not (found.there or ahead):
        left = ends - time.monotonic()
        at_work = f"A run is in progress: {run}." if run else "No run is in progress."
        told = f"The database is at {named(found.current)} and not at {', '.join(found.head)} yet."
        if left <= 0:
            message = f"{told} {at_work} Waited for {timeout_s:g} s."
            raise DeadlineError(message, hint=_HINT)
        attempt += 1
        emit(
            Event.DATABASE_WAITING,
            f"{told} {at_work} Waiting for {left:.0f} s more.",
            level="warn",
            attempt=attempt,
            reason=f"it is at {named(found.current)}",
            remaining_s=round(left, 1),
        )
        time.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311 - jitter
        pause = min(_PAUSE_S[1], pause * _GROWTH)
        with closing(server.again(max(1.0, ends - time.monotonic()))) as connection:
            found = look(connection)
            run = _at_work(found, connection, settings)
            ahead = _accepted(found, connection, settings, run)
    waited_s = round(time.monotonic() - began, 3)
    return Arrival(found.current, found.head, waited_s, "ahead" if ahead else "at_head")


def _at_work(found: Position, connection: Connection, settings: Settings) -> str | None:
    """Give the run that is in progress; None where it does not matter any more."""
    if found.there:
        return None
    run = holder(connection, keys_for(found.tables, settings.lock_key))
    return str(run) if run else None


def _accepted(found: Position, connection: Connection, settings: Settings, run: str | None) -> bool:
    """Tell whether it is ahead and that is accepted; at another unknown revision nothing is.

    A run that is still in progress has not entered in the ledger yet where it has come to.
    """
    if not found.unknown:
        return False
    ahead = weigh(connection, settings, found.current, found.head, behind=found.behind)
    if not ahead.accepted and not (ahead.tolerated and run):
        raise DisagreementError(
            f"The database is at {named(found.current)}, which this code, whose head is"
            f" {', '.join(found.head)}, does not have.",
            hint=f"It will not come to this code's head by waiting. {ahead.ways_out}",
        )
    return ahead.accepted
