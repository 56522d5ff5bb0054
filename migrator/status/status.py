"""`migrator status`: where a database stands, who is migrating it, what is broken."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.connection import connect
from migrator.database.lock.lock import keys_for
from migrator.database.sessions import Session
from migrator.errors import DeniedError, DisagreementError
from migrator.ledger import runs
from migrator.output.text import counted, named
from migrator.status.ahead import weigh
from migrator.status.health import condition
from migrator.status.position import find_position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.database.connection import Server
    from migrator.settings.table import Settings
    from migrator.status.ahead import Ahead
    from migrator.status.health import Condition
    from migrator.status.position import Pending, Position

CODES = {"at_head": 0, "behind": 3}
_OTHERWISE = 76
_ASKED_WITHIN_S = 2.0
"""How long a status may take to find out whether rows remain for a backfill."""
SAID = {
    "at_head": "The database is at {current}: nothing is pending.",
    "behind": "The database is at {current}, {count} short of {head}.",
    "ahead": "The database is at {current}, which this code, whose head is {head}, does not have.",
    "diverged": "The database is at {current}, on another way than to {head}, this code's head.",
    "unversioned": "The database has tables and no version table: nobody knows where it stands.",
    "empty": "The database is empty, {count} short of {head}.",
}


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands; an answer."""

    state: str
    current: tuple[str, ...]
    head: tuple[str, ...]
    pending: tuple[Pending, ...]
    lock: Mapping[str, Any] | None
    last_run: Mapping[str, Any] | None
    warnings: tuple[str, ...]
    drift: tuple[Mapping[str, str], ...] | None = None
    """How the schema differs from what the revisions make; None where that was not asked."""
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of the contract."""
        told = asdict(self)
        del told["exit_code"]
        return told

    def __str__(self) -> str:
        """Give it for a person, the verdict first."""
        return "\n".join(self._lines())

    @property
    def verdict(self) -> str:
        """The state in a sentence."""
        count = counted(len(self.pending), "revision")
        return SAID[self.state].format(
            current=named(self.current), head=", ".join(self.head), count=count
        )

    def _lines(self) -> Iterator[str]:
        yield f"{self.state:<8}  {self.verdict}"
        yield from (f"pending   {one.revision}  {one.title}".rstrip() for one in self.pending)
        if self.lock:
            yield f"lock      {_session(self.lock)}"
            yield from (f"running   {_session(one)}" for one in self.lock["running"])
            yield from (f"blocked   by {_session(one)}" for one in self.lock["blocked_by"])
        if self.last_run:
            yield f"last run  {_told(self.last_run)}"
        yield from (f"warning   {warning}" for warning in self.warnings)
        if self.drift is not None:
            yield from (f"drift     {one['message']} ({one['against']})" for one in self.drift)
            yield from () if self.drift else ("drift     none was found",)


def status(
    settings: Settings, *, codes: bool = False, aloof: bool = False, drift: bool = False
) -> Status:
    """Find out where the database stands; with `codes` the exit code tells the state.

    With `drift` its schema is compared with what the revisions make, rehearsed, and the models.

    With `aloof` the project is not run: `MustBeRunError` is raised where that is needed.
    Raises `UnreachableError`, `DeniedError` or `ConfigurationError` where the database cannot be
    asked, `ProjectError` where the project is broken.
    """
    with connect(settings.database_url, settings.connect_timeout) as server:
        found, _ = find_position(settings, server, aloof=aloof)
        keys = keys_for(found.tables, settings.lock_key)
        seen = condition(server.connection, found.tables, keys, queries=settings.log_queries)
        ahead = None
        if found.unknown:
            at = found.current, found.head
            ahead = weigh(server.connection, settings, *at, behind=found.behind)
        last = None
        with suppress(DeniedError, DisagreementError):  # not for this role, or not our ledger
            last = runs.last(server.connection)
        unfilled = _unfilled(server, found)
        drifted, unproven = _drift(server, settings, found) if drift else (None, ())
    state = _state(found, seen, ahead)
    code = CODES.get(state, _OTHERWISE) if codes else 0
    return Status(
        *(state, found.current, found.head, found.pending, seen.lock, last),
        warnings=(*_warnings(seen), *unfilled, *found.altered.values(), *unproven),
        drift=drifted,
        exit_code=code,
    )


def _unfilled(server: Server, found: Position) -> tuple[str, ...]:
    """Give a sentence for each backfill that keeps a run from beginning."""
    if not found.needs:
        return ()
    from migrator.backfill.requirement import warnings  # noqa: PLC0415 - loads Alembic

    return tuple(warnings(server.connection, found.needs, _ASKED_WITHIN_S))


def _drift(
    server: Server, settings: Settings, found: Position
) -> tuple[tuple[Mapping[str, str], ...], tuple[str, ...]]:
    """Give the drift, and a sentence where it could not be seen whole."""
    from migrator.project.find import find  # noqa: PLC0415 - as above
    from migrator.rehearsal.drift import drift as drifted  # noqa: PLC0415 - loads Alembic

    seen = drifted(server, find(settings), found.tables)
    rest = "Compared with the models alone" if seen.compared else "Not compared"
    told = (f"{rest}: {seen.unproven}",) if seen.unproven else ()
    return tuple(seen.fields()), told


def _state(found: Position, seen: Condition, ahead: Ahead | None) -> str:
    """Name the state; without a ledger an unknown revision is one ahead."""
    if ahead:
        return "diverged" if ahead.passed is False or found.behind else "ahead"
    if not found.behind:
        return "at_head"
    if seen.has_version_table:
        return "behind"
    return "unversioned" if seen.has_tables else "empty"


def _warnings(seen: Condition) -> Iterator[str]:
    for index in seen.invalid_indexes:
        mend = f"DROP INDEX CONCURRENTLY {index};"
        yield f"{index} is an invalid index: kept up, and not used. {mend} Then build it again."
    for constraint in seen.unvalidated:
        yield f"The constraint {constraint} is not validated: rows from before it may break it."


def _session(told: Mapping[str, Any]) -> Session:
    """Give back a session that `lock` has."""
    return Session(
        *(told["pid"], told.get("role"), told.get("application_name")),
        *(told.get("client"), told.get("state")),
        transaction_s=told.get("held_s", told.get("transaction_s")),
        query_s=told.get("duration_s"),
        query=told.get("query"),
    )


def _told(run: Mapping[str, Any]) -> str:
    place = f"{named(run['from'])} → {named(run['to'])}"
    return f"{run['started_at']}  {run['command']}  {run['outcome']} ({run['exit_code']})  {place}"
