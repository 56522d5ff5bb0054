"""Where the database stands in the project's history, asked through env.py without a change."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from migrator import position
from migrator.errors import MigratorError, ProjectError
from migrator.output.log import Event, emit
from migrator.output.text import counted
from migrator.project import environment, failure
from migrator.project.plan import Chart, Plan, charted, known, standing
from migrator.project.transactions import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alembic.runtime.migration import MigrationContext

    from migrator.project.environment import Witness
    from migrator.project.find import Project
    from migrator.project.plan import Charted

    Compare = Callable[[Callable[[], Mapping[str, str]]], Mapping[str, str]]

_MOST_NAMED = 4
_RACES = 3
_RACED = ("23505", "40001", "40P01", "42P06", "42P07", "42710")
"""SQLSTATEs of two sessions that made the same thing, or locked each other out: what an env.py
that writes before `configure` may meet, because it is run once before the lock."""


def survey(
    projects: tuple[Project, ...],
    witness: Witness,
    chart: Chart = standing,
    compare: Compare = lambda _: {},
    look: Look | None = None,
) -> Plan:
    """Run env.py once without a change, and give what there is to do.

    `compare` gives what was changed of the revisions in place, `look` sees env.py's connections.
    Raises `ProjectError` where the project is broken or env.py fails, `DisagreementError` where
    the database is at a revision unknown to the code, and what `witness` and `chart` raise.
    """
    found: list[Charted] = []
    look = look or Look()
    for project in projects:
        found += _histories(project, witness, look, chart)
    plan = Plan(projects, known(found), look.asked, chart)
    plan = replace(plan, altered=compare(lambda: plan.in_place))
    place = (plan.current, plan.destination, len(plan.pending), plan.tables, plan.altered)
    position.announce(*place, plan.histories[0].side)
    return plan


def announce(plan: Plan, invalid_indexes: frozenset[str]) -> None:
    """Log what is going to be done, and what is broken already and is left alone."""
    way = plan.histories[0]
    told = (
        f"Going to {way.todo} {counted(len(plan.pending), 'revision')}: {_spanned(plan.pending)}."
    )
    if invalid_indexes:
        told += (
            "\nAn invalid index was there before; drop it and build it again:"
            f" {drops(invalid_indexes)}"
        )
    in_one = any(h.in_one_transaction for h in plan.histories)
    if in_one and len(plan.pending) > 1:
        told += (
            "\nThey run in one transaction: a lock that the first takes is held until the last is"
            " done, and a retry begins anew. MIGRATOR_TRANSACTIONS=per-revision changes that."
        )
    emit(
        Event.PLAN_MADE,
        told,
        level="warn" if invalid_indexes else "info",
        pending=list(plan.pending),
        invalid_indexes=sorted(invalid_indexes),
        transactions="one" if in_one else "per-revision",
        **way.told,
    )


def _spanned(pending: tuple[str, ...]) -> str:
    if len(pending) <= _MOST_NAMED:
        return ", ".join(pending)
    return f"{pending[0]} … {pending[-1]}"


def drops(indexes: frozenset[str]) -> str:
    """Give the statements that take invalid indexes away without a long lock."""
    return " ".join(f"DROP INDEX CONCURRENTLY {name};" for name in sorted(indexes))


def _histories(project: Project, witness: Witness, watcher: Look, chart: Chart) -> list[Charted]:
    """Look, and look again where another run's env.py made the same schema at the same moment."""
    for _ in range(_RACES):
        try:
            return _looked(project, witness, watcher, chart)
        except ProjectError as error:
            if error.sqlstate not in _RACED:
                raise
    return _looked(project, witness, watcher, chart)


def _looked(project: Project, witness: Witness, watcher: Look, chart: Chart) -> list[Charted]:
    found: list[Charted] = []
    refused: list[MigratorError] = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        watcher.chosen = True
        try:
            witness(environment.first_row(context))
            found.append(charted(partial(chart, project, context, heads)))
        except MigratorError as error:
            refused.append(error)
            raise
        return ()

    try:
        environment.run(project, look, only_look=True, watcher=watcher)
    except BaseException as error:  # noqa: BLE001 - env.py may raise anything
        failure.pass_on_interruption(error)
        known(found)
        raise (refused[0] if refused else failure.of_env_py(error, project)) from None
    if refused:
        raise refused[0]
    if not found:
        message = "env.py finished without asking for migrations: it never called run_migrations()."
        raise ProjectError(message, hint="Does it act only under a condition?")
    return found
