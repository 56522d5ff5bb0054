"""Apply the pending revisions through the project's own env.py, with retries.

A statement that does not get its table lock in time gives up its place in the queue, so that
the app behind it goes on; the migration steps back and comes again, from where the database is.
"""

from __future__ import annotations

import random
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.database.catalog import invalid_indexes
from migrator.database.connection import WITHIN_S, execute
from migrator.errors import BusyError, MigratorError
from migrator.migrate.progress import Attempt, Progress
from migrator.output.log import Event, emit
from migrator.process.signals import SIGNALS, Interruption
from migrator.project import env_py

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alembic.runtime.migration import MigrationContext

    from migrator.database.lock.monitor import StatementMonitor
    from migrator.project.env_py import Witness
    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan

_BACK_OFF_S = (0.5, 8.0)


def migrate(
    plan: MigrationPlan,
    witness: Witness,
    monitor: StatementMonitor,
    sweep: Callable[[frozenset[str]], object],
    tried: frozenset[str] = frozenset(),
) -> Attempt:
    """Run env.py for each section until the plan is carried out or something fails for good.

    An error is part of what is given, an interruption too: only what may take long can be
    interrupted, so that nothing done is lost between two steps. `sweep` is called before a try
    with the names of the indexes that were tried, by an earlier attempt too, to take away what
    is left of them.
    """
    progress = Progress(plan, monitor, tried)
    tries, pause, gives_up = 1, 0.0, None
    while True:
        attempt = _cut_short(progress, sweep, pause) or _once(plan, witness, progress)
        if not isinstance(attempt.error, BusyError):
            return attempt
        gives_up = gives_up or time.monotonic() + plan.settings.ddl_retry_for
        pause = random.uniform(0.5, 1) * min(_BACK_OFF_S[1], _BACK_OFF_S[0] * 2**tries)  # noqa: S311
        if time.monotonic() + pause > gives_up:
            return attempt
        _say(attempt, tries, pause, gives_up - time.monotonic())
        tries += 1


def _cut_short(
    progress: Progress, sweep: Callable[[frozenset[str]], object], pause_s: float
) -> Attempt | None:
    """Wait, and take away what was left; gives the attempt where that ended it."""
    try:
        with SIGNALS.let_in():
            time.sleep(pause_s)
            if progress.indexes:
                sweep(frozenset(progress.indexes))
    except (Interruption, KeyboardInterrupt) as error:
        return progress.ended(Interruption.behind(error))
    except MigratorError as error:
        return progress.ended(Interruption.behind(error) or error)
    return None


def _once(plan: MigrationPlan, witness: Witness, progress: Progress) -> Attempt:
    for project in plan.projects:
        work = partial(_steps, progress, project, witness)
        try:
            with SIGNALS.let_in():
                env_py.run(project, work, listener=progress, at_failure=progress.circumstances)
        except Interruption as interruption:
            return progress.ended(interruption.error.during(progress.called))
        except MigratorError as error:
            return progress.ended(progress.lock_lost or error)
    return progress.ended(None)


def _steps(
    progress: Progress,
    project: Project,
    witness: Witness,
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterator[Any]:
    """Give Alembic its steps, and note each as it starts and ends."""
    witness(env_py.first_row(context))
    path = progress.path(project, context, tuple(heads))
    progress.resume(path, tuple(heads))
    for step in path.steps(tuple(heads)):
        progress.start(step, path)
        yield step
        progress.finish(context)


def _say(attempt: Attempt, tries: int, pause_s: float, left_s: float) -> None:
    emit(
        Event.STATEMENT_RETRIED,
        f"{attempt.failed or 'A statement'} did not get its table lock and stepped back;"
        f" again in {pause_s:.1f} s, for {left_s:.0f} s more.",
        level="warn",
        revision=attempt.failed,
        attempt=tries,
        pause_s=round(pause_s, 2),
        remaining_s=round(left_s, 1),
    )


def sweep(monitor: StatementMonitor, invalid_before: frozenset[str], tried: frozenset[str]) -> None:
    """Drop the invalid indexes that a failed try of ours left: tried, and not there before."""
    server = monitor.guard.server
    with closing(server.again(WITHIN_S)) as connection:
        pid = 0 if server.pooled else connection.info.backend_pid
        for name in sorted(invalid_indexes(connection) - invalid_before):
            if name.rpartition(".")[2].strip('"') in tried:
                with monitor.seeing(pid, f"DROP INDEX {name}"):
                    execute(connection, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
