"""The migration plan: the upgrade path of each version table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from migrator.database.version_table import UnknownRevisionError, union
from migrator.project import env_py, revisions
from migrator.project.env_py import may_repeat
from migrator.project.fingerprint import own_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

    from migrator.database.version_table import VersionTable
    from migrator.project.find import Project
    from migrator.settings.table import Settings
FindPath = Callable[["Project", "MigrationContext", tuple[str, ...]], "UpgradePath"]
"""Gives the path of the version table that env.py configured, the database at these rows."""


@dataclass(frozen=True, slots=True)
class UpgradePath:
    """One version table: where it is, where it is to go, and by which revisions."""

    project: Project
    script: ScriptDirectory
    table: VersionTable
    current: tuple[str, ...]
    destination: tuple[str, ...]
    pending: tuple[str, ...] = ()
    in_one_transaction: bool = False
    """Alembic's default; a lock taken by the first revision is then held until the last."""

    todo: ClassVar[str] = "apply"
    doing: ClassVar[str] = ""
    done: ClassVar[str] = "applied"
    proven: ClassVar[str] = "in place"
    side: ClassVar[str] = "short of"
    arrived: ClassVar[str] = "migrated"
    told: ClassVar[Mapping[str, str]] = {}
    """How the log speaks of its steps, and the fields that say so to a script."""
    adds: ClassVar[bool] = True
    """Whether its steps put revisions in place."""

    def permit(self, connection: Connection, statement: str) -> None:
        """Refuse a statement that may not run; a revision's own upgrade may do anything."""

    def called(self, revision: str) -> str:
        """Name what runs while a revision of it does."""
        return revisions.called(revision, upgrade=self.adds)

    def steps(self, heads: tuple[str, ...]) -> list[Any]:
        """Give Alembic's steps that are still to be done where the database is at `heads`."""
        return revisions.steps(self.script, self.destination, heads)

    def outstanding(self, heads: tuple[str, ...]) -> frozenset[str]:
        """Give the revisions whose steps are still to be done there."""
        return frozenset(step.revision.revision for step in self.steps(heads))

    def at(self, current: tuple[str, ...]) -> Self:
        """Give the same path with the database at these revisions instead.

        Raises `DisagreementError` where the code does not have one of them.
        """
        return self if current == self.current else self.planned(current)

    def planned(self, current: tuple[str, ...]) -> Self:
        """Give it with what is pending there worked out; raises as `at`."""
        revisions.known(self.script, self.table, current, self.destination)
        pending = tuple(step.revision.revision for step in self.steps(current))
        return replace(self, current=current, pending=pending)


PathOrError = UpgradePath | UnknownRevisionError
"""A path, or the error about a revision in its version table that the code does not have."""


def standing(project: Project, context: MigrationContext, heads: tuple[str, ...]) -> UpgradePath:
    """Give the path of the version table that env.py configured, bound for the target."""
    script = context.script or project.script
    current = tuple(sorted(heads))
    revisions.whole(script)
    wanted = revisions.destination(script, project.settings.target, current)
    table, in_one = env_py.table_of(context), env_py.in_one_transaction(context)
    path = UpgradePath(project, script, table, current, wanted, in_one_transaction=in_one)
    return path.planned(current)


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What a run has to do: every path of every section, in order."""

    projects: tuple[Project, ...]
    paths: tuple[UpgradePath, ...]
    asked: bool = False
    """Whether env.py asked the database for anything: its paths may depend on the answer."""
    find_path: FindPath = standing
    """For a version table that env.py had not configured when it was asked."""
    altered: Mapping[str, str] = field(default_factory=dict)
    """A sentence about each revision that was changed after it had been applied."""

    @property
    def settings(self) -> Settings:
        """What the run has been told."""
        return self.paths[0].project.settings

    @property
    def tables(self) -> tuple[VersionTable, ...]:
        """The version tables."""
        return tuple(h.table for h in self.paths)

    @property
    def standing(self) -> Mapping[VersionTable, tuple[str, ...]]:
        """The revisions that each version table holds."""
        return {h.table: h.current for h in self.paths}

    @property
    def current(self) -> tuple[str, ...]:
        """The revisions the database is at."""
        return union(h.current for h in self.paths)

    @property
    def destination(self) -> tuple[str, ...]:
        """The revisions it is to be at."""
        return union(h.destination for h in self.paths)

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions between, in order; once for each version table."""
        return tuple(revision for h in self.paths for revision in h.pending)

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """The pending revisions, each with the first line of its docstring."""
        return tuple(
            (revision, (h.script.get_revision(revision).doc or "").strip())
            for h in self.paths
            for revision in h.pending
        )

    @property
    def repeatable(self) -> bool:
        """Whether the same files give the same plan again, whatever else the database holds."""
        if self.asked or revisions.is_relative(self.settings.target):
            return False
        env_pys = {Path(project.script.env_py_location) for project in self.projects}
        modules = (Path(name) for name in own_modules() if name.endswith(".py"))
        return not any(
            may_repeat(source)
            for file in (*env_pys, *modules)
            if (source := file.read_bytes()) and (file in env_pys or b"run_migrations" in source)
        )

    @property
    def in_place(self) -> Mapping[str, str]:
        """The files of the revisions that the database has."""
        return {
            script.revision: script.path
            for h in self.paths
            for script in revisions.in_place(h.script, h.current)
        }

    @property
    def files(self) -> Mapping[str, str]:
        """The files of the pending revisions."""
        return {r: h.script.get_revision(r).path for h in self.paths for r in h.pending}

    def at(self, standing: Mapping[VersionTable, tuple[str, ...]]) -> MigrationPlan:
        """Give the plan for a database that stands there.

        Raises `UnknownRevisionError` as `known` does.
        """
        found = [path_or_error(partial(h.at, standing.get(h.table, ()))) for h in self.paths]
        return replace(self, paths=known(found))


def path_or_error(find_path: Callable[[], UpgradePath]) -> PathOrError:
    """Give the path, or the error about a revision that the code does not have.

    The other version tables are worth a look all the same.
    """
    try:
        return find_path()
    except UnknownRevisionError as error:
        return error


def known(found: Iterable[PathOrError]) -> tuple[UpgradePath, ...]:
    """Give the paths, where all are.

    Raises an `UnknownRevisionError` about all that are not, which knows whether revisions are
    pending for others.
    """
    given = tuple(found)
    paths = tuple(each for each in given if isinstance(each, UpgradePath))
    unknown = [each for each in given if isinstance(each, UnknownRevisionError)]
    if unknown:
        error = unknown[0]
        error.current = union(each.current for each in unknown)
        error.head = union(each.head for each in unknown)
        error.behind = any(path.pending for path in paths)
        raise error
    return paths
