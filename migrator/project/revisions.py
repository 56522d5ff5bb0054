"""The chain of revisions: gaps, heads, targets, pending revisions."""

from __future__ import annotations

import os
import re
import traceback
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import HeadMaintainer, MigrationStep
from alembic.script.revision import CycleDetected, ResolutionError, RevisionError
from alembic.util import CommandError

from migrator.database.version_table import RedundantRevisionError, UnknownRevisionError
from migrator.errors import ConfigurationError, ProjectError, UsageError
from migrator.project.find import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.script import Script, ScriptDirectory

    from migrator.database.version_table import VersionTable

_GAP = re.compile(r"Revision (?P<gone>\S+) referenced from .*-> (?P<child>\S+).* is not present")
_RELATIVE = re.compile(r"[+-]\d+$")


def whole(script: ScriptDirectory) -> None:
    """Read all revisions.

    Raises `ProjectError` where a file or folder cannot be read, a revision is missing or there
    twice, or the chain runs in a circle.
    """
    _listed(script)
    with warnings.catch_warnings(record=True) as caught, _broken(caught):
        warnings.simplefilter("always")
        list(script.walk_revisions())
    twice = [str(w.message) for w in caught if "present more than once" in str(w.message)]
    if twice:
        raise ProjectError(f"The history is broken: {twice[0].rstrip('.')}.", hint="Rename one.")


def _listed(script: ScriptDirectory) -> None:
    """See that the folders can be listed: Alembic takes one that cannot for an empty one."""
    for place in script._version_locations:  # noqa: SLF001 - where Alembic looks
        for _ in os.walk(place, onerror=_refused):
            if not script.recursive_version_locations:
                break


