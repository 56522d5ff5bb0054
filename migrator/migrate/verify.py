"""Verify an upgrade on a fresh connection."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.catalog import invalid_indexes, revisions
from migrator.database.connection import WITHIN_S, Identity, fetch
from migrator.errors import (
    DeadlineError,
    InterruptedBySignalError,
    MigratorError,
    UnprovenError,
    UnreachableError,
)
from migrator.migrate.announce import drops
from migrator.migrate.progress import said
from migrator.output.log import Event, emit
from migrator.output.text import capital, counted, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg2.extensions import connection as Connection

    from migrator.database.lock.guard import Guard
    from migrator.database.version_table import VersionTable
    from migrator.migrate.progress import Attempt
    from migrator.output.report import Applied
    from migrator.project.plan import UpgradePath

_INTERRUPTIONS = (InterruptedBySignalError, DeadlineError)
"""What they did not keep a run from is done; what this run did not do does not count."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is in the database, and the error that the run ends with, if any."""

    applied: tuple[Applied, ...]
    failed: str | None
    state: str
    error: MigratorError | None
    hint: str | None = None
    """The error's own, without what is said in it of invalid indexes."""
    taken_back: tuple[Applied, ...] = ()
    """What a downgrade has taken away."""


def judge(attempt: Attempt, evidence: Evidence, invalid_before: frozenset[str]) -> Verdict:
    """Weigh an attempt against the evidence; the first error is never replaced by a later one."""
    standing, invalid = evidence.revisions, evidence.invalid_indexes
    if standing is None:
        return Verdict((), attempt.failed, "unknown", attempt.error or evidence.problem)
    left = {h.table: h.outstanding(standing.get(h.table, ())) for h in attempt.paths}
    steps = [s for s in attempt.steps if s.applied.revision not in left[s.path.table]]
    done, way = tuple(said(step).applied for step in steps), attempt.paths[0]
    broken = invalid - invalid_before | {
        name for name in invalid if name.rpartition(".")[2].strip('"') in attempt.relied_on
    }
    short = [path for path in attempt.paths if left[path.table]]
    error = attempt.error or _shortfall(short, standing)
    hint = error.hint if error else None
    error = _with_leftovers(error, broken) if broken else error
    if error is None:
        emit(
            Event.UPGRADE_VERIFIED,
            f"Proven on a fresh connection: {counted(len(done), 'revision')} {way.proven}.",
            revisions=sorted({r for rows in standing.values() for r in rows}),
            applied=len(done),
            **way.told,
        )
    failed, changed = attempt.failed, bool(done or broken or attempt.left_something)
    if error and failed in {each.revision for each in done}:
        error.message += f"\n{capital(way.called(failed or ''))} had been committed by then."
        failed = None
    arrived = not (error and (short or not isinstance(error, _INTERRUPTIONS)))
    state = way.arrived if arrived else "partially_migrated" if changed else "unchanged"
    applied, back = (done, ()) if way.adds else ((), done)
    return Verdict(applied, failed, state, error, hint, back)


def _shortfall(
    short: Sequence[UpgradePath], standing: Mapping[VersionTable, tuple[str, ...]]
) -> UnprovenError | None:
    for path in short:
        found = standing.get(path.table, ())
        return UnprovenError(
            f"env.py returned as if all were well, but {path.table} is at"
            f" {named(found)} and not at {named(path.destination)}.",
            hint="Its transaction was not committed. A statement on the connection before"
            " context.configure() has that effect: commit after it.",
        )
    return None


def _with_leftovers(error: MigratorError | None, broken: frozenset[str]) -> MigratorError:
    """Add to an error what it left behind, which is one by itself."""
    if error is None:
        return UnprovenError(
            "The upgrade left, or relied on, an index that Postgres does not use:"
            f" {', '.join(sorted(broken))} is invalid.",
            hint=_mend(broken),
        )
    error.hint = " ".join(filter(None, (error.hint, "An invalid index is left:", _mend(broken))))
    return error


def _mend(broken: frozenset[str]) -> str:
    return f"{drops(broken)} Then mend what kept it from being built, and build it again."


_LOOK_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a fresh connection saw; or the problem that kept it from seeing anything."""

    revisions: Mapping[VersionTable, tuple[str, ...]] | None = None
    invalid_indexes: frozenset[str] = frozenset()
    problem: MigratorError | None = None


def examine(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    """Look at the database on a fresh connection; a problem is part of what is given.

    A look that is cut off, by a restart or an administrator, is taken again.
    """
    try:
        return _looked(guard, tables)
    except UnreachableError:
        return _looked_again(guard, tables)
    except MigratorError as problem:
        return Evidence(problem=problem)


def _looked_again(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    from tenacity import (  # noqa: PLC0415 - see `connection`
        Retrying,
        retry_if_exception_type,
        stop_after_delay,
        wait_fixed,
    )

    looking = Retrying(
        retry=retry_if_exception_type(UnreachableError),
        stop=stop_after_delay(WITHIN_S),
        wait=wait_fixed(_LOOK_AGAIN_S),
        reraise=True,
    )
    try:
        return looking(_looked, guard, tables)
    except MigratorError as problem:
        return Evidence(problem=problem)


def _looked(guard: Guard, tables: Iterable[VersionTable]) -> Evidence:
    with closing(guard.server.again(WITHIN_S)) as connection:
        _see_that_it_can_be_told(guard, connection)
        return Evidence(
            revisions={table: revisions(connection, table) for table in tables},
            invalid_indexes=invalid_indexes(connection),
        )


def _see_that_it_can_be_told(guard: Guard, connection: Connection) -> None:
    """Raise `UnprovenError` where what a look finds would prove nothing."""
    seen = Identity.seen_by(lambda query: fetch(connection, query)[0])
    if not seen.is_place_of(guard.server.identity):
        message = f"The proof reached {seen}, and not {guard.server.identity}."
        raise UnprovenError(message, hint="The address leads to more than one server.")
    if not guard.settled(connection):
        message = "A statement of this migration still goes on in the server."
        raise UnprovenError(message, hint="Wait for its end; the next run waits for it too.")
