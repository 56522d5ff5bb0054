"""Where the database stands in the project's history, asked through env.py without a change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator import position
from migrator.errors import MigratorError, ProjectError
from migrator.log import Event, emit
from migrator.position import counted
from migrator.project import environment, failure, revisions
from migrator.project.repetition import may_repeat
from migrator.project.transactions import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from migrator.project.environment import Witness
    from migrator.project.find import Project
    from migrator.version_table import VersionTable

_MOST_NAMED = 4
_RACES = 3
_RACED = ("23505", "40001", "40P01", "42P06", "42P07", "42710")
"""SQLSTATEs of two sessions that made the same thing, or locked each other out: what an env.py
that writes before `configure` may meet, because it is run once before the lock."""


@dataclass(frozen=True, slots=True)
class History:
    """One version table: where it is, where it is to go, and by which revisions."""

    script: ScriptDirectory
    table: VersionTable
    current: tuple[str, ...]
    destination: tuple[str, ...]
    pending: tuple[str, ...]
    in_one_transaction: bool = False
    """Alembic's default; a lock taken by the first revision is then held until the last."""

    def at(self, current: tuple[str, ...]) -> History:
        """Give the same history with the database at these revisions instead.

        Raises `DisagreementError` where the code does not have one of them.
        """
        revisions.known(self.script, self.table, current)
        steps = revisions.steps(self.script, self.destination, current)
        return replace(self, current=current, pending=tuple(s.revision.revision for s in steps))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do: every history of every section, in order."""

    projects: tuple[Project, ...]
    histories: tuple[History, ...]
    asked: bool = False
    """Whether env.py asked the database for anything: its histories may depend on the answer."""

    @property
    def tables(self) -> tuple[VersionTable, ...]:
        """The version tables."""
        return tuple(h.table for h in self.histories)

    @property
    def current(self) -> tuple[str, ...]:
        """The revisions the database is at."""
        return _union(h.current for h in self.histories)

    @property
    def destination(self) -> tuple[str, ...]:
        """The revisions it is to be at."""
        return _union(h.destination for h in self.histories)

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions between, in order; once for each version table."""
        return tuple(revision for h in self.histories for revision in h.pending)

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """The pending revisions, each with the first line of its docstring."""
        return tuple(
            (revision, (h.script.get_revision(revision).doc or "").strip())
            for h in self.histories
            for revision in h.pending
        )

    @property
    def simple(self) -> bool:
        """Whether it is one history with one head, whatever the database holds."""
        env_py = Path(self.projects[0].script.env_py_location)
        one = len(self.histories) == 1 and len(self.destination) == 1
        return one and not self.asked and not may_repeat(env_py.read_bytes())

    @property
    def files(self) -> Mapping[str, str]:
        """The files of the pending revisions."""
        return {r: h.script.get_revision(r).path for h in self.histories for r in h.pending}

    def at(self, standing: Mapping[VersionTable, tuple[str, ...]]) -> Plan:
        """Give the plan for a database that stands there."""
        return replace(
            self, histories=tuple(h.at(standing.get(h.table, ())) for h in self.histories)
        )


def survey(projects: tuple[Project, ...], witness: Witness) -> Plan:
    """Run env.py once without a change, and give what there is to do.

    Raises `ProjectError` where the project is broken or env.py fails, `DisagreementError` where
    the database is at a revision unknown to the code, and what `witness` raises.
    """
    found: list[History] = []
    look = Look()
    for project in projects:
        found += _histories(project, witness, look)
    plan = Plan(projects, tuple(found), look.asked)
    position.announce(plan.current, plan.destination, len(plan.pending), plan.tables)
    return plan


def announce(plan: Plan, invalid_indexes: frozenset[str]) -> None:
    """Log what is going to be applied, and what is broken already and is left alone."""
    told = f"Going to apply {counted(len(plan.pending))}: {_spanned(plan.pending)}."
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
    )


def _spanned(pending: tuple[str, ...]) -> str:
    if len(pending) <= _MOST_NAMED:
        return ", ".join(pending)
    return f"{pending[0]} … {pending[-1]}"


def drops(indexes: frozenset[str]) -> str:
    """Give the statements that take invalid indexes away without a long lock."""
    return " ".join(f"DROP INDEX CONCURRENTLY {name};" for name in sorted(indexes))


def standing(project: Project, context: MigrationContext, heads: tuple[str, ...]) -> History:
    """Give the history of the version table that env.py configured, the database at `heads`."""
    script = context.script or project.script
    current = tuple(sorted(heads))
    revisions.whole(script)
    wanted = revisions.destination(script, project.settings.target, current)
    table, in_one = environment.table_of(context), environment.in_one_transaction(context)
    history = History(script, table, current, wanted, (), in_one)
    return history.at(current)


def _histories(project: Project, witness: Witness, watcher: Look) -> list[History]:
    """Look, and look again where another run's env.py made the same schema at the same moment."""
    for _ in range(_RACES):
        try:
            return _looked(project, witness, watcher)
        except ProjectError as error:
            if error.sqlstate not in _RACED:
                raise
    return _looked(project, witness, watcher)


def _looked(project: Project, witness: Witness, watcher: Look) -> list[History]:
    found: list[History] = []
    refused: list[MigratorError] = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        watcher.chosen = True
        try:
            witness(environment.first_row(context))
            found.append(standing(project, context, heads))
        except MigratorError as error:
            refused.append(error)
            raise
        return ()

    try:
        environment.run(project, look, only_look=True, watcher=watcher)
    except BaseException as error:  # noqa: BLE001 - env.py may raise anything
        failure.pass_on_interruption(error)
        raise (refused[0] if refused else failure.of_env_py(error, project)) from None
    if refused:
        raise refused[0]
    if not found:
        message = "env.py finished without asking for migrations: it never called run_migrations()."
        raise ProjectError(message, hint="Does it act only under a condition?")
    return found


def _union(groups: Any) -> tuple[str, ...]:  # noqa: ANN401 - an iterable of tuples
    return tuple(dict.fromkeys(revision for group in groups for revision in group))
