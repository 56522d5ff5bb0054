"""The rehearsal: the pending revisions are run on a copy by the project's own env.py."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.errors import MigratorError
from migrator.plan.recorder import Under
from migrator.plan.trace import Failure, Revision, Trace
from migrator.process.signals import SIGNALS
from migrator.project import allowances, environment, failure, irreversible, revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.runtime.migration import MigrationContext

    from migrator.plan.recorder import Recorder
    from migrator.project.environment import Witness
    from migrator.project.find import Project
    from migrator.project.plan import History, Plan


@dataclass
class _Course:
    """How far the rehearsal is."""

    plan: Plan
    recorder: Recorder
    alone: bool
    took: dict[str, float] = field(default_factory=dict)
    running: str | None = None
    refused: MigratorError | None = None
    ran_any: bool = False


def rehearse(plan: Plan, witness: Witness, recorder: Recorder, *, alone: bool = False) -> Trace:
    """Run what is pending on the copy that env.py is given; gives what was seen.

    `witness` raises where env.py connects elsewhere. With `alone` each revision is taken for a
    release of its own: what is there before it is in use.
    """
    course = _Course(plan, recorder, alone)
    failed = None
    for project in plan.projects:
        work = partial(_steps, course, project, witness)
        try:
            with SIGNALS.let_in():
                environment.run(project, work, watcher=recorder)
        except BaseException as error:  # noqa: BLE001 - env.py and revisions may raise anything
            failure.pass_on_interruption(error)
            failed = _failure(error, course, project)
            break
    if course.refused:
        raise course.refused
    return Trace(_revisions(plan, course.took), tuple(recorder.statements), failed)


def _steps(
    course: _Course,
    project: Project,
    witness: Witness,
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterator[Any]:
    try:
        witness(environment.first_row(context))
    except MigratorError as error:
        course.refused = error
        raise
    table = environment.table_of(context)
    planned = {h.table: h for h in course.plan.histories}
    history = planned.get(table) or course.plan.chart(project, context, heads)
    for step in history.steps(tuple(heads)):
        revision = step.revision
        if course.alone and context.connection is not None:
            course.recorder.forget(context.connection)
        began, course.running = time.monotonic(), revision.revision
        course.recorder.begins(
            Under(revision.revision, revision.path, revisions.shown(revision.path), table.name)
        )
        yield step
        course.recorder.ends()
        course.took[revision.revision] = round(time.monotonic() - began, 6)
        course.running, course.ran_any = None, True


def _failure(error: BaseException, course: _Course, project: Project) -> Failure:
    what = f"revision {course.running}" if course.running else None
    ours = failure.of_step(error, what, project, at_commit=course.ran_any)
    return Failure(course.running, course.recorder.failed_at(), ours.fields(), ours.exit_code)


def _revisions(plan: Plan, took: dict[str, float]) -> tuple[Revision, ...]:
    return tuple(
        _revision(history, name, took.get(name))
        for history in plan.histories
        for name in history.pending
    )


def _revision(history: History, name: str, took_s: float | None) -> Revision:
    script = history.script.get_revision(name)
    return Revision(
        revision=name,
        title=(script.doc or "").strip(),
        file=revisions.shown(script.path),
        duration_s=took_s,
        obstacle=irreversible.obstacle(script),
        does_nothing=irreversible.does_nothing(script),
        allowed=allowances.allowed(script.path),
    )
