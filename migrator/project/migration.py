"""The migration, revision by revision, by the project's own env.py.

A statement that does not get its table lock in time gives up its place in the queue, so that
the app behind it goes on; the migration steps back and comes again, from where the database is.
"""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.errors import BusyError, MigratorError
from migrator.output.log import Event, emit
from migrator.process.signals import SIGNALS, Interruption
from migrator.project import environment, failure
from migrator.project.progress import Attempt, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alembic.runtime.migration import MigrationContext

    from migrator.project.environment import Witness
    from migrator.project.find import Project
    from migrator.project.plan import Plan
    from migrator.project.transactions import Sentinel

_BACK_OFF_S = (0.5, 8.0)


def migrate(
    plan: Plan,
    witness: Witness,
    sentinel: Sentinel,
    sweep: Callable[[frozenset[str]], object],
    tried: frozenset[str] = frozenset(),
) -> Attempt:
    """Run env.py for each section until the plan is carried out or something fails for good.

    An error is part of what is given, an interruption too: only what may take long can be
    interrupted, so that nothing done is lost between two steps. `sweep` is called before a try
    with the names of the indexes that were tried, by an earlier attempt too, to take away what
    is left of them.
    """
    progress = Progress(plan, sentinel, tried)
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


def _once(plan: Plan, witness: Witness, progress: Progress) -> Attempt:
    for project in plan.projects:
        work = partial(_steps, progress, project, witness)
        try:
            with SIGNALS.let_in():
                environment.run(project, work, watcher=progress)
        except BaseException as error:  # noqa: BLE001 - env.py and revisions may raise anything
            return progress.ended(progress.refused or _ours(error, progress, project))
        if progress.refused:
            return progress.ended(progress.refused)
    return progress.ended(None)


def _steps(
    progress: Progress,
    project: Project,
    witness: Witness,
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterator[Any]:
    """Give Alembic its steps, and note each as it starts and ends."""
    try:
        witness(environment.first_row(context))
        history = progress.history(project, context, tuple(heads))
    except MigratorError as error:
        progress.refused = error
        raise
    progress.resume(history, tuple(heads))
    for step in history.steps(tuple(heads)):
        progress.start(step, history)
        yield step
        progress.finish(context)


def _ours(error: BaseException, progress: Progress, project: Project) -> MigratorError:
    if interrupted := Interruption.behind(error):
        return interrupted.during(progress.called)
    if progress.lock_lost:
        return progress.lock_lost
    if isinstance(error, MigratorError):
        return error
    fell_at_commit = progress.ran_any and failure.server_message(error) is not None
    if progress.current is not None or fell_at_commit:
        return failure.of_revision(
            error,
            progress.called,
            project,
            in_the_way=progress.in_the_way,
            left_something=progress.left_something,
        )
    return failure.of_env_py(error, project)


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