def _refused(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a project without revisions has no folder
        raise unreadable(error)


def known(
    script: ScriptDirectory, table: VersionTable, current: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    """See that the code, which wants the database at these, has every revision of a version table.

    Raises `UnknownRevisionError`, `RedundantRevisionError` where one row includes another.
    """
    for revision in current:
        try:
            script.get_revision(revision)
        except CommandError:
            raise UnknownRevisionError(table, current, revision, wanted) from None
    if len(current) > 1 and (redundant := _redundant(script, current)):
        raise RedundantRevisionError(table, current, redundant)


def _redundant(script: ScriptDirectory, current: tuple[str, ...]) -> tuple[str, ...]:
    """Give the revisions that another one of them comes after."""
    below = {
        each.revision
        for one in current
        for each in script.walk_revisions(base="base", head=one)
        if each.revision != one
    }
    return tuple(one for one in current if one in below)


def destination(script: ScriptDirectory, target: str, current: tuple[str, ...]) -> tuple[str, ...]:
    """Give the revisions that a target means; several heads are refused unless it says which."""
    if target == "head" and len(heads := script.get_heads()) > 1:
        raise ProjectError(
            f"The project has {len(heads)} heads: {', '.join(sorted(heads))}.",
            hint="Merge them (alembic merge heads), or let MIGRATOR_TARGET say which: heads, or"
            " branch@head.",
        )
    try:
        if is_relative(target):
            steps = _steps(script, target, current)
            return (steps[-1].revision.revision,) if steps else current
        return tuple(sorted(r.revision for r in script.get_revisions(target) if r is not None))
    except (CommandError, RevisionError) as error:
        message = f"MIGRATOR_TARGET {target!r} is not in the project: {str(error).rstrip('.')}."
        raise ConfigurationError(message) from None


def is_relative(target: str) -> bool:
    """Tell whether a target means another revision wherever the database stands."""
    return _RELATIVE.search(target) is not None


def called(revision: str, *, upgrade: bool) -> str:
    """Name what runs while a revision is upgraded or downgraded, as in the midst of a sentence."""
    return f"revision {revision}" if upgrade else f"the downgrade of revision {revision}"


def steps(script: ScriptDirectory, wanted: tuple[str, ...], current: tuple[str, ...]) -> list[Any]:
    """Give Alembic's upgrade steps from where the database is to the revisions wanted."""
    return _steps(script, wanted, current) if wanted and wanted != current else []


def steps_back(
    script: ScriptDirectory, unwanted: Iterable[str], current: tuple[str, ...]
) -> list[Any]:
    """Give Alembic's downgrade steps for the unwanted revisions that a database here has."""
    going = frozenset(unwanted)
    return [
        MigrationStep.downgrade_from_script(script.revision_map, each)
        for each in in_place(script, current)
        if each.revision in going
    ]


def above(script: ScriptDirectory, target: str, current: tuple[str, ...]) -> list[Script]:
    """Give the revisions that are in place above a target, as `alembic downgrade` has it.

    Newest first. Raises `UsageError` where it is not below where the database is.
    """
    here = ", ".join(current) or "base"
    if _RELATIVE.fullmatch(target) and len(current) != 1:
        message = f"From where the database is ({here}) no steps can be counted."
        raise UsageError(message, hint="--to says how far to go back.")
    try:
        return list(script.iterate_revisions(current, target, select_for_downgrade=True))
    except (CommandError, RevisionError) as error:
        message = f"{target} is not below where the database is ({here})"
        raise UsageError(f"{message}: {str(error).rstrip('.')}.") from None


def in_place(script: ScriptDirectory, current: tuple[str, ...]) -> list[Script]:
    """Give the revisions that a database at `current` has, the newest first."""
    return list(script.iterate_revisions(current, "base", select_for_downgrade=True))


def end(current: Iterable[str], steps: Iterable[Any]) -> tuple[str, ...]:
    """Give the rows that Alembic leaves in a version table which had these, by these steps."""
    rows = _Rows(current)
    for step in steps:
        rows.update_to_step(step)
    return tuple(sorted(rows.heads))


class _Rows(HeadMaintainer):
    """Alembic's own account of the rows, without a table."""

    def __init__(self, heads: Iterable[str]) -> None:
        self.heads = set(heads)

    def _insert_version(self, version: str) -> None:
        self.heads.add(version)

    def _delete_version(self, version: str) -> None:
        self.heads.remove(version)

    def _update_version(self, from_: str, to_: str) -> None:
        self.heads.remove(from_)
        self.heads.add(to_)


def _steps(script: ScriptDirectory, wanted: Any, current: Any) -> list[Any]:  # noqa: ANN401 - Alembic takes text or a tuple
    return list(script._upgrade_revs(wanted, current))  # noqa: SLF001 - as alembic.command does


@contextmanager
def _broken(caught: list[warnings.WarningMessage]) -> Iterator[None]:
    """Turn whatever reading revisions raises into one sentence."""
    try:
        yield
    except CycleDetected as error:
        raise ProjectError(f"The history runs in a circle: {error}.") from None
    except KeyError as error:
        found = [m for w in caught if (m := _GAP.search(str(w.message)))]
        said = f"{found[0]['child']} follows {found[0]['gone']}" if found else f"it needs {error}"
        hint = "A revision file was lost, or its branch was merged without it."
        raise ProjectError(
            f"The history has a gap: {said}, which is not there.", hint=hint
        ) from None
    except (CommandError, RevisionError, ResolutionError) as error:
        raise ProjectError(f"The history is broken: {str(error).rstrip('.')}.") from None
    except SyntaxError as error:
        message = f"{error.filename}, line {error.lineno}: {error.msg}."
        raise ProjectError(f"A revision file cannot be read: {message}") from None
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{place.filename}, line {place.lineno}: {type(error).__name__}: {error}."
        raise ProjectError(f"A revision file cannot be read: {message}") from error


def shown(path: str) -> str:
    """Give a file as a person would write it: from the working directory, where it is below."""
    with suppress(ValueError):
        return str(Path(path).resolve().relative_to(Path.cwd()))
    return path
