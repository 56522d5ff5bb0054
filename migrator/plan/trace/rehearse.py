"""Rehearse the pending revisions on a copy through the project's own env.py."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.errors import MigratorError
from migrator.plan.trace.recorder import Under
from migrator.plan.trace.trace import Failure, Revision, Trace
from migrator.process.signals import SIGNALS
from migrator.project import downgrade, env_py, revisions
from migrator.project.annotations import allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.runtime.migration import MigrationContext

    from migrator.plan.trace.recorder import Recorder
    from migrator.project.env_py import Witness
    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan, UpgradePath


@dataclass
class _Course:
    """How far the rehearsal is."""

    plan: MigrationPlan
    recorder: Recorder
    alone: bool
    took: dict[str, float] = field(default_factory=dict)
    running: str | None = None


def rehearse(
    plan: MigrationPlan, witness: Witness, recorder: Recorder, *, alone: bool = False
) -> Trace:
    """Run what is pending on the copy that env.py is given; gives what was seen.

    `witness` raises where env.py connects elsewhere. With `alone` each revision is taken for a
    release of its own: what is there before it is in use.
    """
    course = _Course(plan, recorder, alone)
    failed, refused = None, list[MigratorError]()
    for project in plan.projects:
        work = partial(_steps, course, project, witness)
        try:
            with SIGNALS.let_in():
                env_py.run(project, work, listener=recorder, refused=refused)
        except MigratorError as error:
            if refused:
                raise
            where = recorder.failed_at()
            failed = Failure(course.running, where, error.fields(), error.exit_code)
            break
    return Trace(_revisions(plan, course.took), tuple(recorder.statements), failed)


def _steps(
    course: _Course,
    project: Project,
    witness: Witness,
    heads: tuple[str, ...],
    context: MigrationContext,
) -> Iterator[Any]:
    witness(env_py.first_row(context))
    table = env_py.table_of(context)
    planned = {h.table: h for h in course.plan.paths}
    path = planned.get(table) or course.plan.find_path(project, context, heads)
    for step in path.steps(tuple(heads)):
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
        course.running = None


def _revisions(plan: MigrationPlan, took: dict[str, float]) -> tuple[Revision, ...]:
    return tuple(
        _revision(path, name, took.get(name)) for path in plan.paths for name in path.pending
    )


def _revision(path: UpgradePath, name: str, took_s: float | None) -> Revision:
    script = path.script.get_revision(name)
    return Revision(
        revision=name,
        title=(script.doc or "").strip(),
        file=revisions.shown(script.path),
        duration_s=took_s,
        obstacle=downgrade.obstacle(script),
        does_nothing=downgrade.does_nothing(script),
        allowed=allowed(script.path),
    )
